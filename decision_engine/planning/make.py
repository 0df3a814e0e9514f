"""Make a plan: candidates in, a plan out. Pure: no file, no clock, no draw that is not addressed.

The holdout is set apart first. Among the others, what the policy chose, the contact rules allow and pays is put under budget
and capacities. Users are taken in the order of their keys, which is random with respect to everything known about them, so
that ties are not settled by the alphabet. Held-out users are asked what they would have got at the same prices: that is who
the contacted users are compared with later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decision_engine.planning.exclusions import ObjectArray, exclusion_reasons
from decision_engine.planning.headline import centred_on_judges, choosing_members, headline, interval
from decision_engine.planning.holdout import in_holdout, key_digest
from decision_engine.planning.plan import (
    EXCLUDED_COLUMNS,
    HOLDOUT_COLUMNS,
    ROW_COLUMNS,
    Plan,
    PlanSettings,
    plan_frame,
)
from policies.allocation import NO_CAPACITY, Allocation, AllocationProblem, allocate
from simulations.actions import ActionSet
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Whom a plan may concern, and what each action would do to them.

    Attributes
    ----------
    user_ids : (n_users,) sequence of str
        Each once; `user_keys` are their keys.
    actions : ActionSet
        `none` first.
    margins : (n_members, n_users, n_actions) float32 array
        Extra margin before action cost over the effect horizon, against doing nothing, in each member's world; column 0 is 0.
    costs : (n_users, n_actions) array
        Expected action cost, redemptions included, in currency.
    allowed : (n_users, n_actions) bool array
        What contact rules and consent allow (`simulations.contact.action_mask`).
    obstacles : (n_users,) object array of str
        Why a user may get nothing at all (`simulations.contact.contact_obstacles`), or not what the policy would choose; "" for
        the others.
    chosen : (n_users, n_actions) bool array
        What the policy may choose.
    effect_assumed : (n_actions,) array
        Share of each action's effect that is assumed, in [0, 1]; anything above 0 is called assumed.
    reasons : sequence of sequences of str, optional
        Facts about each user, see `feature_reasons`.
    """

    user_ids: Sequence[str]
    user_keys: KeyArray
    actions: ActionSet
    margins: Float32Array
    costs: FloatArray
    allowed: BoolArray
    obstacles: ObjectArray
    chosen: BoolArray
    effect_assumed: FloatArray
    reasons: Sequence[Sequence[str]] | None = None

    def __post_init__(self) -> None:
        n_users, n_actions = len(self.user_ids), len(self.actions)
        if self.margins.ndim != 3 or self.margins.shape[0] < 1:
            raise PlanError(
                f"margins: shape {self.margins.shape}; members by users by actions is expected, members at least one."
            )
        shapes = {
            "margins": (self.margins.shape[1:], (n_users, n_actions)),
            "costs": (self.costs.shape, (n_users, n_actions)),
            "allowed": (self.allowed.shape, (n_users, n_actions)),
            "chosen": (self.chosen.shape, (n_users, n_actions)),
            "user_keys": (self.user_keys.shape, (n_users,)),
            "obstacles": (self.obstacles.shape, (n_users,)),
            "effect_assumed": (self.effect_assumed.shape, (n_actions,)),
        }
        for name, (shape, expected) in shapes.items():
            if shape != expected:
                raise PlanError(f"{name}: shape {shape} where {expected} is expected, for {n_users:,} users.")
        if len(set(self.user_ids)) != n_users:
            raise PlanError("user_ids: some user is listed twice; each user may get one action at most.")
        if not np.isfinite(self.margins).all():
            raise PlanError("margins: some are NaN or infinite; every member must give every user and action a number.")
        if self.margins[:, :, 0].any():
            raise PlanError("margins: column 0 is `none`; doing nothing brings 0 against doing nothing.")


def make_plan(candidates: Candidates, settings: PlanSettings, *, holdout_key: str, choosing: BoolArray | None = None) -> Plan:
    """Put the candidates under the settings' budget, capacities and holdout.

    Parameters
    ----------
    settings : PlanSettings
        `holdout_key_digest` is filled in.
    holdout_key : str
        Draws the holdout, see `in_holdout`.
    choosing : (n_members,) bool array, optional
        Members whose mean the optimiser sees; the others judge the result (all do both, if all choose). Left out, every other
        member chooses, from four members on.

    Raises
    ------
    PlanError
        If the candidates or settings make no sense; the message says what.
    """
    members = choosing_members(candidates.margins.shape[0]) if choosing is None else choosing
    if members.shape != candidates.margins.shape[:1] or not members.any():
        raise PlanError(
            f"choosing: {members.sum()} of {members.size} members; at least one of {candidates.margins.shape[0]} must."
        )
    held = in_holdout(candidates.user_keys, settings.holdout_share, holdout_key)
    nets = candidates.margins[members].mean(axis=0, dtype=np.float64) - candidates.costs
    nets[:, 0] = 0.0
    capacities = _capacities(candidates.actions, settings)
    order = np.argsort(candidates.user_keys, kind="stable")
    free = order[~held[order]]
    problem = AllocationProblem(
        values=nets[free],
        costs=candidates.costs[free],
        allowed=candidates.allowed[free] & candidates.chosen[free],
        budget=settings.budget,
        capacities=capacities,
    )
    allocation = allocate(problem)
    taken = np.zeros(held.size, dtype=np.int16)
    taken[free] = allocation.actions
    rows, totals = _rows(candidates, settings, taken, members)
    reasons = exclusion_reasons(
        actions=taken[free],
        obstacles=candidates.obstacles[free],
        allowed=candidates.allowed[free],
        chosen=candidates.chosen[free],
        nets=nets[free],
        capacities=capacities,
    )
    reason_of = np.full(held.size, "", dtype=object)
    reason_of[free] = reasons
    users = np.array(list(candidates.user_ids), dtype=object)
    out = np.flatnonzero(reason_of != "")
    return _assemble(
        candidates,
        replace(settings, holdout_key_digest=key_digest(holdout_key)),
        allocation=allocation,
        rows=rows,
        totals=totals,
        holdout=_holdout_frame(candidates, settings, held, would_be(candidates, nets, held, allocation, settings.budget)),
        excluded=plan_frame([{"user_id": users[i], "reason": reason_of[i]} for i in out], EXCLUDED_COLUMNS),
    )


