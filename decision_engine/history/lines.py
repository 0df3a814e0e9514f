"""Lines of a text file: where each record starts, and which records do not fit the header.

DuckDB reads the rows; it numbers records, not lines. When a row is set aside, one pass over the text finds the lines. Where
DuckDB cannot follow a file (line ends of one kind between records and of another inside quotes), that pass reads it too.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa

from decision_engine.history.files import PlainFile
from simulations.arrays import IntArray
from simulations.errors import HistoryError

_UNDECODED = re.compile("[\udc80-\udcff]")  # how Python marks bytes that it could not decode
LONGEST_LINE = 2_000_000  # bytes; longer ones are no rows
_TITLE_LINES = 100  # looked at for a header that stands further down
DELIMITERS = (",", ";", "\t", "|")
BLANKS = " "  # stands for any number of blanks and tabs


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a CSV file is written."""

    path: Path
    name: str  # what people know the file by
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    has_header: bool = True
    header_line: int = 1  # lines above it are no part of the table

    @property
    def is_plain(self) -> bool:
        """Whether the file can be read as it lies: in UTF-8, with a sign between values and nothing above the header."""
        return self.encoding == "utf-8-sig" and self.delimiter != BLANKS and self.header_line == 1

    @property
    def says(self) -> str:
        """How many columns there should be, and what says so."""
        return f"{'the header names' if self.has_header else '`names` lists'} {len(self.columns)} columns"


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
    """Open a text file; bytes that the encoding does not know become surrogates."""
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def split_at_blanks(line: str) -> list[str]:
    """Return the values of a line between which any number of blanks stand; a quoted one may hold blanks.

    Examples
    --------
    >>> split_at_blanks(" 00004 19970101  2   29.33"), split_at_blanks('7 "a b"')
    (['00004', '19970101', '2', '29.33'], ['7', 'a b'])
    """
    if '"' not in line:
        return line.split()
    return [value for value in next(csv.reader([line.replace("\t", BLANKS)], delimiter=BLANKS, skipinitialspace=True)) if value]


