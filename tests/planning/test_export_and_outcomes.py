"""Export and outcomes: files that can be trusted, and differences that can be measured."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from decision_engine.planning import Ledger, Plan, PlanStatus, export_plan, feature_reasons, make_plan, measure_outcomes
from decision_engine.planning.export import plan_files, safe_text
from simulations.errors import PlanError
from simulations.panel import Calendar
from simulations.randomness import user_keys
from simulations.tables import CANONICAL_TABLES
from tests.planning.conftest import KEY, candidates_of, plan_of, settings_of


@pytest.fixture
def ledger(tmp_path, plan):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        opened.record(plan, maker="Ann")
        yield opened


def test_only_an_approved_plan_is_exported(ledger, plan, tmp_path):
    with pytest.raises(PlanError, match="only an approved plan"):
        export_plan(ledger, plan.id, tmp_path / "out", by="Ann")
    assert not (tmp_path / "out").exists()
    ledger.reject(plan.id, by="Bert", digest=plan.digest)
    with pytest.raises(PlanError, match="is rejected"):
        export_plan(ledger, plan.id, tmp_path / "out", by="Ann")


def test_an_export_names_its_files_by_digest_and_happens_once(ledger, plan, tmp_path):
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    manifest = export_plan(ledger, plan.id, tmp_path / "out", by="Ann")
    written = {path.name: path.stat().st_mtime_ns for path in manifest.folder.iterdir()}
    assert set(written) == {"plan.csv", "plan.parquet", "plan.json", "exposures.csv", "manifest.json"}
    for name, digest in manifest.files.items():
        assert hashlib.sha256((manifest.folder / name).read_bytes()).hexdigest() == digest
    again = export_plan(ledger, plan.id, tmp_path / "out", by="Ann")
    assert again == manifest
    assert {path.name: path.stat().st_mtime_ns for path in manifest.folder.iterdir()} == written
    assert ledger.state(plan.id).status is PlanStatus.EXPORTED
    assert ledger.verify() == 3


def test_a_file_lost_or_damaged_after_the_export_is_written_again(ledger, plan, tmp_path):
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    folder = export_plan(ledger, plan.id, tmp_path / "out", by="Ann").folder
    whole = (folder / "plan.csv").read_bytes()
    (folder / "plan.csv").write_bytes(whole[:10])
    export_plan(ledger, plan.id, tmp_path / "out", by="Ann")
    assert (folder / "plan.csv").read_bytes() == whole


def test_a_place_with_another_export_is_not_overwritten(ledger, plan, tmp_path):
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    (tmp_path / "out" / plan.id).mkdir(parents=True)
    (tmp_path / "out" / plan.id / "manifest.json").write_text('{"digest": "other"}')
    with pytest.raises(PlanError, match="holds another export"):
        export_plan(ledger, plan.id, tmp_path / "out", by="Ann")


def test_exposures_are_the_canonical_table_of_the_planned_week(ledger, plan, tmp_path):
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    folder = export_plan(ledger, plan.id, tmp_path / "out", by="Ann").folder
    frame = pd.read_csv(folder / "exposures.csv", dtype={"user_id": str})
    known = {column.name for column in CANONICAL_TABLES["exposures"].columns}
    assert set(frame.columns) <= known
    assert set(CANONICAL_TABLES["exposures"].required) <= set(frame.columns)
    assert len(frame) == len(plan.rows) + len(plan.holdout)
    assert frame["propensity"].between(0, 1, inclusive="right").all()
    calendar = Calendar(first_day=date(2017, 1, 1), n_periods=60, business_day_starts_at=5)
    assert set(calendar.business_days(frame["exposed_at"])) == {(date(2018, 1, 7) - date(2017, 1, 1)).days}
    assert set(frame.loc[frame["action"] == "none", "user_id"]) == set(plan.holdout["user_id"])


def test_the_files_of_a_plan_say_the_same(ledger, plan, tmp_path):
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    folder = export_plan(ledger, plan.id, tmp_path / "out", by="Ann").folder
    table = pd.read_parquet(folder / "plan.parquet")
    text = pd.read_csv(folder / "plan.csv", dtype={"user_id": str})
    assert Plan.from_json(json.loads((folder / "plan.json").read_text())).digest == plan.digest
    for frame in (table, text):
        assert frame["user_id"].tolist() == plan.rows["user_id"].tolist()
        assert frame["increment"].to_numpy() == pytest.approx(plan.rows["increment"].to_numpy(), abs=5e-7)


def test_no_spreadsheet_takes_a_users_name_for_a_formula_and_numbers_stay_numbers(tmp_path):
    ids = ["=cmd|' /C calc'!A0", "+1", "-2", "@x", "\t=3", "\uff1d4", "plain"]
    candidates = candidates_of(1, len(ids))
    loud = replace(
        candidates,
        user_ids=ids,
        user_keys=user_keys(ids),
        margins=np.where(np.arange(3) > 0, candidates.margins * 0 - 1.0, 0.0).astype(np.float32),
        costs=np.zeros_like(candidates.costs),
        allowed=np.ones_like(candidates.allowed),
        chosen=np.ones_like(candidates.chosen),
    )
    gain = replace(loud, margins=-loud.margins)
    made = make_plan(gain, settings_of(holdout_share=0.0, budget=None, capacities={}), holdout_key=KEY)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(made, maker="Ann")
        ledger.approve(made.id, by="Bert", digest=made.digest)
        folder = export_plan(ledger, made.id, tmp_path, by="Ann").folder
    with (folder / "plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["user_id"] for row in rows] == ["'" + name for name in ids[:-1]] + ["plain"]
    assert all(float(row["increment"]) == 1.0 for row in rows)
    with (folder / "exposures.csv").open(newline="") as file:
        assert [row["user_id"] for row in csv.DictReader(file)] == ids
    assert safe_text("call") == "call"


def orders_with_effect(plan: Plan, effect: float, seed: int = 3) -> pd.DataFrame:
    """Draw one order a user in the first week of the plan; contacted users spend `effect` more."""
    rng = np.random.default_rng(seed)
    contacted, held = plan.rows["user_id"], plan.holdout["user_id"]
    users = pd.concat([contacted, held], ignore_index=True)
    extra = np.where(users.isin(contacted), effect, 0.0)
    return pd.DataFrame(
        {"user_id": users, "ordered_at": pd.Timestamp("2018-01-08 02:00"), "revenue": rng.normal(50.0, 5.0, len(users)) + extra}
    )


def test_outcomes_find_a_known_difference():
    """About 1,000 contacted and 250 held out; the margin's standard error is near 0.09, so 4 of them are 0.36."""
    plan = plan_of(n_users=2500, budget=None, capacities={})
    found = measure_outcomes(plan, orders_with_effect(plan, 8.0), observed_until=date(2018, 1, 13))
    days, margin = found.differences
    assert margin.difference == pytest.approx(8.0 * 0.25, abs=0.36)
    assert margin.low < margin.difference < margin.high
    assert (days.difference, days.low, days.high) == (0.0, 0.0, 0.0)
    assert found.realised == pytest.approx(margin.difference * len(plan.rows) - plan.cost)
    assert (found.predicted, found.weeks, found.complete) == (plan.expected.increment, 1, False)
    assert found.trusted


