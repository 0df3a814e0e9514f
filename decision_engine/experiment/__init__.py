"""Experiments: one row a user with a treatment, what was known before and what came of it; from the draw to a plan."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.experiment.assignment import Assignment as Assignment
    from decision_engine.experiment.assignment import judge_assignment as judge_assignment
    from decision_engine.experiment.check import CheckedTrial as CheckedTrial
    from decision_engine.experiment.check import check_trial as check_trial
    from decision_engine.experiment.effects import TrialEffects as TrialEffects
    from decision_engine.experiment.effects import estimate_trial as estimate_trial
    from decision_engine.experiment.evaluate import TrialPolicies as TrialPolicies
    from decision_engine.experiment.evaluate import compare_policies as compare_policies
    from decision_engine.experiment.job import run_trial as run_trial
    from decision_engine.experiment.plan import TrialPlan as TrialPlan
    from decision_engine.experiment.plan import plan_after_trial as plan_after_trial
    from decision_engine.experiment.trial import Trial as Trial
    from decision_engine.experiment.trial import read_trial as read_trial

_HOME = {
    "Assignment": "decision_engine.experiment.assignment",
    "CheckedTrial": "decision_engine.experiment.check",
    "Trial": "decision_engine.experiment.trial",
    "TrialEffects": "decision_engine.experiment.effects",
    "TrialPlan": "decision_engine.experiment.plan",
    "TrialPolicies": "decision_engine.experiment.evaluate",
    "check_trial": "decision_engine.experiment.check",
    "compare_policies": "decision_engine.experiment.evaluate",
    "estimate_trial": "decision_engine.experiment.effects",
    "judge_assignment": "decision_engine.experiment.assignment",
    "plan_after_trial": "decision_engine.experiment.plan",
    "read_trial": "decision_engine.experiment.trial",
    "run_trial": "decision_engine.experiment.job",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
