"""The main job on an experiment, from its file to the plan and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.planning import Plan
from tests.experiment.email_test import MARGIN_SHARE, Ran, run, write
from tests.product.command_line import decision_engine
from tests.reports.page import Page

TARGETED = "best action for each user"


def _true_value(ran: Ran, plan: Plan) -> float:
    """Return what a plan truly brings: expected extra margin of its rows, net of cost."""
    users = {user: place for place, user in enumerate(ran.known.frame["customer"])}
    places = np.array([users[user] for user in plan.rows["user_id"]])
    actions = plan.rows["action"].map({"mens": 1, "womens": 2}).to_numpy()
    gained = ran.known.expected[places, actions] - ran.known.expected[places, 0]
    return float(MARGIN_SHARE * gained.sum() - plan.cost)


@pytest.mark.parametrize("name", ["opposed", "alike"])
def test_effects_come_within_three_standard_errors_of_the_truth(name, request):
    """A right interval misses by more once in 370 effects; four are looked at."""
    ran = request.getfixturevalue(name)
    for place, action in enumerate(("mens", "womens"), start=1):
        found, truth = ran.effect(action), MARGIN_SHARE * ran.known.effects[place]
        error = (found["high"] - found["low"]) / 2.0 / 1.645
        assert abs(found["estimate"] - truth) < 3.0 * error
        assert abs(found["econml_estimate"] - found["estimate"]) < error


def test_targeting_is_taken_where_it_pays(opposed):
    assert opposed.document["choice"]["name"] == TARGETED
    assert opposed.document["choice"]["beats_baselines"]
    assert opposed.policy(TARGETED)["low"] > opposed.policy("always mens")["value"]
    rows = opposed.plan().rows
    mens = dict(zip(opposed.known.frame["customer"], opposed.known.frame["mens"], strict=True))
    bought = rows["user_id"].map(mens)
    # an e-mail helps with those who bought its goods, and hurts with others
    assert bought[rows["action"] == "mens"].mean() > 0.95
    assert bought[rows["action"] == "womens"].mean() < 0.1


def test_targeting_is_not_taken_where_it_does_not_pay(alike):
    assert alike.document["choice"]["name"] == "always mens"
    assert not alike.document["choice"]["beats_baselines"]
    plan = alike.plan()
    assert set(plan.rows["action"]) == {"mens"}
    assert plan.rows["increment"].nunique() == 1  # everybody is reckoned with the average


@pytest.mark.parametrize("name", ["opposed", "alike"])
def test_the_plan_brings_what_its_interval_says(name, request):
    """A 90 % interval, doubled: a right one misses once in a thousand."""
    ran = request.getfixturevalue(name)
    plan = ran.plan()
    half = (plan.expected.high - plan.expected.low) / 2.0
    assert half > 0.0
    assert abs(plan.expected.increment - _true_value(ran, plan)) < 2.0 * half


def test_a_policys_value_off_policy_is_its_gain_above_the_control_groups_margin(alike):
    nothing, mens = alike.policy("none"), alike.policy("always mens")
    assert mens["margin"] - nothing["margin"] == pytest.approx(mens["value"], abs=0.02)
    assert nothing["value"] == 0.0


@pytest.mark.parametrize("name", ["opposed", "alike"])
def test_everybody_has_an_action_is_held_out_or_left_out_for_a_reason(name, request):
    totals = request.getfixturevalue(name).document["plan"]
    assert totals["actions"] + totals["holdout"] + sum(totals["excluded"].values()) == totals["audience"] == 24_000
    assert totals["holdout"] == pytest.approx(2400, abs=200)


def test_what_an_experiment_does_not_have_is_absent_from_document_and_page(opposed):
    document = opposed.document
    assert next(iter(document)) == "assignment"
    assert [stage["name"] for stage in document["stages"]] == ["check", "effects", "evaluate", "plan", "report"]
    assert not {"simulator", "search", "off_policy", "horizons", "effects_judged"} & set(document)
    assert {"kind", "words"} == set(document["doubts"][0])
    assert not {"retention", "opt_outs", "order_days"} & set(document["policies"][0])
    assert "estimate_orders" not in document["effects"][0]
    assert None not in document["effects"][0].values()
    page = opposed.page()
    for absent in ("simulator", "order-days", "Retention", "week of contact"):
        assert absent not in page
    assert Page(page).faults == []
    assert "within two weeks" in page


def test_the_same_seed_gives_the_same_plan_and_a_second_run_does_nothing_anew(opposed, tmp_path):
    again = decision_engine("run", opposed.configuration, "-w", opposed.workspace, "--json").document
    assert again["plan"] == opposed.document["plan"]
    assert all(stage["cached"] for stage in again["stages"])
    anew = decision_engine("run", opposed.configuration, "-w", tmp_path / "other", "--json").document
    assert anew["plan"]["digest"] == opposed.document["plan"]["digest"]


def test_a_run_says_on_80_columns_what_it_found(opposed):
    said = decision_engine("run", opposed.configuration, "-w", opposed.workspace)
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, [line for line in lines if not line.startswith("report: ")])) <= 80
    assert lines[0].startswith("The group sizes fit the declared shares")
    for told in ("identified", "chosen", "margin, 50% of revenue, is known", "draws of the effects"):
        assert told in " ".join(said.out.split())


def test_group_sizes_that_do_not_fit_are_told_first_and_nothing_is_built_on_them(tmp_path):
    known = draw_experiment(12_000, seed=8, lift=1.6)
    got_mens = known.frame["segment"] == "Mens E-Mail"
    lost = known.frame[~(got_mens & (got_mens.cumsum() % 8 == 0))]
    configuration = write(tmp_path, lost)
    document = decision_engine("run", configuration, "-w", tmp_path / "w", "--json").document
    assert next(iter(document)) == "assignment"
    assert next(iter(document["assignment"])) == "sample_ratio"
    assert document["assignment"]["sample_ratio"]["mismatch"]
    assert "Sample-ratio mismatch" in document["assignment"]["sample_ratio"]["words"]
    assert {row["verdict"] for row in document["effects"]} == {"not identified"}
    assert document["effects"][0]["reasons"][0].startswith("sample-ratio mismatch")
    assert document["plan"]["actions"] == 0
    said = decision_engine("run", configuration, "-w", tmp_path / "w").out
    assert said.startswith("Sample-ratio mismatch")
    page = Path(document["report"]).read_text()
    assert page.index("Sample-ratio mismatch") < page.index("The plan contacts nobody")
    checked = decision_engine("check", configuration)
    assert checked.out.startswith("Sample-ratio mismatch")
    assert next(iter(decision_engine("check", configuration, "--json").document)) == "assignment"


def test_an_assumed_action_is_reckoned_with_and_marked(tmp_path):
    third = "  - {name: call, kind: care, channel: phone, cost: 0.5, effect: assumed, gain: {mean: 1.5, sd: 0.2}}\ncampaign"
    ran = run(tmp_path, draw_experiment(6000, seed=2), ("campaign", third), ("womens: 0.3334", "womens: 0.3334"))
    effect = ran.effect("call")
    assert effect["verdict"] == "assumed"
    assert (effect["estimate"], effect["used"]["source"]) == (1.5, "assumed")
    assert ran.document["choice"]["name"] == "always call"
    plan = ran.plan()
    assert set(plan.rows["source"]) == {"assumed"}
    assert ran.document["plan"]["share_assumed"]["effect"] == 1.0
    assert ran.document["plan"]["increment"] == pytest.approx(len(plan.rows) * 1.0, rel=0.02)


def test_a_plan_for_a_new_audience_holds_its_users_and_no_others(opposed, tmp_path):
    newcomers = draw_experiment(5000, seed=77, opposed=True).frame
    newcomers["customer"] = "new " + newcomers["customer"]
    newcomers["agreed"] = np.where(np.arange(5000) % 10 == 0, "no", "yes")
    newcomers.drop(columns=["segment", "visit", "conversion", "spend"]).to_csv(tmp_path / "people.csv", index=False)
    people = "  audience: {source: people, columns: {user_id: customer, consent: agreed}}"
    ran = run(
        tmp_path,
        opposed.known,
        ("sources: {test: {file: test.csv}}", "sources: {test: {file: test.csv}, people: {file: people.csv}}"),
        ("experiment:\n  outcomes", f"{people}\nexperiment:\n  outcomes"),
        ("budget: 100000", "budget: 100"),
    )  # fmt: skip
    totals, plan = ran.document["plan"], ran.plan()
    assert totals["audience"] == 5000
    assert totals["actions"] + totals["holdout"] + sum(totals["excluded"].values()) == 5000
    assert totals["excluded"]["no consent"] == pytest.approx(450, abs=40)
    assert totals["cost"] <= 100.0
    assert totals["excluded"]["budget"] > 0
    assert all(user.startswith("new ") for user in plan.rows["user_id"])
    mens = dict(zip(newcomers["customer"], newcomers["mens"], strict=True))
    assert plan.rows["user_id"].map(mens)[plan.rows["action"] == "mens"].mean() > 0.95
    for row in ran.document["policies"]:  # they are compared under the same budget a user, what the experiment did too
        assert row["spend"] <= 100 / 5000 + 1e-9, row["name"]
    (did,) = [row for row in ran.document["policies"] if row["kind"] == "history"]
    assert did["name"].startswith("as in the experiment, for 60")
    assert did["contacts"] == pytest.approx(0.6 * 2 / 3, abs=1e-3)
    assert opposed.policy("as in the experiment")["contacts"] == pytest.approx(2 / 3, abs=1e-3)


def test_a_plan_from_an_experiment_goes_the_way_of_every_plan(alike, tmp_path):
    identity = alike.document["plan"]["id"]
    workspace = alike.workspace
    shown = decision_engine("plan", "show", identity, "-w", workspace)
    assert "to start on 2024-04-01, by always mens" in shown.out
    assert "draws of the effects" in shown.out
    assert decision_engine("plan", "approve", identity, "--by", "ada", "-w", workspace).code == 0
    exported = decision_engine("plan", "export", identity, "-w", workspace, "--to", tmp_path, "--json").document
    written = json.loads((tmp_path / identity / "plan.json").read_text())
    assert written["settings"]["horizon"] == "two weeks"
    assert "exposures.csv" in exported["files"]
    exposures = (tmp_path / identity / "exposures.csv").read_text().splitlines()
    assert exposures[1].split(",")[1].startswith("2024-04-01")
    assert decision_engine("plan", "verify", "-w", workspace).code == 0
    measured = decision_engine("outcomes", alike.configuration, identity, "-w", workspace)
    assert measured.code == 2
    assert "an experiment holds no orders" in measured.err
