"""`init` and `check` on experiments laid out as public ones are: which columns they take, leave out, and say why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
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


def test_sizes_that_nothing_vouches_for_are_doubted_where_equal_ones_may_have_been_meant(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    frame = drawn(group=np.where(np.arange(N) % 100 < 54, "control", "treatment"), spend=rng.gamma(2, 9, N).round(2))
    text = started(frame, tmp_path)
    assert "\n  # shares: {" in text
    said = " ".join(decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w").out.split())
    assert "Were equal shares meant, they would not be (p < 0.0001), and no effect below could be trusted." in said
    assert "Beware (sample ratio): the group sizes are not equal" in said


LAYOUTS: dict[str, tuple[str, str, list[str], str]] = {  # header, a row of each arm; treatment, outcomes, control
    "German, with decimal commas and a day of sending": (
        "Kundennr;Alter;Umsatz Vorjahr;Gruppe;Gekauft;Umsatz (€);Versanddatum|{id};{n};{n},92;Kontrolle;nein;0,00;{day}|"
        "{id};{n};{n},10;Gutschein;ja;{n},63;{day}",
        "Gruppe", ["Umsatz (€)", "Gekauft"], "Kontrolle",
    ),
    "Chinese": (
        "用户ID,组别,城市,历史消费金额,是否购买,消费金额|{id},对照组,上海,{n}.5,否,0.0|{id},优惠券组,北京,{n}.25,是,{n}.1",
        "组别", ["消费金额", "是否购买"], "对照组",
    ),
    "who was held out, and amounts with signs": (
        'Customer ID,In Holdout,Segment Value,Prior Spend,Purchased,Campaign Revenue|{id},N,High,{n}.5,Y,"$1,2{n}.10"|'
        '{id},Y,Low,{n}.25,N,"$1,1{n}.20"',
        "In Holdout", ["Campaign Revenue", "Purchased"], "Y",
    ),
    "an arm of yes and no, with a baseline": (
        "member_id,treated,baseline_spend,spend_30d,assigned_at|{id},False,{n}.55,{n}.2,{day}|{id},True,{n}.15,{n}.7,{day}",
        "treated", ["spend_30d"], "False",
    ),
    "cents": (
        "uid,variant,device,orders_before,revenue_cents|{id},control,web,{n},{n}00|{id},new,app,{n},1{n}50",
        "variant", ["revenue_cents"], "control",
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_experiment_is_read_whatever_its_language_and_signs(tmp_path: Path, layout: str) -> None:
    text, treatment, outcomes, control = LAYOUTS[layout]
    header, *rows = text.split("|")
    rng = np.random.default_rng(9)
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 20, 600), unit="D")
    lines = [
        rows[k % 2].format(id=10_000_000 + 7 * k, n=int(rng.integers(10, 90)), day=days[k].strftime("%d.%m.%Y"))
        for k in range(600)
    ]
    (tmp_path / "trial.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    write_starter([str(tmp_path / "trial.csv")], tmp_path / "config.yaml")
    config = load_config(tmp_path / "config.yaml")
    assert config.experiment is not None
    assert config.tables.experiment is not None
    (mapping,) = config.tables.experiment
    assert mapping.columns["treatment"].strip('"') == treatment
    assert list(config.experiment.outcomes) == outcomes
    assert [raw for raw, action in mapping.values["treatment"].items() if action == "none"] == [control]
    assert not any("Vorjahr" in name and name in config.experiment.outcomes for name in config.experiment.covariates)
    checked = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert (checked["accepted"], checked["quarantined"]) == (600, 0)
    if layout == "cents":
        means = {row["action"]: row["mean revenue_cents"] for row in checked["assignment"]["groups"]}
        assert 10 <= means["none"] <= 90


def test_a_study_without_a_users_column_says_that_the_plan_names_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    frame = pd.DataFrame({"arm": rng.choice(["control", "push"], 500), "spend": rng.gamma(2, 9, 500).round(2)})
    frame.to_csv(tmp_path / "trial.csv", index=False)
    (tmp_path / "notes.csv").write_text("code,words\n1,first\n2,second\n")
    starter = write_starter([str(tmp_path / "trial.csv"), str(tmp_path / "notes.csv")], tmp_path / "config.yaml")
    assert any("will name the rows of the file by their numbers" in words for words in starter.not_found)
    assert any(words.startswith("a use for notes") for words in starter.not_found)
    frame.assign(subject=[f"S{k:04d}" for k in range(500)]).to_csv(tmp_path / "trial.csv", index=False)
    assert "user_id: subject\n" in write_starter([str(tmp_path / "trial.csv")], tmp_path / "config.yaml").text
