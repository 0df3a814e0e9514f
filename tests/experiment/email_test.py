"""An e-mail test as tests run it: a file of known truth, its configuration, and a run of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.known_experiment import KnownExperiment
from decision_engine.planning import Ledger, Plan
from tests.product.command_line import Answer, decision_engine

CONFIG = """\
name: E-mail test
sources: {test: {file: test.csv}}
tables:
  experiment:
    source: test
    columns: {user_id: customer, treatment: segment}
    values: {treatment: {"No E-Mail": none, "Mens E-Mail": mens, "Womens E-Mail": womens}}
experiment:
  outcomes: [spend, visit, conversion]
  covariates: [recency, history, history_segment, mens, womens, zip_code, newbie, channel]
  shares: {none: 0.3333, mens: 0.3333, womens: 0.3334}
  horizon: two weeks
  ended_on: 2024-03-31
margin_share: 0.5
margin_source: known
actions:
  - {name: mens, kind: recommendation, channel: email, cost: 0.05, effect: estimated}
  - {name: womens, kind: recommendation, channel: email, cost: 0.05, effect: estimated}
campaign: {budget: 100000, holdout_share: 0.1}
"""
MARGIN_SHARE = 0.5

Changes = tuple[str, str]


def changed(*changes: Changes, text: str = CONFIG) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def write(folder: Path, frame: pd.DataFrame, *changes: Changes) -> Path:
    """Write the file and its configuration; return the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "test.csv", index=False)
    path = folder / "email.yaml"
    path.write_text(changed(*changes))
    return path


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run on a known experiment, as a person started it."""

    known: KnownExperiment
    configuration: Path
    workspace: Path
    answer: Answer

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = self.answer.document
        return document

    def effect(self, action: str) -> dict[str, Any]:
        return next(row for row in self.document["effects"] if row["action"] == action)

    def policy(self, name: str) -> dict[str, Any]:
        return next(row for row in self.document["policies"] if row["name"] == name)

    def page(self) -> str:
        return Path(self.document["report"]).read_text()

    def plan(self) -> Plan:
        with Ledger(self.workspace / "ledger.sqlite") as ledger:
            return ledger.plan(self.document["plan"]["id"])


def run(folder: Path, known: KnownExperiment, *changes: Changes) -> Ran:
    configuration = write(folder, known.frame, *changes)
    answer = decision_engine("run", configuration, "-w", folder / "workspace", "--json")
    assert answer.code == 0, answer.err
    return Ran(known=known, configuration=configuration, workspace=folder / "workspace", answer=answer)
