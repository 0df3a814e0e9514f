"""Shops that have little: no contacts on file, no products, no money, nobody held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.product.command_line import decision_engine
from tests.product.conftest import Copy, Done, do
from tests.product.generated_shop import CONFIGURATION, N_USERS, QUICK

pytestmark = pytest.mark.slow


def part(start: str, stop: str) -> str:
    """Return the text of the configuration from one phrase up to another."""
    return CONFIGURATION[CONFIGURATION.index(start) : CONFIGURATION.index(stop)]


def adds_up(document: dict[str, Any]) -> bool:
    plan = document["plan"]
    return bool(plan["audience"] == plan["actions"] + plan["holdout"] + sum(plan["excluded"].values()))


def test_without_contacts_on_file_nothing_is_identified_and_the_logs_abstain(tmp_path: Path) -> None:
    """One action asks for an estimate all the same; no line remains of the table of exposures."""
    changes = (QUICK[0], QUICK[2], (part("  exposures:", "time:"), ""))
    document = do(tmp_path, *changes).document
    assert {row["verdict"] for row in document["effects"]} == {"not identified", "assumed"}
    assert document["off_policy"]["abstains"]
    assert "history" not in {policy["kind"] for policy in document["policies"]}
    assert document["plan"]["share_assumed"]["effect"] in (0.0, 1.0)
    assert adds_up(document)


def test_without_order_lines_there_is_a_plan_and_no_recommendation(tmp_path: Path) -> None:
    document = do(tmp_path, *QUICK, (part("  items:", "  customers:"), "")).document
    assert {table["table"] for table in document["data"]["tables"]} == {"orders", "customers", "exposures"}
    assert document["plan"]["actions"] > 0
    assert adds_up(document)


def test_where_too_few_weeks_are_left_to_judge_on_no_error_is_claimed(quick: Done) -> None:
    assert "holdout_errors" not in quick.document["simulator"]
    assert quick.document["policies"]
    assert Path(quick.document["report"]).is_file()


@pytest.mark.parametrize(
    ("changes", "held_out", "contacted"),
    [
        ((("holdout_share: 0.2", "holdout_share: 0"),), False, True),
        ((("budget: 60", "budget: 0"),), True, False),
        ((("holdout_share: 0.2", "holdout_share: 0"), ("budget: 60", "budget: 0")), False, False),
    ],
    ids=["nobody held out", "no money", "neither"],
)
def test_a_plan_without_holdout_or_money_adds_up(
    quick: Done, copy: Copy, changes: tuple[tuple[str, str], ...], held_out: bool, contacted: bool
) -> None:
    done = copy(quick)
    text = done.shop.configuration.read_text()
    for old, new in changes:
        text = text.replace(old, new)
    done.shop.configuration.write_text(text)
    document = decision_engine("run", done.shop.configuration, "-w", done.workspace, "--workers", 0, "--json").document
    plan = document["plan"]
    assert adds_up(document)
    assert plan["audience"] == N_USERS
    assert (plan["holdout"] > 0) == held_out
    assert (plan["actions"] > 0) == contacted
    assert plan["cost"] <= plan["budget"]
    if not contacted:
        assert (plan["cost"], plan["increment"], plan["low"], plan["high"]) == (0.0, 0.0, 0.0, 0.0)
    said = decision_engine("run", done.shop.configuration, "-w", done.workspace)
    assert said.code == 0, said.err
    assert "nan" not in said.out.lower().split()
