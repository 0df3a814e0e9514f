"""Stage `simulate`: policies lived through under a scenario, week by week, from where users stand at the end of the history.

Policies know the world as the history shows it: they are set up on simulators as fitted, and a scenario of prices or season
takes them by surprise. Money and actions are known to them, as they are to whoever plans.

More users than memory likes live shard after shard, each under its share of the budget and of the capacities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.policy_names import TRAINED, named_policy
from decision_engine.scenario import Scenario
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from policies.base import Policy
from policies.comparison import PolicyComparison
from policies.rollout import evaluate_policies
from simulations.panel import WeeklyPanel
from simulations.rollout import Rollout
from simulations.shards import SHARD_USERS, DrawnUsers
from simulations.spread import predictive_stretch

QUANTITIES = ("order_days", "active_users", "revenue", "margin", "cost", "contacts", "redemptions", "opt_outs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What was lived.

    Attributes
    ----------
    comparison : PolicyComparison
        Values per user over the simulated weeks, against doing nothing under the same scenario.
    weekly : DataFrame
        A row a policy, week (from 1) and quantity: mean, low, high of the sum over users. Margin is before costs.
    newcomers : int or None
        Users who arrived meanwhile; None where nobody was to.
    """

    comparison: PolicyComparison
    weekly: pd.DataFrame
    n_users: int
    weeks: int
    newcomers: int | None = None


def simulate(
    panel: WeeklyPanel,
    fitted: Fitted,
    config: Config,
    scenario: Scenario,
    *,
    policies: Sequence[str],
    n_users: int | None,
    weeks: int,
    shard_users: int = SHARD_USERS,
    on_step: Callable[[int, int], None] | None = None,
) -> Simulated:
    """Let users live under some policies.

    Parameters
    ----------
    config : Config
        Under the scenario already.
    policies : sequence of str
        Names; without any, all that need no training.
    n_users : int, optional
        Users drawn from the history, no one twice as far as there are as many; further ones are copies with luck of their own.
        Budget and capacities are scaled in proportion. All users where left out.
    shard_users : int
        Most users that live at once.
    on_step : callable, optional
        Told how many users have lived under how many policies, and how many are to.

    Raises
    ------
    InputError
        If there is no policy of a name.
    """
    classroom = Classroom.of(panel, fitted.final, fitted.n_training, config)
    n_users = classroom.states.n_users if n_users is None else n_users
    n_shards = -(-n_users // shard_users)
    cuts = [n_users * shard // n_shards for shard in range(n_shards + 1)]
    share = n_users / n_shards / classroom.states.n_users
    arrivals, newcomers = scenario.arrivals(panel, share), 0
    limits = classroom.limits if share == 1.0 else classroom.limits.scaled(share)
    chosen = _chosen(replace(classroom, limits=limits), policies)
    members = [scenario.of_simulator(member, panel.n_periods) for member in fitted.judging(fitted.final)]
    drawn = DrawnUsers.of(classroom.states, n_users, config.seed)
    sums: dict[str, list[pd.DataFrame]] = {}

    def keep(name: str, member: int, lived: Rollout) -> None:
        frames = sums.setdefault(name, [])
        if member < len(frames):
            frames[member][list(QUANTITIES)] += lived.weekly_frame()[list(QUANTITIES)]
        else:
            frames.append(lived.weekly_frame())

    parts = []
    for shard in range(n_shards):
        states, living = drawn.between(cuts[shard], cuts[shard + 1], members)
        parts.append(
            evaluate_policies(
                chosen,
                living,
                states,
                weeks=weeks,
                limits=limits,
                seed=config.seed,
                level=config.interval_level,
                period=panel.n_periods,
                on_step=_within(on_step, shard, n_shards),
                on_lived=keep,
                arrivals=arrivals,
                group=shard,
            )
        )
        newcomers += parts[-1].n_users - states.n_users
    weekly = [_bands(name, frames, 1.0 + scenario.prices, config.interval_level) for name, frames in sums.items()]
    return Simulated(
        comparison=_in_new_prices(PolicyComparison.pooled(parts), 1.0 + scenario.prices),
        weekly=pd.concat(weekly, ignore_index=True),
        n_users=n_users,
        weeks=weeks,
        newcomers=None if arrivals is None else newcomers,
    )


def _within(on_step: Callable[[int, int], None] | None, shard: int, n_shards: int) -> Callable[[int, int], None] | None:
    """Return what counts the steps of one shard among those of all."""
    return None if on_step is None else lambda done, total: on_step(shard * total + done, n_shards * total)


def _chosen(classroom: Classroom, wanted: Sequence[str]) -> list[Policy]:
    plain = classroom.without_training(PolicySettings.default(classroom.config))
    if not wanted:
        return plain
    by_name = {policy.name: policy for policy in plain}
    names = dict.fromkeys(named_policy([*by_name, *TRAINED], name) for name in wanted)
    trained = {"LinUCB": classroom.bandit, "PPO": classroom.ppo}
    return [by_name[name] if name in by_name else trained[name]() for name in names]


def _bands(name: str, frames: Sequence[pd.DataFrame], price: float, level: float) -> pd.DataFrame:
    """Return sums over users with what the members say of their spread."""
    rows = []
    half = 0.0
    if len(frames) > 1:
        from scipy.stats import norm

        half = float(norm.ppf(0.5 + level / 2.0)) * predictive_stretch(len(frames), level)
    for quantity in QUANTITIES:
        drawn = np.stack([frame[quantity].to_numpy(dtype=np.float64) for frame in frames])
        drawn = drawn * price if quantity == "revenue" else drawn
        mean, spread = drawn.mean(axis=0), half * drawn.std(axis=0)
        rows.append(
            pd.DataFrame(
                {
                    "policy": name,
                    "week": np.arange(1, drawn.shape[1] + 1),
                    "quantity": quantity,
                    "mean": mean,
                    "low": mean - spread,
                    "high": mean + spread,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _in_new_prices(comparison: PolicyComparison, price: float) -> PolicyComparison:
    if price == 1.0:
        return comparison
    return replace(comparison, outcomes=tuple(replace(one, revenue=one.revenue * price) for one in comparison.outcomes))


def simulate_document(simulated: Simulated, assumed: Sequence[str], currency: str) -> dict[str, Any]:
    """Return the JSON document of `simulate`, but for files."""
    totals = simulated.weekly.groupby(["policy", "quantity"], sort=False)["mean"].sum()
    return {
        "users": simulated.n_users,
        "newcomers": simulated.newcomers,
        "weeks": simulated.weeks,
        "currency": currency,
        "assumed": list(assumed),
        "level": simulated.comparison.level,
        "policies": [
            {**row, "totals": {q: float(totals[row["name"], q]) for q in QUANTITIES}}
            for row in simulated.comparison.to_frame().to_dict(orient="records")
        ],
    }
