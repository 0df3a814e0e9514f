"""What the columns of a source look like: how full, how varied, how much of each reads as number or time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from decision_engine.history.sources import OpenSource, literal, quote

LOOKED_AT = 200_000  # rows of a source at most
_COMMA = r"[+-]?[0-9]{1,3}([.][0-9]{3})*,[0-9]+|[+-]?[0-9]+,[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
TIME_FORMATS = tuple(day + clock for day in _DAYS for clock in _CLOCKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLook:
    """One column, as far as it was looked at.

    Attributes
    ----------
    filled, distinct : float
        Share of rows with a value; distinct values as a share of those.
    n_distinct : int
        Distinct values.
    number, comma, time : float
        Share of values that read as a plain number, as one with a decimal comma, as a time in any form.
    time_formats : tuple of str
        How times are written where they are not ISO, the best fit first; a second one fits as well as the first.
    low, high : float or None
        Of the numbers.
    length : float
        Mean number of characters.
    frequent : tuple of str
        Most frequent values, at most 40.
    """

    name: str
    type: str
    filled: float
    distinct: float
    n_distinct: int
    number: float
    comma: float
    time: float
    time_formats: tuple[str, ...]
    low: float | None
    high: float | None
    length: float
    frequent: tuple[str, ...]


def look_at(connection: duckdb.DuckDBPyConnection, source: OpenSource) -> dict[str, ColumnLook]:
    """Return a look at each column of an open source."""
    return {name: _look(connection, source, name, kind) for name, kind in source.columns.items()}


def _look(connection: duckdb.DuckDBPyConnection, source: OpenSource, name: str, kind: str) -> ColumnLook:
    text = f"nullif(trim(CAST({quote(name)} AS VARCHAR)), '')"
    rows = f"(SELECT {text} AS v FROM {source.view} LIMIT {LOOKED_AT})"
    number = f"CASE WHEN regexp_full_match(v, {literal(_NUMBER)}) THEN TRY_CAST(v AS DOUBLE) END"
    n, filled, distinct, numbers, commas, times, low, high, length = connection.execute(
        f"SELECT count(*), count(v), count(DISTINCT v), count({number}), "
        f"count(*) FILTER (regexp_full_match(v, {literal(_COMMA)})), "
        f"count(TRY_CAST(v AS TIMESTAMP)), min({number}), max({number}), avg(length(v)) FROM {rows}"
    ).fetchall()[0]
    frequent = connection.execute(
        f"SELECT v FROM {rows} WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 40"
    ).fetchall()
    known = max(filled, 1)
    formats: tuple[str, ...] = ()
    share = times / known
    if filled and share < 0.9 and (kind == "VARCHAR" or "INT" in kind) and (length or 0) <= 20 and (length or 0) >= 8:
        formats, share = _formats(connection, rows, filled, share, numbers / known, low, high)
    return ColumnLook(
        name=name,
        type=kind,
        filled=filled / max(n, 1),
        distinct=distinct / known,
        n_distinct=distinct,
        number=numbers / known,
        comma=commas / known,
        time=share,
        time_formats=formats,
        low=low,
        high=high,
        length=float(length or 0.0),
        frequent=tuple(value for (value,) in frequent),
    )


def _formats(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    filled: int,
    iso: float,
    number: float,
    low: float | None,
    high: float | None,
) -> tuple[tuple[str, ...], float]:
    """Find the written form that most values have, and others that fit as well."""
    if number > 0.9 and not (low is not None and high is not None and low >= 19_000_101 and high <= 21_991_231):
        return (), iso
    counts = ", ".join(f"count(try_strptime(v, {literal(written)}))" for written in TIME_FORMATS)
    found = connection.execute(f"SELECT {counts} FROM {rows}").fetchall()[0]
    best = max(found)
    if best / filled <= max(iso, 0.5):
        return (), iso
    return tuple(written for written, n in zip(TIME_FORMATS, found, strict=True) if n == best), best / filled


def text_encoding(path: Path) -> str:
    """Return the encoding of a text file, told from its first megabytes: utf-8, utf-16, or cp1252 where it is neither."""
    with path.open("rb") as file:
        start = file.read(1 << 22)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8" if error.start >= len(start) - 4 else "cp1252"
    return "utf-8"


def span(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[datetime, datetime] | None:
    """Return the first and last time that a query gives as `t`; None where there is none."""
    first, last = connection.execute(f"SELECT min(t), max(t) FROM ({query})").fetchall()[0]
    return None if first is None else (first, last)
