"""Whether sets that nobody shaped for the project go from their files to a plan, and how long that takes.

For each set `init` writes a configuration, the lines it marked are vouched for as they stand, and `check` and `run` follow,
each the installed program in a process of its own, with the settings that `init` wrote. Where a history holds nothing that a
plan could be made of, the reason stands in place of the time.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Figure, run

DATA = "DECISION_ENGINE_DATA"  # environment variable
# Fewer simulators and trials, nothing trained: the same stages in a fraction of the time.
SMALL = """
simulator: {training_members: 1, members: 2, plan_members: 3}
policies: {ppo_steps: 0, bandit_rounds: 0}
search: {trials: 2, workers: 1}
"""
SETS = {
    "cdnow": ("cdnow_master.csv.gz",),
    "starbucks_offers": ("transcript.parquet", "profile.csv.gz", "portfolio.csv"),
    "olist_sample": ("orders.csv", "customers.csv", "order_items.csv", "order_reviews.csv", "products.csv"),
    "open_bandit": ("random_men.parquet",),
    "lalonde": ("nsw_dehejia_wahba.csv",),
}
QUICK_SETS = ("olist_sample", "lalonde")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """How one set went.

    Attributes
    ----------
    n_marked : int
        Lines that `init` marked.
    checked : dict
        What `check` printed.
    seconds : dict of str to float
        Of each command; a command that refuses is not in it.
    refusal : str
        The message of a `run` that refuses, otherwise empty.
    """

    n_marked: int
    checked: dict[str, Any]
    seconds: dict[str, float]
    refusal: str


def vouch(text: str) -> tuple[str, int]:
    r"""Vouch for every marked line of a configuration: the mark goes, the value stays. Return how many there were.

    Examples
    --------
    >>> vouch("margin_share: 0.3 # of revenue; FILL IN: yours\nname: Shop")
    ('margin_share: 0.3\nname: Shop', 1)
    """
    return re.subn(r" # (?:[^#\n]*; )?FILL IN.*", "", text)


def first_run(files: list[Path], folder: Path, *, more: str = "") -> FirstRun:
    """Lead files to a plan, in an empty folder, with `more` added to the configuration."""
    config, workspace = folder / "new" / "config.yaml", folder / "workspace"
    seconds: dict[str, float] = {}
    seconds["init"], _ = _timed("init", *files, "--out", config.parent, "--yes")
    text, n_marked = vouch(config.read_text(encoding="utf-8"))
    config.write_text(text + more, encoding="utf-8")
    seconds["check"], printed = _timed("check", config, "--workspace", workspace, "--json")
    refusal = ""
    try:
        seconds["run"], _ = _timed("run", config, "--workspace", workspace)
    except RuntimeError as error:
        refusal = str(error)
    return FirstRun(n_marked=n_marked, checked=json.loads(printed), seconds=seconds, refusal=refusal)


def _timed(*arguments: object) -> tuple[float, str]:
    """Return the seconds of a command and what it printed; what it said where it refuses."""
    command = [str(Path(sys.executable).with_name("decision-engine")), *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "COLUMNS": "10000"}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.splitlines()[-1] if done.stderr else f"{arguments[0]} ended with {done.returncode}")
    return time.perf_counter() - started, done.stdout


def measure(quick: bool) -> list[Figure]:
    """Return the seconds from files to plan for each set."""
    data = os.environ.get(DATA)
    figures = []
    for name in QUICK_SETS if quick else SETS:
        files = [Path(data or ".") / name / file for file in SETS[name]]
        missing = [file.name for file in files if not file.exists()]
        if not data or missing:
            why = f"{DATA} is not set" if not data else f"there is no {', '.join(missing)}"
            figures.append(Figure(name=f"{name}_seconds", value=None, unit="s", note=why))
            continue
        with tempfile.TemporaryDirectory(prefix="first-run-") as folder:
            figures.append(_figure(name, first_run(files, Path(folder), more=SMALL if quick else "")))
    return figures


def _figure(name: str, found: FirstRun) -> Figure:
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in found.seconds.items())
    counts = f"{found.checked['rows_read']:,} rows read, {found.checked['quarantined']:,} set aside"
    note = f"{steps}; {counts}, {found.n_marked} lines marked"
    if found.refusal:
        return Figure(name=f"{name}_seconds", value=None, unit="s", note=f"{note}; run refuses: {found.refusal}")
    return Figure(name=f"{name}_seconds", value=sum(found.seconds.values()), unit="s", to_reach="at most 600", note=note)


if __name__ == "__main__":
    run("first runs", measure)
