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
    (largest,) = connection.execute("SELECT max(largest) FROM weekly").fetchall()[0]
    if largest is not None and largest >= LARGEST:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE weekly AS {_by_week(orders, calendar, totals, large=True)}")
    summed = ", ".join(["sum(n_orders)", *(f"sum({name})" for name in totals)])
    n_orders, *found = (int(number or 0) for number in connection.execute(f"SELECT {summed} FROM weekly").fetchall()[0])
    users = connection.execute("SELECT DISTINCT user_id FROM weekly ORDER BY user_id").fetchnumpy()["user_id"]
    arrays = connection.execute(
        "SELECT place, week, order_days, revenue FROM weekly JOIN (SELECT user_id, "
        "row_number() OVER (ORDER BY user_id) - 1 AS place FROM (SELECT DISTINCT user_id FROM weekly)) USING (user_id) "
        "WHERE week >= 0"
    ).fetchnumpy()
    connection.execute("DROP TABLE weekly")
    if not len(arrays["place"]):
        raise HistoryError(
            f"orders: none of {n_orders:,} falls into the {calendar.n_periods} weeks from {calendar.first_day}; "
            "check time.first_day and time.last_period."
        )
    counted = WeeklyOrders(
        user_ids=np.asarray(np.ma.getdata(users), dtype=object),
        users=_plain(arrays["place"], np.int64),
        weeks=_plain(arrays["week"], np.int64),
        order_days=_plain(arrays["order_days"], np.int64),
        revenue=_plain(arrays["revenue"], np.float64),
    )
    return counted, dict(zip(totals, found, strict=True))


def _plain(array: Any, dtype: type[Any]) -> Any:
    return np.asarray(np.ma.getdata(array), dtype=dtype)


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
    further = "".join(f", sum({name}) AS {name}" for name in totals)
    by_day = (
        f"SELECT user_id, CAST({day} AS INTEGER) AS day, {revenue} AS revenue, bool_or(revenue >= 0) AS visited, "
        f"max(abs(revenue)) AS largest, count(*) AS n_orders{further} FROM ({orders}) GROUP BY user_id, day"
    )
    return (
        f"SELECT user_id, CASE WHEN day < 0 THEN -1 ELSE day // 7 END AS week, count(*) FILTER (visited) AS order_days, "
        f"{summed} AS revenue, max(largest) AS largest, sum(n_orders) AS n_orders{further} "
        f"FROM ({by_day}) GROUP BY user_id, week"
    )
