"""A stretch of weeks: what some users did, with the weeks before it; real or simulated, every measure reads the same form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, IntArray
from simulations.forecast import Future
from simulations.panel import WeeklyPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some weeks of some users.

    Attributes
    ----------
    order_days, revenue : (n_users, n_weeks) arrays
        Revenue is in currency.
    contacted : (n_users, n_weeks) bool array
    earlier : (n_users, n_earlier) array
        Order-days of the weeks before, the same for a real stretch and for its simulated ones.
    """

    order_days: NDArray[Any]
    revenue: NDArray[Any]
    contacted: BoolArray
    earlier: NDArray[Any]

    @classmethod
    def of(cls, panel: WeeklyPanel, start: int, stop: int) -> Stretch:
        """Cut weeks [start, stop) out of a panel."""
        return cls(
            order_days=panel.order_days[:, start:stop],
            revenue=panel.revenue[:, start:stop],
            contacted=panel.exposure_bits[:, start:stop] != 0,
            earlier=panel.order_days[:, :start],
        )

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.order_days.shape[0])

    @property
    def n_weeks(self) -> int:
        """Number of weeks."""
        return int(self.order_days.shape[1])

    @property
    def bought(self) -> BoolArray:
        """(n_users, n_weeks): was there an order-day."""
        return np.asarray(self.order_days > 0)

    def lived(self, future: Future) -> Stretch:
        """Return the same users, contacts and past with other orders."""
        return replace(self, order_days=future.order_days, revenue=future.revenue)

    def take(self, rows: IntArray | BoolArray) -> Stretch:
        """Return the stretch of some users, in the order asked."""
        return Stretch(**{name: getattr(self, name)[rows] for name in self.__slots__})

    def silence(self) -> IntArray:
        """Return (n_users, n_weeks + 1): full weeks without an order before each week, and after the last.

        Examples
        --------
        >>> none = np.zeros((1, 3), dtype=bool)
        >>> days = np.array([[0, 1, 0]])
        >>> Stretch(order_days=days, revenue=days, contacted=none, earlier=np.array([[2, 0]])).silence().tolist()
        [[1, 2, 0, 1]]
        """
        whole = np.concatenate([self.earlier, self.order_days], axis=1) > 0
        weeks = np.arange(whole.shape[1])
        last = np.maximum.accumulate(np.where(whole, weeks, -1), axis=1)
        before = np.concatenate([np.full((self.n_users, 1), -1), last], axis=1)[:, self.earlier.shape[1] :]
        return np.asarray(np.arange(self.earlier.shape[1], whole.shape[1] + 1) - 1 - before, dtype=np.int64)

    def after_first_contact(self, n_weeks: int) -> Stretch:
        """Return the weeks from each user's first contact on, this many, of the users of whom so many are left.

        Users are aligned at the contact; as many weeks are earlier ones for everybody as the stretch had before it.
        """
        first = np.argmax(self.contacted, axis=1)
        rows = np.flatnonzero(self.contacted.any(axis=1) & (first + n_weeks <= self.n_weeks))
        n_earlier = self.earlier.shape[1]
        whole = np.concatenate([self.earlier[rows], self.order_days[rows]], axis=1)
        users, own = np.arange(rows.size)[:, None], first[rows, None] + np.arange(n_weeks)
        past = first[rows, None] + np.arange(n_earlier)
        return Stretch(
            order_days=whole[users, n_earlier + own],
            revenue=self.revenue[rows][users, own],
            contacted=self.contacted[rows][users, own],
            earlier=whole[users, past],
        )
