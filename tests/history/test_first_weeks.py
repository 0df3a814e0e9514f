"""The weeks that `init` guesses: those which the orders span, with orders in the last of them, however few days there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import write_starter
from decision_engine.history.empty_weeks import empty_weeks
from decision_engine.history.ingest import read_panel


def _start(folder: Path, days: list[int]) -> str:
    n = len(days)
    pd.DataFrame({
        "order_id": [f"R{k:05d}" for k in range(n)], "customer_id": [f"C{k % 40:03d}" for k in range(n)],
        "order_date": [str(pd.Timestamp("2024-01-03 10:00") + pd.Timedelta(days=day)) for day in days],
        "total": np.round(np.random.default_rng(1).gamma(2, 12, n) + 0.01, 2),
    }).to_csv(folder / "orders.csv", index=False)  # fmt: skip
    return write_starter([str(folder / "orders.csv")], folder / "config.yaml").text


@pytest.mark.parametrize(
    ("days", "first_day", "n_weeks"),
    [
        (list(range(7)) * 9, "2023-12-30", 2),  # parted after three days
        (list(range(13)) * 9, "2024-01-02", 2),
        ([0, 1] * 30, "2023-12-28", 2),
        (list(range(14)) * 9, "2024-01-03", 2),
        ([*list(range(70)) * 3, *[92] * 30], "2024-01-03", 10),  # three empty weeks, and two days of the fourteenth
        ([*[0, 1, 2, 3] * 20, *[15] * 20], "2024-01-03", 3),  # the second week is empty, the third just begun
    ],
)
def test_the_last_week_holds_orders(tmp_path: Path, days: list[int], first_day: str, n_weeks: int) -> None:
    text = _start(tmp_path, days)
    assert f"first_day: {first_day}" in text
    assert f"last_period: {n_weeks} " in text
    config = load_config(tmp_path / "config.yaml")
    assert empty_weeks(read_panel(config).panel).n_at_the_end == 0
    assert ("are parted over two weeks: neither is whole" in text) == (max(days) < 13)


def test_orders_of_one_day_lie_in_the_week_that_judges(tmp_path: Path) -> None:
    assert "first_day: 2023-12-27 # the orders span 1 day" in _start(tmp_path, [0] * 40)
