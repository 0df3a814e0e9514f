"""What the command `check` tells of a history: as text, and as one JSON document; the page is `check_page`'s."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.config.placeholders import warn_of
from decision_engine.effects.logged_actions import LoggedAction, value_logged_actions
from decision_engine.history import History, Readiness, judge_readiness
from decision_engine.history.quarantine import say_place
from decision_engine.stages.check import Checked, data_document, plain_records
from reports.numbers import plural

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a history is good for, and what its log says of each action by itself."""

    readiness: Readiness
    logged_actions: tuple[LoggedAction, ...]


def judge(checked: Checked, config: Config) -> Judged:
    """Say what a history that was read is good for."""
    return Judged(
        readiness=judge_readiness(checked.history, checked.panel, config),
        logged_actions=tuple(value_logged_actions(checked.history, config)),
    )


def check_document(checked: Checked, judged: Judged, config: Config) -> dict[str, Any]:
    """Return the JSON document of `check`: the run's `data`, what is there by table and action, and what it can support."""
    quality = checked.quality
    return {
        **data_document(checked),
        "to_fill_in": [{"line": p.line, "written": p.written, "wanted": p.wanted} for p in config.origin.placeholders],
        "span": {name: _records(quality.tables, name) for name in ("first", "last")},
        "outside": [
            {
                "table": one.table,
                "source": one.source,
                "rows": one.n,
                "far_rows": one.n_far,
                "first": checked.history.place_of(one),
                "first_date": one.when,
            }
            for one in checked.history.outside
        ],
        "overlaps": [
            {"table": one.table, "files": checked.history.names_of(one), "rows": one.n, "share": one.share}
            for one in checked.history.overlaps
        ],
        "orders_per_user": {"median": quality.orders_per_user_median, "top_tenth": quality.orders_per_user_top},
        "actions": plain_records(quality.actions),
        **judged.readiness.to_json(),
        "logged_actions": [asdict(action) for action in judged.logged_actions],
    }


def check_text(checked: Checked, judged: Judged, config: Config) -> str:
    """Return what `check` prints, on lines of at most 80 columns: what is wrong, what is there, what is still to fill in."""
    history, quality = checked.history, checked.quality
    lines = [*judged.readiness.alarms, history.counted(), quality.summary(), f"History: {history.version}.", *history.notes]
    lines += aside_lines(history)
    lines += [
        f"Outside the weeks: {_n(one.n, 'row')} of {one.table}; {'first' if one.n_far in (0, one.n) else 'first far away'} is "
        f"{history.place_of(one)}, of {one.when}."
        for one in history.outside
    ]
    lines += [
        f"Action {row.action}: {_n(row.exposures, 'exposure')} of {_n(row.users, 'user')}, {row.first:%Y-%m-%d} to "
        f"{row.last:%Y-%m-%d}."
        for row in quality.actions.itertuples()
    ]
    lines += [action.say(config.currency, config.interval_level) for action in judged.logged_actions]
    lines += judged.readiness.lines()
    if warning := warn_of(config.origin.placeholders, config.origin.name):
        lines += warning.split("\n")
    return "\n".join(_folded(line) for line in lines)


def aside_lines(history: History) -> list[str]:
    """Say how many rows were set aside for each reason, and where the first of them stands."""
    return [
        f"Quarantined: {_n(row.rows, 'row')} of {row.table}{f', {row.column}' if isinstance(row.column, str) else ''}: "
        f"{row.reason}; first is {first_place(history, row)}."
        for row in history.reasons().head(_MOST_REASONS).itertuples()
    ]


def first_place(history: History, reason: Any) -> str:
    """Say where the first row of a reason lies."""
    aside = history.aside.first_places()
    same = aside[(aside["table"] == reason.table) & (aside["source"] == reason.source) & (aside["reason"] == reason.reason)]
    if isinstance(reason.column, str):
        same = same[same["column"] == reason.column]
    return say_place(same.iloc[0])


def _n(count: Any, one: str) -> str:
    return plural(int(count), one)


def _folded(line: str) -> str:
    """Break a line at 80 columns, what follows set in by two more than it is."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _records(tables: pd.DataFrame, column: str) -> dict[str, str | None]:
    values = zip(tables["table"], tables[column], strict=True)
    return {str(table): None if pd.isna(value) else pd.Timestamp(value).isoformat() for table, value in values}
