"""Rows outside the weeks: accepted, but in no week of the calendar; how many, how many far away, and where the first stands.

A row that lies more than a year away is hardly part of the history that the calendar cuts: more likely its date is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from decision_engine.history.mapping import BoundMapping
from decision_engine.history.placing import place_rows
from decision_engine.history.sources import ROW, literal, quote
from decision_engine.history.weekly import inside
from simulations.arrays import BoolArray, IntArray
from simulations.panel import Calendar

FAR_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Accepted rows of one mapping that fall into no week.

    Attributes
    ----------
    file : int
        Which of the source's files the first of them is in.
    row, line : int, int or None
        Where it stands there, both from 1. Where rows lie far away, it is the first of those.
    when : str
        Its time.
    n, n_far : int
        Rows outside, and those of them more than a year away.
    """

    table: str
    source: str
    file: int
    row: int
    line: int | None
    when: str
    n: int
    n_far: int


def count_outside(connection: duckdb.DuckDBPyConnection, column: str, part: Path, calendar: Calendar) -> tuple[int, int]:
    """Return how many rows of a Parquet file lie outside the weeks, and how many more than a year."""
    told = f"count(*) FILTER (NOT {inside(quote(column), calendar)}), count(*) FILTER ({far(quote(column), calendar)})"
    n, n_far = connection.execute(f"SELECT {told} FROM read_parquet({literal(str(part))})").fetchall()[0]
    return int(n), int(n_far)


def far(column: str, calendar: Calendar) -> str:
    """Return the SQL condition that a time lies more than a year away from the calendar's weeks."""
    first, last = (f"TIMESTAMP '{calendar.start_of(period)}'" for period in (0, calendar.n_periods))
    margin = f"INTERVAL {FAR_DAYS} DAY"
    return f"({column} < {first} - {margin} OR {column} >= {last} + {margin})"


def is_far(days: IntArray, calendar: Calendar) -> BoolArray:
    """Return which business days, counted from the first of the calendar, lie more than a year away from its weeks."""
    return np.asarray((days < -FAR_DAYS) | (days >= 7 * calendar.n_periods + FAR_DAYS), dtype=np.bool_)


def find_outside(
    connection: duckdb.DuckDBPyConnection, mapping: BoundMapping, column: str, calendar: Calendar, counts: tuple[int, int]
) -> Outside:
    """Find where the first of the rows outside stands, given how many there are."""
    n, n_far = counts
    condition = far(quote(column), calendar) if n_far else f"NOT {inside(quote(column), calendar)}"
    rows = f"SELECT {ROW}, {quote(column)} FROM ({mapping.accepted([ROW, column])}) WHERE {condition}"
    if mapping.mapping.join:  # which may move rows; without one the first that comes is the first
        rows += f" ORDER BY {ROW}"
    row, when = connection.execute(f"{rows} LIMIT 1").fetchall()[0]
    ends = np.cumsum([file.n_rows for file in mapping.base.files])
    number = int(np.searchsorted(ends, row, side="right"))
    file = mapping.base.files[number]
    placed = place_rows(connection, file, np.array([row - (ends[number] - file.n_rows)], dtype=np.int64))
    return Outside(
        table=mapping.table.name,
        source=mapping.base.name,
        file=number,
        row=int(placed.records[0]),
        line=None if placed.lines is None else int(placed.lines[0]),
        when=f"{when:%Y-%m-%d}",
        n=n,
        n_far=n_far,
    )
