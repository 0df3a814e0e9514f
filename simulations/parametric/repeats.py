"""What a buy-till-you-die model needs of a user: how often again, how late the last time, and how long known.

The literature writes x, t_x and T (Schmittlein, Morrison and Colombo, 1987, Management Science 33(1)). A first purchase makes
a user known and is not counted; t_x is the user's age at the last purchase, not the silence since then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulations.arrays import BoolArray, FloatArray, IntArray
from simulations.errors import HistoryError
from simulations.panel import WeeklyPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatHistory:
    """Repeat purchases of some users, an item a user.

    Attributes
    ----------
    frequency : (n_users,) float64 array
        Repeat purchases, x: those after the first.
    last_age : (n_users,) float64 array
        Time from the first purchase to the last, t_x; 0 without a repeat.
    age : (n_users,) float64 array
        Time from the first purchase to the end of observation, T.

    Examples
    --------
    >>> RepeatHistory.of(frequency=[2, 0], last_age=[30.4, 0.0], age=[38.9, 38.9]).n_users
    2
    """

    frequency: FloatArray
    last_age: FloatArray
    age: FloatArray

    @classmethod
    def of(cls, *, frequency: object, last_age: object, age: object) -> RepeatHistory:
        """Build a history from columns and check it.

        Raises
        ------
        HistoryError
            If there are no users, a number is missing or negative, or 0 <= last_age <= age does not hold.
        """
        x, t, total = (np.asarray(column, dtype=np.float64) for column in (frequency, last_age, age))
        if not (x.shape == t.shape == total.shape and x.ndim == 1 and x.size):
            raise HistoryError(
                f"repeat history: three columns of one length are needed, not {x.shape}, {t.shape}, {total.shape}."
            )
        bad = np.flatnonzero(~((x >= 0) & (t >= 0) & (t <= total)) | ((x == 0) & (t > 0)))
        if bad.size:
            i = int(bad[0])
            raise HistoryError(
                f"repeat history: {bad.size:,} of {x.size:,} rows are impossible; first is row {i} with frequency {x[i]:g}, "
                f"last_age {t[i]:g}, age {total[i]:g}. 0 <= last_age <= age must hold, and last_age is 0 without a repeat."
            )
        return cls(frequency=x, last_age=t, age=total)

    @classmethod
    def of_panel(cls, panel: WeeklyPanel) -> RepeatHistory:
        """Summarise a panel's order-days, in weeks; each user needs one at least (see `bought`).

        A panel says the week of an order-day and not the day: those of one week are spread evenly over it.

        Raises
        ------
        HistoryError
            If a user has no order-day in the panel.
        """
        counts = panel.order_days.astype(np.int64)
        active = counts > 0
        rows = np.arange(panel.n_users)
        if not active.any(axis=1).all():
            raise HistoryError(f"repeat history: {(~active.any(axis=1)).sum():,} users have no order-day; leave them out.")
        first = active.argmax(axis=1)
        last = panel.n_periods - 1 - active[:, ::-1].argmax(axis=1)
        started = first + 0.5 / counts[rows, first]
        ended = last + 1.0 - 0.5 / counts[rows, last]
        x = counts.sum(axis=1) - 1.0
        return cls.of(frequency=x, last_age=np.where(x > 0, ended - started, 0.0), age=panel.n_periods - started)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.frequency.size

    def take(self, rows: IntArray | BoolArray) -> RepeatHistory:
        """Return the history of some users, in the order asked."""
        return RepeatHistory(frequency=self.frequency[rows], last_age=self.last_age[rows], age=self.age[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctHistory:
    """The different rows of a `RepeatHistory`, sorted by frequency, each with the number of users who share it.

    Half of a shop's customers never come back, and those of one starting day share a row; a likelihood then costs less.
    """

    frequency: FloatArray
    last_age: FloatArray
    age: FloatArray
    n_sharing: FloatArray

    @classmethod
    def of(cls, history: RepeatHistory, time_unit: float) -> DistinctHistory:
        """Collapse a history, with times divided by `time_unit`."""
        order = np.lexsort((history.age, history.last_age, history.frequency))
        x, t, total = history.frequency[order], history.last_age[order], history.age[order]
        starts = np.flatnonzero(np.r_[True, (np.diff(x) != 0) | (np.diff(t) != 0) | (np.diff(total) != 0)])
        return cls(
            frequency=x[starts],
            last_age=t[starts] / time_unit,
            age=total[starts] / time_unit,
            n_sharing=np.diff(np.r_[starts, x.size]).astype(np.float64),
        )


def bought(panel: WeeklyPanel) -> BoolArray:
    """Return (n_users,): does the user have an order-day in the panel."""
    return np.asarray((panel.order_days > 0).any(axis=1))
