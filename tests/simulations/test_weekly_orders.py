"""Orders counted by user and week: what is counted, and that neither blocks nor the order of rows move a cent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.weekly_orders import OrderCounter, WeeklyOrders

N_PERIODS = 4
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(-3, 7 * N_PERIODS + 3),
        st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.01, 1e13, 2.0**52, -(2.0**60), 1e17])),
    ),
    min_size=1,
    max_size=40,
)


def _counted(orders: list[tuple[int, int, float]], block: int) -> WeeklyOrders:
    counter = OrderCounter(N_PERIODS)
    for start in range(0, len(orders), block):
        users, days, revenue = zip(*orders[start : start + block], strict=True)
        counter.add(np.array(users), np.array(days), np.array(revenue))
    names = np.array(["fay", "eve", "dan", "cem", "bea", "amy"], dtype=object)
    return counter.finish(names, np.argsort(names))


@given(orders=ORDERS, block=st.integers(1, 40))
@settings(deadline=None, max_examples=200)
def test_neither_blocks_nor_the_order_of_rows_move_a_sum(orders: list[tuple[int, int, float]], block: int) -> None:
    whole, turned = _counted(orders, len(orders)), _counted(orders[::-1], block)
    for name in ("user_ids", "order_days", "revenue", "n_inside"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(turned, name))


@given(orders=st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 31), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=100)
def test_counts_are_those_of_a_plain_model(orders: list[tuple[int, int, float]]) -> None:
    counted = _counted(orders, 7)
    frame = pd.DataFrame(orders, columns=["user", "day", "paid"]).query("0 <= day < 28")
    assert counted.n_inside == len(frame)
    for k, name in enumerate(["amy", "bea", "cem", "dan", "eve", "fay"]):
        assert counted.user_ids[k] == name
        for week in range(N_PERIODS):
            mine = frame[(frame["user"] == 5 - k) & (frame["day"] // 7 == week)]
            assert counted.order_days[k, week] == mine.loc[mine["paid"] >= 0, "day"].nunique()
            np.testing.assert_allclose(counted.revenue[k, week], mine["paid"].sum(), rtol=1e-6, atol=1e-6)


def test_a_user_with_orders_outside_the_weeks_only_is_known_all_the_same() -> None:
    counter = OrderCounter(N_PERIODS)
    counter.add(np.array([1, 0]), np.array([-1, 2]), np.array([5.0, 7.0]))
    counted = counter.finish(np.array(["amy", "bea"], dtype=object), np.arange(2))
    assert counted.user_ids.tolist() == ["amy", "bea"]
    assert counted.revenue.sum(axis=1).tolist() == [7.0, 0.0]
