"""What belongs to an order and stands on each of its lines counts once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import Config, load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.readiness import judge_readiness

N_ORDERS, LINES = 400, 3


def _lines() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    order = np.repeat(np.arange(N_ORDERS), LINES)
    day = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(rng.integers(0, 200, N_ORDERS)), unit="D")
    lines = pd.DataFrame({
        "order_id": order, "customer_id": rng.integers(1, 60, N_ORDERS)[order], "order_date": day[order].astype(str),
        "sku": rng.integers(100, 140, order.size), "qty": rng.integers(1, 4, order.size),
        "unit_price": np.round(rng.gamma(2, 9, order.size) + 1, 2),
    })  # fmt: skip
    return lines.assign(order_total=(lines["qty"] * lines["unit_price"]).groupby(order).transform("sum").round(2) + 4.9)


def _start(folder: Path, frame: pd.DataFrame) -> tuple[str, Config, History]:
    frame.to_csv(folder / "lines.csv", index=False)
    starter = write_starter([str(folder / "lines.csv")], folder / "config.yaml")
    config = load_config(folder / "config.yaml")
    return starter.text, config, read_history(config)


def _remarks(config: Config, history: History) -> dict[str, str]:
    panel = history.panel(config.action_set(), config.calendar())
    return {remark.kind: remark.words for remark in judge_readiness(history, panel, config).remarks}


def test_a_total_on_each_line_counts_once(tmp_path: Path) -> None:
    frame = _lines().drop(columns="unit_price")
    text, config, history = _start(tmp_path, frame)
    orders = history.table("orders")
    assert len(orders) == N_ORDERS
    assert orders["revenue"].sum() == pytest.approx(frame.groupby("order_id")["order_total"].first().sum())
    assert history.n_quarantined == 0
    assert "order_total is the same on all lines of an order: its total, which counts once" in text
    assert "total" not in _remarks(config, history)


def test_beside_the_price_of_a_piece_a_total_is_not_summed(tmp_path: Path) -> None:
    frame = _lines()
    text, _, history = _start(tmp_path, frame)
    assert history.table("items")["revenue"].sum() == pytest.approx((frame["qty"] * frame["unit_price"]).sum())
    assert "order_total is the same on all lines of an order: its total, which is not summed" in text


def test_a_mapping_that_sums_totals_is_told(tmp_path: Path) -> None:
    text, _, _ = _start(tmp_path, _lines())
    summed = text.replace(_expression_of(text), "revenue: order_total")
    (tmp_path / "config.yaml").write_text(summed, encoding="utf-8")
    config = load_config(tmp_path / "config.yaml")
    told = _remarks(config, read_history(config))["total"]
    assert "(400 of 400 orders of several lines)" in told
    assert "3.0 times too high" in told


def _expression_of(text: str) -> str:
    return next(line.strip() for line in text.splitlines() if line.strip().startswith("revenue:"))


def test_lines_of_different_amounts_raise_no_alarm(tmp_path: Path) -> None:
    _, config, history = _start(tmp_path, _lines().drop(columns="order_total"))
    assert not {"total", "number"} & _remarks(config, history).keys()


def test_rows_that_are_states_of_orders_count_the_orders_that_were_sold(tmp_path: Path) -> None:
    orders = _lines().groupby("order_id", as_index=False).first()[["order_id", "customer_id", "order_date", "order_total"]]
    cancelled = orders["order_id"] % 10 == 0
    states = [orders.assign(status=word) for word in ("placed", "paid")]
    last = orders.assign(status=np.where(cancelled, "cancelled", "shipped"))
    text, _, history = _start(tmp_path, pd.concat([*states, last]).sort_values("order_id", kind="stable"))
    assert len(history.table("orders")) == int((~cancelled).sum())
    assert history.table("orders")["revenue"].sum() == pytest.approx(orders.loc[~cancelled, "order_total"].sum())
    assert "FILL IN: rows are the states that orders went through" in text


def test_numbers_that_start_anew_are_told(tmp_path: Path) -> None:
    frame = _lines().drop(columns="order_total")
    _, config, history = _start(tmp_path, frame.assign(order_id=frame["order_id"] % 40))
    assert "orders of several lines hold lines more than 2 days apart" in _remarks(config, history)["number"]
