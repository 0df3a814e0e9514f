"""What a classifier may read of a user's stretch when it tries to tell simulated lives from real ones.

The first two are of the weeks before, the same on both sides: with them a life that does not follow from its past gives itself
away as well.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray
from simulations.fidelity.stretch import Stretch

FEATURES = (
    "earlier order-days a week, of the last 12",
    "earlier silence, weeks",
    "order-days",
    "weeks with an order",
    "most order-days in a week",
    "order-days in the first third",
    "order-days in the last third",
    "weeks to the first order",
    "silence at the end, weeks",
    "longest silence, weeks",
    "longest run of weeks with an order",
    "runs of weeks with an order",
    "weeks with an order that follow one with an order",
    "standard deviation of gaps, weeks",
    "revenue",
    "revenue of an order-day",
    "largest revenue of a week",
    "smallest revenue of a week with an order",
    "standard deviation of the log of a week's revenue an order-day",
    "share of revenue in the best week",
)


def trajectory_features(stretch: Stretch) -> FloatArray:
    """Return (n_users, 20) features in the order of `FEATURES`; what a user does not have is nan."""
    bought, days = stretch.bought, stretch.order_days.astype(np.float64)
    revenue = stretch.revenue.astype(np.float64)
    silence = stretch.silence().astype(np.float64)
    active, total = bought.sum(axis=1).astype(np.float64), days.sum(axis=1)
    third = max(1, stretch.n_weeks // 3)
    recent = stretch.earlier[:, max(0, stretch.earlier.shape[1] - 12) :]
    spent = revenue.sum(axis=1)
    best = np.where(bought, revenue, -np.inf).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(bought & (revenue > 0), np.log(np.maximum(revenue, 1e-9) / np.maximum(days, 1.0)), np.nan)
        columns = [
            recent.mean(axis=1) if recent.shape[1] else np.zeros(stretch.n_users),
            silence[:, 0],
            total,
            active,
            days.max(axis=1),
            days[:, :third].sum(axis=1),
            days[:, -third:].sum(axis=1),
            np.where(active > 0, bought.argmax(axis=1), np.nan),
            silence[:, -1],
            _longest(~bought),
            _longest(bought),
            (np.diff(np.pad(bought.astype(np.int8), ((0, 0), (1, 0))), axis=1) == 1).sum(axis=1),
            (bought[:, 1:] & bought[:, :-1]).sum(axis=1),
            _spread(np.where(bought, silence[:, :-1], np.nan)),
            spent,
            np.where(active > 0, spent / total, np.nan),
            np.where(active > 0, best, np.nan),
            np.where(active > 0, np.where(bought, revenue, np.inf).min(axis=1), np.nan),
            _spread(logs),
            np.where(spent > 0, best / spent, np.nan),
        ]
    return np.column_stack(columns).astype(np.float64)


def _longest(inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FloatArray:
    longest = run = np.zeros(inside.shape[0])
    for week in range(inside.shape[1]):
        run = np.where(inside[:, week], run + 1.0, 0.0)
        longest = np.maximum(longest, run)
    return longest


def _spread(values: FloatArray) -> FloatArray:
    """Return each row's standard deviation over what is there; nan with fewer than two values."""
    there = np.isfinite(values)
    n = there.sum(axis=1)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=1) / np.maximum(n, 1)
    squares = np.where(there, (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
