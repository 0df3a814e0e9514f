"""What is wrong with the input is said once, in words, before anything is written; the exit code is 2."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from decision_engine.workspace import Workspace
from tests.product.command_line import Answer, decision_engine, installed
from tests.product.generated_shop import Shop, write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return write_shop(tmp_path_factory.mktemp("shop"))


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def refused(answer: Answer) -> str:
    """Return the one message of an answer that refuses its input."""
    assert answer.code == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1, answer.err
    return answer.err


MISTAKES = {
    "a file that is not there": (
        ("orders: {file: orders.csv}", "orders: {file: order.csv}"),
        "orders: {file: order.csv}",
        ["sources.orders.file", "order.csv does not exist", "Did you mean `orders.csv`?"],
    ),
    "a column that the source does not have": (
        ("revenue: paid}\n  items", "revenue: payed}\n  items"),
        "revenue: payed}\n  items",
        ["tables.orders", "revenue", "payed", "paid"],
    ),
    "a budget below zero": (
        ("budget: 60", "budget: -30"),
        "budget: -30",
        ["campaign.budget", "-30", "greater than or equal to 0"],
    ),
    "an unknown key": (
        ("holdout_share: 0.2", "holdout_shar: 0.2"),
        "holdout_shar: 0.2",
        ["campaign", "unknown key `holdout_shar`", "Did you mean `holdout_share`?"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_key_and_remedy(shop: Shop, tmp_path: Path, mistake: str) -> None:
    change, marked, words = MISTAKES[mistake]
    path = shop.rewrite(change)
    said = refused(decision_engine("run", path, "-w", tmp_path / "workspace"))
    assert f"shop.yaml, line {line_of(path.read_text(), marked)}, " in said
    for word in words:
        assert word in said
    assert not (tmp_path / "workspace").exists()


def test_an_action_without_a_cost_is_refused(shop: Shop, tmp_path: Path) -> None:
    action = tuple(shop.world.actions)[1]
    start = f"  - name: {action.name}\n    kind: {action.kind.value}\n"
    path = shop.rewrite((f"{start}    cost: {action.cost}\n", start))
    said = refused(decision_engine("run", path, "-w", tmp_path / "workspace"))
    assert f"shop.yaml, line {line_of(path.read_text(), start)}, actions[0]" in said
    assert f"action {action.name!r} states no `cost`" in said
    assert "Add `cost:`" in said
    assert not (tmp_path / "workspace").exists()


def test_two_actions_of_one_name_are_refused(shop: Shop, tmp_path: Path) -> None:
    first, second = tuple(shop.world.actions)[1:3]
    path = shop.rewrite((f"- name: {second.name}", f"- name: {first.name}"))
    said = refused(installed("run", path, "-w", tmp_path / "workspace", "--json"))
    place = [k for k, line in enumerate(path.read_text().splitlines(), start=1) if f"- name: {first.name}" in line][1]
    assert f"shop.yaml, line {place}, " in said
    assert "actions[1].name" in said
    assert f"{first.name!r} is declared twice" in said
    assert not (tmp_path / "workspace").exists()


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = refused(decision_engine("run", tmp_path / "shop.yaml", "-w", tmp_path / "workspace"))
    assert "shop.yaml" in said
    assert not (tmp_path / "workspace").exists()


def test_broken_yaml_is_named_with_its_line(shop: Shop, tmp_path: Path) -> None:
    path = shop.rewrite(("currency: EUR", "currency: [EUR"))
    said = refused(decision_engine("run", path, "-w", tmp_path / "workspace"))
    assert re.search(r"shop\.yaml, line \d+", said)
    assert not (tmp_path / "workspace").exists()


def test_a_workspace_in_use_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    with Workspace(tmp_path).locked():
        said = refused(installed("run", shop.rewrite(), "-w", tmp_path))
    assert f"process {os.getpid()} is using it" in said
    assert not list((tmp_path / "artifacts").iterdir())


def test_a_workspace_that_cannot_be_written_is_named(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refused(decision_engine("run", shop.rewrite(), "-w", tmp_path / "file" / "workspace"))
    assert "cannot be written" in said
    assert "--workspace" in said


def test_a_negative_number_of_workers_is_refused(shop: Shop, tmp_path: Path) -> None:
    answer = decision_engine("run", shop.rewrite(), "-w", tmp_path / "workspace", "--workers", -1)
    assert answer.code == 2
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize("command", [("plan", "list"), ("plan", "show"), ("plan", "verify")])
def test_commands_on_plans_make_no_workspace(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = refused(decision_engine(*command, "-w", tmp_path / "workspace"))
    assert "no ledger of plans here" in said
    assert not (tmp_path / "workspace").exists()


def test_outcomes_make_no_workspace(shop: Shop, tmp_path: Path) -> None:
    said = refused(decision_engine("outcomes", shop.rewrite(), "-w", tmp_path / "workspace"))
    assert "no ledger of plans here" in said
    assert not (tmp_path / "workspace").exists()
