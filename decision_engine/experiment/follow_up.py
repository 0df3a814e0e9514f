"""Follow-up: whether everybody's outcomes were counted for as long as is said, by the times that the data hold."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from decision_engine.config.experiment import horizon_days
from decision_engine.config.models import Config
from decision_engine.history.readiness import Remark
from decision_engine.history.record import History

_SLACK_DAYS = 7  # by which the last row may lie before the last day of counting without a word


def follow_up(history: History, config: Config) -> list[Remark]:
    """Hold `ended_on` and `horizon` against the times of assignments and outcomes."""
    settings = config.experiment
    assert settings is not None, "the caller has an experiment"
    end = pd.Timestamp(settings.ended_on + timedelta(days=1))
    found = []
    if "assigned_at" in history.columns("experiment"):
        assigned = history.table("experiment")["assigned_at"]
        n_late = int((assigned >= end).sum())
        n_short = int((assigned + pd.Timedelta(days=horizon_days(settings.horizon)) > end).sum()) - n_late
        if n_late:
            found.append(
                f"{n_late:,} of {len(assigned):,} users were assigned after {settings.ended_on}, on which counting ended "
                f"(`experiment.ended_on`); the last on {assigned.max():%Y-%m-%d}."
            )
        if n_short:
            found.append(
                f"{n_short:,} of {len(assigned):,} users were assigned less than {settings.horizon} before {settings.ended_on}"
                ": their outcomes were counted for a shorter time. Name a shorter `experiment.horizon`, or leave them out by "
                "`where`."
            )
    if "at" in history.columns("outcomes"):
        last = history.table("outcomes")["at"].max()
        if pd.notna(last) and last < end - pd.Timedelta(days=_SLACK_DAYS):
            found.append(
                f"the last row of outcomes is of {last:%Y-%m-%d}, well before {settings.ended_on}, on which counting is said "
                "to have ended (`experiment.ended_on`)."
            )
    return [Remark(kind="date", words=words) for words in found]
