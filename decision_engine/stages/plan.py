"""Stage `plan`: the chosen policy, learned again on the whole history, becomes user-by-user actions for the coming week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decision_engine.config.models import Config
from decision_engine.effects.recorded import withheld_actions
from decision_engine.planning import Candidates, Plan, PlanSettings, feature_reasons, make_plan
from decision_engine.planning.headline import interval
from decision_engine.planning.holdout import in_holdout
from decision_engine.planning.other_budgets import other_budgets
from decision_engine.responses import assumed_shares
from decision_engine.stages.evaluate import Evaluated
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from decision_engine.withheld import as_if_contacted
from policies.base import Policy
from policies.uplift_greedy import UpliftGreedy
from simulations.arrays import BoolArray, Float32Array, FloatArray
from simulations.contact import action_mask, contact_obstacles
from simulations.ensemble import SimulatorEnsemble
from simulations.features import FEATURE_NAMES, FEATURES, observe
from simulations.increment import expected_increments
from simulations.panel import WeeklyPanel
from simulations.randomness import Address
from simulations.state import UserStates, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and what its makers reckoned with.

    Attributes
    ----------
    believed : DataFrame
        A row an action besides `none`: action, source, estimate, low, high: extra margin before cost in currency per user over
        the effect horizon, mean over all users, with its interval over members.
    budget_curve : DataFrame
        What other budgets would bring: budget, value, bound, cost.
    """

    plan: Plan
    believed: pd.DataFrame
    budget_curve: pd.DataFrame


def plan_week(
    panel: WeeklyPanel,
    exposures: pd.DataFrame | None,
    fitted: Fitted,
    evaluated: Evaluated,
    settings: PolicySettings,
    config: Config,
) -> Planned:
    """Return the plan for the week after the panel's last.

    The chosen policy, learned again on the whole history, says which actions a user may get. Who gets them is settled by what
    the ensemble's members expect each action to bring, under the week's budget and the actions' capacities; a policy that
    itself ranks by expected increment leaves the choice of action to the allocation as well.

    Parameters
    ----------
    panel : WeeklyPanel
        The whole history.
    exposures : DataFrame or None
        The canonical table; what earlier plans withheld from held-out users stands in its `would_be`.
    """
    classroom = Classroom.of(panel, fitted.final, fitted.n_training, config)
    policy = classroom.relearn(evaluated.chosen.kind, evaluated.chosen.name, settings)
    held = in_holdout(panel.user_keys, config.campaign.holdout_share, config.campaign.holdout_key)
    states = fold(as_if_contacted(panel, withheld_actions(panel, exposures), held))
    observation = observe(states)
    allowed = action_mask(states, panel.actions, config.contact_rules())
    obstacles = contact_obstacles(states, panel.actions, config.contact_rules())
    chosen = _choice(policy, observation, allowed, obstacles, panel, config)
    margins, costs = member_increments(fitted.final, states, config.effect_horizon_weeks)
    candidates = Candidates(
        user_ids=[str(user_id) for user_id in panel.user_ids],
        user_keys=panel.user_keys,
        actions=panel.actions,
        margins=margins,
        costs=costs,
        allowed=allowed,
        obstacles=obstacles,
        chosen=chosen,
        effect_assumed=assumed_shares(fitted.final.responses),
        reasons=_reasons(observation, config.currency),
    )
    plan = make_plan(
        candidates,
        _settings(panel, policy, config),
        holdout_key=config.campaign.holdout_key,
        choosing=_choosing(margins.shape[0], fitted.n_training),
    )
    return Planned(plan=plan, believed=_believed(candidates, config), budget_curve=other_budgets(candidates, config))


