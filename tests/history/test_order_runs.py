"""Lines summed to orders as they stream by: the same as a sum in SQL, wherever lines lie and however batches fall."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_engine.history.order_runs import OrderRuns, ScatteredOrdersError
from decision_engine.history.weekly import weekly_orders_of_lines, whole_parts
from simulations.panel import Calendar
from simulations.weekly_orders import WeeklyOrders

CALENDAR = Calendar(first_day=date(2024, 1, 1), business_day_starts_at=5, n_periods=4)
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(-20, 31 * 24),
        st.lists(st.integers(-5000, 9000), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=30,
)


def _lines(orders: list[tuple[int, int, list[int]]]) -> pd.DataFrame:
    rows = [
        (f"u{user}", f"o{number}", pd.Timestamp("2024-01-01") + pd.Timedelta(hours=hour + place), cents / 100)
        for number, (user, hour, amounts) in enumerate(orders)
        for place, cents in enumerate(amounts)
    ]
    return pd.DataFrame(rows, columns=["user_id", "order_id", "ordered_at", "revenue"])


def _weekly(lines: pd.DataFrame) -> tuple[WeeklyOrders, int, int]:
    with duckdb.connect() as connection:
        connection.register("lines", pa.Table.from_pandas(lines))
        return weekly_orders_of_lines(connection, "SELECT * FROM lines", CALENDAR)


def _runs(lines: pd.DataFrame, batch: int) -> pa.Table:
    names = [
        f"{sql} AS {name}"
        for sql, name in zip(
            ("user_id", "hash(user_id, order_id)", "epoch_us(ordered_at)", whole_parts("revenue")),
            OrderRuns.columns,
            strict=True,
        )
    ]
    with duckdb.connect() as connection:
        connection.register("lines", pa.Table.from_pandas(lines))
        table = connection.sql(f"SELECT {', '.join(names)} FROM lines").to_arrow_table().combine_chunks()
    return pa.concat_tables(
        OrderRuns(CALENDAR).blocks(pa.RecordBatchReader.from_batches(table.schema, table.to_batches(batch)))
    )


@given(orders=ORDERS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_lines_that_lie_together_and_lines_that_lie_anywhere_count_the_same(
    orders: list[tuple[int, int, list[int]]], seed: int
) -> None:
    orders = [(0, 30, [100]), *orders]  # one order inside the weeks at least
    lines = _lines(orders)
    together, anywhere = _weekly(lines), _weekly(lines.sample(frac=1.0, random_state=seed))
    assert together[1:] == anywhere[1:]
    for name in ("user_ids", "order_days", "revenue", "n_inside"):
        np.testing.assert_array_equal(getattr(together[0], name), getattr(anywhere[0], name))


@given(orders=ORDERS, batch=st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_an_order_may_go_on_in_the_next_batch(orders: list[tuple[int, int, list[int]]], batch: int) -> None:
    found = _runs(_lines(orders), batch).to_pandas()
    assert found["user_id"].tolist() == [f"u{user}" for user, _, _ in orders]
    assert found["revenue"].tolist() == [round(sum(cents) / 100, 6) for _, _, cents in orders]
    assert found["day"].tolist() == [(hour - 5) // 24 for _, hour, _ in orders]


def test_an_order_in_two_places_is_refused_rather_than_counted_twice() -> None:
    lines = _lines([(0, 30, [100, 200]), (1, 40, [300])])
    with pytest.raises(ScatteredOrdersError):
        _runs(lines.iloc[[0, 2, 1]], 10)
    weekly, n_lines, _ = _weekly(lines.iloc[[0, 2, 1]])
    assert (weekly.n_inside, n_lines, weekly.order_days.sum()) == (2, 3, 2)


@pytest.mark.parametrize("amount", [3e9, 2.0**40])
def test_sums_that_do_not_fit_into_64_bits_are_left_to_sql(amount: float) -> None:
    lines = _lines([(0, 30, [100] * 4)]).assign(revenue=amount)
    with pytest.raises(ScatteredOrdersError):
        _runs(lines, 10)
    assert _weekly(lines)[0].revenue.sum() == pytest.approx(4 * amount)
