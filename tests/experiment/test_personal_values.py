"""Personal values inside columns of words: withheld from what is stored, and told; all other values stay."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history
from decision_engine.history.privacy import WITHHELD
from tests.product.command_line import decision_engine

CONFIG = """\
name: Test
sources: {test: {file: test.csv}}
tables:
  experiment: {source: test, columns: {user_id: user, treatment: arm}, values: {treatment: {control: none}}}
experiment: {outcomes: [spend], covariates: [note, sum], horizon: two weeks, ended_on: 2024-03-31}
margin_share: 0.5
actions: [{name: mail, kind: recommendation, cost: 0.1, effect: estimated}]
campaign: {budget: 100}
"""


def _write(folder: Path, notes: list[str]) -> Path:
    frame = pd.DataFrame({"user": [f"u{k}" for k in range(len(notes))], "note": notes})
    frame["arm"] = ["control" if k % 2 else "mail" for k in range(len(frame))]
    frame["spend"], frame["sum"] = 5.0, [f"{100_000_000 + k}" for k in range(len(frame))]
    frame.to_csv(folder / "test.csv", index=False)
    (folder / "config.yaml").write_text(CONFIG)
    return folder / "config.yaml"


@pytest.mark.parametrize(
    "value",
    [
        "ana.b@example.com",
        "write to ana.b+x@mail.example.co.uk please",
        "+49 170 1234567",
        "call 555-123-4567 after six",
        "(555) 123-4567",
        "0170/1234567",
        "06 12 34 56 78",
    ],
)
def test_an_address_or_a_number_in_a_note_is_withheld(tmp_path, value):
    history = read_history(load_config(_write(tmp_path, ["vip", value, "standard", "vip"])))
    assert history.table("experiment")["note"].tolist() == ["vip", WITHHELD, "standard", "vip"]
    assert any(note.startswith("Withheld: 1 value of note (experiment from test) that reads like") for note in history.notes)


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-31 14:05:00", "31.03.2024", "01/02/2024", "100000-150000", "12345678901234567890", "1,234,567.89",
        "-0.0012345678", "a @ b", "@handle", "10.0.0.1", "size 40-42, 3 pieces", "978-3-16-148410-0", "0.123456789",
        "1 234 567 890",
    ],
)  # fmt: skip
def test_what_is_no_persons_stays(tmp_path, value):
    history = read_history(load_config(_write(tmp_path, ["vip", value, "standard", "vip"])))
    assert history.table("experiment")["note"].tolist() == ["vip", value, "standard", "vip"]
    assert not any("Withheld" in note for note in history.notes)


def test_nothing_that_a_run_leaves_holds_the_value(tmp_path):
    path = _write(tmp_path, ["vip", "standard"] * 60 + ["ana.b@example.com"] * 30)
    assert decision_engine("run", path, "-w", tmp_path / "w").code == 0
    for file in (tmp_path / "w").rglob("*"):
        assert not file.is_file() or b"ana.b@example" not in file.read_bytes(), file
    tables = list((tmp_path / "w").rglob("experiment.parquet"))
    assert tables
    assert "ana.b@example.com" not in set(pd.read_parquet(tables[0])["note"])
