"""Stage `simulate`: policies lived through under a scenario, week by week, from where users stand at the end of the history.

Policies know the world as the history shows it: they are set up on simulators as fitted, and a scenario of prices or season
takes them by surprise. Money and actions are known to them, as they are to whoever plans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.scenario import Scenario, named_policy
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from policies.base import Policy
from policies.comparison import PolicyComparison
from policies.rollout import evaluate_policies
from simulations.arrays import KeyArray
from simulations.panel import WeeklyPanel
from simulations.randomness import stream
from simulations.rollout import Rollout
from simulations.simulator import LifecycleSimulator
from simulations.spread import predictive_stretch
from simulations.state import UserStates

TRAINED = ("LinUCB", "PPO")  # set up only where they are asked for
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
    """

    comparison: PolicyComparison
    weekly: pd.DataFrame
    n_users: int
    weeks: int


def simulate(
    panel: WeeklyPanel,
    fitted: Fitted,
    config: Config,
    scenario: Scenario,
    *,
    policies: Sequence[str],
    n_users: int | None,
    weeks: int,
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

    Raises
    ------
    InputError
        If there is no policy of a name.
    """
    classroom = Classroom.of(panel, fitted.final, fitted.n_training, config)
    chosen = _chosen(classroom, policies)
    members = [scenario.of_simulator(member) for member in fitted.judging(fitted.final)]
    states, limits = classroom.states, classroom.limits
    if n_users is not None and n_users != states.n_users:
        limits = limits.scaled(n_users / states.n_users)
        states, members = _drawn(states, members, n_users, config.seed)
    sums: dict[str, list[pd.DataFrame]] = {}

    def keep(name: str, member: int, lived: Rollout) -> None:
        sums.setdefault(name, []).append(lived.weekly_frame())

    comparison = evaluate_policies(
        chosen,
        members,
        states,
        weeks=weeks,
        limits=limits,
        seed=config.seed,
        level=config.interval_level,
        period=panel.n_periods,
        on_step=on_step,
        on_lived=keep,
    )
    weekly = [_bands(name, frames, 1.0 + scenario.prices, config.interval_level) for name, frames in sums.items()]
    return Simulated(
        comparison=_in_new_prices(comparison, 1.0 + scenario.prices),
        weekly=pd.concat(weekly, ignore_index=True),
        n_users=states.n_users,
        weeks=weeks,
    )


def _chosen(classroom: Classroom, wanted: Sequence[str]) -> list[Policy]:
    plain = classroom.without_training(PolicySettings.default(classroom.config))
    if not wanted:
        return plain
    by_name = {policy.name: policy for policy in plain}
    names = dict.fromkeys(named_policy([*by_name, *TRAINED], name) for name in wanted)
    trained = {"LinUCB": classroom.bandit, "PPO": classroom.ppo}
    return [by_name[name] if name in by_name else trained[name]() for name in names]


def _drawn(
    states: UserStates, members: Sequence[LifecycleSimulator], n_users: int, seed: int
) -> tuple[UserStates, list[LifecycleSimulator]]:
    """Draw users; those who are drawn again get keys of their own, and what is known of the user whom they repeat."""
    rng = stream(seed, "simulated users")
    rounds, rest = divmod(n_users, states.n_users)
    picks = [np.arange(states.n_users)] * rounds + [np.sort(rng.choice(states.n_users, rest, replace=False))]
    keys: list[KeyArray] = [states.user_keys[pick] for pick in picks]
    for place in range(1, len(picks)):
        if rounds:  # the first round has everybody's own key
            keys[place] = rng.integers(2**64, size=picks[place].size, dtype=np.uint64)
    drawn = states.take(np.concatenate(picks))
    new, of = np.concatenate(keys), drawn.user_keys
    copies = new != of
    lent = [
        replace(one, fit=replace(one.fit, latents=one.fit.latents.lent_to(new[copies], of[copies]))) if copies.any() else one
        for one in members
    ]
    return replace(drawn, user_keys=new), lent


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
        "weeks": simulated.weeks,
        "currency": currency,
        "assumed": list(assumed),
        "level": simulated.comparison.level,
        "policies": [
            {**row, "totals": {q: float(totals[row["name"], q]) for q in QUANTITIES}}
            for row in simulated.comparison.to_frame().to_dict(orient="records")
        ],
    }
