"""The main job on a small shop: what it says, what adds up, and what is done again when something changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decision_engine.planning import Ledger, Plan
from tests.product.command_line import decision_engine, installed
from tests.product.conftest import Copy, Done
from tests.product.generated_shop import N_BAD_ORDERS, N_USERS

STAGES = ["check", "profile", "effects", "fit", "search", "evaluate", "plan", "report"]
pytestmark = pytest.mark.slow


def again(done: Done) -> dict[str, bool]:
    """Run once more and return which stages were taken from the workspace."""
    document = decision_engine("run", done.shop.configuration, "-w", done.workspace, "--workers", 0, "--json").document
    return {stage["name"]: stage["cached"] for stage in document["stages"]}


def plan_of(done: Done) -> Plan:
    with Ledger(done.workspace / "ledger.sqlite") as ledger:
        return ledger.plan(done.document["plan"]["id"])


def test_the_document_has_every_key_that_readers_rely_on(whole: Done) -> None:
    document = whole.document
    assert [stage["name"] for stage in document["stages"]] == STAGES
    assert all({"name", "seconds", "cached"} <= set(stage) for stage in document["stages"])
    assert {"rows_read", "accepted", "quarantined"} <= set(document["data"])
    assert [row["action"] for row in document["effects"]] == list(whole.shop.world.actions.names[1:])
    for row in document["effects"]:
        assert {"estimate", "low", "high", "verdict"} <= set(row)
        assert row["low"] <= row["estimate"] <= row["high"]
        assert row["verdict"] in {"identified", "weak", "not identified", "assumed"}
    simulator = document["simulator"]
    assert simulator["holdout_errors"]["mae"] > 0
    names = [baseline["model"] for baseline in simulator["baselines"]]
    assert {"BG/NBD", "repeat-last-period"} <= set(names)
    assert all(set(simulator["holdout_errors"]) == set(baseline) for baseline in simulator["baselines"])
    for policy in document["policies"]:
        assert {"name", "value", "low", "high", "retention", "spend"} <= set(policy)
        assert policy["low"] <= policy["value"] <= policy["high"]
    assert {policy["kind"] for policy in document["policies"]} >= {
        "do_nothing", "fixed_action", "history", "rfm_rule", "uplift_greedy", "linucb", "ppo",
    }  # fmt: skip
    plan = document["plan"]
    assert {
        "id", "digest", "audience", "actions", "holdout", "excluded", "cost", "budget", "increment", "low", "high",
        "share_assumed", "lp_gap",
    } <= set(plan)  # fmt: skip
    assert set(plan["share_assumed"]) == {"effect", "margin"}
    assert Path(document["report"]).is_file()
    assert {"assumed effects", "assumed margin"} <= {doubt["kind"] for doubt in document["doubts"]}


def test_the_document_of_a_run_has_the_keys_that_are_documented_and_no_others(whole: Done) -> None:
    text = (Path(__file__).parents[2] / "docs" / "run.md").read_text()
    table = text.split("## A run on an experiment")[0]
    assert {key for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)} == set(
        whole.document
    )
    policies = text.split("## `policies`")[1].split("\n## ")[0]
    named = {key for row in re.findall(r"^\| (`.*?) \|", policies, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == set(whole.document["policies"][0])


def test_every_row_is_accepted_or_set_aside_with_a_reason(whole: Done) -> None:
    data = whole.document["data"]
    assert data["quarantined"] == N_BAD_ORDERS == sum(reason["rows"] for reason in data["reasons"])
    assert data["rows_read"] == data["accepted"] + data["quarantined"]
    for table in data["tables"]:
        assert table["read"] == table["accepted"] + table["quarantined"]
    assert data["rows_read"] == sum(table["read"] for table in data["tables"])


def test_everybody_has_an_action_or_is_held_out_or_has_one_reason(whole: Done) -> None:
    totals, plan = whole.document["plan"], plan_of(whole)
    assert totals["audience"] == N_USERS == totals["actions"] + totals["holdout"] + sum(totals["excluded"].values())
    users = [*plan.rows["user_id"], *plan.holdout["user_id"], *plan.excluded_users["user_id"]]
    assert len(users) == len(set(users)) == totals["audience"]
    assert plan.rows["cost"].sum() == pytest.approx(totals["cost"])
    assert plan.rows["increment"].sum() == pytest.approx(totals["increment"])
    assert totals["cost"] <= totals["budget"] + 1e-9
    assert totals["low"] <= totals["increment"] <= totals["high"]
    for name, count in totals["actions_by_name"].items():
        assert count <= plan.settings.capacities[name]


def test_nobody_without_consent_is_contacted(whole: Done) -> None:
    customers = whole.shop.history.customers
    refused = set(customers.loc[~customers["consent"], "user_id"])
    assert refused
    assert not refused & set(plan_of(whole).rows["user_id"])


def test_stdout_holds_the_document_alone_and_progress_goes_to_stderr(whole: Done) -> None:
    assert whole.answer.out.startswith("{")
    assert [line.split()[0] for line in whole.answer.err.splitlines() if line.endswith("...")] == STAGES
    assert "\r" not in whole.answer.err


def test_the_report_is_one_small_page_that_asks_nothing_of_the_network(whole: Done) -> None:
    page = Path(whole.document["report"]).read_text()
    assert len(page.encode()) <= 3_000_000
    assert not re.search(r"""(?:src|href|action|data)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.search(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", page)
    assert "assumed" in page
    assert whole.document["plan"]["id"] in page


def test_a_second_run_takes_every_stage_from_the_workspace(whole: Done) -> None:
    second = installed("run", whole.shop.configuration, "-w", whole.workspace, "--json")
    document = second.document
    assert all(stage["cached"] for stage in document["stages"])
    assert sum(stage["seconds"] for stage in document["stages"]) < 10
    assert {**document, "stages": None} == {**whole.document, "stages": None}


def test_without_json_the_policies_the_plan_and_the_reports_path_are_printed(whole: Done) -> None:
    said = decision_engine("run", whole.shop.configuration, "-w", whole.workspace).out
    assert "uplift-greedy" in said
    assert whole.document["plan"]["id"] in said
    worst = " ".join(whole.document["doubts"][0]["words"].split()[:4])
    assert f"What to doubt first\n- {worst}" in said
    assert said.strip().endswith(whole.document["report"])


def test_another_budget_leaves_what_does_not_depend_on_it(quick: Done, copy: Copy) -> None:
    done = copy(quick)
    text = done.shop.configuration.read_text()
    done.shop.configuration.write_text(text.replace("budget: 60", "budget: 12"))
    cached = again(done)
    assert [name for name in STAGES if cached[name]] == ["check", "profile", "effects", "fit"]


@pytest.mark.parametrize("damage", ["cut", "lost"])
def test_a_damaged_artifact_is_made_again_and_the_plan_stays(quick: Done, copy: Copy, damage: str) -> None:
    done = copy(quick)
    (artifact,) = (done.workspace / "artifacts").glob("plan-*.pickle")
    if damage == "cut":
        artifact.write_bytes(artifact.read_bytes()[:-10])
    else:
        artifact.unlink()
    document = decision_engine("run", done.shop.configuration, "-w", done.workspace, "--workers", 0, "--json").document
    assert [stage["name"] for stage in document["stages"] if not stage["cached"]] == ["plan"]
    assert document["plan"] == quick.document["plan"]
