"""A small retailer for tests of environments and policies: two actions, 300 users, an ensemble fitted in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from simulations.actions import Action, ActionKind, ActionSet
from simulations.contact import ContactRules
from simulations.ensemble import SimulatorEnsemble
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import user_keys
from simulations.response import N_BASIS, ActionResponse, Quantity, ResponseSet, Source, response_scale
from simulations.state import UserStates, fold

N_USERS, N_WEEKS = 300, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWorld:
    """A panel, what was fitted on it and where its users stand."""

    panel: WeeklyPanel
    ensemble: SimulatorEnsemble
    states: UserStates


@cache
def small_world() -> SmallWorld:
    """Return the world; fitted once a process, so nothing may change it."""
    panel = _panel()
    responses = ResponseSet(
        scale=response_scale(panel),
        responses=(
            _response("coupon", [0.3, 0.6, -0.2, 0.0], redemption=Quantity(mean=0.3), opt_out=Quantity(mean=0.02)),
            _response("care", [0.2, -0.4, 0.4, 0.2]),
        ),
    )
    ensemble = SimulatorEnsemble.fit(panel, responses=responses, rules=ContactRules(), margin_share=0.3, members=3, seed=1)
    return SmallWorld(panel=panel, ensemble=ensemble, states=fold(panel))


def _response(name: str, shift: list[float], **quantities: Any) -> ActionResponse:
    return ActionResponse(
        action=name,
        shift_mean=np.array(shift),
        shift_covariance=0.05**2 * np.eye(N_BASIS),
        shift_source=Source.ASSUMED,
        **quantities,
    )


def _panel() -> WeeklyPanel:
    rng = np.random.default_rng(5)
    user_ids = np.array([f"user {number:04d}" for number in range(N_USERS)], dtype=object)
    rates = rng.gamma(1.5, 0.35, N_USERS)
    lives = rng.geometric(0.012, N_USERS)
    there = np.arange(N_WEEKS)[None, :] < lives[:, None]
    order_days = np.minimum(rng.poisson(rates[:, None], (N_USERS, N_WEEKS)), 7) * there
    revenue = order_days * np.exp(rng.normal(3.0, 0.5, (N_USERS, N_WEEKS)) + rng.normal(0.0, 0.3, N_USERS)[:, None])
    coupon = Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.3, cost_on_redemption=1.0, cool_down_weeks=2)
    care = Action(name="care", kind=ActionKind.CARE, channel="phone", cost=0.8, cool_down_weeks=4, capacity=20)
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=order_days.astype(np.int16),
        revenue=revenue.astype(np.float32),
        exposure_bits=np.where(rng.random((N_USERS, N_WEEKS)) < 0.08, 2, 0).astype(np.uint32),
        redemptions=np.zeros((N_USERS, N_WEEKS), dtype=np.int16),
        consent=rng.random(N_USERS) < 0.95,
        actions=ActionSet.of([coupon, care]),
        calendar=Calendar(first_day=date(2024, 1, 1), n_periods=N_WEEKS),
    )
