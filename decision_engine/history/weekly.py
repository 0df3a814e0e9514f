"""Orders to weeks in SQL: sums that no order of rows changes, and what each user bought in each week.

A sum of floating-point numbers depends on their order, and with it on the number of threads. Money is therefore summed in whole
multiples of 2⁻³⁰ (a thousandth of a millionth), which is exact; amounts beyond 2³³ are summed in the order of their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decision_engine.history.order_runs import ONE, OrderRuns, ScatteredOrdersError
from simulations.arrays import IntArray
from simulations.panel import BULK, Calendar, NoneInsideError
from simulations.weekly_orders import OrderCounter, WeeklyOrders

Item = TypeVar("Item")
_BLOCK, _FEWEST = 1 << 17, 1 << 20  # rows that DuckDB hands over at once; rows that are counted at once, at least
LARGEST = float(1 << 33)  # amounts below it fit into 64 bits as multiples


def exact_sum(column: str, *, large: bool = False) -> str:
    """Return SQL for the sum of a column of money, the same in whatever order its rows come.

    Parameters
    ----------
    large : bool
        Whether amounts of `LARGEST` and beyond are among them; otherwise they are passed over.
    """
    if large:
        return f"list_sum(list_sort(list({column}) FILTER ({column} IS NOT NULL)))"
    return f"(CAST(sum({whole_parts(column)}) AS DOUBLE) / {ONE})"


def whole_parts(column: str) -> str:
    """Return SQL for a column of money in whole multiples of 2⁻³⁰; NULL where that would not fit into 64 bits."""
    return f"CASE WHEN abs({column}) < {LARGEST} THEN CAST(round({column} * {ONE}) AS BIGINT) END"


def orders_of(items: str, *, discount: bool, large: bool = False, counted: str = "") -> str:
    """Return SQL that sums order lines to orders: an order's time is that of its first line.

    Parameters
    ----------
    items : str
        SQL of the lines.
    discount : bool
        Whether lines have a discount.
    counted : str
        Further aggregates over an order's lines.
    """
    sums = [f"round({exact_sum('revenue', large=large)}, 6) AS revenue"]
    if discount:
        sums.append(f"round({exact_sum('discount', large=large)}, 6) AS discount")
    return (
        f"SELECT user_id, order_id, min(ordered_at) AS ordered_at, {', '.join(sums)}{counted} "
        f"FROM ({items}) GROUP BY user_id, order_id"
    )


def weekly_orders(
    connection: duckdb.DuckDBPyConnection, orders: str, calendar: Calendar, *, totals: tuple[str, ...] = ()
) -> tuple[WeeklyOrders, dict[str, int]]:
    """Count order-days and sum revenue by user and week, as the orders stream by.

    Parameters
    ----------
    orders : str
        SQL of the orders: user_id, ordered_at, revenue, and the columns named in `totals`.
    totals : tuple of str
        Columns to be summed over all orders.

    Raises
    ------
    NoneInsideError
        If no order falls into the calendar.
    """
    users, found = _UserNumbers(), dict.fromkeys(totals, 0)
    names = ", ".join(["user_id", f"{_day(calendar)} AS day", "revenue", *totals])
    reader = connection.sql(f"SELECT {names} FROM ({orders})").to_arrow_reader(_BLOCK)

    def blocks() -> Iterator[pa.Table]:
        for block in _blocks(reader, users):
            for name in totals:
                found[name] += pc.sum(block.column(name)).as_py() or 0
            yield block

    weekly = _count(blocks(), users, calendar)
    if not weekly.n_inside:
        query = f"SELECT count(*), quantile_disc(ordered_at, {list(BULK)}) FROM ({orders})"
        ((n_orders, bulk),) = connection.sql(query).fetchall()
        raise NoneInsideError.of(n_orders, calendar, *bulk)
    return weekly, found


def weekly_orders_of_lines(
    connection: duckdb.DuckDBPyConnection, lines: str, calendar: Calendar
) -> tuple[WeeklyOrders, int, int]:
    """Do the same with order lines; quickly where the lines of an order lie together.

    Parameters
    ----------
    lines : str
        SQL of the lines, in the order of their source: user_id, order_id, ordered_at, revenue.

    Returns
    -------
    tuple of WeeklyOrders, int, int
        With the number of lines, and of those outside the weeks.
    """
    runs = OrderRuns(calendar)
    told = ("user_id", "hash(user_id, order_id)", "epoch_us(ordered_at)", whole_parts("revenue"))
    names = ", ".join(f"{sql} AS {name}" for sql, name in zip(told, OrderRuns.columns, strict=True))
    reader = connection.sql(f"SELECT {names} FROM ({lines})").to_arrow_reader(_BLOCK)
    try:
        weekly = _count(runs.blocks(reader), _UserNumbers(), calendar)
    except ScatteredOrdersError:
        reader.close()  # one connection, one open answer
        return _summed_in_sql(connection, lines, calendar)
    if not weekly.n_inside:
        return _summed_in_sql(connection, lines, calendar)  # which tells where the orders lie
    return weekly, runs.n_lines, runs.n_outside


def _summed_in_sql(connection: duckdb.DuckDBPyConnection, lines: str, calendar: Calendar) -> tuple[WeeklyOrders, int, int]:
    """Sum lines that lie anywhere, of amounts of any size."""
    totals = {
        "lines": "count(*)",
        "outside": f"count(*) FILTER (NOT {inside('ordered_at', calendar)})",
        "large": f"count(*) FILTER (abs(revenue) >= {LARGEST})",
    }
    counted = "".join(f", {sql} AS {name}" for name, sql in totals.items())
    orders = orders_of(lines, discount=False, counted=counted)
    weekly, found = weekly_orders(connection, orders, calendar, totals=tuple(totals))
    if found["large"]:
        orders = orders_of(lines, discount=False, large=True, counted=counted)
        weekly, found = weekly_orders(connection, orders, calendar, totals=tuple(totals))
    return weekly, found["lines"], found["outside"]


def _count(blocks: Iterator[pa.Table], users: _UserNumbers, calendar: Calendar) -> WeeklyOrders:
    counter = OrderCounter(calendar.n_periods)
    for block, numbers in _ahead((block, users.of(block.column("user_id"))) for block in blocks):
        revenue = pc.fill_null(block.column("revenue"), 0.0).to_numpy()
        counter.add(numbers, block.column("day").to_numpy(), revenue)
    order = pc.sort_indices(users.known).to_numpy()
    return counter.finish(users.known.to_numpy(zero_copy_only=False), order)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Fetch each item while the one before it is worked on."""
    with ThreadPoolExecutor(max_workers=1) as fetcher:
        coming = fetcher.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = fetcher.submit(next, items, None)
            yield item


