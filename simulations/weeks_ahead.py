"""What can be foreseen of coming weeks for everyone alike: the first days of a month.

Many are paid, and get their benefits, in the first days of a month, and shops feel it (Stephens, 2003, American Economic Review
93(1); Hastings and Washington, 2010, American Economic Journal: Economic Policy 2(2)). By how much is a random effect of the
weekly residuals, shrunk towards nothing, of the share of a week's days that are among a month's first seven.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.week_shocks import N_SHOCKS, covariance_of, settled_weeks

FIRST_DAYS = 7
_USUAL_SHARE = 12.0 * FIRST_DAYS / 365.25  # of all days
_PRIOR_SD = 0.2  # of what a week of nothing but first days moves: log-odds to buy, and log of an order-day's value
_FEWEST_MONTHS = 3  # beginnings of a month among the weeks, below which they are not told from single weeks


def first_days_share(first_day: date, period: int, n_weeks: int) -> FloatArray:
    """Return (n_weeks,): which share of a week's days is among a month's first seven, less the usual share.

    Examples
    --------
    >>> first_days_share(date(2024, 1, 1), 0, 2).round(2).tolist()
    [0.77, -0.23]
    """
    begins = [first_day + timedelta(days=7 * (period + week)) for week in range(n_weeks)]
    early = [sum((begin + timedelta(days=day)).day <= FIRST_DAYS for day in range(7)) for begin in begins]
    return np.asarray(early, dtype=np.float64) / 7.0 - _USUAL_SHARE


def first_days_effect(
    residuals: FloatArray, information: FloatArray, weeks: IntArray, n_weeks: int, spread: FloatArray, shares: FloatArray
) -> float:
    """Return what a share of 1 moves, given the sizes of what else a week does; rows as `week_spread` reads them.

    Parameters
    ----------
    shares : (n_weeks,) array
        As `first_days_share` returns them.

    Examples
    --------
    >>> weeks = np.repeat(np.arange(40), 500)
    >>> shares = first_days_share(date(2024, 1, 1), 0, 40)
    >>> noise = np.random.default_rng(1).normal(size=weeks.size)
    >>> round(first_days_effect(0.2 * shares[weeks] + noise, np.ones(weeks.size), weeks, 40, np.zeros(3), shares), 1)
    0.2
    """
    settled, shocks, noise = settled_weeks(residuals, information, weeks, n_weeks)
    if np.count_nonzero(np.diff(shares[settled], prepend=-1.0) > 0.0) < _FEWEST_MONTHS:
        return 0.0
    columns = np.column_stack([np.ones(settled.size), shares[settled]])
    solved = np.linalg.solve(covariance_of(settled, noise, spread), np.column_stack([columns, shocks]))
    precision = columns.T @ solved[:, :2] + np.diag([0.0, _PRIOR_SD**-2])
    return float(np.linalg.solve(precision, columns.T @ solved[:, 2])[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeksAhead:
    """What a fit foresees of the weeks after it, for everyone alike.

    Attributes
    ----------
    first_day : date or None
        First day of period 0; None where a world has no calendar.
    first_days : (N_SHOCKS,) float64 array
        What a week of nothing but a month's first days moves: log-odds to buy, and log of an order-day's value.
    """

    first_day: date | None = None
    first_days: FloatArray = field(default_factory=lambda: np.zeros(N_SHOCKS))

    def shifts(self, period: int, n_weeks: int) -> FloatArray:
        """Return (n_weeks, N_SHOCKS): what the weeks from a period on move."""
        if self.first_day is None or not self.first_days.any():
            return np.zeros((n_weeks, N_SHOCKS))
        return np.outer(first_days_share(self.first_day, period, n_weeks), self.first_days)
