"""What can be foreseen of coming weeks for everyone alike: the first days of a month, and holidays.

Many are paid, and get their benefits, in the first days of a month, and shops feel it (Stephens, 2003, American Economic Review
93(1); Hastings and Washington, 2010, American Economic Journal: Economic Policy 2(2)). By how much is a random effect of the
weekly residuals, shrunk towards nothing, of the share of a week's days that are among a month's first seven. Holidays
(`simulations.holidays`) are effects of the same kind, found together with it. A holiday that no week of the history tells of is
foreseen as its fellows were, or as somebody assumes, and how unsure that is every simulated world draws anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.holidays import Holiday, holiday_prior, holiday_shares
from simulations.panel import Calendar
from simulations.randomness import Address, Channel
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


def week_effects(
    residuals: FloatArray,
    information: FloatArray,
    weeks: IntArray,
    n_weeks: int,
    spread: FloatArray,
    shares: FloatArray,
    prior: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Return what a share of 1 of each column moves, and the covariance of that; rows as `week_spread` reads them.

    The weeks' mean has a flat prior; what else a week does is noise of the given sizes (Robinson, 1991, Statistical
    Science 6(1)).

    Parameters
    ----------
    shares : (n_weeks, n_columns) array
        Such as `first_days_share` returns, a column for each cause.
    prior : (n_columns,) and (n_columns, n_columns) arrays
        Mean and covariance before any data; a column without variance stays at its mean.

    Examples
    --------
    >>> weeks = np.repeat(np.arange(40), 500)
    >>> shares = first_days_share(date(2024, 1, 1), 0, 40)[:, None]
    >>> noise = np.random.default_rng(1).normal(size=weeks.size)
    >>> rows, known = 0.2 * shares[weeks, 0] + noise, np.ones(weeks.size)
    >>> moved, _ = week_effects(rows, known, weeks, 40, np.zeros(3), shares, (np.zeros(1), np.eye(1) * 0.04))
    >>> moved.round(1).tolist()
    [0.2]
    """
    settled, shocks, noise = settled_weeks(residuals, information, weeks, n_weeks)
    mean, covariance = prior
    if not settled.size:
        return mean, covariance
    columns = shares[settled]
    total = covariance_of(settled, noise, spread) + columns @ covariance @ columns.T
    solved = np.linalg.solve(total, np.column_stack([np.ones(settled.size), shocks - columns @ mean, columns]))
    ones = solved[:, 0].sum()
    level = solved[:, 1].sum() / ones
    gain = covariance @ columns.T
    lost = gain @ solved[:, 0]
    left = covariance - gain @ solved[:, 2:] @ covariance + np.outer(lost, lost) / ones
    return mean + gain @ (solved[:, 1] - level * solved[:, 0]), left


