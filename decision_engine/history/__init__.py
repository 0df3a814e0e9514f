"""History: sources to canonical tables, their quality, and how they are split to fit and to judge."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.history.content import digest_sources as digest_sources
    from decision_engine.history.ingest import check_sources as check_sources
    from decision_engine.history.ingest import read_history as read_history
    from decision_engine.history.ingest import read_panel as read_panel
    from decision_engine.history.quality import HistoryQuality as HistoryQuality
    from decision_engine.history.quality import assess as assess
    from decision_engine.history.readiness import Readiness as Readiness
    from decision_engine.history.readiness import judge_readiness as judge_readiness
    from decision_engine.history.record import History as History
    from decision_engine.history.split import PeriodSplit as PeriodSplit
    from decision_engine.history.split import sample_users as sample_users
    from decision_engine.history.split import split_periods as split_periods
    from decision_engine.history.split import user_folds as user_folds
    from decision_engine.history.starter import Starter as Starter
    from decision_engine.history.starter import write_starter as write_starter
    from decision_engine.history.store import HistoryStore as HistoryStore

_HOME = {
    "History": "decision_engine.history.record",
    "HistoryStore": "decision_engine.history.store",
    "HistoryQuality": "decision_engine.history.quality",
    "PeriodSplit": "decision_engine.history.split",
    "Starter": "decision_engine.history.starter",
    "Readiness": "decision_engine.history.readiness",
    "assess": "decision_engine.history.quality",
    "check_sources": "decision_engine.history.ingest",
    "digest_sources": "decision_engine.history.content",
    "judge_readiness": "decision_engine.history.readiness",
    "read_history": "decision_engine.history.ingest",
    "read_panel": "decision_engine.history.ingest",
    "sample_users": "decision_engine.history.split",
    "split_periods": "decision_engine.history.split",
    "user_folds": "decision_engine.history.split",
    "write_starter": "decision_engine.history.starter",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
