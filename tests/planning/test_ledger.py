"""The ledger and approval: what is written stays, and two people decide."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from decision_engine.planning import Ledger, PlanEvent, PlanState, PlanStatus
from decision_engine.planning.approval import after, same_person
from simulations.errors import ArtifactError, PlanError
from tests.planning.conftest import plan_of


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_a_plan_comes_back_as_it_was_recorded(ledger, plan):
    recorded = ledger.record(plan, maker="Ann")
    assert recorded.version == 1
    assert ledger.plan(plan.id).to_json() == recorded.to_json()
    assert ledger.state("latest") == PlanState(digest=plan.digest, maker="Ann")


def test_the_same_plan_again_is_the_same_version_and_another_the_next(ledger, plan):
    ledger.record(plan, maker="Ann")
    assert ledger.record(plan, maker="Bert").version == 1
    assert len(ledger.entries()) == 1
    assert ledger.record(plan_of(budget=10.0), maker="Ann").version == 2
    assert ledger.record(plan_of(name="autumn"), maker="Ann").version == 1
    assert ledger.verify() == 3


def test_a_plan_altered_after_it_was_made_is_not_recorded(ledger, plan):
    with pytest.raises(PlanError, match="do not match the digest"):
        ledger.record(replace(plan, cost=0.0), maker="Ann")


def test_approval_needs_a_second_person_however_the_name_is_spelt(ledger, plan):
    ledger.record(plan, maker="Ann Lee")
    for name in ("Ann Lee", " ann  lee", "ANNLEE", "Ann\u200b Lee", "\uff21nn Lee"):
        with pytest.raises(PlanError, match="a second person must decide"):
            ledger.approve(plan.id, by=name, digest=plan.digest)
    assert ledger.approve(plan.id, by="Bert", digest=plan.digest).approver == "Bert"
    assert len(ledger.entries()) == 2


def test_approval_is_of_the_digest_that_was_seen(ledger, plan):
    ledger.record(plan, maker="Ann")
    with pytest.raises(PlanError, match="look again and decide"):
        ledger.approve(plan.id, by="Bert", digest=plan_of(seed=2).digest)


@pytest.mark.parametrize("name", ["", "  ", "\u200b"])
def test_a_step_needs_a_name(ledger, plan, name):
    with pytest.raises(PlanError, match="names nobody"):
        ledger.record(plan, maker=name)


def test_only_the_steps_drawn_in_the_rules_are_possible():
    allowed = {
        (PlanStatus.DRAFT, PlanEvent.APPROVED),
        (PlanStatus.DRAFT, PlanEvent.REJECTED),
        (PlanStatus.APPROVED, PlanEvent.EXPORTED),
        (PlanStatus.EXPORTED, PlanEvent.MEASURED),
        (PlanStatus.MEASURED, PlanEvent.MEASURED),
    }
    for status in PlanStatus:
        for event in PlanEvent:
            state = PlanState(digest="d", maker="ann", status=status)
            if (status, event) in allowed:
                assert after(state, event, actor="bert", digest="d").status == PlanStatus(str(event))
            else:
                with pytest.raises(PlanError):
                    after(state, event, actor="bert", digest="d")


def test_different_people_are_told_apart():
    assert not same_person("Ann Lee", "Ann Leeds")


def test_rows_cannot_be_changed_or_removed_through_the_file(ledger, plan):
    ledger.record(plan, maker="Ann")
    with sqlite3.connect(ledger.path) as other:
        for statement in (
            "UPDATE entries SET actor = 'Bert'",
            "DELETE FROM entries",
            "UPDATE plans SET version = 9",
            "DELETE FROM plans",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                other.execute(statement)
    other.close()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE entries SET actor = 'Carl' WHERE sequence = 2",
        "DELETE FROM entries WHERE sequence = 1",
        "UPDATE entries SET at = '2000-01-01T00:00:00+00:00' WHERE sequence = 1",
        "UPDATE plans SET version = 7",
    ],
)
def test_a_forged_ledger_is_found_out(ledger, plan, forgery):
    ledger.record(plan, maker="Ann")
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    assert ledger.verify() == 2
    other = sqlite3.connect(ledger.path)
    for trigger in ("plans_stay", "plans_remain", "entries_stay", "entries_remain"):
        other.execute(f"DROP TRIGGER {trigger}")
    other.execute(forgery)
    other.commit()
    other.close()
    with pytest.raises(PlanError, match=r"not as written|not the one that was recorded"):
        ledger.verify()


def test_a_missing_end_is_found_by_a_head_kept_elsewhere(ledger, plan):
    ledger.record(plan, maker="Ann")
    ledger.approve(plan.id, by="Bert", digest=plan.digest)
    head = ledger.head()
    assert ledger.verify(head=head) == 2
    other = sqlite3.connect(ledger.path)
    other.execute("DROP TRIGGER entries_remain")
    other.execute("DELETE FROM entries WHERE sequence = 2")
    other.commit()
    other.close()
    assert ledger.verify() == 1
    with pytest.raises(PlanError, match="cut off or rewritten"):
        ledger.verify(head=head)


def test_of_many_who_decide_at_once_one_decides(tmp_path, plan):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record(plan, maker="Ann")

    def decide(number: int) -> bool:
        with Ledger(path) as own:
            try:
                own.approve(plan.id, by=f"person {number}", digest=plan.digest)
            except PlanError:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(decide, range(6))) == 1
    with Ledger(path) as ledger:
        assert ledger.verify() == 2


def test_a_name_that_fits_no_plan_lists_those_there_are(ledger, plan):
    ledger.record(plan, maker="Ann")
    with pytest.raises(PlanError, match=plan.id):
        ledger.plan("plan-zzz")
    with pytest.raises(PlanError, match="names no plan"):
        ledger.plan("")
    assert ledger.find(plan.id) == ledger.find(plan.digest[:5]) == plan.digest


def test_a_file_that_is_no_ledger_is_refused_in_words(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and there are a good many of them " * 50)
    with pytest.raises(ArtifactError, match="cannot be used as a ledger"):
        Ledger(path)


def test_a_ledger_of_a_later_version_is_left_alone(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(ArtifactError, match="use a newer"):
        Ledger(path)
