"""Holidays: days that are known beforehand, about which people buy otherwise than in other weeks.

People stock up in the days before a holiday and come less in those after it. A XX
before it, and what it moves is held to be like that of the other holidays, unless somebody declares otherwise: a random effect
by name about a mean that all share. A name may have days in several years: what an earlier one moved is then known of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from simulations.arrays import FloatArray
from simulations.errors import InputError

LEAD_DAYS, AFTER_DAYS = 3, 7  # the holiday itself is the last of the first
_COMMON_SD, _OWN_SD = 0.15, 0.1  # of what all lead-ups move, and of how far one is from the others
_AFTER_SD = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A holiday by name, in as many years as are declared.

    Attributes
    ----------
    lifts : tuple of (float, float) or None, one each for the log-odds to buy and the log of an order-day's value
        Mean and standard deviation of what a whole lead-up is assumed to move; None where nobody assumes anything.
    """

    name: str
    days: tuple[date, ...]
    lifts: tuple[tuple[float, float] | None, ...] = (None, None)

    def __post_init__(self) -> None:
        """Refuse a holiday without a day."""
        if not self.days:
            raise InputError(f"holiday {self.name}: it has no day; name one at least.")


def holiday_shares(holidays: Sequence[Holiday], first_day: date, period: int, n_weeks: int) -> FloatArray:
    """Return (n_weeks, n_holidays + 1): which share of each holiday's lead-up lies in a week, and of the days after any.

    Examples
    --------
    >>> easter = Holiday(name="Easter", days=(date(2024, 3, 31),))
    >>> holiday_shares([easter], date(2024, 3, 25), 0, 2).round(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    shares = np.zeros((n_weeks, len(holidays) + 1), dtype=np.float64)
    for place, holiday in enumerate(holidays):
        for day in holiday.days:
            at = (day - first_day).days
            lead = (np.arange(at - LEAD_DAYS + 1, at + 1) // 7) - period
            after = (np.arange(at + 1, at + 1 + AFTER_DAYS) // 7) - period
            np.add.at(shares[:, place], lead[(lead >= 0) & (lead < n_weeks)], 1.0 / LEAD_DAYS)
            np.add.at(shares[:, -1], after[(after >= 0) & (after < n_weeks)], 1.0 / AFTER_DAYS)
    return shares


def holiday_prior(holidays: Sequence[Holiday], place: int) -> tuple[FloatArray, FloatArray]:
    """Return mean (n_holidays + 1,) and covariance of what the columns of `holiday_shares` move, before any data.

    Parameters
    ----------
    place : int
        0 for the log-odds to buy, 1 for the log of an order-day's value.
    """
    n = len(holidays)
    declared = [holiday.lifts[place] for holiday in holidays]
    alike = np.array([lift is None for lift in declared], dtype=np.float64)
    covariance = np.zeros((n + 1, n + 1), dtype=np.float64)
    covariance[:n, :n] = _COMMON_SD**2 * np.outer(alike, alike)
    own = [_OWN_SD**2 if lift is None else lift[1] ** 2 for lift in declared]
    covariance[np.diag_indices(n + 1)] += [*own, _AFTER_SD**2 if n else 0.0]
    return np.array([0.0 if lift is None else lift[0] for lift in declared] + [0.0]), covariance
