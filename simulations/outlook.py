"""What somebody assumes of the weeks to come: a trend, seasons and promotions, and actions whose effect drifts.

Nothing here is learned from data. Seasons and promotions move everyone's log-odds to buy, and the log of an order-day's value,
in weeks that are named; a trend adds up week by week. Drift lets each action's log-odds walk about at random, a step a week, so
that what worked best may no longer: a world for policies that have to adapt. Its steps are addressed by seed, member and week;
every policy meets the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulations.arrays import FloatArray
from simulations.compiled import njit
from simulations.errors import InputError
from simulations.randomness import Channel, normal_at, user_base
from simulations.response import ResponseArrays
from simulations.week_shocks import N_SHOCKS

_DRIFT = int(Channel.DRIFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Weeks in which people buy otherwise: a season, a promotion.

    Attributes
    ----------
    first, last : int
        Weeks from the outlook's start on, from 0, both included.
    buying : float
        Shift of the log-odds to buy in a week.
    spending : float
        Shift of the log of an order-day's value.
    """

    first: int
    last: int
    buying: float = 0.0
    spending: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a span that ends before it begins."""
        if not 0 <= self.first <= self.last:
            raise InputError(f"outlook: weeks {self.first} to {self.last} are no span; wanted is 0 <= first <= last.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """See the module's docstring.

    Attributes
    ----------
    start : int
        Period from which weeks are counted; nothing is moved before it.
    trend : float
        Log-odds to buy that every further week adds.
    spans : tuple of Span
        They may overlap: their shifts add up.
    drift : float
        Standard deviation of a week's step of each action's log-odds.

    Examples
    --------
    >>> Outlook(trend=0.01, spans=(Span(first=1, last=1, buying=0.2),)).shifts(0, 3)[:, 0].round(2).tolist()
    [0.0, 0.21, 0.02]
    """

    start: int = 0
    trend: float = 0.0
    spans: tuple[Span, ...] = ()
    drift: float = 0.0

    def __post_init__(self) -> None:
        """Refuse steps of a size that there is not."""
        if not self.drift >= 0.0:
            raise InputError(f"outlook: a drift of {self.drift} is no size of a step; 0 switches it off.")

    def shifts(self, period: int, n_weeks: int) -> FloatArray:
        """Return (n_weeks, N_SHOCKS): what the weeks from a period on move for everyone."""
        moved = np.zeros((n_weeks, N_SHOCKS), dtype=np.float64)
        weeks = np.arange(period, period + n_weeks) - self.start
        moved[:, 0] += self.trend * np.maximum(weeks, 0)
        for span in self.spans:
            inside = (weeks >= span.first) & (weeks <= span.last)
            moved[inside] += (span.buying, span.spending)
        return moved

    def drifted(self, response: ResponseArrays, *, seed: int, member: int, period: int) -> ResponseArrays:
        """Return the responses as they are in a week."""
        if self.drift == 0.0 or period < self.start:
            return response
        coefficients = response.coefficients.copy()
        for action in range(1, coefficients.shape[0]):
            coefficients[action, 0] += self.drift * _walked(seed, member, action, self.start, period)
        return response._replace(coefficients=coefficients)


@njit()
def _walked(seed: int, member: int, action: int, start: int, period: int) -> float:
    """Return the sum of the steps of an action, of a standard deviation of 1, up to a week."""
    world, total = user_base(seed, member, np.uint64(0)), 0.0
    for week in range(start, period + 1):
        total += normal_at(world, week, _DRIFT, action)
    return total
