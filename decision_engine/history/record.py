"""A history as read: accepted rows by canonical table, rows set aside with their reasons, and counts that add up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from simulations.actions import ActionSet
from simulations.panel import Calendar, WeeklyPanel, build_panel
from simulations.tables import CANONICAL_TABLES, ColumnType

QUARANTINE_COLUMNS = ("table", "source", "file", "row", "line", "column", "reason", "value")
COUNT_COLUMNS = ("table", "source", "file", "read", "accepted", "quarantined", "left_out", "outside_periods")
_EMPTY_DTYPES = {
    ColumnType.TEXT: "str",
    ColumnType.TIME: "datetime64[us]",
    ColumnType.NUMBER: "float64",
    ColumnType.FLAG: "boolean",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was read from the sources of one configuration.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Accepted rows of each mapped canonical table, in the order of the sources. Treat the frames as read-only.
    quarantine : DataFrame
        A row each for what was set aside: table, source, file, row (data rows counted from 1), line (in a text file, the
        header being line 1; empty where the source has no lines), column, reason, value.
    counts : DataFrame
        A row for each mapping: rows read = accepted + quarantined. `left_out` counts rows that the mapping's `where` did not
        ask for (not part of `read`), `outside_periods` accepted rows outside the calendar.
    digest : str
        SHA-256 of the accepted rows, the same on every machine.
    notes : tuple of str
        What the reader should know: optional files that are absent, tables that were derived.
    """

    tables: Mapping[str, pd.DataFrame]
    quarantine: pd.DataFrame
    counts: pd.DataFrame
    digest: str
    notes: tuple[str, ...] = field(default=())

    def table(self, name: str) -> pd.DataFrame:
        """Return a canonical table, with no row where it is not mapped; `KeyError` if there is none of that name."""
        contract = CANONICAL_TABLES[name]
        if name in self.tables:
            return self.tables[name]
        return pd.DataFrame({column.name: pd.Series(dtype=_EMPTY_DTYPES[column.type]) for column in contract.columns})

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
        """Return the weekly panel of this history."""
        return build_panel(
            self.table("orders"),
            self.tables.get("exposures"),
            self.tables.get("customers"),
            actions=actions,
            calendar=calendar,
        )

    def reasons(self) -> pd.DataFrame:
        """Return how many rows were set aside, by table, source, column and reason; the most frequent first."""
        keys = ["table", "source", "column", "reason"]
        counted = self.quarantine.groupby(keys, dropna=False, sort=True).size().rename("rows").reset_index()
        return counted.sort_values("rows", ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> str:
        """Say what was read, to be read aloud."""
        said = f"{self.n_read:,} rows read, {self.n_accepted:,} accepted, {self.n_quarantined:,} quarantined."
        return " ".join([said, *self.notes])

    def save(self, folder: Path) -> None:
        """Write the history into a folder that exists, one Parquet file a frame."""
        for name, frame in self.tables.items():
            frame.to_parquet(folder / f"table_{name}.parquet", index=False)
        self.quarantine.to_parquet(folder / "quarantine.parquet", index=False)
        counts = pa.Table.from_pandas(self.counts, preserve_index=False)
        words = {b"digest": self.digest.encode(), b"notes": "\n".join(self.notes).encode()}
        pq.write_table(counts.replace_schema_metadata({**(counts.schema.metadata or {}), **words}), folder / "counts.parquet")

    @classmethod
    def load(cls, folder: Path) -> History:
        """Read what `save` wrote."""
        words = pq.read_schema(folder / "counts.parquet").metadata
        saved = {path.stem.removeprefix("table_"): path for path in folder.glob("table_*.parquet")}
        return cls(
            tables={name: pd.read_parquet(saved[name]) for name in CANONICAL_TABLES if name in saved},
            quarantine=pd.read_parquet(folder / "quarantine.parquet"),
            counts=pd.read_parquet(folder / "counts.parquet"),
            digest=words[b"digest"].decode(),
            notes=tuple(note for note in words[b"notes"].decode().split("\n") if note),
        )


def digest_tables(tables: Mapping[str, pa.Table]) -> str:
    """Return the SHA-256 of tables' names, columns and rows, in order; how the rows lie in memory does not matter."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        table = tables[name]
        digest.update(f"table {name} {table.num_rows}\n".encode())
        for column in table.column_names:
            digest.update(f"column {column}\n".encode())
            _digest_column(digest, table.column(column))
    return digest.hexdigest()


def _digest_column(digest: hashlib._Hash, column: pa.ChunkedArray) -> None:
    """Add a column's rows: which are empty, then the lengths and bytes of texts, or the numbers with 0 for empty."""
    digest.update(column.is_null().to_numpy().tobytes())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.cast(pa.large_binary()).fill_null(b"").combine_chunks()
        digest.update(pa.compute.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        start, stop = (texts.buffers()[1][8 * i : 8 * i + 8] for i in (texts.offset, texts.offset + len(texts)))
        data = texts.buffers()[2]
        if data is not None and len(texts):
            digest.update(memoryview(data)[int.from_bytes(start, "little") : int.from_bytes(stop, "little")])
        return
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    digest.update(column.fill_null(0).to_numpy().tobytes())
