from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from decision_engine.cli.main import main
from decision_engine.config import load_config
from decision_engine.history import HistoryStore, digest_sources, read_history
from simulations.errors import InputError
from tests.history.messy import MESSY, Messy
from tests.history.shop import SHOP

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
    kept = HistoryStore(tmp_path / "kept").open(config)
    pd.testing.assert_frame_equal(kept.quarantine, history.quarantine)
    assert (kept.digest, kept.n_read, kept.n_accepted) == (history.digest, history.n_read, history.n_accepted)


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


def _command(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["decision-engine", *words])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr()
    return left.value.code, told.out, told.err


def _is_one_message(err: str) -> bool:
    return err.startswith("error: ") and "Traceback" not in err and len(err) < 2_000


@pytest.mark.parametrize("messy", MESSY, ids=lambda messy: messy.name)
def test_init_and_check_end_in_counted_rows_or_in_one_message(
    tmp_path: Path, messy: Messy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two rows tell too little to recognise columns by, so that `init` may refuse what a person could map."""
    messy.write(tmp_path)
    for extra in ("contacts.csv", "people.csv", "shop.yaml"):
        (tmp_path / extra).unlink()
    out = tmp_path / "new"
    code, _, err = _command(["init", str(tmp_path / messy.file), "--out", str(out), "--yes"], monkeypatch, capsys)
    if code == 2:
        assert _is_one_message(err)
        assert not (out / "config.yaml").exists()
        return
    assert code == 0
    code, said, err = _command(["check", str(out / "config.yaml"), "--json", "-w", str(out)], monkeypatch, capsys)
    assert code in (0, 2)
    if code == 2:
        assert _is_one_message(err)
    else:
        document = json.loads(said)
        assert document["rows_read"] == document["accepted"] + document["quarantined"]


@pytest.mark.parametrize("content", [b"x", b"a,b\n"], ids=["no line end", "after a header"])
@pytest.mark.slow
def test_a_line_of_100_mb_is_one_message(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "orders.csv").open("wb") as file:
        file.write(content)
        for _ in range(100):
            file.write(b"y" * 1_000_000)
    code, said, err = _command(["init", str(tmp_path / "orders.csv"), "--out", str(tmp_path), "--yes"], monkeypatch, capsys)
    if content == b"x":
        assert code == 2
        assert _is_one_message(err)
    else:  # the header is all there is to go by
        assert code == 0
        assert "not found: orders: no column says who" in said
    shop = SHOP.replace("  contacts: {file: contacts.csv}\n  people: {file: people.csv}\n", "")
    start, end = shop.index("  exposures:"), shop.index("time:")
    (tmp_path / "shop.yaml").write_text(shop[:start] + shop[end:])
    code, _, err = _command(["check", str(tmp_path / "shop.yaml"), "-w", str(tmp_path)], monkeypatch, capsys)
    assert code == 2
    assert _is_one_message(err)


def test_there_are_more_than_thirty_kinds() -> None:
    assert len({messy.name for messy in MESSY}) == len(MESSY) >= 30
