"""An e-mail test as tests run it: a file of known truth and its configuration."""

from __future__ import annotations

from pathlib import Path

from benchmarks.known_experiment import KnownExperiment, draw_experiment

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


def changed(*changes: tuple[str, str]) -> str:
    text = CONFIG
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def write(folder: Path, known: KnownExperiment, *changes: tuple[str, str]) -> Path:
    """Write the file and its configuration; return the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    known.write(folder / "test.csv")
    path = folder / "email.yaml"
    path.write_text(changed(*changes))
    return path


__all__ = ["CONFIG", "changed", "draw_experiment", "write"]