def would_be(
    candidates: Candidates, nets: FloatArray, held: BoolArray, allocation: Allocation, budget: float | None
) -> ActionArray:
    """Return what each held-out user would take at the allocation's prices; 0 for everybody else."""
    kept = nets - allocation.budget_price * candidates.costs - allocation.capacity_prices
    open_to = candidates.allowed & candidates.chosen & (nets > 0)
    if budget is not None:
        open_to &= candidates.costs <= budget
    kept = np.where(open_to, kept, 0.0)
    kept[:, 0] = 0.0
    best: ActionArray = kept.argmax(axis=1).astype(np.int16)
    best[~held] = 0
    return best


def _capacities(actions: ActionSet, settings: PlanSettings) -> IntArray:
    unknown = sorted(set(settings.capacities) - set(actions.names))
    if unknown:
        raise PlanError(f"capacities: {', '.join(unknown)} is no declared action; those are {', '.join(actions.names)}.")
    limits = (settings.capacities.get(name) for name in actions.names)
    return np.array([NO_CAPACITY if limit is None else limit for limit in limits], dtype=np.int64)


def _rows(
    candidates: Candidates, settings: PlanSettings, taken: ActionArray, members: BoolArray
) -> tuple[pd.DataFrame, FloatArray]:
    """Return the plan's rows and the members' totals, both net of cost and centred on the judging members."""
    who = np.flatnonzero(taken > 0)
    what = taken[who]
    costs = candidates.costs[who, what].astype(np.float64)
    margins = centred_on_judges(candidates.margins[:, who, what].astype(np.float64), members)
    means = margins.mean(axis=0)
    low, high = interval(margins - costs, settings.interval_level)
    names, channels = candidates.actions.names, [action.channel for action in candidates.actions]
    records = (
        {
            "user_id": str(candidates.user_ids[i]),
            "action": names[a],
            "channel": channels[a],
            "cost": float(costs[k]),
            "increment": float(means[k] - costs[k]),
            "low": float(low[k]),
            "high": float(high[k]),
            "increment_margin": float(means[k]),
            "source": "assumed" if candidates.effect_assumed[a] > 0 else "estimated",
            "propensity": 1.0 - settings.holdout_share,
            "reasons": () if candidates.reasons is None else tuple(candidates.reasons[i]),
        }
        for k, (i, a) in enumerate(zip(who.tolist(), what.tolist(), strict=True))
    )
    return plan_frame(records, ROW_COLUMNS), margins.sum(axis=1) - costs.sum()


def _holdout_frame(candidates: Candidates, settings: PlanSettings, held: BoolArray, best: ActionArray) -> pd.DataFrame:
    """Return the held-out users, what they would have got, and how likely it was that they are left alone.

    A policy that draws has drawn for everybody, held out or not. Given what it drew, the holdout alone is left to chance.
    """
    names = candidates.actions.names
    alone = np.where(best > 0, settings.holdout_share, 1.0)
    records = (
        {"user_id": str(candidates.user_ids[i]), "would_be": names[best[i]], "propensity": float(alone[i])}
        for i in np.flatnonzero(held).tolist()
    )
    return plan_frame(records, HOLDOUT_COLUMNS)


def _assemble(
    candidates: Candidates,
    settings: PlanSettings,
    *,
    allocation: Allocation,
    rows: pd.DataFrame,
    totals: FloatArray,
    holdout: pd.DataFrame,
    excluded: pd.DataFrame,
) -> Plan:
    weights = rows["increment_margin"].abs().to_numpy()
    assumed = np.array([candidates.effect_assumed[candidates.actions.index(name)] for name in rows["action"]], dtype=np.float64)
    rests = float((weights * assumed).sum() / weights.sum()) if weights.sum() > 0 else 0.0
    return Plan(
        settings=settings,
        audience=len(candidates.user_ids),
        rows=rows,
        holdout=holdout,
        excluded_users=excluded,
        cost=allocation.cost,
        expected=headline(totals, settings.interval_level),
        increment_margin=float(rows["increment_margin"].sum()),
        optimiser_increment=allocation.value,
        effect_assumed_share=rests,
        margin_assumed_share=float(settings.margin_assumed),
        lp_gap=allocation.lp_gap,
        lp_gap_amount=allocation.gap,
        budget_price=allocation.budget_price,
        capacity_prices=dict(zip(candidates.actions.names[1:], allocation.capacity_prices[1:].tolist(), strict=True)),
    ).sealed()
