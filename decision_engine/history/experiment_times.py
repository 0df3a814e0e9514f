"""Times of an experiment as its files hold them: when users were assigned, how long all were followed, when counting ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from decision_engine.history.column_finder import time_of
from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import Line, Sheet, TableDraft
from decision_engine.history.sources import literal

_WANTED, _PLAN = "last day on which outcomes were counted", "the plan is for the day after"
_PLACEHOLDER = date(2024, 12, 31)
_SHORTEST, _LONGEST = 7, 28  # days that a horizon is guessed to have
_NOT_ASSIGNED = frozenset({
    "birth", "born", "birthday", "birthdate", "dob", "signup", "registered", "registration", "joined", "created", "since",
    "last", "first", "previous", "prior", "order", "ordered", "purchase", "purchased", "bought", "converted", "conversion",
    "end", "ended", "ends", "expires", "expiry", "updated", "visit", "visited", "login", "redeemed", "opened", "clicked",
    "geburt", "geburtsdatum", "alta", "nacimiento",
})  # fmt: skip
_AHEAD = frozenset({"end", "ends", "expires", "expiry", "valid", "until", "renewal", "birth", "birthday", "birthdate", "dob"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTimes:
    """When users were assigned, and until when outcomes were counted.

    Attributes
    ----------
    assigned_at : Line or None
        The assignment's time; None where nothing tells or needs it.
    column : str or None
        The column it is.
    horizon, ended_on : Line
        As they are written, each with what is to be filled in.
    only_before, none_before : frozenset of str
        Sheets of events that all came about before the first assignment, or all from the last one on.
    """

    assigned_at: Line | None
    column: str | None
    horizon: Line
    ended_on: Line
    only_before: frozenset[str] = frozenset()
    none_before: frozenset[str] = frozenset()


def find_times(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, events: Sequence[TableDraft], taken: Collection[str | None]
) -> TrialTimes:
    """Read the times off an experiment's file and the events of its users."""
    column = _assigned(sheet, taken)
    spans = {
        draft.sheet.name: span
        for draft in events
        if "at" in draft.lines and (span := _span(connection, draft.sheet, draft.lines["at"].expression)) is not None
    }
    assigned = None if column is None else _span(connection, sheet, time_of(connection, sheet.looks[column]))
    if not spans:
        return TrialTimes(
            assigned_at=None if column is None else _line(connection, sheet, column),
            column=column,
            horizon=Line(expression="two weeks", fill_in="how long outcomes were counted"),
            ended_on=_last_of(connection, sheet, column),
        )
    first, last = min(low for low, _ in spans.values()), max(high for _, high in spans.values())
    if assigned is None:
        day = first.date()
        told = "when users were assigned, which no column says; rows before count as before, and this is the first row's day"
        return TrialTimes(
            assigned_at=Line(expression=f"TIMESTAMP '{day}'", fill_in=told),
            column=None,
            horizon=Line(expression="two weeks", fill_in="how long after the assignment rows count"),
            ended_on=Line(expression=str(last.date()), fill_in=_until(spans, last)),
            none_before=frozenset(spans),
        )
    days = (datetime.combine(last.date() + timedelta(days=1), datetime.min.time()) - assigned[1]).days
    n_days = min(days, _LONGEST) if days >= _SHORTEST else 2 * _SHORTEST
    whole = (assigned[1] + timedelta(days=n_days) - timedelta(microseconds=1)).date()  # an assignment at noon ends at one
    ended = min(last.date(), whole) if days >= 1 else assigned[1].date()
    followed = (
        f"all users were followed for {days} days" if days >= _SHORTEST else "some users were followed for a shorter time"
    )
    return TrialTimes(
        assigned_at=_line(connection, sheet, str(column)),
        column=column,
        horizon=Line(expression=f"{n_days} days", fill_in=f"how long after the assignment rows count; {followed}"),
        ended_on=Line(expression=str(ended), fill_in=_until(spans, last)),
        only_before=frozenset(name for name, (_, high) in spans.items() if high < assigned[0]),
        none_before=frozenset(name for name, (low, _) in spans.items() if low.date() >= assigned[1].date()),
    )


def _until(spans: dict[str, tuple[datetime, datetime]], last: datetime) -> str:
    latest = max(spans, key=lambda name: spans[name][1])
    return f"{_WANTED}; the last row of {latest} is of {last:%Y-%m-%d}; {_PLAN}"


def _line(connection: duckdb.DuckDBPyConnection, sheet: Sheet, column: str) -> Line:
    found = [guess.confidence for guess in sheet.roles.get("time", []) if guess.column == column]
    return Line(expression=time_of(connection, sheet.looks[column]), confidence=found[0] if found else None)


def _assigned(sheet: Sheet, taken: Collection[str | None]) -> str | None:
    """Return the column that says when users were assigned: a time that every user has, not named for anything else."""
    for guess in sheet.roles.get("time", []):
        look = sheet.looks[guess.column]
        is_time = bool(look.epoch) or look.time > 0.95
        if is_time and look.filled > 0.99 and guess.column not in taken and not _NOT_ASSIGNED & set(name_parts(guess.column)):
            return guess.column
    return None


def _last_of(connection: duckdb.DuckDBPyConnection, sheet: Sheet, assigned: str | None) -> Line:
    """Return the last day that any column of the experiment's own file holds; a placeholder where none does."""
    found: list[tuple[datetime, str]] = []
    for name, look in sheet.looks.items():
        is_time = bool(look.epoch) or (look.time > 0.9 and (look.number < 0.5 or bool(look.time_formats)))
        if is_time and not _AHEAD & set(name_parts(name)) and name not in sheet.personal:
            span = _span(connection, sheet, time_of(connection, look))
            found += [(span[1], name)] if span is not None else []
    if not found:
        return Line(expression=str(_PLACEHOLDER), fill_in=f"{_WANTED}; {_PLAN}")
    last, name = max(found)
    if name == assigned:  # outcomes came after it
        end = last.date() + timedelta(days=2 * _SHORTEST - 1)
        return Line(expression=str(end), fill_in=f"{_WANTED}; two weeks from the last in {name}, {last:%Y-%m-%d}; {_PLAN}")
    return Line(
        expression=str(last.date()),
        fill_in=f"{_WANTED}; the last day in {name} is {last:%Y-%m-%d}; {_PLAN}",
    )


def _span(connection: duckdb.DuckDBPyConnection, sheet: Sheet, expression: str) -> tuple[datetime, datetime] | None:
    """Return the first and last time of a column; None where none can be read."""
    text = f"CAST(({expression}) AS VARCHAR)"
    plain = f"TRY_CAST({text} AS TIMESTAMP)"
    formats = ", ".join(literal(one) for one in sheet.settings.time_formats)
    when = f"coalesce(try_strptime({text}, [{formats}]), {plain})" if formats else plain
    low, high = connection.execute(
        f"SELECT min(t), max(t) FROM (SELECT {when} AS t FROM {sheet.source.view}) "
        "WHERE t BETWEEN TIMESTAMP '1900-01-01' AND TIMESTAMP '2199-12-31'"
    ).fetchall()[0]
    return None if low is None else (low, high)
