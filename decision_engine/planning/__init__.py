"""Planning: from values a user and action to a plan that people approve, export and measure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.planning.approval import PlanEvent, PlanState, PlanStatus
    from decision_engine.planning.exclusions import Exclusion
    from decision_engine.planning.export import ExportManifest, export_plan
    from decision_engine.planning.headline import Headline
    from decision_engine.planning.holdout import in_holdout
    from decision_engine.planning.ledger import Ledger, LedgerEntry
    from decision_engine.planning.make import Candidates, make_plan
    from decision_engine.planning.outcomes import PlanOutcomes, measure_outcomes
    from decision_engine.planning.plan import Plan, PlanSettings
    from decision_engine.planning.reasons import feature_reasons

_HOME = {
    "Candidates": "decision_engine.planning.make",
    "Exclusion": "decision_engine.planning.exclusions",
    "ExportManifest": "decision_engine.planning.export",
    "Headline": "decision_engine.planning.headline",
    "Ledger": "decision_engine.planning.ledger",
    "LedgerEntry": "decision_engine.planning.ledger",
    "Plan": "decision_engine.planning.plan",
    "PlanEvent": "decision_engine.planning.approval",
    "PlanOutcomes": "decision_engine.planning.outcomes",
    "PlanSettings": "decision_engine.planning.plan",
    "PlanState": "decision_engine.planning.approval",
    "PlanStatus": "decision_engine.planning.approval",
    "export_plan": "decision_engine.planning.export",
    "feature_reasons": "decision_engine.planning.reasons",
    "in_holdout": "decision_engine.planning.holdout",
    "make_plan": "decision_engine.planning.make",
    "measure_outcomes": "decision_engine.planning.outcomes",
}
__all__ = [
    "Candidates",
    "Exclusion",
    "ExportManifest",
    "Headline",
    "Ledger",
    "LedgerEntry",
    "Plan",
    "PlanEvent",
    "PlanOutcomes",
    "PlanSettings",
    "PlanState",
    "PlanStatus",
    "export_plan",
    "feature_reasons",
    "in_holdout",
    "make_plan",
    "measure_outcomes",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
