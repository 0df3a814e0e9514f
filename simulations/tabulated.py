"""Functions by table: what a chance decides, without working the chance out.

Whether a uniform number lies below a chance needs the chance itself only where the two are close. Tables bound it between
neighbouring log-odds; between the bounds, and off the table, the exact formula decides, so that outcomes are the formula's.
The exponential is a table of powers and a short polynomial (Tang, 1989, ACM Transactions on Mathematical Software 15(2)), made
of products and sums alone: the same to the last bit on every machine.
"""

from __future__ import annotations

import math

import numpy as np

from simulations.compiled import njit

MAX_EXTRA_DAYS = 6  # a week has seven business days; one is the purchase itself
_REACH, _STEPS = 16.0, 16.0  # log-odds that the tables span on either side, and their points a unit
_LAST_PLACE = 2.0 * _REACH * _STEPS - 0.5  # on the way from the last point but one to the last
_ROOM = 1e-12  # by which bounds are widened, for what rounding may do
_GRID = np.arange(2 * int(_REACH * _STEPS) + 1) / _STEPS - _REACH
_BELOW = 1.0 / (1.0 + np.exp(-_GRID)) - _ROOM
_ABOVE = 1.0 / (1.0 + np.exp(-_GRID)) + _ROOM


def _days_table() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the chance of at most 0, 1, ... further order-days at each point of the grid."""
    chance = 1.0 / (1.0 + np.exp(-_GRID))
    masses = [
        math.comb(MAX_EXTRA_DAYS, count) * chance**count * (1.0 - chance) ** (MAX_EXTRA_DAYS - count)
        for count in range(MAX_EXTRA_DAYS)
    ]
    return np.ascontiguousarray(np.cumsum(masses, axis=0).T)


_AT_MOST = _days_table() + _ROOM
_AT_LEAST = np.concatenate([_days_table() - _ROOM, np.full((_GRID.size, 1), 2.0)], axis=1)
_LEAST_POWER, _LARGEST_POWER, _POWERS = -8.0, 16.0, 64.0  # exponents that the table spans; its points to a doubling
_FIRST_POWER = math.floor(_LEAST_POWER * _POWERS / math.log(2.0)) - 1
_LAST_POWER = math.ceil(_LARGEST_POWER * _POWERS / math.log(2.0)) + 1
_TABLE = np.exp2(np.arange(_FIRST_POWER, _LAST_POWER + 1) / _POWERS, dtype=np.longdouble).astype(np.float64)
_TO_POWERS = _POWERS / math.log(2.0)
_HIGH = float(np.float64(np.float32(math.log(2.0) / _POWERS)))  # few bits, so that its product with a whole number is exact
_LOW = math.log(2.0) / _POWERS - _HIGH
_TO_NEAREST = 0.5 - _FIRST_POWER


@njit(inline=True)
def logistic(score: float) -> float:
    """Return the chance whose log-odds are `score`."""
    return 1.0 / (1.0 + math.exp(-score))


@njit(inline=True)
def falls_below(uniform: float, score: float) -> bool:
    """Decide ``uniform < logistic(score)``.

    Examples
    --------
    >>> falls_below(0.49, 0.0), falls_below(0.51, 0.0)
    (True, False)
    """
    place = (score + _REACH) * _STEPS
    inside = min(max(place, 0.0), _LAST_PLACE)
    point = np.uint64(np.int64(inside))
    below = bool(uniform < _BELOW[point])
    if not (inside == place) & (below | (uniform >= _ABOVE[point + np.uint64(1)])):  # seldom: what is likely needs no branch
        below = uniform < logistic(score)
    return below


@njit()
def binomial_quantile(uniform: float, n_trials: int, chance: float) -> int:
    """Return the smallest count whose binomial distribution function reaches `uniform`."""
    odds = chance / (1.0 - chance)
    mass = (1.0 - chance) ** n_trials
    total = mass
    count = 0
    while uniform > total and count < n_trials:
        mass *= odds * (n_trials - count) / (count + 1.0)
        total += mass
        count += 1
    return count


@njit(inline=True)
def extra_days(uniform: float, score: float) -> int:
    """Return ``binomial_quantile(uniform, MAX_EXTRA_DAYS, logistic(score))``: order-days beyond a week's first.

    Examples
    --------
    >>> extra_days(0.5, -3.0), extra_days(0.999, -3.0)
    (0, 3)
    """
    place = (score + _REACH) * _STEPS
    inside = min(max(place, 0.0), _LAST_PLACE)
    point = np.uint64(np.int64(inside))
    count = np.uint64(0)
    for days in range(MAX_EXTRA_DAYS):
        count += np.uint64(uniform > _AT_MOST[point, days])
    if inside == place and uniform < _AT_LEAST[point + np.uint64(1), count]:  # nearly always
        return int(np.int64(count))
    return binomial_quantile(uniform, MAX_EXTRA_DAYS, logistic(score))


@njit(inline=True)
def exponential(x: float) -> float:
    """Return ``exp(x)``, within a unit in the last place or two.

    Examples
    --------
    >>> abs(exponential(1.0) / math.e - 1.0) < 5e-16
    True
    """
    if not _LEAST_POWER <= x < _LARGEST_POWER:
        return math.exp(x)
    place = np.int64(x * _TO_POWERS + _TO_NEAREST)
    power = np.float64(place + _FIRST_POWER)
    rest = (x - power * _HIGH) - power * _LOW
    scale = _TABLE[np.uint64(place)]
    square = rest * rest  # two short chains of products in place of a long one
    series = rest + square * (0.5 + rest * (1.0 / 6.0) + square * (1.0 / 24.0 + rest * (1.0 / 120.0)))
    return float(scale + scale * series)
