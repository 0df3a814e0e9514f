"""A personal value that stands in a column where it does not belong is withheld from quarantine like one that does."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.config import load_config
from decision_engine.history import read_history
from tests.experiment.email_test import write
from tests.product.command_line import decision_engine

MAIL, NAME = "zebulon.secret@mail.example", "Zebulon"
KEYED = ("sources:", "privacy: {pseudonym_key: SHOP_KEY}\nsources:")
PERSONAL = ("{file: test.csv}", "{file: test.csv, personal: [first_name]}")
CONSENT = ("treatment: segment}", "treatment: segment, consent: agreed, propensity: p}")


def _shifted(folder: Path, *changes: tuple[str, str]) -> Path:
    frame = draw_experiment(600, seed=1).frame.assign(first_name="Ada", agreed="yes", p="0.3")
    frame = frame.astype({"spend": object})
    frame.loc[0, "spend"], frame.loc[1, "segment"], frame.loc[2, "agreed"] = MAIL, NAME, NAME
    frame.loc[3, "p"], frame.loc[4, "spend"] = "1.5", None
    return write(folder, frame, CONSENT, *changes)


@pytest.mark.parametrize("changes", [(KEYED,), (PERSONAL,), (KEYED, PERSONAL)], ids=["key", "personal", "both"])
def test_no_personal_value_is_kept_from_a_shifted_row(tmp_path, monkeypatch, changes):
    monkeypatch.setenv("SHOP_KEY", "a key of more than sixteen signs")
    path = _shifted(tmp_path, *changes)
    aside = read_history(load_config(path)).quarantine
    assert dict(zip(aside["row"], aside["value"].fillna(""), strict=True)) == {
        1: "(withheld)", 2: "(withheld)", 3: "(withheld)", 4: "1.5", 5: "",
    }  # fmt: skip
    answer = decision_engine("run", path, "-w", tmp_path / "workspace", "--json")
    assert answer.code == 0, answer.err
    kept = [file.read_bytes() for file in (tmp_path / "workspace").rglob("*") if file.is_file()]
    assert any(b"(withheld)" in content for content in kept)
    for content in (*kept, answer.out.encode(), answer.err.encode()):
        assert MAIL.encode() not in content
        assert NAME.encode() not in content


def test_values_are_shown_where_nothing_is_personal(tmp_path):
    aside = read_history(load_config(_shifted(tmp_path))).quarantine
    assert aside["value"].tolist()[:4] == [MAIL, NAME, NAME, "1.5"]


def test_the_number_of_an_order_that_came_twice_is_withheld_unless_it_is_a_pseudonym(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "a key of more than sixteen signs")
    frame = draw_experiment(600, seed=1).frame
    frame.loc[1, "customer"] = frame.loc[0, "customer"] = MAIL
    (told,) = read_history(load_config(write(tmp_path / "key", frame, KEYED))).quarantine["value"]
    assert len(told) == 32
    (told,) = read_history(load_config(write(tmp_path / "own", frame.assign(first_name="Ada"), PERSONAL))).quarantine["value"]
    assert told == "(withheld)"


def test_a_control_group_that_is_not_named_is_told_without_its_value(tmp_path):
    frame = draw_experiment(600, seed=1).frame.assign(first_name="Ada")
    answer = decision_engine("check", write(tmp_path, frame, PERSONAL, ('"No E-Mail": none, ', "")))
    assert answer.code == 2
    assert "withheld" not in answer.err
    assert "No E-Mail" not in answer.err
    assert "rows were set aside because their treatment" in " ".join(answer.err.split())
