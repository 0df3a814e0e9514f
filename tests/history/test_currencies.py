"""Amounts of several currencies are not summed as if they were one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter

N = 300
RNG = np.random.default_rng(41)
PAID = np.round(RNG.gamma(2, 20, N) + 1, 2)
CODES = RNG.choice(["EUR", "USD", "GBP"], N, p=[0.7, 0.2, 0.1])
RATES = {"EUR": 1.0, "USD": 0.9, "GBP": 1.2}


def _start(folder: Path, **columns: object) -> str:
    days = (pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(N) // 2, unit="D")).astype(str)
    frame = pd.DataFrame({"order": np.arange(N), "customer": RNG.integers(1, 40, N), "day": days} | columns)
    frame.to_csv(folder / "orders.csv", index=False)
    return write_starter([str(folder / "orders.csv")], folder / "config.yaml").text


def _revenue(folder: Path, text: str) -> float:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return float(read_history(load_config(folder / "config.yaml")).table("orders")["revenue"].sum())


def test_what_each_currency_is_worth_is_asked_and_then_counts(tmp_path: Path) -> None:
    text = _start(tmp_path, total=PAID, currency=CODES)
    assert "currency: EUR # the most frequent of currency" in text
    assert "FILL IN: what each currency is worth in EUR" in text
    for code, rate in RATES.items():
        text = text.replace(f"WHEN '{code}' THEN 1 ", f"WHEN '{code}' THEN {rate} ")
    assert _revenue(tmp_path, text) == pytest.approx((PAID * np.vectorize(RATES.get)(CODES)).sum())


def test_signs_in_the_amounts_tell_currencies_apart(tmp_path: Path) -> None:
    signs = np.where(CODES == "EUR", "€", np.where(CODES == "USD", "US$", "£"))
    text = _start(tmp_path, total=[f"{sign}{value:,.2f}" for sign, value in zip(signs, PAID.tolist(), strict=True)])
    assert "'US$') THEN 1" in text
    text = text.replace("'US$') THEN 1", "'US$') THEN 0.5")
    assert _revenue(tmp_path, text) == pytest.approx(np.where(CODES == "USD", PAID / 2, PAID).sum())


def test_one_currency_needs_no_worth(tmp_path: Path) -> None:
    text = _start(tmp_path, total=PAID, currency="EUR")
    assert "currency: EUR # as currency says" in text
    assert "revenue: total" in text
