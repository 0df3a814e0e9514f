"""Recommendations: what to buy again, what is popular and new, and how often such lists hit."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.profiles.recommend.buy_again import buy_again
    from decision_engine.profiles.recommend.judge import ListScore, RecommendationJudgement, judge_recommendations
    from decision_engine.profiles.recommend.popular import most_popular, popular_unbought
    from decision_engine.profiles.recommend.shortlist import shortlist

_HOME = {
    "ListScore": "decision_engine.profiles.recommend.judge",
    "RecommendationJudgement": "decision_engine.profiles.recommend.judge",
    "buy_again": "decision_engine.profiles.recommend.buy_again",
    "judge_recommendations": "decision_engine.profiles.recommend.judge",
    "most_popular": "decision_engine.profiles.recommend.popular",
    "popular_unbought": "decision_engine.profiles.recommend.popular",
    "shortlist": "decision_engine.profiles.recommend.shortlist",
}
__all__ = [
    "ListScore",
    "RecommendationJudgement",
    "buy_again",
    "judge_recommendations",
    "most_popular",
    "popular_unbought",
    "shortlist",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
