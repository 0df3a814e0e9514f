"""Outcomes of an experiment that lie in other tables: orders, clicks and the like, summed by user.

A row counts as an outcome from the user's assignment on, for the length of `experiment.horizon` and no longer than to
`ended_on`. What came before the assignment is no outcome; its sums, under the column's name with `_before`, may be covariates.
A row without a time counts whenever it came about. Users whom no row names had nothing: 0. Where rows have a day and no clock,
the day of the assignment counts as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from decision_engine.config.experiment import BEFORE, ExperimentConfig, horizon_days
from decision_engine.config.models import Config
from decision_engine.history.sources import PARQUET, literal, quote
from decision_engine.history.weekly import exact_sum
from simulations.errors import HistoryError

_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Rows of `outcomes`, by what became of them, and users that have any."""

    rows: int
    count: int
    before: int
    after: int
    strangers: int
    users: int
    users_with_any: int
    again: int


def sum_outcomes(connection: duckdb.DuckDBPyConnection, folder: Path, config: Config) -> list[str]:
    """Add to the experiment's table, and its audience's, the sums of `outcomes` by user; return what should be known of them.

    Raises
    ------
    HistoryError
        If there are rows, and none of them names a user of the experiment.
    """
    settings = config.experiment
    assert settings is not None, "a table of outcomes belongs to an experiment"
    events, people = (f"read_parquet({literal(str(folder / f'{name}.parquet'))})" for name in ("outcomes", "experiment"))
    columns = [name for name in _columns(connection, events) if name not in ("user_id", "at")]
    times = {name for rows in (events, people) for name in _columns(connection, rows)} & {"at", "assigned_at"}
    since, at = (quote(name) if name in times else "NULL" for name in ("assigned_at", "at"))
    placed = _placed(events, people, since, at, settings)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE placed AS {placed}")
    counted = _count(connection, people, columns)
    if counted.rows and counted.strangers == counted.rows:
        where = config.origin.where(("tables", "outcomes"))
        raise HistoryError(
            f"{where}: none of {counted.rows:,} rows names a user of the experiment"
            f"{_examples(connection, people, withheld=config.privacy.pseudonym_key is not None)}. Map `user_id` to the column "
            "that holds the same ids as in tables.experiment, written alike."
        )
    before = [name for name in columns if f"{name}{BEFORE}" in settings.covariates]
    _add(connection, folder / "experiment.parquet", columns, before)
    if before and (folder / "audience.parquet").exists():
        end = f"TIMESTAMP {literal(str(settings.ended_on + timedelta(days=1)))}"
        audience = f"read_parquet({literal(str(folder / 'audience.parquet'))})"
        placed = _placed(events, audience, end, at, settings)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE placed AS {placed}")
        _add(connection, folder / "audience.parquet", [], before)
    connection.execute("DROP TABLE placed")
    return _notes(counted, settings, _empty(connection, events, columns))


def _columns(connection: duckdb.DuckDBPyConnection, rows: str) -> list[str]:
    return [str(row[0]) for row in connection.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()]


def _placed(events: str, people: str, since: str, at: str, settings: ExperimentConfig) -> str:
    """Return SQL of the rows of outcomes, each with its place: before, counts, after, or of nobody in the experiment."""
    horizon = f"INTERVAL {round(horizon_days(settings.horizon) * _SECONDS)} SECOND"
    last = f"TIMESTAMP {literal(str(settings.ended_on + timedelta(days=1)))}"
    return (
        f"SELECT e.*, CASE WHEN p.user_id IS NULL THEN 'stranger' WHEN moment IS NULL THEN 'counts' "
        "WHEN moment < CASE WHEN moment = date_trunc('day', moment) THEN date_trunc('day', since) ELSE since END THEN 'before' "
        f"WHEN moment >= least({last}, since + {horizon}) THEN 'after' ELSE 'counts' END AS place "
        f"FROM (SELECT *, CAST({at} AS TIMESTAMP) AS moment FROM {events}) e "
        f"LEFT JOIN (SELECT user_id, CAST({since} AS TIMESTAMP) AS since FROM {people}) p USING (user_id)"
    )


