"""`init` on an experiment that lies in several files, up to `check` and `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.product.command_line import decision_engine

USERS = 1_200


def _users() -> pd.Series:
    return pd.Series([f"{100_000 + k}" for k in range(USERS)])


def _arms(control: str, treated: str) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).choice([control, treated], USERS)


def _orders(rng: np.random.Generator, n: int = 4_000) -> pd.DataFrame:
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 121, n), unit="D")
    return pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in range(n)],
            "user_id": _users().to_numpy()[rng.integers(0, USERS, n)],
            "order_date": days.strftime("%Y-%m-%d"),
            "amount": rng.gamma(2.0, 15.0, n).round(2),
        }
    )


def _write(folder: Path, **frames: pd.DataFrame) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return [folder / f"{name}.csv" for name in frames]


def _init(folder: Path, **frames: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration that `init` writes of some files, and what it says."""
    said = decision_engine("init", *_write(folder, **frames), "--yes", "-o", folder / "out", "--json").document
    assert said["is_readable"], said
    return yaml.safe_load(Path(said["config"]).read_text()), said


def test_assignment_orders_and_customers_become_one_experiment_that_runs(tmp_path):
    rng = np.random.default_rng(2)
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 5, USERS), unit="D")
    assignment = pd.DataFrame({"user_id": _users(), "arm": _arms("control", "email"), "assigned_on": days.strftime("%Y-%m-%d")})
    customers = pd.DataFrame({"user_id": _users(), "age": rng.integers(18, 80, USERS), "region": rng.choice(["n", "s"], USERS)})
    orders = _orders(rng)
    written, said = _init(tmp_path, orders=orders, customers=customers, assignment=assignment)
    experiment, (outcomes,) = written["tables"]["experiment"], written["tables"]["outcomes"]
    assert [join["source"] for join in experiment["join"]] == ["customers"]
    assert experiment["columns"]["assigned_at"] == "assigned_on"
    assert outcomes["columns"] == {"user_id": "user_id", "at": "order_date", "revenue": "amount", "orders": "1"}
    section = written["experiment"]
    assert section["outcomes"] == ["revenue", "orders"]
    assert section["covariates"] == ["age", "region", "revenue_before", "orders_before"]
    assert (section["horizon"], str(section["ended_on"])) == ("28 days", "2024-04-01")
    assert any("orders: outcomes, summed by user (revenue, orders)" in words for words in said["taken"])
    document = decision_engine("run", said["config"], "-w", tmp_path / "w", "--json").document
    merged = orders.merge(assignment, on="user_id")
    apart = (pd.to_datetime(merged["order_date"]) - pd.to_datetime(merged["assigned_on"])).dt.days
    counts = (apart >= 0) & (apart < 28) & (merged["order_date"] <= "2024-04-01")
    for group in document["assignment"]["groups"]:
        arm = "control" if group["action"] == "none" else "email"
        mine = merged[counts & (merged["arm"] == arm)]
        assert group["mean orders"] == pytest.approx(len(mine) / (assignment["arm"] == arm).sum())
        assert group["mean revenue"] == pytest.approx(mine["amount"].sum() / (assignment["arm"] == arm).sum())


def test_a_row_a_user_that_bought_is_an_outcome_and_all_others_have_none(tmp_path):
    rng = np.random.default_rng(3)
    bought = rng.random(USERS) < 0.3
    results = pd.DataFrame({"user_id": _users()[bought], "revenue": rng.gamma(2.0, 20.0, int(bought.sum())).round(2)})
    written, said = _init(
        tmp_path, assign=pd.DataFrame({"user_id": _users(), "variant": _arms("A", "B")}), results=results
    )  # fmt: skip
    assert written["tables"]["outcomes"][0]["columns"] == {"user_id": "user_id", "revenue": "revenue"}
    told = " ".join(decision_engine("check", said["config"], "-w", tmp_path / "w").out.split())
    assert f"{USERS - bought.sum():,} of {USERS:,} users have none, which counts as 0" in told


def test_clicks_are_counted_and_a_log_of_events_is_counted_kind_by_kind(tmp_path):
    rng = np.random.default_rng(4)
    times = pd.Timestamp("2024-04-01") + pd.to_timedelta(rng.integers(0, 40 * 86_400, 3_000), unit="s")
    people = _users().to_numpy()[rng.integers(0, USERS, 3_000)]
    assignment = pd.DataFrame({"user_id": _users(), "group": _arms("control", "push"), "assigned_at": "2024-04-15 08:30:00"})
    clicks = pd.DataFrame({"user_id": people, "clicked_at": times, "page": rng.choice(["home", "item"], 3_000)})
    events = pd.DataFrame({"user_id": people, "event": rng.choice(["view", "purchase"], 3_000), "timestamp": times})
    written, _ = _init(tmp_path / "clicks", assignment=assignment, clicks=clicks)
    assert written["tables"]["outcomes"][0]["columns"] == {"user_id": "user_id", "at": "clicked_at", "clicks": "1"}
    written, said = _init(tmp_path / "events", assignment=assignment, events=events)
    assert written["experiment"]["outcomes"] == ["purchase", "view"]
    assert written["experiment"]["covariates"] == ["view_before", "purchase_before"]
    told = " ".join(decision_engine("check", said["config"], "-w", tmp_path / "w").out.split())
    assert "came before the user's assignment" in told


