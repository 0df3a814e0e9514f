"""Setting aside: rows that break a contract go, with place and reason, from DuckDB into the quarantine's file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from decision_engine.history.mapping import BoundMapping
from decision_engine.history.placing import no_rows, place_rows
from decision_engine.history.privacy import WITHHELD
from decision_engine.history.quarantine import QUARANTINE_COLUMNS
from decision_engine.history.sources import PARQUET, ROW, OpenSource, literal, quote
from simulations.arrays import IntArray

REPEAT = "already named an earlier row"
CROSSOVER = "already named an earlier row, in another group"  # of an experiment: once a user


def say_crossovers(n: int, *, last: bool) -> str:
    """Tell of users who stand in more than one group of an experiment: what they did, no group alone brought about.

    Examples
    --------
    >>> say_crossovers(1, last=True)[:64]
    '1 user is in more than one group; the last row counts. Crossover'
    """
    return (
        f"{'1 user is' if n == 1 else f'{n:,} users are'} in more than one group; the {'last' if last else 'first'} row "
        "counts. Crossovers blur what a treatment does; leave such users out by `where`, or find out which group was theirs."
    )


@dataclass(kw_only=True)
class Aside:
    """Rows set aside during one run, in a table of DuckDB that may spill to disk.

    Attributes
    ----------
    withhold : bool
        Whether users are pseudonyms, so that no text of an unreadable record may be shown.
    """

    connection: duckdb.DuckDBPyConnection
    withhold: bool
    n: int = 0
    _told: set[str] = field(default_factory=set)
    _turn: int = 0

    def __post_init__(self) -> None:
        """Make the table."""
        self.connection.execute(
            'CREATE TEMP TABLE aside (turn INTEGER, "table" VARCHAR, source VARCHAR, file INTEGER, "row" BIGINT, line BIGINT, '
            '"column" VARCHAR, reason VARCHAR, "value" VARCHAR)'
        )

    def add(self, table: str, mapping: BoundMapping, broken: str | None) -> int:
        """Set a mapping's broken rows aside, and with them the records of its source that are no rows.

        Parameters
        ----------
        broken : str or None
            SQL of the broken rows: number in the source, column, reason, value. None where there are none.

        Returns
        -------
        int
            How many rows were set aside.
        """
        self._told.add(mapping.base.name)
        self._turn += 1
        before = self.n
        offset = 0
        for number, file in enumerate(mapping.base.files):
            rows = no_rows()
            if broken is not None:
                rows = self._numbers(f"SELECT row_number FROM ({broken}) WHERE row_number >= {offset} "
                                     f"AND row_number < {offset + file.n_rows} ORDER BY row_number") - offset  # fmt: skip
            if rows.size or file.misfits:
                placed = place_rows(self.connection, file, rows)
                self._add_misfits(table, mapping.base, number, placed.misfits)
                if rows.size and broken is not None:
                    self._add_rows(table, mapping.base.name, number, rows + offset, placed.records, placed.lines, broken)
            offset += file.n_rows
        return self.n - before

    def add_misfits(self, table: str, source: OpenSource) -> int:
        """Set the unreadable records of a source aside that is only looked up, once."""
        if source.name in self._told or not source.n_misfits:
            return 0
        self._told.add(source.name)
        self._turn += 1
        before = self.n
        for number, file in enumerate(source.files):
            if file.misfits:
                self._add_misfits(table, source, number, place_rows(self.connection, file, no_rows()).misfits)
        return self.n - before

    def write(self, path: Path) -> None:
        """Write all of them to a Parquet file."""
        names = ", ".join(quote(name) for name in QUARANTINE_COLUMNS)
        self.connection.execute(
            f'COPY (SELECT {names} FROM aside ORDER BY turn, file, "row", "column", reason) TO {literal(str(path))} ({PARQUET})'
        )

    def _numbers(self, query: str) -> IntArray:
        found = self.connection.execute(query).fetchnumpy()["row_number"]
        return np.asarray(np.ma.getdata(found), dtype=np.int64)

    def _add_rows(
        self, table: str, source: str, file: int, rows: IntArray, records: IntArray, lines: IntArray | None, broken: str
    ) -> None:
        line = pa.nulls(rows.size, pa.int64()) if lines is None else pa.array(lines)
        self.connection.register("placed", pa.table({"row_number": rows, "record": records, "line": line}))
        self.connection.execute(
            f"INSERT INTO aside SELECT {self._turn}, {literal(table)}, {literal(source)}, {file}, record, line, b.column_name, "
            f"b.reason, b.value FROM ({broken}) b JOIN placed USING (row_number)"
        )
        self.connection.unregister("placed")
        self.n += rows.size

    def _add_misfits(self, table: str, source: OpenSource, file: int, misfits: pa.Table) -> None:
        if not misfits.num_rows:
            return
        value = literal(WITHHELD) if source.settings.personal or self.withhold else '"value"'
        self.connection.register("misfits", misfits)
        self.connection.execute(
            f'INSERT INTO aside SELECT {self._turn}, {literal(table)}, {literal(source.name)}, {file}, "row", line, NULL, '
            f"reason, {value} FROM misfits"
        )
        self.connection.unregister("misfits")
        self.n += misfits.num_rows


def told(mapping: BoundMapping, broken: str) -> str:
    """Return SQL of broken rows with the column and the reason in words, from rows with the number of the check."""
    checks = mapping.checks()
    columns = " ".join(f"WHEN {k} THEN {literal(check.column)}" for k, check in enumerate(checks))
    reasons = " ".join(f"WHEN {k} THEN {literal(check.reason)}" for k, check in enumerate(checks))
    return (
        f"SELECT {ROW} AS row_number, CASE __broken {columns} END AS column_name, CASE __broken {reasons} END AS reason, "
        f"__value AS value FROM {broken}"
    )