def read_dialect(
    file: PlainFile, encoding: str, delimiter: str | None, names: Sequence[str] = (), header_line: int = 1
) -> Dialect:
    """Read the header of a CSV file.

    Parameters
    ----------
    names : sequence of str
        What the columns of a file without a header are called.
    header_line : int
        The line that names the columns, from 1.

    Raises
    ------
    HistoryError
        If the file is empty, its header names a column twice or not at all, or its first line has more or fewer values than
        there are names.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
        with file.path.open("rb") as raw:
            start = raw.read(4)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff") or start == b"\x00\x00\xfe\xff":
            width = 32 if b"\x00\x00" in start else 16
            raise HistoryError(f"{file.name} begins with the mark of UTF-{width}; say `encoding: utf-{width}`.")
    with open_text(file.path, encoding) as text, _long_fields():
        try:
            above = list(islice(text, header_line - 1))
            first = text.readline()
            chosen = delimiter or max(DELIMITERS, key=first.count)
            if chosen == BLANKS:
                header = split_at_blanks(first) or None
            else:
                header = next(csv.reader(chain([first], text), delimiter=chosen, strict=True), None) if first else None
        except csv.Error:
            if not names:
                raise HistoryError(
                    f"{file.name}, line {header_line}: the header opens a quote that is not closed, or goes on after one; "
                    "mend it by hand."
                ) from None
            header = list(names)  # a first line that reading sets aside
        except (UnicodeError, OSError, EOFError) as error:
            raise HistoryError(f"{file.name}: the header cannot be read ({error}).") from None
    if header is None and above:
        raise HistoryError(f"{file.name} has {len(above)} lines, and `header_line` is {header_line}.")
    if header is None:
        raise HistoryError(f"{file.name}: the file is empty" + ("." if names else "; its first line must name the columns."))
    if names:
        if len(header) != len(names):
            raise HistoryError(f"{file.name}, line 1 holds {len(header)} values, and `names` names {len(names)} columns.")
        return Dialect(
            path=file.path, name=file.name, encoding=encoding, delimiter=chosen, columns=tuple(names), has_header=False
        )
    if header and (_UNDECODED.search("".join(header)) or "\x00" in "".join(header)):
        raise HistoryError(
            f"{file.name}, line {header_line}: the header is no text in {encoding.removesuffix('-sig')}; name its `encoding`."
        )
    if first.lower().startswith("sep=") and len(first.strip()) == len("sep=,"):
        raise HistoryError(
            f"{file.name}, line {header_line}: {first.strip()!r} is a hint for Excel and names no columns; say "
            f"`header_line: {header_line + 1}` and `delimiter: '{first.strip()[-1]}'`."
        )
    if sum(len(name) for name in header or ()) > 100_000:
        raise HistoryError(
            f"{file.name}, line {header_line}: a header of {len(first):,} signs names no columns; is this a table?"
        )
    columns = check_columns(header or [], f"{file.name}, line {header_line}")
    if delimiter is None and len(columns) == 1 and header_line == 1:
        _refuse_title(file, encoding)
    return Dialect(
        path=file.path, name=file.name, encoding=encoding, delimiter=chosen, columns=columns, header_line=header_line
    )


def _refuse_title(file: PlainFile, encoding: str) -> None:
    """Refuse a first line that names one column where most lines after it hold several values: it is hardly the header."""
    with open_text(file.path, encoding) as text:
        lines = [line[:LONGEST_LINE] for line in islice(text, _TITLE_LINES)]
    for sign in DELIMITERS:
        counts = [line.count(sign) for line in lines if line.strip()]
        usual = max(counts[1:], key=counts[1:].count, default=0)
        if usual and counts[1:].count(usual) > len(counts) / 2:
            likely = next(number for number, line in enumerate(lines, start=1) if line.count(sign) == usual)
            raise HistoryError(
                f"{file.name}, line 1 names one column, and most lines after it hold {usual + 1} values. "
                f"If the header is line {likely}, say `header_line: {likely}`."
            )


def check_columns(header: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the names of columns, trimmed, or by their number; `HistoryError` where they cannot name columns."""
    if not any(name.strip() for name in header):
        raise HistoryError(f"{where}: the file has no header; its first line must name the columns.")
    columns = tuple(name.strip() or f"column_{number}" for number, name in enumerate(header, start=1))
    folded = Counter(name.lower() for name in columns)
    twice = sorted(name for name in columns if folded[name.lower()] > 1)
    if twice:
        raise HistoryError(f"{where}: column {twice[0]!r} is named twice; give each column a name of its own.")
    return columns


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let Python read fields as long as lines may be; the limit is one for the whole process and is put back."""
    before = csv.field_size_limit(1 << 30)
    try:
        yield
    finally:
        csv.field_size_limit(before)


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
        raise HistoryError(f"{dialect.name} cannot be read as CSV: {error}.") from None
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
    with open_text(dialect.path, dialect.encoding) as text, _long_fields():
        reader = csv.reader(text, delimiter=dialect.delimiter)
        if dialect.has_header:  # blank lines stand above one that is further down
            next(filter(None, reader), None)
        line = reader.line_num + 1
        for values in reader:
            if values:
                row += 1
                if reason := _misfit(values, dialect):
                    misfits.append(Misfit(row=row, line=line, reason=reason, text=_excerpt(values, dialect.delimiter)))
                else:
                    rows.append(row)
                    lines.append(line)
                    if kept is not None:
                        kept.append(values)
            line = reader.line_num + 1
    return Records(rows=np.array(rows, dtype=np.int64), lines=np.array(lines, dtype=np.int64), misfits=tuple(misfits))


def _misfit(values: list[str], dialect: Dialect) -> str:
    """Return why a record does not fit, or nothing."""
    if len(values) != len(dialect.columns):
        return f"{len(values)} values where {dialect.says}"
    text = "".join(values)
    if len(text) > LONGEST_LINE:
        return f"is longer than {LONGEST_LINE:,} bytes"
    undecoded = not text.isascii() and _UNDECODED.search(text)
    return "bytes that the file's encoding does not know" if undecoded else ""


def _excerpt(values: list[str], delimiter: str) -> str:
    return delimiter.join(values)[:200].encode("utf-8", "replace").decode("utf-8")