class _UserNumbers:
    """Numbers users in the order in which they are met."""

    def __init__(self) -> None:
        self.known = pa.array([], pa.string())

    def of(self, user_ids: pa.ChunkedArray) -> IntArray:
        """Return the number of each user, those met for the first time behind all others."""
        numbers = pc.index_in(user_ids, self.known)
        found = np.array(numbers.fill_null(-1).to_numpy())
        if numbers.null_count:
            strangers = user_ids.filter(pc.is_null(numbers))
            new = pc.unique(strangers)
            found[found < 0] = len(self.known) + pc.index_in(strangers, new).to_numpy()
            self.known = pa.concat_arrays([self.known, new])
        return found


def _blocks(reader: pa.RecordBatchReader, users: _UserNumbers) -> Iterator[pa.Table]:
    """Gather what streams by into blocks no shorter than the list of users, which is looked through once a block."""
    batches: list[pa.RecordBatch] = []
    for batch in reader:
        batches.append(batch)
        if sum(one.num_rows for one in batches) >= max(_FEWEST, len(users.known)):
            yield pa.Table.from_batches(batches)
            batches = []
    if batches:
        yield pa.Table.from_batches(batches)


def inside(column: str, calendar: Calendar) -> str:
    """Return the SQL condition that a time falls into the calendar's weeks."""
    start = f"INTERVAL {calendar.business_day_starts_at} HOUR"
    first, last = (f"TIMESTAMP '{calendar.start_of(period)}' + {start}" for period in (0, calendar.n_periods))
    return f"({column} >= {first} AND {column} < {last})"


def _day(calendar: Calendar) -> str:
    """Return SQL for the business day of an order, counted from the first; -1 outside the weeks."""
    start = f"epoch_us(TIMESTAMP '{calendar.first_day}' + INTERVAL {calendar.business_day_starts_at} HOUR)"
    day = f"(epoch_us(ordered_at) - {start}) // 86400000000"
    return f"CAST(CASE WHEN {inside('ordered_at', calendar)} THEN {day} ELSE -1 END AS INTEGER)"
