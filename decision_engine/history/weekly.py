"""Orders to weeks in SQL: sums that no order of rows changes, and what each user bought in each week.

A sum of floating-point numbers depends on their order, and with it on the number of threads. Money is therefore summed in whole
multiples of 2⁻³⁰ (a thousandth of a millionth), which is exact; amounts beyond 2³³ are summed in the order of their size.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np

from simulations.errors import HistoryError
from simulations.panel import Calendar, WeeklyOrders

_ONE = 1 << 30
_CELLS = {"place": np.int32, "week": np.int16, "order_days": np.int16, "revenue": np.float64}
_BLOCK = 1 << 17  # rows
LARGEST = float(1 << 33)  # amounts below it fit into 64 bits as multiples


def exact_sum(column: str, *, large: bool = False) -> str:
    """Return SQL for the sum of a column of money, the same in whatever order its rows come.

    Parameters
    ----------
    large : bool
        Whether amounts of `LARGEST` and beyond are among them.
    """
    if large:
        return f"list_sum(list_sort(list({column}) FILTER ({column} IS NOT NULL)))"
    return f"(CAST({whole_sum(column)} AS DOUBLE) / {_ONE})"


def whole_sum(column: str) -> str:
    """Return SQL for the sum as a whole number of 2⁻³⁰; amounts too large for that are passed over."""
    return f"sum(CASE WHEN abs({column}) < {LARGEST} THEN CAST(round({column} * {_ONE}) AS BIGINT) END)"


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
    """Count order-days and sum revenue by user and week.

    Parameters
    ----------
    orders : str
        SQL of the orders: user_id, ordered_at, revenue, and the columns named in `totals`.
    totals : tuple of str
        Columns to be summed over all orders.

    Raises
    ------
    HistoryError
        If no order falls into the calendar.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE weekly AS {_by_week(orders, calendar, totals, large=False)}")
    (is_large,) = connection.execute("SELECT bool_or(is_large) FROM weekly").fetchall()[0]
    if is_large:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE weekly AS {_by_week(orders, calendar, totals, large=True)}")
    summed = ", ".join(["sum(n_orders)", *(f"sum({name})" for name in totals)])
    n_orders, *found = (int(number or 0) for number in connection.execute(f"SELECT {summed} FROM weekly").fetchall()[0])
    users = connection.execute("SELECT DISTINCT user_id FROM weekly ORDER BY user_id").fetchnumpy()["user_id"]
    cells = _cells(connection)
    connection.execute("DROP TABLE weekly")
    if not len(cells["place"]):
        raise HistoryError(
            f"orders: none of {n_orders:,} falls into the {calendar.n_periods} weeks from {calendar.first_day}; "
            "check time.first_day and time.last_period."
        )
    counted = WeeklyOrders(
        user_ids=np.asarray(np.ma.getdata(users), dtype=object),
        users=cells["place"],
        weeks=cells["week"],
        order_days=cells["order_days"],
        revenue=cells["revenue"],
    )
    return counted, dict(zip(totals, found, strict=True))


def _cells(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the rows within the weeks, users by their place among all: block by block, into arrays as long as needed."""
    (n,) = connection.execute("SELECT count(*) FROM weekly WHERE week >= 0").fetchall()[0]
    cells: dict[str, Any] = {name: np.empty(n, dtype=dtype) for name, dtype in _CELLS.items()}
    blocks = connection.sql(
        "SELECT place, week, order_days, revenue FROM weekly JOIN (SELECT user_id, "
        "CAST(row_number() OVER (ORDER BY user_id) - 1 AS INTEGER) AS place FROM (SELECT DISTINCT user_id FROM weekly)) "
        "USING (user_id) WHERE week >= 0"
    ).to_arrow_reader(_BLOCK)
    start = 0
    for block in blocks:
        stop = start + block.num_rows
        for name, array in cells.items():
            array[start:stop] = block.column(name).to_numpy(zero_copy_only=False)
        start = stop
    return cells


def inside(column: str, calendar: Calendar) -> str:
    """Return the SQL condition that a time falls into the calendar's weeks."""
    start = f"INTERVAL {calendar.business_day_starts_at} HOUR"
    first, last = (f"TIMESTAMP '{calendar.start_of(period)}' + {start}" for period in (0, calendar.n_periods))
    return f"({column} >= {first} AND {column} < {last})"


def _by_week(orders: str, calendar: Calendar, totals: tuple[str, ...], *, large: bool) -> str:
    """Return SQL with a row for each user and week, and one of week -1 for a user's orders outside the weeks."""
    start = f"epoch_us(TIMESTAMP '{calendar.first_day}' + INTERVAL {calendar.business_day_starts_at} HOUR)"
    day = f"CASE WHEN {inside('ordered_at', calendar)} THEN (epoch_us(ordered_at) - {start}) // 86400000000 ELSE -1 END"
    revenue = "list(revenue)" if large else whole_sum("revenue")
    summed = "list_sum(list_sort(flatten(list(revenue))))" if large else f"CAST(sum(revenue) AS DOUBLE) / {_ONE}"
    further = "".join(f", CAST(sum({name}) AS BIGINT) AS {name}" for name in totals)
    by_day = (
        f"SELECT user_id, CAST({day} AS INTEGER) AS day, {revenue} AS revenue, bool_or(revenue >= 0) AS visited, "
        f"coalesce(bool_or(abs(revenue) >= {LARGEST}), false) AS is_large, count(*) AS n_orders{further} "
        f"FROM ({orders}) GROUP BY user_id, day"
    )
    # the narrowest types that hold a week: one row a user and week is kept until the panel is made
    narrow = "".join(f", CAST(sum({name}) AS INTEGER) AS {name}" for name in ("n_orders", *totals))
    return (
        "SELECT user_id, CAST(CASE WHEN day < 0 THEN -1 ELSE day // 7 END AS SMALLINT) AS week, "
        f"CAST(count(*) FILTER (visited) AS SMALLINT) AS order_days, {summed} AS revenue, bool_or(is_large) AS is_large"
        f"{narrow} FROM ({by_day}) GROUP BY user_id, week"
    )