def test_the_interval_covers_no_effect_at_its_level():
    """200 draws without an effect; three standard errors of a share of 0.9 are 0.064."""
    plan = plan_of(n_users=300, budget=None)
    covered = 0
    for seed in range(200):
        margin = measure_outcomes(plan, orders_with_effect(plan, 0.0, seed), observed_until=date(2018, 1, 13)).differences[1]
        covered += margin.low <= 0.0 <= margin.high
    assert covered / 200 == pytest.approx(0.9, abs=0.064)


def test_an_order_before_the_business_day_starts_belongs_to_the_week_before():
    plan = plan_of(n_users=300, budget=None)
    early = orders_with_effect(plan, 0.0).assign(ordered_at=pd.Timestamp("2018-01-07 04:59"))
    found = measure_outcomes(plan, early, observed_until=date(2018, 1, 13))
    assert found.differences[0].contacted == 0.0


def test_lost_users_make_the_measurement_untrusted():
    plan = plan_of(n_users=2500, budget=None, capacities={})
    lost = replace(plan, holdout=plan.holdout.iloc[: len(plan.holdout) // 2])
    found = measure_outcomes(lost, orders_with_effect(plan, 8.0), observed_until=date(2018, 3, 30))
    assert not found.trusted
    assert found.complete
    assert "Do not trust this" in found.summary()


def test_what_cannot_be_measured_is_refused_in_words():
    plan = plan_of(holdout_share=0.0)
    orders = orders_with_effect(plan, 0.0)
    with pytest.raises(PlanError, match="cover no whole week"):
        measure_outcomes(plan, orders, observed_until=date(2018, 1, 12))
    with pytest.raises(PlanError, match=r"0 comparable ones held out.*holdout_share"):
        measure_outcomes(plan, orders, observed_until=date(2018, 1, 13))
    with pytest.raises(PlanError, match="no column revenue"):
        measure_outcomes(plan_of(n_users=300), orders.drop(columns="revenue"), observed_until=date(2018, 1, 13))


def test_reasons_name_what_is_unusual_and_nothing_else():
    features = pd.DataFrame({"recency_weeks": [*range(9), 30.0], "active_share": [0.5] * 10})
    phrases = feature_reasons(features, units={"recency_weeks": "weeks", "active_share": "share"})
    assert phrases[-1] == ("recency: 30 weeks, more than 90% of the audience",)


def test_every_user_has_a_reason():
    """A user without an unusual fact is told by the one that comes nearest, one like all others by the expected increment."""
    features = pd.DataFrame({"recency_weeks": [*range(9), 30.0], "active_share": [0.5] * 10})
    phrases = feature_reasons(features, units={"recency_weeks": "weeks", "active_share": "share"})
    assert phrases[6] == ("recency: 6 weeks, more than 60% of the audience",)
    assert phrases[3] == ("recency: 3 weeks, less than 60% of the audience",)
    alike = feature_reasons(pd.DataFrame({"active_share": [0.5] * 10}))
    assert alike == [("nothing unusual: chosen by its expected increment",)] * 10
    assert feature_reasons(pd.DataFrame(index=range(2))) == alike[:2]
    unknown = feature_reasons(pd.DataFrame({"weeks_since_contact": [1.0, 2.0, 3.0, np.nan]}))
    assert unknown[3] == alike[0]


def test_money_has_six_decimals_in_files_for_people_and_machines_and_propensities_are_exact(ledger, tmp_path):
    plan = plan_of(seed=4)
    noisy = replace(plan, rows=plan.rows.assign(cost=0.1 + 0.2, increment=-1e-9, propensity=0.1 + 0.7)).sealed()
    files = plan_files(noisy)
    exposures = pd.read_csv(io.BytesIO(files["exposures.csv"]), dtype=str)
    contacted = exposures[exposures["action"] != "none"]
    assert set(contacted["cost"]) == {"0.3"}
    assert {float(one) for one in contacted["propensity"]} == {0.1 + 0.7}
    rows = pd.read_csv(io.BytesIO(files["plan.csv"]), dtype=str)
    assert set(rows["cost"]) == {"0.3"}
    assert set(rows["increment"]) == {"0.0"}
    for name in ("low", "high", "increment_margin"):
        assert max(len(one.partition(".")[2]) for one in rows[name]) <= 6
