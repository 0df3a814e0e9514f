from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.order_states import OrderState, state_of

N = 600


def _orders(**columns: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 140 * 24 * 60, N)), unit="min")
    return pd.DataFrame(
        {
            "order_id": [f"R{k:05d}" for k in range(N)],
            "customer_id": [f"C{k:03d}" for k in rng.integers(1, 60, N)],
            "order_date": when.astype(str),
            "total": np.round(rng.gamma(2, 12, N) + 0.01, 2),
            **columns,
        }
    )


def _start(folder: Path, frame: pd.DataFrame) -> tuple[dict[str, str], str, History]:
    frame.to_csv(folder / "orders.csv", index=False)
    starter = write_starter([str(folder / "orders.csv")], folder / "config.yaml")
    mapping = next(iter(yaml.safe_load(starter.text)["tables"].values()))[0]
    return mapping, " ".join(starter.taken), read_history(load_config(folder / "config.yaml"))


def _every(n: int, word: str, other: str) -> list[str]:
    return [word if k % n == 0 else other for k in range(N)]


@pytest.mark.parametrize(
    ("name", "void", "sold"),
    [
        ("order_status", "canceled", "delivered"),
        ("Bestellstatus", "storniert", "versandt"),
        ("statut", "annulée", "livrée"),
        ("estado", "cancelado", "entregado"),
        ("situacao", "cancelado", "entregue"),
        ("fulfillment_status", "Payment failed", "Completed"),
    ],
)
def test_orders_that_never_became_a_sale_are_left_out_and_told(tmp_path: Path, name: str, void: str, sold: str) -> None:
    frame = _orders(**{name: _every(10, void, sold)})
    mapping, taken, history = _start(tmp_path, frame)
    assert "returns" not in mapping
    orders = history.table("orders")
    assert (len(orders), orders["revenue"].min() > 0) == (N - N // 10, True)
    assert orders["revenue"].sum() == pytest.approx(frame.loc[frame[name] == sold, "total"].sum())
    assert f"{void} {N // 10}" in taken
    assert "no sale came of them" in taken


def test_a_refund_that_marks_its_own_sale_cancels_it(tmp_path: Path) -> None:
    frame = _orders(status=_every(6, "refunded", "paid"))
    mapping, taken, history = _start(tmp_path, frame)
    assert "returns" not in mapping
    assert len(history.table("orders")) == N - N // 6
    assert "sale and return cancel out" in taken


def test_a_refund_in_a_row_of_its_own_is_a_negative_order(tmp_path: Path) -> None:
    sales = _orders(status=["paid"] * N, sku=["A1", "B2"] * (N // 2))
    back = sales.iloc[::6].assign(status="refunded")
    mapping, taken, history = _start(tmp_path, pd.concat([sales, back]))
    assert "refunded" in mapping["returns"]
    assert "where" not in mapping
    assert history.table("items")["revenue"].sum() == pytest.approx(sales["total"].sum() - back["total"].sum())
    assert "stand in rows of their own" in taken


def test_a_flag_and_a_time_of_cancelling_say_the_same(tmp_path: Path) -> None:
    for column in ({"is_cancelled": _every(10, "true", "false")}, {"cancelled_at": _every(10, "2024-06-01 10:00:00", "")}):
        assert len(_start(tmp_path, _orders(**column))[2].table("orders")) == N - N // 10
        (tmp_path / "config.yaml").unlink()


def test_words_that_nobody_knows_stay_sales_and_are_named(tmp_path: Path) -> None:
    states = ["cancelled" if k % 10 == 0 else "glorbed" if k % 10 == 1 else "paid" for k in range(N)]
    _, taken, history = _start(tmp_path, _orders(status=states))
    assert len(history.table("orders")) == N - N // 10
    assert f"glorbed {N // 10} (not understood, taken for sales)" in taken


def test_states_of_which_too_few_are_understood_are_named_with_the_way_out(tmp_path: Path) -> None:
    states = ["cancelled" if k % 10 == 0 else "glorbed" if k % 3 == 0 else "zonked" if k % 3 == 1 else "paid" for k in range(N)]
    mapping, taken, history = _start(tmp_path, _orders(status=states))
    assert "where" not in mapping
    assert len(history.table("orders")) == N
    assert "status leaves no row out, as too many words are not understood: " in taken
    assert f"glorbed {states.count('glorbed')}" in taken
    assert f"zonked {states.count('zonked')}" in taken
    assert "NOT IN ('cancelled')" in taken
    assert "# status leaves no row out" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize(
    "columns",
    [
        {"customer_state": _every(3, "NY", "CA")},
        {"marital_status": _every(3, "single", "married")},
        {"status": _every(3, "shipped", "paid")},
        {"status": _every(3, "gold", "silver")},
        {"accepts_returns": _every(2, "GB", "FR")},
    ],
)
def test_a_column_that_tells_nothing_of_orders_leaves_none_out(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    mapping, taken, history = _start(tmp_path, _orders(**columns))
    assert not {"where", "returns"} & set(mapping)
    assert (len(history.table("orders")), taken) == (N, "")


def test_part_of_an_order_that_came_back_leaves_it_sold() -> None:
    assert state_of("partially_refunded") is OrderState.SOLD
    assert state_of("teilweise erstattet") is OrderState.SOLD
    assert state_of("undelivered") is OrderState.VOID
    assert state_of("Rückerstattet") is OrderState.RETURNED
