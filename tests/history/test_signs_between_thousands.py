"""Points and commas in amounts: between thousands, or before decimals, and never both at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter

N = 300
RNG = np.random.default_rng(31)
WHOLE = RNG.integers(100, 9000, N)


def _start(folder: Path, amounts: list[str]) -> tuple[str, History]:
    days = (pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(N) // 2, unit="D")).astype(str)
    frame = pd.DataFrame({"order": np.arange(N), "customer": RNG.integers(1, 40, N), "day": days, "umsatz": amounts})
    frame.to_csv(folder / "orders.csv", index=False, sep=";")
    starter = write_starter([str(folder / "orders.csv")], folder / "config.yaml")
    return starter.text, read_history(load_config(folder / "config.yaml"))


def test_points_between_thousands_of_whole_amounts_are_no_decimal_points(tmp_path: Path) -> None:
    text, history = _start(tmp_path, [f"{value:,}".replace(",", ".") for value in WHOLE.tolist()])
    assert history.table("orders")["revenue"].sum() == WHOLE.sum()
    assert "points are taken to stand between thousands" in text


def test_three_decimals_throughout_are_decimals(tmp_path: Path) -> None:
    text, history = _start(tmp_path, [f"{value / 1000:.3f}" for value in WHOLE.tolist()])
    assert history.table("orders")["revenue"].sum() == pytest.approx(WHOLE.sum() / 1000)
    assert "thousands" not in text


def test_an_amount_in_the_other_spelling_is_set_aside_and_not_made_a_hundred_times_larger(tmp_path: Path) -> None:
    commas = [f"{value:,}".translate({44: 46}) + ",50" for value in WHOLE.tolist()]
    _, history = _start(tmp_path, [*commas[:-40], *(f"{value}.50" for value in WHOLE[-40:].tolist())])
    assert history.n_quarantined == 40
    assert history.table("orders")["revenue"].sum() == pytest.approx(WHOLE[:-40].sum() + 0.5 * (N - 40))
    assert set(history.reasons()["reason"]) == {"is not a finite number"}


def test_lakhs_are_grouped_by_two_digits(tmp_path: Path) -> None:
    text, history = _start(tmp_path, ["12,34,567.00" if k % 2 else f"{99_000 + k:,}.50" for k in range(N)])
    assert 'thousands: ","' in text
    assert history.table("orders")["revenue"].sum() == pytest.approx(
        sum(1_234_567.0 if k % 2 else 99_000.5 + k for k in range(N))
    )


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f"])
def test_blanks_of_any_width_stand_between_thousands(tmp_path: Path, blank: str) -> None:
    _, history = _start(tmp_path, [f"{value:,}".replace(",", blank) + ",50" for value in WHOLE.tolist()])
    assert history.n_quarantined == 0
    assert history.table("orders")["revenue"].sum() == pytest.approx(WHOLE.sum() + 0.5 * N)
