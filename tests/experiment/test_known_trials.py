"""`init` and `check` on experiments laid out as public ones are: which columns they take, leave out, and say why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decision_engine.history import write_starter
from tests.product.command_line import decision_engine

N = 8_000


def drawn(**columns: object) -> pd.DataFrame:
    """Return users with an id and further columns."""
    return pd.DataFrame({"user id": np.arange(900_000, 900_000 + 7 * N, 7), **columns})


def started(frame: pd.DataFrame, folder: Path, *others: Path) -> str:
    """Write the file, and return what `init` makes of it."""
    frame.to_csv(folder / "trial.csv", index=False)
    return write_starter([str(folder / "trial.csv"), *map(str, others)], folder / "config.yaml").text


def covariates_of(text: str) -> set[str]:
    (listed,) = re.findall(r"covariates: \[(.*?)\]", text, re.DOTALL)
    return {name.strip(' "\n') for name in listed.split(",") if name.strip()}


def test_an_advert_test_of_yes_and_no_counts_cases_and_leaves_out_who_was_reached(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = drawn(
        **{
            "test group": rng.choice(["ad", "psa"], N, p=[0.96, 0.04]),
            "converted": rng.random(N) < 0.03,
            "total ads": rng.geometric(0.04, N),
            "most ads hour": rng.integers(0, 24, N),
            "region": rng.choice(["north", "south"], N),
        }
    )
    frame.insert(0, "Unnamed: 0", np.arange(N))
    text = started(frame, tmp_path)
    assert "- converted # FILL IN: no column of money was found" in text
    assert '"psa": none\n' in text
    assert covariates_of(text) == {"region"}
    assert "Unnamed: 0 (numbers the rows)" in text
    assert "total ads, most ads hour (tells who was reached" in text
    assert "\n  # shares: {" in text  # 96 and 4 are no failed 95 and 5
    checked = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert checked["quarantined"] == 0
    assert checked["assignment"]["sample_ratio"]["against"] == "nothing"
    means = {row["action"]: row["mean converted"] for row in checked["assignment"]["groups"]}
    assert means["ad"] == pytest.approx(frame.loc[frame["test group"] == "ad", "converted"].mean())


def test_arms_are_found_in_a_column_called_version_and_what_was_counted_in_all_is_no_covariate(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = drawn(version=rng.choice(["gate_30", "gate_40"], N), sum_gamerounds=rng.geometric(0.02, N))
    frame["retention_1"], frame["retention_7"] = rng.random(N) < 0.45, rng.random(N) < 0.19
    text = started(frame, tmp_path)
    assert '"gate_30": none # FILL IN: is this the control group?' in text
    assert re.findall(r"\n    - (\w+)", text)[:2] == ["retention_1", "retention_7"]
    assert not covariates_of(text)
    assert "sum_gamerounds (may have been counted after the treatment)" in text
    said = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w").out
    assert "8,000 rows read, 8,000 accepted" in said
    assert "Nothing known before was there to be tested" in said


def test_a_column_that_says_the_same_as_the_treatment_is_no_covariate(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = drawn(group=rng.choice(["control", "treatment"], N))
    frame["landing_page"] = frame["group"].map({"control": "old_page", "treatment": "new_page"})
    frame["country"], frame["converted"] = rng.choice(["UK", "US"], N), rng.integers(0, 2, N)
    slips = rng.random(N) < 0.01
    frame.loc[slips, "landing_page"] = "new_page"
    text = started(frame, tmp_path)
    assert covariates_of(text) == {"country"}
    assert "landing_page (says the same as group)" in text


def test_who_was_reached_is_found_out_by_a_group_that_never_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    treated = rng.random(N) < 0.5
    frame = drawn(treatment=treated.astype(int), seen=(treated & (rng.random(N) < 0.3)).astype(int), f0=rng.normal(size=N))
    frame["conversion"], frame["exposure"] = (rng.random(N) < 0.2).astype(int), frame["seen"]
    text = started(frame, tmp_path)
    assert covariates_of(text) == {"seen", "f0"}
    assert "exposure (tells who was reached, which the treatment decides)" in text
    said = " ".join(decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w").out.split())
    assert re.search(r"Beware \(leakage\): seen is 0 for all [\d,]+ users of none", said)
    assert "f0 is 0 for all" not in said


def test_sizes_off_from_guessed_equal_shares_are_not_called_declared(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frame = drawn(group=np.where(np.arange(N) % 1000 < 514, "control", "treatment"), spend=rng.gamma(2, 9, N).round(2))
    many = pd.concat([frame.assign(**{"user id": frame["user id"] + k * 10**6}) for k in range(4)])
    text = started(many, tmp_path)
    assert "  shares: {none: 0.5, treatment: 0.5} # 0.50; FILL IN" in text
    said = " ".join(decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w").out.split())
    assert said.startswith("Sample-ratio mismatch: the group sizes do not fit the shares that were guessed")
    assert "declared shares" not in said


def test_a_list_of_customers_beside_orders_is_no_experiment(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    people = pd.DataFrame({"customer_id": [f"C{k:04d}" for k in range(300)], "segment": rng.choice(["gold", "none"], 300)})
    people["total_spend"] = rng.gamma(2, 50, 300).round(2)
    orders = pd.DataFrame({"order_id": [f"O{k}" for k in range(2_000)], "customer_id": rng.choice(people.customer_id, 2_000)})
    orders["order_date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 2_000), unit="D")
    orders["amount"] = rng.gamma(2, 20, 2_000).round(2)
    orders.to_csv(tmp_path / "orders.csv", index=False)
    text = started(people, tmp_path, tmp_path / "orders.csv")
    assert "\n  experiment:" not in text
    assert "\n  customers:" in text


def test_amounts_with_signs_and_keys_inside_objects_are_reached(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows: list[dict[str, Any]] = [
        {
            "customer": {"id": f"C{k:05d}", "age": int(rng.integers(18, 80))},
            "variant": str(rng.choice(["control", "voucher"])),
            "revenue": f"${rng.gamma(2, 9):.2f}",
        }
        for k in range(1_000)
    ]
    (tmp_path / "trial.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = write_starter([str(tmp_path / "trial.jsonl")], tmp_path / "config.yaml").text
    assert covariates_of(text) == {"customer.age"}
    checked = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert (checked["accepted"], checked["quarantined"]) == (1_000, 0)
    means = {row["action"]: row["mean revenue"] for row in checked["assignment"]["groups"]}
    paid = [float(row["revenue"][1:]) for row in rows if row["variant"] == "voucher"]
    assert means["voucher"] == pytest.approx(np.mean(paid))
