"""Small named worlds with known answers."""

from __future__ import annotations

from datetime import date

import numpy as np

from simulations.actions import Action, ActionKind, ActionSet
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import user_keys


def tiny_panel() -> WeeklyPanel:
    """Return two users over four weeks: one bought in two of them and was sent a coupon between, the other never bought.

    Examples
    --------
    >>> tiny_panel().order_days.tolist()
    [[2, 0, 0, 1], [0, 0, 0, 0]]
    """
    user_ids = np.array(["anna", "bert"], dtype=object)
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=np.array([[2, 0, 0, 1], [0, 0, 0, 0]], dtype=np.int16),
        revenue=np.array([[30.0, 0.0, 0.0, 12.0], [0.0, 0.0, 0.0, 0.0]], dtype=np.float32),
        exposure_bits=np.array([[0, 0, 2, 0], [0, 2, 0, 0]], dtype=np.uint32),
        redemptions=np.array([[0, 0, 0, 1], [0, 0, 0, 0]], dtype=np.int16),
        consent=np.ones(2, dtype=np.bool_),
        actions=ActionSet.of([Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5, cost_on_redemption=2.0)]),
        calendar=Calendar(first_day=date(2024, 1, 1), n_periods=4),
    )
