"""Orders counted by user and week, block by block, in memory that grows with users and weeks only.

A sum of floating-point numbers depends on their order, and with it on how many threads read them. Each amount is therefore
summed as a whole number of multiples of 2⁻³⁰. Once all amounts together might not fit into 64 bits, whole units are summed
apart from the rest. Amounts so large that no fraction is left in them (2⁵² and more) are kept aside and added in the order of
their size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import Float32Array, FloatArray, IntArray

_BITS_OF_ONE = 30
_ONE = 1 << _BITS_OF_ONE
_LARGEST = float(1 << 52)
_FITS = float(1 << 32)  # as multiples of 2⁻³⁰ it leaves a bit of 63 free
_ROWS = 1 << 12
_BITS = np.array([bin(byte).count("1") for byte in range(128)], dtype=np.int16)  # days in a week's seven bits


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyOrders:
    """Orders by user and week.

    Attributes
    ----------
    user_ids : (n,) array of str, sorted
        Users with an order, inside the weeks or outside.
    order_days : (n, n_periods) int16 array
        Business days with an order that brought something or nothing, 0 to 7; a return is no visit.
    revenue : (n, n_periods) float32 array
    n_inside : int
        Orders that fell into the weeks.
    """

    user_ids: NDArray[np.object_]
    order_days: NDArray[np.int16]
    revenue: Float32Array
    n_inside: int


class OrderCounter:
    """Counts orders by user and week as blocks of them come along.

    Parameters
    ----------
    n_periods : int
        Weeks; orders of other days count for nobody's week.
    """

    def __init__(self, n_periods: int) -> None:
        self.n_periods = n_periods
        self.n_inside = 0
        self._days = np.zeros((0, n_periods), dtype=np.uint8)  # a bit a business day with a visit
        self._parts = np.zeros((0, n_periods), dtype=np.int64)
        self._units: NDArray[np.int64] | None = None  # takes what the parts have no room for
        self._held = 0.0  # no sum of parts is larger, in units
        self._large: list[tuple[int, float]] = []  # cell and amount

    def add(self, users: IntArray, days: IntArray, revenue: FloatArray) -> None:
        """Count a block of orders.

        Parameters
        ----------
        users : (k,) int array
            Number of each order's user, from 0.
        days : (k,) int array
            Business day of each order, counted from the first of the first week.
        revenue : (k,) float array
        """
        inside = (days >= 0) & (days < 7 * self.n_periods)
        if not inside.all():
            users, days, revenue = users[inside], days[inside], revenue[inside]
        if not users.size:
            return
        self.n_inside += users.size
        self._make_room(int(users.max()) + 1)
        weeks = days // 7
        cells = users.astype(np.int64, copy=False) * self.n_periods + weeks
        visits = revenue >= 0
        bits = np.left_shift(1, days[visits] - 7 * weeks[visits]).astype(np.uint8)
        np.bitwise_or.at(self._days.reshape(-1), cells[visits], bits)
        is_large = np.abs(revenue) >= _LARGEST
        if is_large.any():
            self._large.extend(zip(cells[is_large].tolist(), revenue[is_large].tolist(), strict=True))
            cells, revenue = cells[~is_large], revenue[~is_large]
        if self._held + float(np.abs(revenue).sum()) >= _FITS:
            if self._units is None:
                self._units = np.zeros_like(self._parts)
            units = np.floor(revenue)
            np.add.at(self._units.reshape(-1), cells, units.astype(np.int64))
            revenue = revenue - units
        np.add.at(self._parts.reshape(-1), cells, np.rint(revenue * _ONE).astype(np.int64))
        self._held += float(np.abs(revenue).sum())

    def finish(self, user_ids: NDArray[np.object_], order: IntArray) -> WeeklyOrders:
        """Return what was counted.

        Parameters
        ----------
        user_ids : (n,) array of str
            The users' ids, in the order of their numbers.
        order : (n,) int array
            The users' numbers in the order of their ids.
        """
        self._make_room(order.size)
        revenue = np.empty((order.size, self.n_periods), dtype=np.float32)
        for start in range(0, order.size, _ROWS):  # few rows at a time, so that no second copy of everything is held
            rows = order[start : start + _ROWS]
            revenue[start : start + _ROWS] = self._amounts(rows)
        if self._large:
            self._add_large(revenue, order)
        return WeeklyOrders(
            user_ids=user_ids[order],
            order_days=_BITS[self._days[order]],
            revenue=revenue,
            n_inside=self.n_inside,
        )

    def _add_large(self, revenue: Float32Array, order: IntArray) -> None:
        """Add the amounts that were kept aside, each week's in the order of their size."""
        places = np.argsort(order)
        by_cell: dict[int, float] = {}
        for cell, amount in sorted(self._large):
            by_cell[cell] = by_cell.get(cell, 0.0) + amount
        for cell, amount in by_cell.items():
            user, week = divmod(cell, self.n_periods)
            revenue[places[user], week] = amount + float(self._amounts(user)[week])

    def _amounts(self, rows: IntArray | int) -> FloatArray:
        """Return users' sums, rounded once, whichever way they were summed."""
        parts = self._parts[rows]
        units = parts >> _BITS_OF_ONE
        if self._units is not None:
            units = units + self._units[rows]
        return np.asarray(units + (parts & (_ONE - 1)) / _ONE)

    def _make_room(self, n_users: int) -> None:
        """Let the arrays hold so many users; with room to double, which costs no memory until it is used."""
        if n_users > len(self._days):
            shape = (2 * n_users, self.n_periods)
            for name in ("_days", "_parts", "_units"):
                before = getattr(self, name)
                if before is None:
                    continue
                after = np.zeros(shape, dtype=before.dtype)
                after[: len(before)] = before
                setattr(self, name, after)
