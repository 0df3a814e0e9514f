"""What people do with plans on the command line: read, compare, decide, export, verify."""

from __future__ import annotations

import getpass
import json
import sqlite3
from pathlib import Path

import pytest

from tests.product.command_line import decision_engine
from tests.product.conftest import Copy, Done

pytestmark = pytest.mark.slow


def test_list_and_show_say_the_same_in_words_and_as_json(quick: Done) -> None:
    place, plan = ("-w", quick.workspace), quick.document["plan"]
    (listed,) = decision_engine("plan", "list", *place, "--json").document
    assert listed == {
        "id": plan["id"], "name": "Generated shop", "version": 1, "status": "draft", "maker": getpass.getuser(),
    }  # fmt: skip
    assert plan["id"] in decision_engine("plan", "list", *place).out
    shown = decision_engine("plan", "show", plan["id"][:9], *place, "--json").document
    assert {name: shown[name] for name in plan} == plan
    assert len(shown["rows"]) == plan["actions"]
    said = decision_engine("plan", "show", *place, "--rows", 2).out
    assert plan["digest"] in said
    assert shown["rows"][0]["user_id"] in said
    assert f"showing 2 of {plan['actions']} rows" in said
    for reason in shown["rows"][0]["reasons"]:
        assert reason in said


def test_an_unknown_plan_is_answered_with_those_there_are(quick: Done) -> None:
    answer = decision_engine("plan", "show", "plan-zzz", "-w", quick.workspace)
    assert answer.code == 2
    assert quick.document["plan"]["id"] in answer.err


def test_a_difference_names_totals_settings_and_users(quick: Done, copy: Copy) -> None:
    done = copy(quick)
    text = done.shop.configuration.read_text()
    done.shop.configuration.write_text(text.replace("budget: 60", "budget: 8"))
    before, place = quick.document["plan"], ("-w", done.workspace)
    second = decision_engine("run", done.shop.configuration, *place, "--workers", 0, "--json").document["plan"]
    made = decision_engine("plan", "make", done.shop.configuration, *place, "--json").document
    assert {name: made[name] for name in second} == second
    difference = decision_engine("plan", "diff", before["id"], second["id"], *place, "--json").document
    assert difference["settings"]["budget"] == [60.0, 8.0]
    assert difference["totals"]["cost"] == [before["cost"], second["cost"]]
    assert difference["changes"]
    said = decision_engine("plan", "diff", before["id"], *place).out
    assert "budget: 60.00 -> 8.00" in said
    assert decision_engine("plan", "diff", second["id"], *place).out.strip().endswith("are the same.")


def test_a_plan_is_approved_by_a_second_person_and_exported_once(quick: Done, copy: Copy) -> None:
    done = copy(quick)
    plan, place = quick.document["plan"], ("-w", done.workspace)

    early = decision_engine("plan", "export", "latest", *place)
    assert (early.code, "only an approved plan can be exported" in early.err) == (2, True)

    own = decision_engine("plan", "approve", plan["id"], "--by", getpass.getuser(), *place)
    assert (own.code, "a second person must decide" in own.err) == (2, True)

    stale = decision_engine("plan", "approve", plan["id"], "--by", "Vera", "--digest", "0" * 64, *place)
    assert (stale.code, "look again and decide" in stale.err) == (2, True)

    unread = decision_engine("plan", "approve", "latest", "--by", "Vera", *place)
    assert (unread.code, "name the plan that was read" in unread.err) == (2, True)

    approved = decision_engine("plan", "approve", plan["id"], "--by", "Vera", "--comment", "go on", *place, "--json")
    assert approved.document == {"id": plan["id"], "digest": plan["digest"], "status": "approved", "by": "Vera"}
    assert "approved by Vera" in decision_engine("plan", "show", *place).out

    first = decision_engine("plan", "export", "latest", *place, "--json").document
    folder = Path(first["folder"])
    written = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert set(written) == {*first["files"], "manifest.json"}
    assert json.loads(written["plan.json"][1])["digest"] == plan["digest"]

    entries = decision_engine("plan", "verify", *place, "--json").document["entries"]
    second = decision_engine("plan", "export", "latest", *place, "--json").document
    assert second == first
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == written
    assert decision_engine("plan", "verify", *place, "--json").document["entries"] == entries == 3


def test_a_rejected_plan_stays_rejected(quick: Done, copy: Copy) -> None:
    place, plan = ("-w", copy(quick).workspace), quick.document["plan"]["id"]
    assert decision_engine("plan", "reject", plan, "--by", "Vera", "--comment", "too dear", *place).code == 0
    assert "too dear" in decision_engine("plan", "show", *place).out
    after = decision_engine("plan", "approve", plan, "--by", "Vera", *place)
    assert (after.code, "the plan is rejected" in after.err) == (2, True)


def test_verify_finds_an_entry_that_was_edited(quick: Done, copy: Copy) -> None:
    done = copy(quick)
    place = ("-w", done.workspace)
    head = decision_engine("plan", "verify", *place, "--json").document["head"]
    assert decision_engine("plan", "verify", "--head", head, *place).code == 0
    with sqlite3.connect(done.workspace / "ledger.sqlite") as connection:
        connection.execute("DROP TRIGGER entries_stay")
        connection.execute("UPDATE entries SET actor = 'somebody else'")
    found = decision_engine("plan", "verify", *place)
    assert (found.code, "is not as written" in found.err) == (2, True)
