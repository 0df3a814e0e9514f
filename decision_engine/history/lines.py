"""Lines of a text file: where each record starts, and which records do not fit the header.

DuckDB reads the rows; it numbers records, not lines. When a row is set aside, one pass over the text finds the lines. Where
DuckDB cannot follow a file (line ends of one kind between records and of another inside quotes), that pass reads it too.
"""

from __future__ import annotations

import csv
import gzip
import re
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa

from simulations.arrays import IntArray
from simulations.errors import HistoryError

_UNDECODED = re.compile("[\udc80-\udcff]")  # how Python marks bytes that it could not decode
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a CSV file is written."""

    path: Path
    encoding: str
    delimiter: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A record that cannot become a row: its number among all records and its line, both counted from 1, and why."""

    row: int
    line: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records of a file after its header.

    Attributes
    ----------
    rows, lines : (n_rows,) int arrays
        Number among all records, and first line, of each record that fits the header; both counted from 1.
    misfits : tuple of Misfit
        The others, in order.
    """

    rows: IntArray
    lines: IntArray
    misfits: tuple[Misfit, ...]


def open_text(path: Path, encoding: str) -> TextIO:
    """Open a text file, gzipped or not; bytes that the encoding does not know become surrogates."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline="")
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def read_dialect(path: Path, encoding: str, delimiter: str | None) -> Dialect:
    """Read the header of a CSV file.

    Raises
    ------
    HistoryError
        If the file is empty, or its header names a column twice or not at all.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    with open_text(path, encoding) as text:
        try:
            first = text.readline()
            text.seek(0)
            chosen = delimiter or max(_DELIMITERS, key=first.count)
            header = next(csv.reader(text, delimiter=chosen), None)
        except (csv.Error, UnicodeError, OSError, EOFError) as error:
            raise HistoryError(f"{path}: the header cannot be read ({error}).") from None
    if not header or not any(name.strip() for name in header):
        raise HistoryError(f"{path}, line 1: the file has no header; its first line must name the columns.")
    columns = tuple(name.strip() for name in header)
    folded = [name.lower() for name in columns]
    twice = sorted({name for name in columns if folded.count(name.lower()) > 1 or not name})
    if twice:
        raise HistoryError(
            f"{path}, line 1: column {twice[0]!r} is named twice or not at all; give each column a name of its own."
        )
    return Dialect(path=path, encoding=encoding, delimiter=chosen, columns=columns)


def find_records(dialect: Dialect) -> Records | None:
    """Find each record's number and line; None where the file's quoting is too odd to follow."""
    try:
        return _gather(dialect, None)
    except (csv.Error, UnicodeError):
        return None


def read_records(dialect: Dialect) -> tuple[Records, pa.Table]:
    """Read a file record by record, every value as text: slow, but for files that DuckDB cannot follow.

    Raises
    ------
    HistoryError
        If this reader cannot follow the file either.
    """
    table = _TextTable(dialect.columns)
    try:
        records = _gather(dialect, table)
    except (csv.Error, UnicodeError) as error:
        raise HistoryError(f"{dialect.path} cannot be read as CSV: {error}.") from None
    return records, table.finish()


class _TextTable:
    """Rows of text on their way into Arrow, a block at a time, so that Python holds few of them."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._schema = pa.schema([(column, pa.string()) for column in columns])
        self._rows: list[list[str]] = []
        self._blocks: list[pa.RecordBatch] = []

    def append(self, values: list[str]) -> None:
        """Add a row."""
        self._rows.append(values)
        if len(self._rows) == 65_536:
            self._pack()

    def finish(self) -> pa.Table:
        """Return all rows; empty texts are empty values."""
        if self._rows:
            self._pack()
        return pa.Table.from_batches(self._blocks, schema=self._schema)

    def _pack(self) -> None:
        arrays = [pa.array([value or None for value in column], pa.string()) for column in zip(*self._rows, strict=True)]
        self._blocks.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


def _gather(dialect: Dialect, kept: _TextTable | None) -> Records:
    """Go through the records once; put the values of those that fit into `kept`, if wanted."""
    rows, lines, misfits = array("q"), array("q"), []
    row = 0
    with open_text(dialect.path, dialect.encoding) as text:
        reader = csv.reader(text, delimiter=dialect.delimiter)
        next(reader, None)
        line = reader.line_num + 1
        for values in reader:
            if values:
                row += 1
                if reason := _misfit(values, len(dialect.columns)):
                    misfits.append(Misfit(row=row, line=line, reason=reason, text=_excerpt(values, dialect.delimiter)))
                else:
                    rows.append(row)
                    lines.append(line)
                    if kept is not None:
                        kept.append(values)
            line = reader.line_num + 1
    return Records(rows=np.array(rows, dtype=np.int64), lines=np.array(lines, dtype=np.int64), misfits=tuple(misfits))


def _misfit(values: list[str], expected: int) -> str:
    """Return why a record does not fit, or nothing."""
    if len(values) != expected:
        return f"{len(values)} values where the header names {expected} columns"
    text = "".join(values)
    undecoded = not text.isascii() and _UNDECODED.search(text)
    return "bytes that the file's encoding does not know" if undecoded else ""


def _excerpt(values: list[str], delimiter: str) -> str:
    return delimiter.join(values)[:200].encode("utf-8", "replace").decode("utf-8")
