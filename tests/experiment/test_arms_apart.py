"""Arms that no column names: they stand in files of their own, as a dose, as who got it, or as numbers named elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter

N = 1_200


def _people(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    bought = rng.random(N) < 0.4
    plain = {
        "customer_id": range(10_000, 10_000 + N),
        "age": rng.integers(18, 80, N),
        "prior_spend": np.round(rng.gamma(2, 30, N), 2),
        "spend_14d": np.round(np.where(bought, rng.gamma(2, 15, N), 0.0), 2),
    }
    return pd.DataFrame(plain | columns)


def _read(folder: Path, *names: str) -> History:
    write_starter([str(folder / name) for name in names], folder / "config.yaml")
    return read_history(load_config(folder / "config.yaml"))


def _sizes(history: History) -> dict[str, int]:
    return dict(history.table("experiment")["treatment"].value_counts())


@pytest.mark.parametrize(
    ("names", "arm"),
    [
        (("control.csv", "treatment.csv"), "treatment"),
        (("Kontrollgruppe_Maerz.csv", "Testgruppe_Maerz.csv"), "testgruppe"),
        (("2024 mail test - holdout.csv", "2024 mail test - mailed.csv"), "mailed"),
    ],
)
def test_files_that_are_named_for_their_arms_are_one_experiment(tmp_path: Path, names: tuple[str, str], arm: str) -> None:
    people = _people()
    people.iloc[:500].to_csv(tmp_path / names[0], index=False)
    people.iloc[500:].to_csv(tmp_path / names[1], index=False)
    history = _read(tmp_path, *names)
    assert _sizes(history) == {"none": 500, arm: N - 500}
    starter = write_starter([str(tmp_path / name) for name in names], tmp_path / "again.yaml")
    assert sum("as the file's name says" in one for one in starter.taken) == 2


def test_three_arms_may_have_a_file_each(tmp_path: Path) -> None:
    people = _people()
    for k, name in enumerate(("control", "coupon", "call")):
        people.iloc[400 * k : 400 * (k + 1)].to_csv(tmp_path / f"{name}.csv", index=False)
    assert _sizes(_read(tmp_path, "coupon.csv", "control.csv", "call.csv")) == {"none": 400, "coupon": 400, "call": 400}


def test_two_lists_of_people_without_a_control_are_no_experiment(tmp_path: Path) -> None:
    people = _people()
    people.iloc[:500].to_csv(tmp_path / "north.csv", index=False)
    people.iloc[500:].to_csv(tmp_path / "south.csv", index=False)
    starter = write_starter([str(tmp_path / name) for name in ("north.csv", "south.csv")], tmp_path / "config.yaml")
    assert "experiment:" not in starter.text


def test_a_dose_is_an_action_for_each_amount(tmp_path: Path) -> None:
    dose = np.random.default_rng(1).choice([0, 5, 10, 20], N)
    _people(discount_pct=dose).to_csv(tmp_path / "test.csv", index=False)
    sizes = _sizes(_read(tmp_path, "test.csv"))
    assert sizes == {
        "none": (dose == 0).sum(), "discount_pct_5": (dose == 5).sum(), "discount_pct_10": (dose == 10).sum(),
        "discount_pct_20": (dose == 20).sum(),
    }  # fmt: skip


def test_who_got_it_is_the_treatment_and_an_empty_amount_is_nothing_where_a_column_says_so(tmp_path: Path) -> None:
    got = np.random.default_rng(1).random(N) < 0.5
    people = _people(received_email=got)
    people["purchased"] = people["spend_14d"] > 0
    people["spend_14d"] = people["spend_14d"].where(people["purchased"])
    people.to_csv(tmp_path / "test.csv", index=False)
    history = _read(tmp_path, "test.csv")
    assert _sizes(history) == {"treated": got.sum(), "none": N - got.sum()}
    assert history.table("experiment")["spend_14d"].sum() == pytest.approx(people["spend_14d"].sum())
    text = (tmp_path / "config.yaml").read_text()
    assert "# empty where purchased says no, which counts as 0" in text


def test_numbers_of_arms_are_called_as_another_file_calls_them(tmp_path: Path) -> None:
    arm = np.random.default_rng(1).choice([1, 2, 3], N)
    _people(arm_id=arm).to_csv(tmp_path / "test.csv", index=False)
    names = pd.DataFrame({"arm_id": [1, 2, 3], "arm_name": ["free shipping", "holdout", "10% coupon"]})
    names.to_csv(tmp_path / "arms.csv", index=False)
    sizes = _sizes(_read(tmp_path, "test.csv", "arms.csv"))
    assert sizes == {"none": (arm == 2).sum(), "free_shipping": (arm == 1).sum(), "action_10_coupon": (arm == 3).sum()}


def test_a_second_thing_that_may_have_been_drawn_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    _people(coupon=rng.integers(0, 2, N), email=rng.integers(0, 2, N)).to_csv(tmp_path / "test.csv", index=False)
    starter = write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    assert any("`treatment: concat(coupon, ' ', email)`" in one for one in starter.taken)


def _rows_of_users(*, everybody: bool) -> pd.DataFrame:
    """Draw orders of a test's users, each with the user's arm beside it; users who bought nothing have a row without one."""
    rng = np.random.default_rng(6)
    rows: list[tuple[object, ...]] = []
    for user in range(600):
        n = rng.poisson(1.5)
        arm = "AB"[user % 2]
        rows += [(user, arm, "2024-02-01", f"O{user}-{k}", f"2024-02-{2 + k:02d}", 10.0 + k) for k in range(n)]
        rows += [(user, arm, "2024-02-01", None, None, None)] if everybody and not n else []
    return pd.DataFrame(rows, columns=["user_id", "variant", "assigned_on", "order_id", "order_date", "order_value"])


def test_rows_of_orders_with_an_arm_on_each_are_one_experiment(tmp_path: Path) -> None:
    frame = _rows_of_users(everybody=True)
    frame.to_csv(tmp_path / "ab_orders.csv", index=False)
    history = _read(tmp_path, "ab_orders.csv")
    assert _sizes(history) == {"none": 300, "b": 300}
    counts = history.counts.set_index("table")
    assert counts.loc["experiment", "quarantined"] == 0
    assert counts.loc["experiment", "repeated"] == len(frame) - 600
    assert history.table("outcomes")["revenue"].sum() == pytest.approx(frame["order_value"].sum())


def test_a_list_of_buyers_alone_is_no_experiment_and_is_called_one_of_buyers(tmp_path: Path) -> None:
    _rows_of_users(everybody=False).to_csv(tmp_path / "ab_orders.csv", index=False)
    starter = write_starter([str(tmp_path / "ab_orders.csv")], tmp_path / "config.yaml")
    assert "experiment:" not in starter.text
    assert any("ab_orders holds buyers alone" in one for one in starter.decisions)


def test_measures_in_long_form_are_outcomes_each_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    users = pd.DataFrame({"user_id": range(N), "variant": rng.choice(["control", "email"], N)})
    users.to_csv(tmp_path / "users.csv", index=False)
    values = {"revenue": np.round(rng.gamma(2, 9, N), 2), "sessions": rng.poisson(3, N).astype(float)}
    long = pd.DataFrame(values, index=range(N)).rename_axis("user_id").reset_index().melt("user_id", var_name="metric")
    long.to_csv(tmp_path / "metrics.csv", index=False)
    read = _read(tmp_path, "users.csv", "metrics.csv").table("outcomes")
    assert read["revenue"].sum() == pytest.approx(values["revenue"].sum())
    assert read["sessions"].sum() == pytest.approx(values["sessions"].sum())


@pytest.mark.parametrize("of_what_was_got", [False, True])
def test_probabilities_are_those_of_what_was_got_whichever_way_they_are_written(tmp_path: Path, of_what_was_got: bool) -> None:
    """By chance the shares of 600 users a probability lie further than 5 points from it once in 100."""
    rng = np.random.default_rng(4)
    chance = rng.choice([0.2, 0.6], N)
    got = rng.random(N) < chance
    taken = np.where(got, chance, np.round(1 - chance, 10))
    frame = _people(treated=got.astype(int), p_treat=taken if of_what_was_got else chance)
    frame.to_csv(tmp_path / "test.csv", index=False)
    history = _read(tmp_path, "test.csv")
    np.testing.assert_allclose(history.table("experiment")["propensity"], taken)


def test_events_of_a_testing_tool_are_one_experiment_whose_purchases_are_in_whole_money(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows: list[tuple[object, ...]] = []
    for user in range(400):
        variation = ("original", "variation_1")[user % 2]
        rows.append((f"oeu{user}", 9911, variation, "page_view", 1_714_500_000_000 + user, None))
        if rng.random() < 0.4:
            rows.append((f"oeu{user}", 9911, variation, "purchase", 1_714_600_000_000 + user, int(rng.integers(500, 9_000))))
    columns = ["visitor_id", "experiment_id", "variation", "event_name", "timestamp", "revenue_cents"]
    frame = pd.DataFrame(rows, columns=columns).astype({"revenue_cents": "Int64"})
    frame.to_csv(tmp_path / "events.csv", index=False)
    history = _read(tmp_path, "events.csv")
    assert _sizes(history) == {"none": 200, "variation_1": 200}
    assert history.table("outcomes")["revenue"].sum() == pytest.approx(frame["revenue_cents"].sum() / 100)
