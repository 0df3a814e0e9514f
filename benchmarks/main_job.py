"""How long the main job takes on the embedded data, from nothing and again, and how close its policy comes to the truth.

Times are of commands as a person starts them, a process each: a fresh clone is set up, which also compiles, and run, with no
environment and no compiled code from before; then the same command again in the same workspace. The truth is that of twenty
drawn worlds, see `benchmarks.known_truth`; one process a core, each single-threaded.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.known_truth import WORLD_SEEDS, OracleShare, oracle_share
from benchmarks.measurement import Figure, run

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path("examples") / "complete_journey.yaml"
WORLD_USERS = 10_000
QUICK_WORLDS, QUICK_USERS = 1, 2500
HELP_TIMES = 5
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds of the main job's commands, and the size of its report.

    Attributes
    ----------
    cold : float or None
        Clone, set-up and run; None where nothing was cloned.
    """

    cold: float | None
    run: float
    rerun: float
    report_mb: float
    note: str


def seconds_of(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Run a command to its end; return its seconds and what it printed on stdout. What it says goes to stderr."""
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True
    )
    return time.perf_counter() - started, done.stdout


def time_main_job(*, quick: bool) -> Timings:
    """Time the main job in a clone of this checkout; if `quick`, in the checkout's own environment instead."""
    with tempfile.TemporaryDirectory(prefix="main-job-") as name:
        scratch = Path(name)
        workspace = scratch / "workspace"
        if quick:
            folder, program, environment = ROOT, Path(sys.executable).parent / "decision-engine", dict(os.environ)
            set_up = None
        else:
            folder = scratch / "clone"
            cloning, _ = seconds_of(["git", "clone", "--quiet", str(ROOT), str(folder)], scratch, dict(os.environ))
            environment = {key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
            environment["XDG_CACHE_HOME"] = str(scratch / "cache")
            making, _ = seconds_of(["make", "setup"], folder, environment)
            program, set_up = folder / ".venv" / "bin" / "decision-engine", cloning + making
        command = [str(program), "run", str(CONFIG), "--workspace", str(workspace), "--json"]
        first, _ = seconds_of(command, folder, environment)
        again, printed = seconds_of(command, folder, environment)
        return Timings(
            cold=None if set_up is None else set_up + first,
            run=first,
            rerun=again,
            report_mb=Path(json.loads(printed)["report"]).stat().st_size / 1e6,
            note="in this checkout" if quick else "compiled by the set-up, nothing else at hand",
        )


def time_help() -> float:
    """Return the median seconds until the program has answered `--help`."""
    program = Path(sys.executable).parent / "decision-engine"
    return statistics.median(seconds_of([str(program), "--help"], ROOT, dict(os.environ))[0] for _ in range(HELP_TIMES))


def shares_of_worlds(*, quick: bool) -> list[OracleShare]:
    """Return the worlds' results in the order of their seeds; told on stderr as they come."""
    seeds, n_users = (WORLD_SEEDS[:QUICK_WORLDS], QUICK_USERS) if quick else (WORLD_SEEDS, WORLD_USERS)
    os.environ.update(_ONE_THREAD)  # for the processes that are about to start
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = []
    with ProcessPoolExecutor(min(cores, len(seeds)), mp_context=multiprocessing.get_context("spawn")) as pool:
        for share in pool.map(oracle_share, seeds, [n_users] * len(seeds)):
            print(f"{share.world}: {share.share:.3f} by {share.policy}, single action {share.single_share:.3f}", flush=True)
            shares.append(share)
    return shares


def measure(quick: bool) -> list[Figure]:
    """Return the figures of the main job."""
    times = time_main_job(quick=quick)
    answered = time_help()
    worlds = shares_of_worlds(quick=quick)
    shares = [world.share for world in worlds]
    singles = [world.single_share for world in worlds]
    capped = statistics.mean(min(share, 1.0) for share in shares)
    sizes = f"{len(worlds)} worlds of {QUICK_USERS if quick else WORLD_USERS:,} users"
    return [
        Figure(
            name="cold_seconds", value=times.cold, unit="s", to_reach="at most 720",
            note="skipped with --quick" if times.cold is None else "clone, set-up and the main job",
        ),
        Figure(name="run_seconds", value=times.run, unit="s", to_reach="at most 300", note=times.note),
        Figure(name="rerun_seconds", value=times.rerun, unit="s", to_reach="at most 10", note="nothing changed"),
        Figure(name="help_seconds", value=answered, unit="s", to_reach="at most 0.5", note=f"median of {HELP_TIMES}"),
        Figure(
            name="oracle_share_10k", value=capped, unit="share", to_reach="at least 0.9",
            peer="best single action", peer_value=statistics.mean(singles),
            note=f"mean of {sizes}, shares above 1 counted as 1, because the oracle is greedy and no bound; smallest "
            f"{min(shares):.3f}; plain mean {statistics.mean(shares):.3f}; best single action at most {max(singles):.3f}",
        ),
        Figure(name="report_mb", value=times.report_mb, unit="MB", to_reach="at most 3"),
    ]  # fmt: skip


if __name__ == "__main__":
    run("main_job", measure)
