"""Stage `check`: read the sources, validate every row, and build the weekly panel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.history import History, HistoryQuality, assess, judge_readiness, read_history
from simulations.panel import WeeklyPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A history that was read, what it holds, and its weekly panel."""

    history: History
    quality: HistoryQuality
    panel: WeeklyPanel


def check_history(config: Config) -> Checked:
    """Read the configured history.

    Raises
    ------
    ConfigError, HistoryError
        If a source, a column or the whole history cannot be used; single rows that cannot are set aside and counted.
    """
    history = read_history(config)
    return judge_history(history, config).of(history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What follows from a history's accepted rows alone, whatever its files are called."""

    quality: HistoryQuality
    panel: WeeklyPanel

    def of(self, history: History) -> Checked:
        """Return it together with the history."""
        return Checked(history=history, quality=self.quality, panel=self.panel)


def judge_history(history: History, config: Config) -> Judged:
    """Describe a history that was read, and build its panel.

    Raises
    ------
    HistoryError
        If no order falls into the calendar.
    """
    return Judged(quality=assess(history), panel=history.panel(config.action_set(), config.calendar()))


def data_document(checked: Checked) -> dict[str, Any]:
    """Return the `data` part of the run's JSON: rows read, accepted and quarantined, in total, by table and by reason."""
    history = checked.history
    return {
        "rows_read": history.n_read,
        "accepted": history.n_accepted,
        "quarantined": history.n_quarantined,
        "tables": history.counts.to_dict(orient="records"),
        "reasons": history.reasons().to_dict(orient="records"),
        "users": checked.panel.n_users,
        "weeks": checked.panel.n_periods,
        "notes": list(history.notes),
        "digest": history.digest,
        "version": history.number,
    }


def check_document(checked: Checked, config: Config) -> dict[str, Any]:
    """Return the JSON document of `check`: the run's `data`, what is there by table and action, and what it can support."""
    quality = checked.quality
    return {
        **data_document(checked),
        "span": {name: _records(quality.tables, name) for name in ("first", "last")},
        "orders_per_user": {"median": quality.orders_per_user_median, "top_tenth": quality.orders_per_user_top},
        "actions": quality.actions.astype("object").where(quality.actions.notna(), None).to_dict(orient="records"),
        **judge_readiness(checked.history, checked.panel, config).to_json(),
    }


def check_text(checked: Checked, config: Config) -> str:
    """Return what `check` prints."""
    history, quality = checked.history, checked.quality
    lines = [history.summary(), quality.summary(), f"History: {history.version}."]
    lines += [
        f"Quarantined: {row.rows:,} rows of {row.table}{f', {row.column}' if isinstance(row.column, str) else ''}: {row.reason}"
        + _first_place(history, row)
        for row in history.reasons().head(20).itertuples()
    ]
    outside = history.counts.groupby("table", sort=False)["outside_periods"].sum()
    lines += [f"Outside the weeks: {n:,} rows of {table}." for table, n in outside.items() if n]
    lines += [
        f"Action {row.action}: {row.exposures:,} exposures of {row.users:,} users, {row.first:%Y-%m-%d} to {row.last:%Y-%m-%d}."
        for row in quality.actions.itertuples()
    ]
    return "\n".join([*lines, judge_readiness(history, checked.panel, config).summary()])


def _first_place(history: History, reason: Any) -> str:
    """Say where the first row of a reason lies."""
    aside = history.aside.first_places()
    same = aside[(aside["table"] == reason.table) & (aside["source"] == reason.source) & (aside["reason"] == reason.reason)]
    first = same.iloc[0]
    line = "" if pd.isna(first["line"]) else f" (line {first['line']})"
    return f"; first is row {first['row']}{line} of {Path(first['file']).name}."


def _records(tables: pd.DataFrame, column: str) -> dict[str, str | None]:
    values = zip(tables["table"], tables[column], strict=True)
    return {str(table): None if pd.isna(value) else pd.Timestamp(value).isoformat() for table, value in values}
