"""Profiles: what is known of each user at the end of the history, and how far it can be trusted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.profiles.churn import ChurnModel, fit_churn
    from decision_engine.profiles.churn_judgement import ChurnJudgement, judge_churn
    from decision_engine.profiles.interests import Tastes, favourite_categories, read_tastes
    from decision_engine.profiles.purchases import Purchases, read_purchases
    from decision_engine.profiles.rfm import rfm_segments
    from decision_engine.profiles.segments import life_stages
    from decision_engine.profiles.snapshot import Profiles, profile_users
    from decision_engine.profiles.value import recent_margin, value_tiers

_HOME = {
    "ChurnJudgement": "decision_engine.profiles.churn_judgement",
    "ChurnModel": "decision_engine.profiles.churn",
    "Profiles": "decision_engine.profiles.snapshot",
    "Purchases": "decision_engine.profiles.purchases",
    "Tastes": "decision_engine.profiles.interests",
    "favourite_categories": "decision_engine.profiles.interests",
    "fit_churn": "decision_engine.profiles.churn",
    "judge_churn": "decision_engine.profiles.churn_judgement",
    "life_stages": "decision_engine.profiles.segments",
    "profile_users": "decision_engine.profiles.snapshot",
    "read_purchases": "decision_engine.profiles.purchases",
    "read_tastes": "decision_engine.profiles.interests",
    "recent_margin": "decision_engine.profiles.value",
    "rfm_segments": "decision_engine.profiles.rfm",
    "value_tiers": "decision_engine.profiles.value",
}
__all__ = [
    "ChurnJudgement",
    "ChurnModel",
    "Profiles",
    "Purchases",
    "Tastes",
    "favourite_categories",
    "fit_churn",
    "judge_churn",
    "life_stages",
    "profile_users",
    "read_purchases",
    "read_tastes",
    "recent_margin",
    "rfm_segments",
    "value_tiers",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
