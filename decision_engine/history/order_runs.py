"""Order lines summed to orders as they stream by, where the lines of an order lie together, as exports write them.

A table of all orders by user and number holds every one of them and costs more than reading the lines. Lines that lie together
need none: an order ends where the next one begins. Whether an order came in two places is told by hashes, eight bytes an order.
Then, and where a sum might not fit into 64 bits, nothing is told, and whoever asks sums in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulations.arrays import FloatArray
from simulations.panel import Calendar

AnyInts: TypeAlias = NDArray[np.integer[Any]]

_A_DAY = 86_400_000_000  # microseconds
ONE = 1 << 30  # parts of one, in which money is summed as whole numbers
_FITS = float(1 << 62)
_FEWEST = 1 << 20  # orders that are handed on at once, at least


class ScatteredOrdersError(Exception):
    """The lines of an order do not lie together, or its sum might not fit: sum in another way."""


class OrderRuns:
    """Sums lines to orders.

    Parameters
    ----------
    calendar : Calendar
        Tells the business day of an order.

    Attributes
    ----------
    n_lines, n_outside : int
        Lines that streamed by, and those of them outside the calendar's weeks.
    """

    columns = ("user_id", "order_hash", "microseconds", "parts")  # of the lines; a part is 2⁻³⁰ of the currency

    def __init__(self, calendar: Calendar) -> None:
        start = np.datetime64(calendar.start_of(0), "us") + np.timedelta64(calendar.business_day_starts_at, "h")
        self._start = int(start.astype(np.int64))
        self._n_days = 7 * calendar.n_periods
        self.n_lines = 0
        self.n_outside = 0
        self._known: list[AnyInts] = []

    def blocks(self, lines: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """Yield the orders, many at once: user_id, day (counted from the first; others are outside the weeks), revenue.

        Raises
        ------
        ScatteredOrdersError
            If an order's lines do not lie together, or a sum might not fit into 64 bits. What was yielded is then worthless.
        """
        held: list[pa.Table] = []
        for orders in self._orders(lines):
            held.append(orders)
            if sum(one.num_rows for one in held) >= _FEWEST:
                yield self._checked(held)
                held = []
        if held:
            yield self._checked(held)
        _refuse_repeats(self._known)

    def _orders(self, lines: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """Yield the orders of each batch but the last, which may go on in the next one."""
        users = pa.array([], pa.string())
        columns: list[AnyInts] = [np.array([], dtype=kind) for kind in (np.uint64, np.int64, np.int64)]
        for batch in lines:
            if batch.column(3).null_count:
                raise ScatteredOrdersError
            self.n_lines += batch.num_rows
            when = batch.column(2).to_numpy()
            self.n_outside += int(((when < self._start) | (when >= self._start + self._n_days * _A_DAY)).sum())
            users = pa.concat_arrays([users, batch.column(0)])
            columns = [np.concatenate((left, batch.column(1 + k).to_numpy())) for k, left in enumerate(columns)]
            hashes, times, parts = columns
            starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
            longest = int(np.diff(starts, append=hashes.size).max())
            if float(np.abs(parts).max()) * longest >= _FITS:
                raise ScatteredOrdersError
            users = users.take(pa.array(starts))
            columns = [hashes[starts], np.minimum.reduceat(times, starts), np.add.reduceat(parts, starts)]
            yield self._table(users[:-1], *(column[:-1] for column in columns))
            users, columns = users[-1:], [column[-1:] for column in columns]
        if len(users):
            yield self._table(users, *columns)

    def _table(self, users: pa.Array, hashes: AnyInts, times: AnyInts, parts: AnyInts) -> pa.Table:
        self._known.append(hashes)
        arrays = [users, pa.array((times - self._start) // _A_DAY), pa.array(_rounded(parts / ONE))]
        return pa.Table.from_arrays(arrays, names=["user_id", "day", "revenue"])

    def _checked(self, held: list[pa.Table]) -> pa.Table:
        """Put tables together; a repeat among them ends it early."""
        self._known[-len(held) :] = [_refuse_repeats(self._known[-len(held) :])]
        return pa.concat_tables(held)


def _refuse_repeats(hashes: list[AnyInts]) -> AnyInts:
    together = np.sort(np.concatenate(hashes)) if hashes else np.array([], dtype=np.uint64)
    if (together[1:] == together[:-1]).any():
        raise ScatteredOrdersError
    return together


def _rounded(amounts: FloatArray) -> FloatArray:
    """Round to six places as SQL does, halves away from zero."""
    millionths = amounts * 1e6
    return np.where(np.abs(millionths) < 1 << 52, np.trunc(millionths + np.copysign(0.5, millionths)) / 1e6, amounts)
