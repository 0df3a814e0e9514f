"""Quarantine: rows that were set aside, each with its place and reason, in a Parquet file however many they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

QUARANTINE_COLUMNS = ("table", "source", "file", "row", "line", "column", "reason", "value")
_REASON = ("table", "source", "column", "reason")
_BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Rows that were set aside.

    Attributes
    ----------
    path : Path or None
        Parquet file with a row each; which of its source's files a row is from stands in it as a number. None: no row.
    files : mapping of str to sequence of str
        What each source's files are called now, in that order: a copy under another name is the same content.
    owner : object
        What the file lives as long as, such as a temporary directory.
    """

    path: Path | None = None
    files: Mapping[str, Sequence[str]] | None = None
    owner: object = None

    def frame(self) -> pd.DataFrame:
        """Return all of them, in the order of tables, sources, files and rows."""
        return pd.concat(list(self.parts()), ignore_index=True)

    @property
    def digest(self) -> str:
        """Digest of what the rows are and what their files are called, in whatever folder they lie."""
        names = {source: [Path(file).name for file in files] for source, files in sorted((self.files or {}).items())}
        digest = hashlib.sha256(json.dumps(names).encode())
        if self.path is not None:
            with self.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def parts(self) -> Iterator[pd.DataFrame]:
        """Yield them in blocks, of which one is there even without a row."""
        if self.path is None:
            yield self._named(_empty())
            return
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                yield self._named(batch.to_pandas())

    def reasons(self) -> pd.DataFrame:
        """Return how many rows were set aside, by table, source, column and reason; the most frequent first."""
        return self._by_reason()[[*_REASON, "rows"]]

    def first_places(self) -> pd.DataFrame:
        """Return the first row that was set aside for each reason, in the order of `reasons`."""
        return self._by_reason()[list(QUARANTINE_COLUMNS)]

    def _by_reason(self) -> pd.DataFrame:
        if self.path is None:
            return self._named(_empty().assign(rows=pd.Series(dtype="int64")))
        first = "min(file_row_number) AS first, count(*) AS rows"
        keys = ", ".join(f'"{name}"' for name in _REASON)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET enable_progress_bar = false")
            found = connection.execute(
                f"SELECT q.*, g.rows FROM (SELECT {keys}, {first} FROM read_parquet($path, file_row_number = true) "
                "GROUP BY ALL) g "
                "JOIN read_parquet($path, file_row_number = true) q ON q.file_row_number = g.first "
                'ORDER BY g.rows DESC, q."table", q.source, q."column", q.reason',
                {"path": str(self.path)},
            ).df()
        return self._named(found)

    def _named(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Put the files' names where their numbers stand."""
        files = self.files or {}
        named = [files[source][place] for source, place in zip(rows["source"], rows["file"], strict=True)]
        texts = [column for column in QUARANTINE_COLUMNS if column not in ("row", "line")]
        typed = rows.assign(file=named).astype({"row": "int64", "line": "Int64", **dict.fromkeys(texts, "str")})
        return typed[[column for column in (*QUARANTINE_COLUMNS, "rows") if column in typed]]


def say_place(row: Mapping[str, Any] | pd.Series) -> str:
    """Say where a row that was set aside stands."""
    line = "" if pd.isna(row["line"]) else f" (line {row['line']})"
    return f"row {row['row']}{line} of {Path(row['file']).name}"


def _empty() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype="object") for column in QUARANTINE_COLUMNS})
