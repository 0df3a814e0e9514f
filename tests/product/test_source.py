"""A stage's key covers every source file that the stage runs, however it is imported."""

from __future__ import annotations

from decision_engine.source import ROOT, files_of


def names(module: str) -> set[str]:
    return {file.relative_to(ROOT).as_posix() for file in files_of(module)}


def test_imports_inside_functions_and_behind_doors_count() -> None:
    learn = names("decision_engine.stages.learn")
    assert "policies/deep/training.py" in learn  # imported inside a function
    assert "policies/allocation/dual.py" in names("decision_engine.stages.plan")  # named by a door alone
    assert "simulations/kernel.py" in learn


def test_what_a_stage_does_not_run_does_not_count() -> None:
    check = names("decision_engine.stages.check")
    assert "decision_engine/history/ingest.py" in check
    assert not any(file.startswith(("policies/", "reports/", "envs/")) for file in check)


def test_the_page_counts_its_style_sheet() -> None:
    assert any(file.endswith(".css") for file in names("decision_engine.stages.report"))
