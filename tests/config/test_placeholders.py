from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from decision_engine.cli.main import main
from decision_engine.config import load_config
from decision_engine.config.placeholders import find_placeholders, warn_of
from tests.history.shop import SHOP, write_shop

MARKED = SHOP.replace("margin_share: 0.3", "margin_share: 0.3 # FILL IN: margin as a share of revenue").replace(
    "campaign: {budget: 100}", "campaign:\n  budget: 100 # 0.5; FILL IN: most the plan may cost\n# FILL IN stands here in vain"
)


def test_marked_lines_are_found_with_what_is_wanted_and_comments_alone_are_none() -> None:
    found = find_placeholders(MARKED)
    assert [(one.written, one.wanted) for one in found] == [
        ("margin_share: 0.3", "margin as a share of revenue"),
        ("budget: 100", "most the plan may cost"),
    ]
    assert [MARKED.splitlines()[one.line - 1].strip().startswith(one.written) for one in found] == [True, True]
    assert warn_of((), "shop.yaml") == ""


def test_a_configuration_knows_its_placeholders_until_the_mark_is_taken_out(tmp_path: Path) -> None:
    path = write_shop(tmp_path, MARKED)
    assert len(load_config(path).origin.placeholders) == 2
    path.write_text(MARKED.replace("FILL IN", "filled in"))
    assert load_config(path).origin.placeholders == ()


def test_check_ends_with_what_nobody_has_vouched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["decision-engine", "check", str(write_shop(tmp_path, MARKED)), "--workspace", str(tmp_path / "workspace")]
    for flags in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*command, *flags])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        said = capsys.readouterr().out
        if flags:
            assert [line["written"] for line in json.loads(said)["to_fill_in"]] == ["margin_share: 0.3", "budget: 100"]
        else:
            first, _, warned = said.partition("shop.yaml: 2 lines hold placeholders that nobody has vouched for.")
            assert "rows read" in first.splitlines()[0]
            assert "margin_share: 0.3" in warned
    assert "nobody has vouched for these lines" in (tmp_path / "workspace/reports/check-corner-shop.html").read_text()
