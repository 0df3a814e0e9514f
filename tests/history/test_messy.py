from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from decision_engine.cli.main import main
from decision_engine.config import load_config
from decision_engine.history import digest_sources, read_history
from simulations.errors import InputError
from tests.history.messy import MESSY, Messy

READABLE = [messy for messy in MESSY if not messy.error]
REFUSED = [messy for messy in MESSY if messy.error]


@pytest.mark.parametrize("messy", READABLE, ids=lambda messy: messy.name)
def test_no_row_is_lost(tmp_path: Path, messy: Messy) -> None:
    messy.write(tmp_path)
    config = load_config(tmp_path / "shop.yaml")
    history = read_history(config)
    orders = history.counts[history.counts["table"] == "orders"]
    aside = history.quarantine[history.quarantine["table"] == "orders"]
    assert orders["accepted"].sum() == len(history.table("orders")) == messy.accepted
    assert orders["read"].sum() == messy.accepted + len(messy.aside)
    found = {row: (None if str(line) == "<NA>" else int(line), reason) for row, line, reason in
             aside[["row", "line", "reason"]].itertuples(index=False)}  # fmt: skip
    assert {row: line for row, (line, _) in found.items()} == {row: line for row, (line, _) in messy.aside.items()}
    for row, (_, reason) in messy.aside.items():
        assert reason in found[row][1]
    if messy.users:
        assert tuple(history.table("orders")["user_id"]) == messy.users
    assert len(digest_sources(config)) == 64


@pytest.mark.parametrize("messy", REFUSED, ids=lambda messy: messy.name)
def test_what_cannot_be_read_is_one_clear_message_and_exit_code_2(
    tmp_path: Path, messy: Messy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    messy.write(tmp_path)
    with pytest.raises(InputError, match=re.compile(messy.error, re.DOTALL)):
        read_history(load_config(tmp_path / "shop.yaml"))
    monkeypatch.setattr(sys, "argv", ["decision-engine", "check", str(tmp_path / "shop.yaml")])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr()
    assert left.value.code == 2
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    assert told.out == ""


def test_there_are_more_than_thirty_kinds() -> None:
    assert len({messy.name for messy in MESSY}) == len(MESSY) >= 30
