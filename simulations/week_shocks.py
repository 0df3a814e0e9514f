"""What a week does to everyone at once: holidays, weather, a delivery that fails.

Users are not independent within a week. A shock common to all, normal about zero, moves the log-odds to buy and the log of an
order-day's value; its spread is what the weekly residuals of the fitting weeks show beyond the noise of so many users
(method of moments, as for random effects in DerSimonian and Laird, 1986, Controlled Clinical Trials 7(3)). Without it, bands
of weekly sums are far too narrow. Every policy lives through the same shocks, so differences between policies hardly move.
"""

from __future__ import annotations

import math

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.compiled import njit
from simulations.randomness import Channel, normal_at, user_base

N_SHOCKS = 2  # log-odds to buy; log of an order-day's value
_C_WEEK = int(Channel.WEEK)
_SETTLING_SHARE = 0.25  # of the weeks, the first: states are still filling and residuals tell of that


def week_spread(residuals: FloatArray, information: FloatArray, weeks: IntArray, n_weeks: int) -> float:
    """Return the standard deviation of a shock common to a week's rows.

    Parameters
    ----------
    residuals : (n_rows,) array
        Score of each row: outcome less expectation, over the noise's variance where that is not one.
    information : (n_rows,) array
        Curvature of each row: a shock of `u` moves the score's mean by ``information * u``.
    weeks : (n_rows,) int array
        Week of each row, in [0, n_weeks).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> weeks = np.repeat(np.arange(200), 50)
    >>> shocked = rng.normal(0.0, 0.3, 200)[weeks] + rng.normal(size=weeks.size)
    >>> round(week_spread(shocked, np.ones(weeks.size), weeks, 200), 1)
    0.3
    """
    scores = np.bincount(weeks, weights=residuals, minlength=n_weeks)
    known = np.bincount(weeks, weights=information, minlength=n_weeks)
    settled = (np.arange(n_weeks) >= _SETTLING_SHARE * n_weeks) & (known > 0.0)
    if np.count_nonzero(settled) < 4:
        return 0.0
    shocks = scores[settled] / known[settled]
    excess = float(np.var(shocks, ddof=1)) - float(np.mean(1.0 / known[settled]))
    return math.sqrt(max(excess, 0.0))


@njit()
def week_shocks(seed: int, member: int, period: int, n_weeks: int, spread: FloatArray) -> FloatArray:
    """Return (n_weeks, N_SHOCKS) shocks, addressed by seed, member and week; the same for every user."""
    shocks = np.empty((n_weeks, N_SHOCKS), dtype=np.float64)
    everyone = user_base(seed, member, np.uint64(0))
    for week in range(n_weeks):
        for k in range(N_SHOCKS):
            shocks[week, k] = spread[k] * normal_at(everyone, period + week, _C_WEEK, k) if spread[k] > 0.0 else 0.0
        shocks[week, 1] -= 0.5 * spread[1] ** 2  # a shock to the log leaves the mean amount as it is
    return shocks