def foreseen_prior(
    calendar: Calendar, n_weeks: int, settled: IntArray, place: int
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Return the columns that are foreseen of a history's weeks, a month's first days in front, and what is expected of them.

    Parameters
    ----------
    settled : (n_settled,) int array
        Weeks that count, as `settled_weeks` returns them.
    place : int
        0 for the log-odds to buy, 1 for the log of an order-day's value.
    """
    first = first_days_share(calendar.first_day, 0, n_weeks)
    months = np.count_nonzero(np.diff(first[settled], prepend=-1.0) > 0.0)
    mean, covariance = holiday_prior(calendar.holidays, place)
    both = np.zeros((mean.size + 1, mean.size + 1), dtype=np.float64)
    both[0, 0] = _PRIOR_SD**2 if months >= _FEWEST_MONTHS else 0.0
    both[1:, 1:] = covariance
    shares = np.column_stack([first, holiday_shares(calendar.holidays, calendar.first_day, 0, n_weeks)])
    return shares, (np.concatenate([[0.0], mean]), both)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeksAhead:
    """What a fit foresees of the weeks after it, for everyone alike.

    Attributes
    ----------
    first_day : date or None
        First day of period 0; None where a world has no calendar.
    first_days : (N_SHOCKS,) float64 array
        What a week of nothing but a month's first days moves: log-odds to buy, and log of an order-day's value.
    holidays : tuple of Holiday
    holiday_effects : (N_SHOCKS, n_holidays + 1) float64 array
        What a holiday's whole lead-up moves; in the last column the days after any holiday.
    holiday_doubts : (N_SHOCKS, n_holidays + 1, n_holidays + 1) float64 array
        Factor of the covariance of these: what it makes of standard normal numbers is how far they may be off.
    seen : tuple of bool
        Whether the weeks that fit hold some of a holiday's lead-up.
    """

    first_day: date | None = None
    first_days: FloatArray = field(default_factory=lambda: np.zeros(N_SHOCKS))
    holidays: tuple[Holiday, ...] = ()
    holiday_effects: FloatArray = field(default_factory=lambda: np.zeros((N_SHOCKS, 1)))
    holiday_doubts: FloatArray = field(default_factory=lambda: np.zeros((N_SHOCKS, 1, 1)))
    seen: tuple[bool, ...] = ()

    @classmethod
    def of(
        cls, calendar: Calendar, n_weeks: int, settled: IntArray, effects: Sequence[tuple[FloatArray, FloatArray]]
    ) -> WeeksAhead:
        """Put together what `week_effects` found for each shock, in the columns of `foreseen_prior`, from the settled weeks."""
        shares = holiday_shares(calendar.holidays, calendar.first_day, 0, n_weeks)[settled]
        return cls(
            first_day=calendar.first_day,
            first_days=np.array([mean[0] for mean, _ in effects]),
            holidays=calendar.holidays,
            holiday_effects=np.stack([mean[1:] for mean, _ in effects]),
            holiday_doubts=np.stack([_factor(covariance[1:, 1:]) for _, covariance in effects]),
            seen=tuple(bool(shares[:, place].any()) for place in range(len(calendar.holidays))),
        )

    def shifts(self, period: int, n_weeks: int, *, seed: int | None = None, member: int = 0) -> FloatArray:
        """Return (n_weeks, N_SHOCKS): what the weeks from a period on move.

        Parameters
        ----------
        seed : int, optional
            Draw also what is not known of holidays, by seed and member: the same for the same holiday in every week and user.
        """
        moved = np.zeros((n_weeks, N_SHOCKS))
        if self.first_day is None or not (self.first_days.any() or self.holidays):
            return moved
        early, shares = _shares(self.holidays, self.first_day, period, n_weeks)
        moved += np.outer(early, self.first_days)
        for k in range(N_SHOCKS if self.holidays else 0):  # sums a row at a time, the same however many weeks are asked for
            moved[:, k] += (shares * self.holiday_effects[k]).sum(axis=1)
            if seed is not None:
                drawn = self.holiday_doubts[k] @ _normals(seed, member, k, self.holiday_doubts.shape[1])
                moved[:, k] += (shares * drawn).sum(axis=1)
        if self.holidays and seed is not None:  # the mean amount stays as it is
            doubts = (shares[:, :, None] * self.holiday_doubts[1]).sum(axis=1)
            moved[:, 1] -= 0.5 * (doubts**2).sum(axis=1)
        return moved

    def table(self) -> list[dict[str, float | str]]:
        """Return a row a holiday: its name, the source, and what its lead-up moves, with standard deviations."""
        sds = np.sqrt((self.holiday_doubts**2).sum(axis=2))
        return [
            {
                "name": holiday.name,
                "source": self.source(place),
                "purchase_lift": float(self.holiday_effects[0, place]),
                "purchase_lift_sd": float(sds[0, place]),
                "spend_lift": float(self.holiday_effects[1, place]),
                "spend_lift_sd": float(sds[1, place]),
            }
            for place, holiday in enumerate(self.holidays)
        ]

    def source(self, place: int) -> str:
        """Say where a holiday's numbers come from: `estimated`, `assumed`, or `other holidays`."""
        if self.seen[place]:
            return "estimated"
        return "assumed" if self.holidays[place].lifts[0] is not None else "other holidays"


def _factor(covariance: FloatArray) -> FloatArray:
    """Return a root of a covariance, which may be singular."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float64)


@lru_cache(maxsize=4096)  # a simulator that is stepped asks every week
def _shares(holidays: tuple[Holiday, ...], first_day: date, period: int, n_weeks: int) -> tuple[FloatArray, FloatArray]:
    return first_days_share(first_day, period, n_weeks), holiday_shares(holidays, first_day, period, n_weeks)


@lru_cache(maxsize=4096)
def _normals(seed: int, member: int, place: int, count: int) -> FloatArray:
    """Return numbers that all users of a world share (Box and Muller, 1958)."""
    world = Address(seed=seed, member=member, period=place, user_keys=np.zeros(1, dtype=np.uint64))
    uniforms = np.array([world.uniforms(Channel.HOLIDAY, k)[0] for k in range(2 * count)])
    return np.asarray(np.sqrt(-2.0 * np.log(uniforms[::2])) * np.cos(2.0 * np.pi * uniforms[1::2]))
