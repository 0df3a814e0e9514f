"""What people read: tables, figures and pages, made from frames and plain values."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.card import CardReport as CardReport
    from reports.card import render_card as render_card
    from reports.check import CheckReport as CheckReport
    from reports.check import PropensityReport as PropensityReport
    from reports.check import render_check as render_check
    from reports.data import DataReport as DataReport
    from reports.document import Document as Document
    from reports.document import Section as Section
    from reports.doubts import WitnessReport as WitnessReport
    from reports.effects import EffectsReport as EffectsReport
    from reports.experiment import ExperimentReport as ExperimentReport
    from reports.making import MakingReport as MakingReport
    from reports.plan import PlanReport as PlanReport
    from reports.policies import PoliciesReport as PoliciesReport
    from reports.policies import SearchReport as SearchReport
    from reports.profiles import ChurnReport as ChurnReport
    from reports.profiles import ProfilesReport as ProfilesReport
    from reports.run import RunReport as RunReport
    from reports.run import render_run as render_run
    from reports.simulator import SimulatorReport as SimulatorReport
    from reports.tables import Column as Column
    from reports.tables import html_table as html_table
    from reports.tables import text_table as text_table
    from reports.terminal import plan_text as plan_text
    from reports.terminal import policies_text as policies_text
    from reports.trial_check import TrialCheckReport as TrialCheckReport
    from reports.trial_check import render_trial_check as render_trial_check

_HOME = {
    "CardReport": "reports.card",
    "CheckReport": "reports.check",
    "ChurnReport": "reports.profiles",
    "Column": "reports.tables",
    "DataReport": "reports.data",
    "Document": "reports.document",
    "EffectsReport": "reports.effects",
    "ExperimentReport": "reports.experiment",
    "MakingReport": "reports.making",
    "PlanReport": "reports.plan",
    "PoliciesReport": "reports.policies",
    "ProfilesReport": "reports.profiles",
    "PropensityReport": "reports.check",
    "RunReport": "reports.run",
    "SearchReport": "reports.policies",
    "Section": "reports.document",
    "SimulatorReport": "reports.simulator",
    "TrialCheckReport": "reports.trial_check",
    "WitnessReport": "reports.doubts",
    "html_table": "reports.tables",
    "plan_text": "reports.terminal",
    "policies_text": "reports.terminal",
    "render_card": "reports.card",
    "render_check": "reports.check",
    "render_run": "reports.run",
    "render_trial_check": "reports.trial_check",
    "text_table": "reports.tables",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