def test_orders_that_all_came_before_are_covariates_alone(tmp_path):
    rng = np.random.default_rng(5)
    test = pd.DataFrame({"user_id": _users(), "arm": _arms("control", "mail"), "assigned_on": "2024-06-01"})
    clicks = pd.DataFrame({"user_id": _users().to_numpy()[rng.integers(0, USERS, 900)], "clicked_at": "2024-06-03 10:00:00"})
    written, said = _init(tmp_path, test=test, clicks=clicks, orders=_orders(rng))
    assert written["experiment"]["outcomes"] == ["clicks"]
    assert set(written["experiment"]["covariates"]) == {"orders_before", "revenue_before"}
    assert decision_engine("check", said["config"], "-w", tmp_path / "w").code == 0


def test_without_a_day_of_assignment_one_is_asked_for(tmp_path):
    rng = np.random.default_rng(6)
    test = pd.DataFrame({"user_id": _users(), "arm": _arms("control", "mail")})
    written, said = _init(tmp_path, test=test, orders=_orders(rng))
    assert written["tables"]["experiment"]["columns"]["assigned_at"] == "TIMESTAMP '2024-01-01'"
    assert any("when users were assigned, which no column says" in line for line in said["to_fill_in"])


def test_other_users_with_the_same_covariates_are_the_audience(tmp_path):
    rng = np.random.default_rng(7)
    test = pd.DataFrame({"user_id": _users(), "age": rng.integers(18, 80, USERS), "arm": _arms("control", "mail")})
    test["spend"] = rng.gamma(2.0, 20.0, USERS).round(2)
    new = pd.DataFrame({"user_id": [f"n{k}" for k in range(300)], "age": rng.integers(18, 80, 300)})
    written, said = _init(tmp_path, new=new, test=test)
    assert written["tables"]["audience"] == [{"source": "new", "columns": {"user_id": "user_id"}}]
    assert "new: other users, to plan for (`tables.audience`)" in said["taken"]
    document = decision_engine("run", said["config"], "-w", tmp_path / "w", "--json").document
    assert document["plan"]["audience"] == 300


def test_an_audience_that_lacks_covariates_is_told_with_what_it_lacks(tmp_path):
    rng = np.random.default_rng(8)
    test = pd.DataFrame({"user_id": _users(), "age": rng.integers(18, 80, USERS), "tenure": rng.integers(0, 90, USERS)})
    test["arm"], test["spend"] = _arms("control", "mail"), rng.gamma(2.0, 20.0, USERS).round(2)
    new = pd.DataFrame({"user_id": [f"n{k}" for k in range(300)], "age": rng.integers(18, 80, 300)})
    written, said = _init(tmp_path, test=test, new=new)
    assert "audience" not in written["tables"]
    assert any("would be the new audience (`tables.audience`) if it had tenure" in words for words in said["not_found"])


def test_two_waves_of_one_layout_are_one_experiment(tmp_path):
    rng = np.random.default_rng(9)
    test = pd.DataFrame({"user_id": _users(), "age": rng.integers(18, 80, USERS), "arm": _arms("control", "mail")})
    test["spend"] = rng.gamma(2.0, 20.0, USERS).round(2)
    written, said = _init(tmp_path, wave1=test[:500], wave2=test[500:])
    assert [mapping["source"] for mapping in written["tables"]["experiment"]] == ["wave1", "wave2"]
    assert f"{USERS:,} rows read, {USERS:,} accepted" in decision_engine("check", said["config"], "-w", tmp_path / "w").out


def test_the_outcomes_of_a_shop_with_cancelled_orders_and_decimal_commas_are_those_of_sales(tmp_path):
    rng = np.random.default_rng(10)
    orders = _orders(rng).rename(
        columns={"order_id": "Bestellnummer", "user_id": "Kundennummer", "order_date": "Bestelldatum", "amount": "Umsatz"}
    )
    orders["Status"] = rng.choice(["bezahlt", "storniert"], len(orders), p=[0.9, 0.1])
    sold = orders[(orders["Status"] == "bezahlt") & (orders["Bestelldatum"] >= "2024-03-01")]
    expected = sold[sold["Bestelldatum"] <= "2024-03-28"]["Umsatz"].sum()
    orders["Umsatz"] = [f"{amount:.2f} €".replace(".", ",") for amount in orders["Umsatz"]]
    orders["Bestelldatum"] = pd.to_datetime(orders["Bestelldatum"]).dt.strftime("%d.%m.%Y")
    test = pd.DataFrame({"Kundennummer": _users(), "Testgruppe": _arms("Kontrolle", "Gutschein"), "Zuteilung": "01.03.2024"})
    written, said = _init(tmp_path, bestellungen=orders, zuteilung=test)
    assert written["currency"] == "EUR"
    document = decision_engine("check", said["config"], "-w", tmp_path / "w", "--json").document
    groups = document["assignment"]["groups"]
    assert sum(group["users"] * group["mean revenue"] for group in groups) == pytest.approx(expected)


def test_customers_with_a_segment_beside_orders_remain_a_history(tmp_path):
    rng = np.random.default_rng(11)
    customers = pd.DataFrame({"user_id": _users(), "segment": rng.choice(["none", "silver", "gold"], USERS)})
    written, _ = _init(tmp_path, customers=customers, orders=_orders(rng))
    assert "experiment" not in written


def test_a_log_of_contacts_beside_a_held_out_group_remains_a_history(tmp_path):
    rng = np.random.default_rng(12)
    customers = pd.DataFrame({"user_id": _users(), "group": _arms("control", "contacted")})
    contacts = pd.DataFrame(
        {
            "user_id": _users().to_numpy()[rng.integers(0, USERS, 2_000)],
            "sent_at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 121, 2_000), unit="D")).strftime(
                "%Y-%m-%d"
            ),
            "campaign": rng.choice(["spring", "summer"], 2_000),
        }
    )
    written, _ = _init(tmp_path, customers=customers, contacts=contacts, orders=_orders(rng))
    assert "experiment" not in written
