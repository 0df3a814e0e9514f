"""Small worlds with known effects: users who buy by a logistic rule, and a log of contacts chosen in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from simulations.actions import Action, ActionKind, ActionSet
from simulations.features import column, observe
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import user_keys
from simulations.response import N_BASIS, ActionResponse, Quantity, ResponseScale
from simulations.state import advance, new_users

SCALE = ResponseScale(
    centre=np.array([0.0, 0.8, 0.3, 3.0]), spread=np.array([1.0, 0.7, 0.25, 0.5])
)  # fixed, so that the true coefficients mean the same in every world
FIRST_DAY = date(2024, 1, 1)


@dataclass(frozen=True, kw_only=True)
class LoggedWorld:
    panel: WeeklyPanel
    exposures: pd.DataFrame
    coefficients: np.ndarray  # (n_actions, N_BASIS), row 0 zero
    responses: tuple[ActionResponse, ...]
    actions: ActionSet


@dataclass(kw_only=True)
class Diary:
    """What has happened so far, filled in week by week."""

    order_days: np.ndarray
    revenue: np.ndarray
    bits: np.ndarray
    rows: list[pd.DataFrame] = field(default_factory=list)


def response(name: str, *, duration_weeks: int = 3, decay: float = 0.7) -> ActionResponse:
    return ActionResponse.uniform_shift(
        name, Quantity(mean=0.1, sd=0.3), duration_weeks=duration_weeks, decay=Quantity(mean=decay)
    )


def logged_world(
    coefficients: Sequence[Sequence[float]],
    *,
    n_users: int,
    n_weeks: int,
    seed: int,
    logging: str = "uniform",
    contacted: float = 0.3,
    strength: float = 1.0,
    n_waves: int | None = None,
) -> LoggedWorld:
    """Live a world.

    Parameters
    ----------
    coefficients : one row of N_BASIS log-odds a unit of basis term for each action beside `none`
    logging : "uniform" (a lottery, recorded), "recorded" (unequal chances, recorded), "hidden" (the
        same, by a trait that behaviour shows in part), "holdout" (every week a draw; a third is held out for ever, and what was
        withheld recorded), "confounded" (chances that depend on
        activity, not recorded) or "rule" (the most active, always; not recorded)
    strength : how much activity, or the trait, decides
    n_waves : contact only in that many weeks, evenly spread; default every week
    """
    rng = np.random.default_rng(seed)
    table = np.vstack([np.zeros(N_BASIS), np.array(coefficients, dtype=np.float64)])
    names = [f"action_{k}" for k in range(1, table.shape[0])]
    actions = ActionSet.of([Action(name=name, kind=ActionKind.COUPON, cost=0.5) for name in names])
    responses = tuple(response(name) for name in names)
    ids = np.array([f"u{i:06d}" for i in range(n_users)], dtype=object)
    shape = (n_users, n_weeks)
    diary = Diary(
        order_days=np.zeros(shape, dtype=np.int16), revenue=np.zeros(shape, np.float32), bits=np.zeros(shape, np.uint32)
    )
    panel = WeeklyPanel(
        user_ids=ids,
        user_keys=user_keys(ids),
        order_days=diary.order_days,
        revenue=diary.revenue,
        exposure_bits=diary.bits,
        redemptions=np.zeros(shape, dtype=np.int16),
        consent=np.ones(n_users, dtype=np.bool_),
        actions=actions,
        calendar=Calendar(first_day=FIRST_DAY, n_periods=n_weeks),
    )
    base = rng.normal(-0.6, 0.5, n_users)
    size = rng.normal(3.0, 0.4, n_users)
    states = new_users(panel.user_keys, len(actions))
    waves = set(range(6, n_weeks) if n_waves is None else np.linspace(8, n_weeks - 9, n_waves).astype(int).tolist())
    for week in range(n_weeks):
        observation = observe(states)
        if week in waves:
            _contact(diary, panel, observation, week, rng, logging, contacted, strength, (base - base.mean()) / base.std())
        shift = _shift(states.since_action, diary.bits[:, week], SCALE.basis(observation), table, responses)
        score = base + 0.6 * np.log1p(observation[:, column("order_rate_13")]) - 0.15 * np.log1p(observation[:, 0]) + shift
        bought = rng.random(n_users) < 1.0 / (1.0 + np.exp(-score))
        if week == 0:
            bought[:] = True
        days = np.where(bought, 1 + rng.binomial(2, 0.15, n_users), 0)
        diary.order_days[:, week] = days
        diary.revenue[:, week] = days * np.exp(size + rng.normal(0.0, 0.3, n_users))
        states = advance(states, panel, week, week + 1)
    exposures = pd.concat(diary.rows, ignore_index=True) if diary.rows else pd.DataFrame()
    return LoggedWorld(panel=panel, exposures=exposures, coefficients=table, responses=responses, actions=actions)


def _contact(diary, panel, observation, week, rng, logging, contacted, strength, trait) -> None:
    """Choose this week's contacts and log them."""
    n_users, n_actions = panel.n_users, len(panel.actions)
    activity = observation[:, column("active_share")].astype(np.float64)
    activity = (activity - activity.mean()) / max(float(activity.std()), 1e-9)
    base = np.log(contacted / (1.0 - contacted))
    chance = np.full(n_users, contacted)
    if logging in ("recorded", "confounded"):
        chance = 1.0 / (1.0 + np.exp(-(base + strength * activity)))
    elif logging == "hidden":
        chance = 1.0 / (1.0 + np.exp(-(base + strength * trait)))
    elif logging == "rule":
        chance = (activity + rng.normal(0.0, 0.05, n_users) > np.quantile(activity, 1.0 - contacted)).astype(np.float64)
    taken = np.where(rng.random(n_users) < chance, rng.integers(1, n_actions, n_users), 0)
    diary.bits[:, week] = np.where(taken > 0, np.uint32(1) << taken.astype(np.uint32), 0)
    frame = pd.DataFrame(
        {
            "user_id": panel.user_ids,
            "exposed_at": pd.Timestamp(panel.calendar.start_of(week)) + pd.Timedelta(hours=12),
            "action": np.array(panel.actions.names, dtype=object)[taken],
            "propensity": np.where(taken > 0, chance / (n_actions - 1), 1.0 - chance),
        }
    )
    if logging == "holdout":
        held = np.random.default_rng(99).random(n_users) < 1 / 3
        wanted = taken.copy()
        taken = np.where(held, 0, wanted)
        diary.bits[:, week] = np.where(taken > 0, np.uint32(1) << taken.astype(np.uint32), 0)
        names = np.array(panel.actions.names, dtype=object)
        frame["action"], frame["would_be"] = names[taken], np.where(held, names[wanted], "")
        frame["propensity"] = np.where(held, np.where(wanted > 0, 1 / 3, 1.0), 2 / 3)
        frame = frame[held | (taken > 0)]
    if logging in ("confounded", "rule"):
        frame = frame[frame["action"] != "none"].drop(columns="propensity")
    diary.rows.append(frame)


def _shift(since_action, bits, basis, table, responses) -> np.ndarray:
    """Return each user's log-odds shift this week, written out from the definition."""
    total = np.zeros(basis.shape[0])
    for a, one in enumerate(responses, start=1):
        exposed = (bits >> np.uint32(a)) & np.uint32(1) == 1
        before = since_action[:, a].astype(np.int64)
        since = np.where(exposed, 0, np.where(before < 254, before + 1, before))
        total += np.where(since < one.duration_weeks, one.decay.mean**since, 0.0) * (basis @ table[a])
    return total