def _choosing(n_members: int, n_training: int) -> BoolArray:
    """Return which members choose: the first half, and all on whom the policy learned; the settings leave two to judge."""
    n_choosing = max(n_members // 2, n_training)
    return np.asarray(np.arange(n_members) < n_choosing)


def _believed(candidates: Candidates, config: Config) -> pd.DataFrame:
    """Return what each action is reckoned to bring, over all users."""
    by_member = candidates.margins.mean(axis=1, dtype=np.float64)
    low, high = interval(by_member, config.interval_level)
    frame = pd.DataFrame(
        {
            "action": candidates.actions.names,
            "source": np.where(candidates.effect_assumed > 0, "assumed", "estimated"),
            "estimate": by_member.mean(axis=0),
            "low": low,
            "high": high,
        }
    )
    return frame.iloc[1:].reset_index(drop=True)


def member_increments(ensemble: SimulatorEnsemble, states: UserStates, weeks: int) -> tuple[Float32Array, FloatArray]:
    """Return each member's expected extra margin, (n_members, n_users, n_actions), and the mean expected cost."""
    margins, costs = [], []
    for member in ensemble.members:
        increments = expected_increments(member, states, weeks=weeks)
        margins.append(increments.margin.astype(np.float32))
        costs.append(increments.cost)
    return np.stack(margins), np.mean(costs, axis=0)


def _choice(
    policy: Policy,
    observation: Float32Array,
    allowed: BoolArray,
    obstacles: NDArray[np.object_],
    panel: WeeklyPanel,
    config: Config,
) -> BoolArray:
    """Return what the policy may choose; whom only a cool-down keeps from its choice is entered in `obstacles`."""
    if isinstance(policy, UpliftGreedy):
        return allowed.copy()
    draws = Address(seed=config.seed, member=0, period=panel.n_periods, user_keys=panel.user_keys)
    users = np.arange(allowed.shape[0])
    actions = policy.act(observation, allowed, draws).actions
    chosen = np.zeros_like(allowed)
    chosen[users, actions] = True
    chosen[:, 0] = True
    unbarred = np.ones_like(allowed)
    unbarred[obstacles != "", 1:] = False
    wanted = policy.act(observation, unbarred, draws).actions
    obstacles[(actions == 0) & (wanted > 0) & ~allowed[users, wanted]] = "cool-down"
    return chosen


def _reasons(observation: Float32Array, currency: str) -> list[tuple[str, ...]]:
    frame = pd.DataFrame({name: observation[:, FEATURE_NAMES.index(name)].astype(np.float64) for name in _TOLD})
    never = FEATURES[FEATURE_NAMES.index("weeks_since_contact")].high
    frame["weeks_since_contact"] = frame["weeks_since_contact"].where(frame["weeks_since_contact"] < never)
    units = {name: unit.replace("currency", currency) for name, (_, unit) in _TOLD.items()}
    return feature_reasons(frame, units=units, words={name: words for name, (words, _) in _TOLD.items()})


# What people are told of a user: the feature's name, what it measures, its unit.
_TOLD = {
    "recency_weeks": ("full weeks without an order", ""),
    "order_rate_13": ("recent rate", "order-days a week"),
    "basket_value": ("basket", "currency"),
    "gap_ratio": ("present silence", "times the usual gap"),
    "weeks_since_contact": ("full weeks since the last contact", ""),
    "active_share": ("weeks with an order", "of all since the first"),
}


def _settings(panel: WeeklyPanel, policy: Policy, config: Config) -> PlanSettings:
    return PlanSettings(
        name=config.name,
        currency=config.currency,
        policy=policy.name,
        starts_on=config.calendar().start_of(panel.n_periods),
        as_of=config.as_of(panel.n_periods),
        judged_as_of=config.as_of(config.n_fitting_periods),
        effect_horizon_weeks=config.effect_horizon_weeks,
        interval_level=config.interval_level,
        margin_share=config.margin_share,
        margin_assumed=config.margin_source == "assumed",
        holdout_share=config.campaign.holdout_share,
        budget=config.campaign.budget,
        capacities={action.name: action.capacity for action in panel.actions},
        business_day_starts_at=config.time.business_day_starts_at,
        seed=config.seed,
    )
