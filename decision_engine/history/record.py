"""A history as read: accepted rows by canonical table, rows set aside with their reasons, and counts that add up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from decision_engine.history.outside import Outside
from decision_engine.history.overlaps import Overlap
from decision_engine.history.quarantine import QUARANTINE_COLUMNS as QUARANTINE_COLUMNS
from decision_engine.history.quarantine import Quarantine
from decision_engine.history.sources import literal, open_database, quote
from decision_engine.history.tables_on_disk import StoredTables, digest_files
from decision_engine.history.weekly import inside, weekly_orders
from simulations.actions import ActionSet
from simulations.panel import Calendar, WeeklyPanel, assemble_panel, build_panel
from simulations.tables import CANONICAL_TABLES, ColumnType

COUNT_COLUMNS = (
    "table", "source", "file", "read", "accepted", "quarantined", "superseded", "repeated", "left_out", "outside_periods",
)  # fmt: skip
WHEN = {
    "orders": "ordered_at",
    "items": "ordered_at",
    "exposures": "exposed_at",
    "reviews": "at",
    "tickets": "at",
    "searches": "at",
}
_EMPTY_DTYPES = {
    ColumnType.TEXT: "str",
    ColumnType.TIME: "datetime64[us]",
    ColumnType.NUMBER: "float64",
    ColumnType.FLAG: "boolean",
}


@dataclass(frozen=True, kw_only=True)
class History:
    """What was read from the sources of one configuration.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Accepted rows of each mapped canonical table, in the order of the sources; a frame is read from disk when it is asked
        for. Treat the frames as read-only.
    counts : DataFrame
        A row for each mapping: rows read = accepted + quarantined + superseded + repeated. `superseded` counts rows that a
        later row of the same key corrects, `repeated` those that the later row repeats (both only with `corrections: last`);
        `left_out` counts rows that the mapping's `where` did not ask for (not part of `read`), `outside_periods` accepted rows
        outside the calendar.
    aside : Quarantine
        What was set aside.
    notes : tuple of str
        What the reader should know: optional files that are absent, tables that were derived.
    number : int or None
        Which version of the workspace's history this is; None where none is kept.
    known_digest : str or None
        The digest, where it is known already.
    was_kept : bool
        Whether nothing had to be read: the workspace kept it.
    outside : tuple of Outside
        For each mapping with accepted rows outside the calendar: how many, and where the first stands.
    overlaps : tuple of Overlap
        Files of one table that hold many equal rows.
    """

    tables: Mapping[str, pd.DataFrame]
    counts: pd.DataFrame
    aside: Quarantine = field(default_factory=Quarantine)
    notes: tuple[str, ...] = ()
    number: int | None = None
    known_digest: str | None = None
    was_kept: bool = False
    outside: tuple[Outside, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the accepted rows, the same on every machine."""
        return self.known_digest or digest_files(self._stored())

    @property
    def version(self) -> str:
        """What the version is called in texts: its number, where the workspace keeps it, and the beginning of its digest."""
        return f"{'' if self.number is None else f'version {self.number}, '}{self.digest[:12]}"

    @cached_property
    def reading(self) -> str:
        """Digest of how the rows were read: counts, notes, and what was set aside in which files."""
        counts = self.counts.assign(file=[Path(file).name for file in self.counts["file"]])
        told = [self.number, len(self.notes), self.overlaps, counts.to_json(orient="split"), self.aside.digest]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    @cached_property
    def quarantine(self) -> pd.DataFrame:
        """A row each for what was set aside.

        Its columns: table, source, file, row (data rows counted from 1), line (in a text file, the header being line 1; empty
        where the source has no lines), column, reason, value.
        """
        return self.aside.frame()

    def table(self, name: str) -> pd.DataFrame:
        """Return a canonical table, with no row where it is not mapped; `KeyError` if there is none of that name."""
        contract = CANONICAL_TABLES[name]
        if name in self.tables:
            return self.tables[name]
        return pd.DataFrame({column.name: pd.Series(dtype=_EMPTY_DTYPES[column.type]) for column in contract.columns})

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of a canonical table without reading its rows; none where it is not mapped."""
        if name not in self.tables:
            return ()
        stored = isinstance(self.tables, StoredTables)
        return self._stored().columns(name) if stored else tuple(map(str, self.tables[name].columns))

    def first_rows(self, name: str, columns: Sequence[str], n: int) -> pd.DataFrame:
        """Return some columns of a table's first rows, `n` at most, without reading the others; none where it is not mapped."""
        if isinstance(self.tables, StoredTables) and name in self.tables:
            return self.tables.first_rows(name, columns, n)
        return self.table(name)[list(columns)].head(n)

    def describe(self, name: str, calendar: Calendar | None = None) -> dict[str, object]:
        """Return a mapped table's rows, users, and first and last time, without reading it as a frame.

        With a calendar, the times are those of rows that fall into its weeks.
        """
        columns = self.columns(name)
        users = 'count(DISTINCT "user_id")' if "user_id" in columns else "NULL"
        when = WHEN.get(name)
        within = "" if calendar is None else f" FILTER ({inside(quote(str(when)), calendar)})"
        span = ", ".join(f'{end}("{when}"){within}' for end in ("min", "max")) if when in columns else "NULL, NULL"
        if not isinstance(self.tables, StoredTables):
            frame = self.tables[name]
            times = frame[when] if when in columns else pd.Series(dtype="datetime64[us]")
            if calendar is not None and len(times):
                weeks = calendar.periods(times)
                times = times[(weeks >= 0) & (weeks < calendar.n_periods)]
            ends = [times.min(), times.max()]
            people = frame["user_id"].nunique() if "user_id" in columns else pd.NA
            return {"table": name, "rows": len(frame), "users": people, "first": ends[0], "last": ends[1]}
        file = literal(str(self._stored().path(name)))
        with TemporaryDirectory() as scratch:
            connection = open_database(Path(scratch), [self._stored().path(name)])
            rows, n_users, first, last = connection.sql(
                f"SELECT count(*), {users}, {span} FROM read_parquet({file})"
            ).fetchall()[0]
            connection.close()
        span_found = (
            {"first": pd.Timestamp(first), "last": pd.Timestamp(last)}
            if first is not None
            else {"first": pd.NaT, "last": pd.NaT}
        )
        return {"table": name, "rows": rows, "users": pd.NA if n_users is None else n_users, **span_found}

    @property
    def n_read(self) -> int:
        """Rows read from all sources."""
        return int(self.counts["read"].sum())

    @property
    def n_accepted(self) -> int:
        """Rows accepted from all sources."""
        return int(self.counts["accepted"].sum())

    @property
    def n_quarantined(self) -> int:
        """Rows set aside from all sources."""
        return int(self.counts["quarantined"].sum())

    def panel(self, actions: ActionSet, calendar: Calendar) -> WeeklyPanel:
        """Return the weekly panel of this history; orders that lie on disk are counted there."""
        exposures, customers = self.tables.get("exposures"), self.tables.get("customers")
        if not isinstance(self.tables, StoredTables):
            return build_panel(self.table("orders"), exposures, customers, actions=actions, calendar=calendar)
        orders = self.tables.path("orders")
        with TemporaryDirectory(prefix="decision-engine-") as scratch:
            connection = open_database(Path(scratch), [orders])
            query = f"SELECT user_id, ordered_at, revenue FROM read_parquet({literal(str(orders))})"
            weekly, _ = weekly_orders(connection, query, calendar)
            connection.close()
        return assemble_panel(weekly, exposures, customers, actions=actions, calendar=calendar)

    def place_of(self, outside: Outside) -> str:
        """Say where the first of some rows outside the weeks stands."""
        line = "" if outside.line is None else f" (line {outside.line})"
        return f"row {outside.row}{line} of {self._file_name(outside.source, outside.file)}"

    def names_of(self, overlap: Overlap) -> list[str]:
        """Return what two files that overlap are called."""
        return [self._file_name(source, file) for source, file in zip(overlap.sources, overlap.files, strict=True)]

    def _file_name(self, source: str, file: int) -> str:
        return Path((self.aside.files or {})[source][file]).name

    def reasons(self) -> pd.DataFrame:
        """Return how many rows were set aside, by table, source, column and reason; the most frequent first."""
        return self.aside.reasons()

    def main_reason(self, table: str) -> str:
        """Say the most frequent reason for which rows of a table were set aside; nothing where none was."""
        reasons = self.reasons()
        of_table = reasons[reasons["table"] == table]
        if of_table.empty:
            return ""
        first = of_table.iloc[0]
        return f"{first['column']} {first['reason']}" if isinstance(first["column"], str) else str(first["reason"])

    def counted(self) -> str:
        """Say how many rows were read, and what became of them."""
        said = f"{self.n_read:,} rows read, {self.n_accepted:,} accepted, {self.n_quarantined:,} quarantined"
        corrected = [
            f", {int(self.counts[name].sum()):,} {name}" for name in ("superseded", "repeated") if self.counts[name].sum()
        ]
        return f"{said}{''.join(corrected)}."

    def summary(self) -> str:
        """Say what was read and how, to be read aloud."""
        return " ".join([self.counted(), *self.notes])

    def _stored(self) -> StoredTables:
        if not isinstance(self.tables, StoredTables):
            raise TypeError("these tables are frames; they lie in no folder")
        return self.tables
