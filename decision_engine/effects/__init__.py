"""What actions change: the question, the data for it, estimates with a verdict, and the experiment that would settle it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.effects.design import Experiment as Experiment
    from decision_engine.effects.design import design_experiment as design_experiment
    from decision_engine.effects.landmarks import Landmarks as Landmarks
    from decision_engine.effects.landmarks import UserWeeks as UserWeeks
    from decision_engine.effects.landmarks import collect_landmarks as collect_landmarks
    from decision_engine.effects.model import ActionEffect as ActionEffect
    from decision_engine.effects.model import EffectModel as EffectModel
    from decision_engine.effects.model import estimate_effects as estimate_effects
    from decision_engine.effects.question import Question as Question
    from decision_engine.effects.question import state_question as state_question
    from decision_engine.effects.randomisation import SampleRatio as SampleRatio
    from decision_engine.effects.randomisation import sample_ratio as sample_ratio
    from decision_engine.effects.recorded import interaction_log as interaction_log
    from decision_engine.effects.verdict import Check as Check
    from decision_engine.effects.verdict import Verdict as Verdict
    from decision_engine.effects.weekly_shift import WeeklyShift as WeeklyShift
    from decision_engine.effects.weekly_shift import estimate_shifts as estimate_shifts

_HOME = {
    "ActionEffect": "decision_engine.effects.model",
    "Check": "decision_engine.effects.verdict",
    "EffectModel": "decision_engine.effects.model",
    "Experiment": "decision_engine.effects.design",
    "Landmarks": "decision_engine.effects.landmarks",
    "Question": "decision_engine.effects.question",
    "SampleRatio": "decision_engine.effects.randomisation",
    "UserWeeks": "decision_engine.effects.landmarks",
    "Verdict": "decision_engine.effects.verdict",
    "WeeklyShift": "decision_engine.effects.weekly_shift",
    "collect_landmarks": "decision_engine.effects.landmarks",
    "design_experiment": "decision_engine.effects.design",
    "estimate_effects": "decision_engine.effects.model",
    "estimate_shifts": "decision_engine.effects.weekly_shift",
    "interaction_log": "decision_engine.effects.recorded",
    "sample_ratio": "decision_engine.effects.randomisation",
    "state_question": "decision_engine.effects.question",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
