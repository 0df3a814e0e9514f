"""Who bought, where files make it hard to tell: guests under one number, a name that says nothing, rows of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.starter import Starter

N, USERS = 900, 110
KEY = "a key of more than sixteen signs"


def _orders(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    user = rng.integers(1, USERS, N)
    when = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(rng.integers(0, 220 * 86_400, N)), unit="s")
    plain = {
        "order_id": np.arange(N) + 7000, "customer_id": np.where(rng.random(N) < 0.3, 0, user),
        "order_date": when.strftime("%Y-%m-%d %H:%M:%S"), "order_total": np.round(rng.gamma(2, 20, N) + 1, 2),
    }  # fmt: skip
    return pd.DataFrame(plain | columns)


def _start(folder: Path, frame: pd.DataFrame) -> tuple[Starter, History]:
    frame.to_csv(folder / "orders.csv", index=False)
    starter = write_starter([str(folder / "orders.csv")], folder / "config.yaml")
    return starter, read_history(load_config(folder / "config.yaml"))


def test_guests_that_share_a_number_are_nobody_and_their_orders_are_set_aside(tmp_path: Path) -> None:
    frame = _orders()
    starter, history = _start(tmp_path, frame)
    guests = int((frame["customer_id"] == 0).sum())
    assert history.n_quarantined == guests > 200
    assert "0" not in set(history.table("orders")["user_id"])
    assert "0 names nobody" in starter.text


@pytest.mark.parametrize("guest", ["0", ""])
def test_guests_are_told_apart_by_their_mail_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guest: str) -> None:
    monkeypatch.setenv("DECISION_ENGINE_PSEUDONYM_KEY", KEY)
    mails = [f"c{k}@shop.example" for k in np.random.default_rng(6).integers(1, USERS, N)]
    numbers = _orders()["customer_id"].astype(str).replace("0", guest)
    starter, history = _start(tmp_path, _orders(customer_id=numbers, billing_email=mails))
    assert history.n_quarantined == 0
    assert history.table("orders")["user_id"].nunique() == len(set(mails))
    assert starter.key_variable == "DECISION_ENGINE_PSEUDONYM_KEY"
    assert not any("@" in user for user in history.table("orders")["user_id"])


def test_a_user_who_is_called_zero_and_orders_like_others_stays_one(tmp_path: Path) -> None:
    user = np.random.default_rng(8).integers(0, USERS, N)
    starter, history = _start(tmp_path, _orders(customer_id=user))
    assert history.n_quarantined == 0
    assert "0" in set(history.table("orders")["user_id"])
    assert "nobody" not in starter.text


def test_a_column_that_nothing_but_its_values_speaks_for_is_taken_and_marked(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    frame = _orders(payment_method_id=rng.integers(1, 6, N)).drop(columns=["customer_id", "order_id"])
    frame["msno"] = [f"{k:06x}Q=" for k in rng.integers(1, USERS, N)]
    starter, history = _start(tmp_path, frame)
    users = set(history.table("items")["user_id"])
    assert users == set(frame["msno"])
    assert any("msno is taken, by its values alone" in line for line in starter.to_fill_in)


def test_rows_of_people_without_any_time_are_called_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    pd.DataFrame({
        "customerID": [f"{k}-XY" for k in range(N)], "tenure": rng.integers(1, 70, N),
        "MonthlyCharges": np.round(rng.gamma(3, 20, N), 2), "Churn": rng.choice(["Yes", "No"], N),
    }).to_csv(tmp_path / "churn.csv", index=False)  # fmt: skip
    starter = write_starter([str(tmp_path / "churn.csv")], tmp_path / "config.yaml")
    assert not starter.is_readable
    assert any("it tells about people, not what they did and when" in words for words in starter.not_found)


def test_six_digits_are_days_only_where_all_of_them_read_as_one(tmp_path: Path) -> None:
    frame = _orders()
    when = pd.to_datetime(frame["order_date"])
    _, history = _start(tmp_path, frame.assign(order_date=when.dt.strftime("%y%m%d"), zip_code=480_000 + np.arange(N)))
    days = history.table("orders")["ordered_at"].dt.strftime("%y%m%d")
    assert sorted(days) == sorted(when[frame["customer_id"] > 0].dt.strftime("%y%m%d"))
