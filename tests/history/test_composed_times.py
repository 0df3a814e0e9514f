"""Days as shops write them: `init` finds how, and the orders of the first run have the days that were meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter
from simulations.errors import HistoryError

N = 400
DAYS = pd.Series(pd.date_range("2023-03-06", periods=N, freq="D"))
SPANISH = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"]
FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
GERMAN = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"]


def _in_words(names: list[str], form: str) -> list[str]:
    return [form.format(day=day.day, month=names[day.month - 1], year=day.year) for day in DAYS]


def _orders(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    plain = {"receipt": [f"R{k:05d}" for k in range(N)], "client": [f"{k:04d}" for k in rng.integers(1, 60, N)]}
    return pd.DataFrame(plain | columns | {"turnover": np.round(rng.gamma(2, 12, N), 2)})


WRITTEN: dict[str, Callable[[], dict[str, object]]] = {
    "day, month, short year": lambda: {"date": DAYS.dt.strftime("%d/%m/%y")},
    "month in full": lambda: {"submitted_at": DAYS.dt.strftime("%d %B %Y")},
    "month, day, short year": lambda: {"Sale Date": DAYS.dt.strftime("%b-%d-%y")},
    "digits alone": lambda: {"ts": (DAYS + pd.Timedelta(hours=9)).dt.strftime("%Y%m%d%H%M")},
    "digits to the second": lambda: {"ts": (DAYS + pd.Timedelta(hours=9)).dt.strftime("%Y%m%d%H%M%S")},
    "a spreadsheet's days": lambda: {"InvDate": (DAYS - pd.Timestamp("1899-12-30")).dt.days + 0.54133},
    "parts of a day": lambda: {"year": DAYS.dt.year, "month": DAYS.dt.month, "day": DAYS.dt.day},
    "months in Spanish": lambda: {"Fecha": _in_words(SPANISH, "{day:02d}-{month}-{year}")},
    "months in Spanish, in a sentence": lambda: {"Fecha": _in_words(SPANISH, "{day} de {month} de {year}")},
    "months in French": lambda: {"Date": _in_words(FRENCH, "{day} {month} {year}")},
    "months in German": lambda: {"Datum": _in_words(GERMAN, "{day}. {month} {year}")},
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_day_is_read_as_it_was_meant(tmp_path: Path, how: str) -> None:
    _orders(**WRITTEN[how]()).to_csv(tmp_path / "sales.csv", index=False)
    write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    history = read_history(load_config(tmp_path / "config.yaml"))
    assert history.n_accepted == N
    read = history.table("orders").sort_values("order_id")["ordered_at"].dt.normalize()
    assert read.tolist() == DAYS.tolist()


def test_a_week_is_its_monday(tmp_path: Path) -> None:
    week = DAYS.dt.strftime("%G-W%V")
    _orders(iso_week=week).to_csv(tmp_path / "sales.csv", index=False)
    write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    read = read_history(load_config(tmp_path / "config.yaml")).table("orders").sort_values("order_id")["ordered_at"]
    assert read.tolist() == (DAYS - pd.to_timedelta(DAYS.dt.day_of_week, unit="D")).tolist()


def test_days_written_in_two_ways_are_called_so(tmp_path: Path) -> None:
    both = [day.strftime("%d/%m/%Y" if k % 2 else "%m/%d/%Y") for k, day in enumerate(DAYS)]
    _orders(order_date=both).to_csv(tmp_path / "sales.csv", index=False)
    starter = write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    (told,) = [one for one in starter.not_found if "order_date" in one]
    assert "%d/%m/%Y in some rows and %m/%d/%Y in others" in told or "%m/%d/%Y in some rows and %d/%m/%Y in others" in told


@pytest.mark.parametrize("names", [[f"KW {k:02d}/2024" for k in range(1, 21)], [f"2024-{k:02d}" for k in range(1, 13)]])
def test_periods_as_columns_are_called_so(tmp_path: Path, names: list[str]) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"client": range(100, 160)} | {name: np.round(rng.gamma(2, 12, 60), 2) for name in names})
    frame.to_csv(tmp_path / "weeks.csv", index=False)
    try:
        starter = write_starter([str(tmp_path / "weeks.csv")], tmp_path / "config.yaml")
        told = " ".join(starter.not_found)
    except HistoryError as error:
        told = str(error)
    assert f"{len(names)} columns look like weeks, months or days ({names[0]} to {names[-1]})" in told
