"""Small shops whose answers are known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from simulations.actions import Action, ActionKind, ActionSet
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import stream, user_keys

FIRST_DAY = date(2024, 1, 1)
COUPON = Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5)


def panel_of(order_days, revenue=None):
    """A panel with these order-days, ten a basket unless said otherwise."""
    order_days = np.asarray(order_days, dtype=np.int16)
    user_ids = np.array([f"u{i:04d}" for i in range(len(order_days))], dtype=object)
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=order_days,
        revenue=np.asarray(10.0 * order_days if revenue is None else revenue, dtype=np.float32),
        exposure_bits=np.zeros(order_days.shape, dtype=np.uint32),
        redemptions=np.zeros(order_days.shape, dtype=np.int16),
        consent=np.ones(len(order_days), dtype=np.bool_),
        actions=ActionSet.of([COUPON]),
        calendar=Calendar(first_day=FIRST_DAY, n_periods=order_days.shape[1]),
    )


def leaving_customers(n_users=500, n_periods=44, seed=3):
    """Customers who buy at a rate of their own until they leave for good, one in fifty a week."""
    rng = stream(seed, "leaving customers")
    rates = rng.beta(2.0, 2.0, n_users)
    leaves = rng.geometric(0.02, n_users)
    buys = (rng.random((n_users, n_periods)) < rates[:, None]) & (np.arange(n_periods) < leaves[:, None])
    return panel_of(buys)


def lines(rows):
    """Order lines from (user number, day, product) rows."""
    users, days, products = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "user_id": [f"u{i:04d}" for i in users],
            "order_id": [f"{i}-{day}" for i, day in zip(users, days, strict=True)],
            "ordered_at": pd.Timestamp(FIRST_DAY) + pd.to_timedelta(days, unit="D") + pd.Timedelta(hours=12),
            "product_id": list(products),
            "quantity": 1.0,
            "revenue": 2.0,
        }
    )


def products_of(categories):
    """Products from a mapping of id to category."""
    return pd.DataFrame(
        {"product_id": list(categories), "title": [name.upper() for name in categories], "category": list(categories.values())}
    )


NO_ITEMS = lines([(0, 0, "milk")]).iloc[:0]
NO_PRODUCTS = products_of({"milk": "dairy"}).iloc[:0]
