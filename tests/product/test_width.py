"""What people read fits the terminal, and 80 columns where there is none; tables and words are never cut."""

from __future__ import annotations

import re

import pytest

from tests.product.command_line import Answer, decision_engine, installed
from tests.product.conftest import Done

pytestmark = pytest.mark.slow


def too_long(answer: Answer, width: int) -> list[str]:
    """Return lines that could have been broken between two words, and were not."""
    lines = f"{answer.out}\n{answer.err}".splitlines()
    return [
        line for line in lines if len(line) > width and len(line.split()) > 1 and not line.startswith(("report: ", "page: "))
    ]


def words(text: str) -> list[str]:
    return text.split()


COMMANDS = (("plan", "show"), ("plan", "list"), ("plan", "verify"), ("plan", "diff", "latest"), ("plan", "show", "plan-zzz"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", [0, 60])
def test_words_about_plans_fit_and_say_the_same_at_any_width(quick: Done, command: tuple[str, ...], width: int) -> None:
    narrow = decision_engine(*command, "-w", quick.workspace, columns=width)
    assert too_long(narrow, width or 80) == []
    wide = decision_engine(*command, "-w", quick.workspace)
    assert words(narrow.out) == words(wide.out)
    assert words(narrow.err) == words(wide.err)


def test_a_run_and_a_check_fit_where_no_width_is_known(quick: Done) -> None:
    for command in ("run", "check"):
        said = decision_engine(command, quick.shop.configuration, "-w", quick.workspace, columns=0)
        assert said.code == 0
        assert too_long(said, 80) == []
    run = decision_engine("run", quick.shop.configuration, "-w", quick.workspace, columns=0)
    for policy in quick.document["policies"]:
        assert re.search(rf"^{re.escape(policy['name'][:10])}", run.out, re.MULTILINE)
    assert "Too wide to show" not in run.out


def test_errors_fit_and_keep_a_line_for_each_thing_to_mend(quick: Done) -> None:
    path = quick.shop.folder / "wrong.yaml"
    text = quick.shop.configuration.read_text()
    path.write_text(text.replace("margin_share: 0.3", "margin_share: 3").replace("  budget:", "  budgt:"))
    narrow, wide = (decision_engine("run", path, columns=columns) for columns in (0, 10_000))
    assert (narrow.code, wide.code) == (2, 2)
    assert too_long(narrow, 80) == []
    assert words(narrow.err) == words(wide.err)
    starts = [line for line in narrow.err.splitlines() if re.match(r"  \S", line)]
    assert len(starts) == len(wide.err.splitlines()) - 1 == 2


def test_the_installed_program_off_a_terminal_keeps_to_80_columns(quick: Done) -> None:
    said = installed("plan", "show", "-w", quick.workspace, columns=0)
    assert said.code == 0
    assert too_long(said, 80) == []
    assert max(map(len, installed("run", "--help", columns=0).out.splitlines())) <= 80