def _count(connection: duckdb.DuckDBPyConnection, people: str, columns: list[str]) -> _Counted:
    kinds = ", ".join(f"count(*) FILTER (place = '{kind}')" for kind in ("counts", "before", "after", "stranger"))
    told = ", ".join(["user_id", "moment", *map(quote, columns)])
    rows, counts, before, after, strangers, users_with_any = connection.execute(
        f"SELECT count(*), {kinds}, count(DISTINCT user_id) FILTER (place = 'counts') FROM placed"
    ).fetchall()[0]
    (users,) = connection.execute(f"SELECT count(*) FROM {people}").fetchall()[0]
    (again,) = connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM placed WHERE place = 'counts' GROUP BY {told})"
    ).fetchall()[0]
    return _Counted(
        rows=rows, count=counts, before=before, after=after, strangers=strangers, users=users,
        users_with_any=users_with_any, again=int(again),
    )  # fmt: skip


def _add(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str], before: list[str]) -> None:
    """Write a table of users anew with the sums beside its columns."""
    named = [(name, name, "counts") for name in columns] + [(f"{name}{BEFORE}", name, "before") for name in before]
    if not named:
        return
    sums = ", ".join(
        f"coalesce(round({exact_sum(f'(CASE WHEN place = {literal(place)} THEN {quote(column)} END)', large=True)}, 6), 0.0) "
        f"AS {quote(name)}"
        for name, column, place in named
    )
    shown = ", ".join(f"coalesce(s.{quote(name)}, 0.0) AS {quote(name)}" for name, _, _ in named)
    target = path.with_suffix(".summed")
    connection.execute(
        f"COPY (SELECT p.* EXCLUDE (file_row_number), {shown} "
        f"FROM read_parquet({literal(str(path))}, file_row_number = true) p "
        f"LEFT JOIN (SELECT user_id, {sums} FROM placed GROUP BY user_id) s USING (user_id) ORDER BY file_row_number) "
        f"TO {literal(str(target))} ({PARQUET})"
    )
    target.replace(path)


def _examples(connection: duckdb.DuckDBPyConnection, people: str, *, withheld: bool) -> str:
    if withheld:
        return ""
    (theirs,), (ours,) = (connection.execute(f"SELECT min(user_id) FROM {rows}").fetchall()[0] for rows in ("placed", people))
    return f" (the first here is {theirs!r}, the first there {ours!r})"


def _empty(connection: duckdb.DuckDBPyConnection, events: str, columns: list[str]) -> dict[str, int]:
    """Return in how many rows each column is empty, of those that are filled in some row beside it."""
    if len(columns) == 0:
        return {}
    counts = connection.execute(
        f"SELECT {', '.join(f'count(*) - count({quote(name)})' for name in columns)} FROM {events}"
    ).fetchall()[0]
    return {name: int(n) for name, n in zip(columns, counts, strict=True) if n}


def _notes(counted: _Counted, settings: ExperimentConfig, empty: dict[str, int]) -> list[str]:
    n_none = counted.users - counted.users_with_any
    aside = [
        f"{n:,} {words}"
        for n, words in (
            (counted.before, "came before the user's assignment"),
            (counted.after, f"came later than {settings.horizon} after it, or after {settings.ended_on}"),
            (counted.strangers, "name nobody in the experiment"),
        )
        if n
    ]
    told = f"; {', '.join(aside)}" if aside else ""
    none = f" {n_none:,} of {counted.users:,} users have none, which counts as 0." if n_none else ""
    notes = [f"Outcomes: {counted.count:,} of {counted.rows:,} rows count{told}.{none}"]
    if counted.again:
        notes.append(
            f"Outcomes: {counted.again:,} rows say what another says, and count; where they are copies, leave them out."
        )
    notes += [f"Outcomes: {name} is empty in {n:,} rows, which add nothing to it." for name, n in empty.items()]
    return notes
