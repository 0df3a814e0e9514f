"""How long an e-mail test of 64,000 users takes from its file to plan and report, and how near the truth it comes.

The time is that of the command as a person starts it, a process of its own in an empty workspace. The truth is known in closed
form, see `benchmarks.known_experiment`: of a test in which each e-mail helps some users and hurts the others, and of one in
which both help everybody alike.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.known_experiment import ACTIONS, COVARIATES, RAW, KnownExperiment, draw_experiment
from benchmarks.main_job import ROOT, seconds_of
from benchmarks.measurement import Figure, run

N_USERS, QUICK_USERS = 64_000, 6_000
SEED = 5
MARGIN_SHARE, COST = 0.5, 0.05
_CONFIG = f"""\
name: E-mail test
sources: {{test: {{file: test.csv}}}}
tables:
  experiment:
    source: test
    columns: {{user_id: customer, treatment: segment}}
    values: {{treatment: {{{", ".join(f'"{RAW[name]}": {name}' for name in ACTIONS)}}}}}
experiment:
  outcomes: [spend, visit, conversion]
  covariates: [{", ".join(COVARIATES)}]
  shares: {{none: 0.3333, mens: 0.3333, womens: 0.3334}}
  horizon: two weeks
  ended_on: 2024-03-31
margin_share: {MARGIN_SHARE}
margin_source: known
actions:
  - {{name: mens, kind: recommendation, channel: email, cost: {COST}, effect: estimated}}
  - {{name: womens, kind: recommendation, channel: email, cost: {COST}, effect: estimated}}
campaign: {{budget: 100000, holdout_share: 0.1}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one run found, beside the truth.

    Attributes
    ----------
    seconds : float
        Of the command.
    document : dict
        What it printed.
    plan_value, oracle_value, single_value : float
        True value, in currency a contacted or left-out user, of the plan, of the best action for each user, and of the best
        single action.
    """

    seconds: float
    document: dict[str, Any]
    plan_value: float
    oracle_value: float
    single_value: float


def find(known: KnownExperiment, folder: Path) -> Finding:
    """Run the command on a known experiment, and hold its plan against the truth."""
    known.write(folder / "test.csv")
    (folder / "email.yaml").write_text(_CONFIG)
    program = Path(sys.executable).parent / "decision-engine"
    command = [str(program), "run", str(folder / "email.yaml"), "--workspace", str(folder / "workspace"), "--json"]
    seconds, printed = seconds_of(command, ROOT, {**os.environ, "PYTHONPATH": str(ROOT)})
    document = json.loads(printed)
    plan = _shown(program, folder)
    nets = MARGIN_SHARE * (known.expected - known.expected[:, :1]) - COST
    nets[:, 0] = 0.0
    given = {row["user_id"]: ACTIONS.index(row["action"]) for row in plan["rows"]}
    planned = np.array([given.get(user, 0) for user in known.frame["customer"]])
    free = ~known.frame["customer"].isin([row["user_id"] for row in plan["holdout_users"]]).to_numpy()
    own = nets[np.arange(len(nets)), planned]
    return Finding(
        seconds=seconds,
        document=document,
        plan_value=float(own[free].mean()),
        oracle_value=float(nets[free].max(axis=1).mean()),
        single_value=float(nets[free].mean(axis=0).max()),
    )


def _shown(program: Path, folder: Path) -> dict[str, Any]:
    command = [str(program), "plan", "show", "latest", "--workspace", str(folder / "workspace"), "--json"]
    _, printed = seconds_of(command, ROOT, {**os.environ, "PYTHONPATH": str(ROOT)})
    shown: dict[str, Any] = json.loads(printed)
    return shown


def measure(quick: bool) -> list[Figure]:
    """Return the figures of two known experiments."""
    figures = []
    n_users = QUICK_USERS if quick else N_USERS
    for name, opposed in (("alike", False), ("opposed", True)):
        known = draw_experiment(n_users, seed=SEED, opposed=opposed)
        with tempfile.TemporaryDirectory(prefix="experiment-") as folder:
            found = find(known, Path(folder))
        figures += _figures(name, known, found, timed=not opposed)
    return figures


def _figures(name: str, known: KnownExperiment, found: Finding, *, timed: bool) -> list[Figure]:
    figures = []
    if timed:
        note = f"{len(known.frame):,} users, two e-mails, {len(COVARIATES)} covariates, an empty workspace"
        figures.append(Figure(name="experiment_seconds", value=found.seconds, unit="s", to_reach="at most 120", note=note))
    for place, action in enumerate(ACTIONS[1:], start=1):
        effect = next(row for row in found.document["effects"] if row["action"] == action)
        figures.append(
            Figure(
                name=f"{name}_{action}_effect",
                value=effect["estimate"],
                unit="currency a user",
                peer="truth",
                peer_value=float(MARGIN_SHARE * known.effects[place]),
                note=f"90% interval {effect['low']:.3f} to {effect['high']:.3f}, {effect['verdict']}",
            )
        )
    figures.append(
        Figure(
            name=f"{name}_plan_value",
            value=found.plan_value,
            unit="currency a user",
            peer="the best action for each user, were the truth known",
            peer_value=found.oracle_value,
            note=f"true value of '{found.document['choice']['name']}'; best single action {found.single_value:.3f}",
        )
    )
    return figures


if __name__ == "__main__":
    run("experiment", measure)
