"""A run that was stopped goes on, and no number of workers changes what it finds."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.product.command_line import Answer, installed, start
from tests.product.conftest import Copy, Done

pytestmark = pytest.mark.slow


def stopped_in(stage: str, stop: signal.Signals, *arguments: object) -> Answer:
    """Start a run and stop it shortly after a stage has begun."""
    with start(*arguments) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith(stage) and line.rstrip().endswith("..."):
                break
        time.sleep(0.3)
        program.send_signal(stop)
        out, err = program.communicate(timeout=120)
    return Answer(code=program.returncode, out=out, err=err)


def test_a_run_killed_and_then_interrupted_goes_on_and_makes_the_same_plan(quick: Done, tmp_path: Path) -> None:
    run = ("run", quick.shop.configuration, "-w", tmp_path, "--workers", 0, "--json")

    killed = stopped_in("profile", signal.SIGKILL, *run)
    assert killed.code == -signal.SIGKILL

    interrupted = stopped_in("fit", signal.SIGINT, *run)
    assert interrupted.code == 130
    assert interrupted.out == ""
    assert "stopped; the same command goes on from the last finished stage" in interrupted.err
    assert "Traceback" not in interrupted.err
    kept = {path.name for path in (tmp_path / "artifacts").glob("*.pickle")}
    assert {name.split("-")[0] for name in kept} == {"check", "profile", "effects"}
    assert not (tmp_path / "ledger.sqlite").exists()

    document = installed(*run).document
    assert [stage["name"] for stage in document["stages"] if stage["cached"]] == ["check", "profile", "effects"]
    assert document["plan"] == quick.document["plan"]
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_plan_is_the_same_with_any_number_of_workers(quick: Done, copy: Copy, workers: int) -> None:
    done = copy(quick)
    for stage in ("search", "evaluate", "plan", "report"):
        for artifact in (done.workspace / "artifacts").glob(f"{stage}-*"):
            artifact.unlink()
    shutil.rmtree(done.workspace / "studies")
    (done.workspace / "ledger.sqlite").unlink()
    answer = installed("run", done.shop.configuration, "-w", done.workspace, "--workers", workers, "--json")
    cached = {stage["name"]: stage["cached"] for stage in answer.document["stages"]}
    assert cached["fit"]
    assert not cached["search"]
    assert answer.document["plan"] == quick.document["plan"]
    assert answer.document["search"] == quick.document["search"]
