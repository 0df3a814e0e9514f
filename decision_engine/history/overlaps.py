"""Overlaps: rows that stand in two files of one table, equal in every mapped column, as where two exports share some days.

A table with a key sets such rows aside as repeats. Order lines and contacts have none, and two equal ones within a file may be
two units: each counts, and the overlap is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

import duckdb

from decision_engine.history.mapping import BoundMapping
from decision_engine.history.sources import ROW
from decision_engine.history.sql import quote
from simulations.tables import Table

FEWEST = 10  # equal rows of two files below which they may be chance
SMALLEST_SHARE = 0.01  # of the smaller file's rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two files of one table that hold equal rows.

    Attributes
    ----------
    sources, files : pair of str, pair of int
        Each file's source, and its number among that source's files.
    n : int
        Rows of one file that the other holds too, each counted as often as both have it.
    share : float
        Of the accepted rows of the smaller file.
    """

    table: str
    sources: tuple[str, str]
    files: tuple[int, int]
    n: int
    share: float

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Return it from plain values, whose pairs may be lists."""
        return cls(**{**plain, "sources": tuple(plain["sources"]), "files": tuple(plain["files"])})


def find_overlaps(connection: duckdb.DuckDBPyConnection, table: Table, mappings: Sequence[BoundMapping]) -> list[Overlap]:
    """Find the files of a table without a key that hold many equal rows, the largest overlap first."""
    files = [(mapping, number) for mapping in mappings for number in range(len(mapping.base.files))]
    if table.key or len(files) < 2:
        return []
    columns = sorted(set.intersection(*({column.name for column in mapping.columns} for mapping in mappings)))
    firsts = accumulate((len(mapping.base.files) for mapping in mappings), initial=0)
    rows = " UNION ALL ".join(
        _numbered(mapping, columns, first) for mapping, first in zip(mappings, firsts, strict=False) if mapping.base.files
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE counted AS SELECT h, file, count(*) AS n FROM ({rows}) GROUP BY ALL")
    sizes = "SELECT file, sum(n) AS n FROM counted GROUP BY file"
    found = connection.execute(
        "WITH pairs AS (SELECT a.file AS one, b.file AS other, sum(least(a.n, b.n)) AS n FROM counted a JOIN counted b "
        f"USING (h) WHERE a.file < b.file GROUP BY ALL), sizes AS ({sizes}) "
        "SELECT one, other, p.n, p.n / least(s.n, t.n) AS share FROM pairs p JOIN sizes s ON s.file = one "
        f"JOIN sizes t ON t.file = other WHERE p.n >= {FEWEST} AND share >= {SMALLEST_SHARE} ORDER BY p.n DESC, one, other"
    ).fetchall()
    connection.execute("DROP TABLE counted")
    return [
        Overlap(
            table=table.name,
            sources=(files[one][0].base.name, files[other][0].base.name),
            files=(files[one][1], files[other][1]),
            n=int(n),
            share=float(share),
        )
        for one, other, n, share in found
    ]


def _numbered(mapping: BoundMapping, columns: Sequence[str], first: int) -> str:
    """Return SQL of a mapping's accepted rows: a hash of each, and the number of its file among all."""
    cases, end = [], 0
    for number, file in enumerate(mapping.base.files):
        end += file.n_rows
        cases.append(f"WHEN {ROW} < {end} THEN {first + number}")
    packed = ", ".join(quote(column) for column in columns)
    return (
        f"SELECT hash({packed}) AS h, CASE {' '.join(cases)} END AS file "
        f"FROM ({mapping.accepted([ROW, *columns], order=False)})"
    )
