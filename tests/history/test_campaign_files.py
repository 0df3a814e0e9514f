"""Contacts spread over files: who was reached, when each campaign ran, what was redeemed, and exports of mail programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter

N, USERS, CAMPAIGNS = 1_500, 150, 24


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(21)


def _orders(rng: np.random.Generator, user: str = "household_key") -> pd.DataFrame:
    day = np.sort(rng.integers(1, 400, N))
    return pd.DataFrame({
        user: rng.integers(1, USERS, N), "BASKET_ID": 26_984_851_472 + np.arange(N), "DAY": day,
        "PRODUCT_ID": rng.integers(1, 90, N), "QUANTITY": 1, "SALES_VALUE": np.round(rng.gamma(2, 4, N) + 0.01, 2),
    })  # fmt: skip


def _read(folder: Path, **frames: pd.DataFrame) -> History:
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    write_starter([str(folder / f"{name}.csv") for name in frames], folder / "config.yaml")
    return read_history(load_config(folder / "config.yaml"))


def test_a_list_of_whom_campaigns_reached_is_joined_to_when_they_ran(tmp_path: Path, rng: np.random.Generator) -> None:
    kind = rng.choice(["TypeA", "TypeB", "TypeC"], CAMPAIGNS)
    starts = np.sort(rng.integers(100, 300, CAMPAIGNS))
    ran = pd.DataFrame(
        {"DESCRIPTION": kind, "CAMPAIGN": np.arange(1, CAMPAIGNS + 1), "START_DAY": starts, "END_DAY": starts + 30}
    )
    reached = pd.DataFrame({"household_key": rng.integers(1, USERS, 400), "CAMPAIGN": rng.integers(1, CAMPAIGNS + 1, 400)})
    reached.insert(0, "DESCRIPTION", kind[reached["CAMPAIGN"] - 1])
    redeemed = pd.DataFrame({
        "household_key": rng.integers(1, USERS, 90), "DAY": rng.integers(110, 390, 90),
        "COUPON_UPC": rng.integers(10**10, 10**11, 90), "CAMPAIGN": rng.integers(1, CAMPAIGNS + 1, 90),
    })  # fmt: skip
    history = _read(tmp_path, campaign_desc=ran, campaign_table=reached, coupon_redempt=redeemed, transaction_data=_orders(rng))
    exposures = history.table("exposures")
    assert len(exposures) == 400
    assert exposures["action"].value_counts().to_dict() == {
        str(name).lower(): n for name, n in reached["DESCRIPTION"].value_counts().items()
    }
    days = (exposures["exposed_at"] - pd.Timestamp("2020-01-06")).dt.days
    assert sorted(days) == sorted(starts[reached["CAMPAIGN"] - 1])


def test_redemptions_alone_stand_in_for_contacts(tmp_path: Path, rng: np.random.Generator) -> None:
    redeemed = pd.DataFrame({
        "household_key": rng.integers(1, USERS, 90), "DAY": rng.integers(110, 390, 90), "CAMPAIGN": rng.integers(1, 4, 90),
    })  # fmt: skip
    history = _read(tmp_path, coupon_redempt=redeemed, transaction_data=_orders(rng))
    assert len(history.table("exposures")) == 90


def test_of_an_export_of_mails_only_those_that_were_sent_are_contacts(tmp_path: Path, rng: np.random.Generator) -> None:
    day = pd.Timestamp("2023-01-02")
    orders = _orders(rng, user="Customer").assign(DAY=lambda frame: (day + pd.to_timedelta(frame["DAY"], unit="D")).astype(str))
    event = rng.choice(["Opened Email", "Received Email", "Clicked Email"], 600, p=[0.4, 0.4, 0.2])
    mails = pd.DataFrame({
        "Customer": rng.integers(1, USERS, 600), "Event": event,
        "Campaign Name": rng.choice(["Spring Sale", "Newsletter 12"], 600),
        "Timestamp": (day + pd.to_timedelta(rng.integers(0, 400 * 86_400, 600), unit="s")).strftime("%Y-%m-%d %H:%M:%S"),
    })  # fmt: skip
    history = _read(tmp_path, orders=orders, mails=mails)
    assert len(history.table("exposures")) == (event == "Received Email").sum()


def test_contacts_of_several_months_in_files_of_their_own_are_all_read(tmp_path: Path, rng: np.random.Generator) -> None:
    day = pd.Timestamp("2023-01-02")
    orders = _orders(rng, user="customer_id").assign(
        DAY=lambda frame: (day + pd.to_timedelta(frame["DAY"], unit="D")).astype(str)
    )
    months = {
        f"contacts_{month}": pd.DataFrame({
            "customer_id": rng.integers(1, USERS, 120), "campaign": rng.choice(["mail", "call"], 120),
            "sent_at": (day + pd.to_timedelta(rng.integers(30 * month, 30 * month + 30, 120), unit="D")).astype(str),
        })
        for month in (2, 3, 4)
    }  # fmt: skip
    assert len(_read(tmp_path, orders=orders, **months).table("exposures")) == 360


@pytest.mark.parametrize("named", [True, False], ids=["users are named", "nobody is named"])
def test_logged_rounds_of_several_files_are_all_read(tmp_path: Path, rng: np.random.Generator, *, named: bool) -> None:
    frames = {}
    for part in range(2):
        arm = rng.choice(["a", "b", "c"], 500, p=[0.5, 0.3, 0.2])
        frame = pd.DataFrame({
            "timestamp": pd.date_range(f"2024-0{part + 1}-01", periods=500, freq="1h").astype(str), "arm": arm,
            "pscore": pd.Series(arm).map({"a": 0.5, "b": 0.3, "c": 0.2}), "click": (rng.random(500) < 0.2).astype(int),
            "score": rng.normal(size=500).round(4),
        })  # fmt: skip
        frames[f"rounds_{part}"] = frame.assign(user=rng.integers(1, USERS, 500)) if named else frame
    history = _read(tmp_path, **frames)
    assert len(history.table("exposures")) == 1_000
    assert len(history.table("orders")) == sum(frame["click"].sum() for frame in frames.values())
