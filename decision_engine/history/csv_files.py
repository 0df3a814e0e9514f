"""CSV files to Parquet: DuckDB reads them, every value as text, and tells the records that are no rows.

Where a quote may have swallowed lines, those that open one which nobody closes are blotted out, and the text is read once more.
What DuckDB cannot follow is read record by record.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from decision_engine.history.lines import BLANKS, LONGEST_LINE, Dialect, Records, open_text, read_records, split_at_blanks
from decision_engine.history.open_quotes import blot_out, find_open_quotes, spans_lines
from decision_engine.history.sql import PARQUET, literal, quote
from simulations.errors import HistoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRows:
    """How the rows of a CSV file were read: all that is needed to find their places later.

    Attributes
    ----------
    text : Path
        The text in UTF-8.
    misfits : int
        Records that are no rows.
    rejects : str or None
        Where DuckDB read the text: name of its table of records that are no rows.
    records : Records or None
        Where the text was followed record by record: where they lie.
    open_quotes : mapping of int to str
        Lines that were blotted out of the text, and how they begin.
    """

    dialect: Dialect
    text: Path
    misfits: int
    rejects: str | None = None
    records: Records | None = None
    open_quotes: Mapping[int, str] = field(default_factory=dict)


def write_csv_rows(
    connection: duckdb.DuckDBPyConnection, dialect: Dialect, target: Path, new_path: Callable[[str], Path]
) -> CsvRows:
    """Write the rows of a CSV file as Parquet.

    Parameters
    ----------
    new_path : callable
        Returns a temporary file's path, given how its name ends.

    Raises
    ------
    HistoryError
        If the file cannot be followed as CSV at all.
    """
    text = _plain_text(dialect, new_path)
    if dialect.delimiter == BLANKS:
        dialect = replace(dialect, path=text, encoding="utf-8-sig", delimiter="\t")
    n_rows, rows = _by_duckdb(connection, dialect, text, target, new_path("").name)
    open_quotes = {}
    if (rows is None or spans_lines(text, n_rows + rows.misfits - (not dialect.has_header))) and (
        found := find_open_quotes(text, dialect)
    ):
        open_quotes = {one.line: one.text for one in found}
        blotted = new_path(".csv")
        blot_out(text, found, dialect, blotted)
        dialect = replace(dialect, path=blotted, encoding="utf-8-sig")
        _, rows = _by_duckdb(connection, dialect, blotted, target, new_path("").name)
    if rows is None:
        records, table = read_records(dialect)
        pq.write_table(table, target)
        rows = CsvRows(dialect=dialect, text=text, misfits=len(records.misfits), records=records)
    return replace(rows, open_quotes=open_quotes)


def _by_duckdb(
    connection: duckdb.DuckDBPyConnection, dialect: Dialect, text: Path, target: Path, name: str
) -> tuple[int, CsvRows | None]:
    """Let DuckDB read a text; return how many rows there are, and how they were read: None where it cannot follow."""
    rejects, scan = f"rejects_{name}", f"scan_{name}"
    options = {
        "auto_detect": "false",
        "header": "true" if dialect.has_header else "false",
        "skip": str(dialect.header_line - 1),
        "delim": literal(dialect.delimiter),
        "quote": literal('"'),
        "escape": literal('"'),
        "columns": "{" + ", ".join(f"{literal(column)}: 'VARCHAR'" for column in dialect.columns) + "}",
        "max_line_size": str(LONGEST_LINE),
        "store_rejects": "true",  # records that are no rows go to a table of their own
        "rejects_table": literal(rejects),
        "rejects_scan": literal(scan),
        "rejects_limit": "0",
    }
    settled = ", ".join(f"{key} = {value}" for key, value in options.items())
    query = f"SELECT * FROM read_csv({literal(str(text))}, {settled})"
    try:
        copied = connection.execute(f"COPY ({query}) TO {literal(str(target))} ({PARQUET})")
    except (duckdb.Error, RuntimeError):  # what is no text at all can end in a bare error of the library below
        return 0, None
    n_rows = int(copied.fetchall()[0][0])
    (misfits,) = connection.sql(f"SELECT count(DISTINCT line_byte_position) FROM {quote(rejects)}").fetchall()[0]
    return n_rows, CsvRows(dialect=dialect, text=text, misfits=int(misfits), rejects=rejects)


def _plain_text(dialect: Dialect, new_path: Callable[[str], Path]) -> Path:
    """Return the file itself where it is plain, else a temporary copy of the same lines.

    The copy is in UTF-8; lines above the header are blank in it, and runs of blanks between values are one tab. Unknown bytes
    stay as they are, and DuckDB refuses them.
    """
    if dialect.is_plain:
        return dialect.path
    copy = new_path(".csv")
    with (
        open_text(dialect.path, dialect.encoding) as text,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        try:
            for _ in range(dialect.header_line - 1):
                line = text.readline()
                out.write(line[len(line.rstrip("\r\n")) :])
            if dialect.delimiter == BLANKS:
                tabbed = csv.writer(out, delimiter="\t", lineterminator="\n")
                for line in text:
                    tabbed.writerow(split_at_blanks(line))
            while block := text.read(1 << 20):
                out.write(block)
        except UnicodeError as error:
            raise HistoryError(
                f"{dialect.name} cannot be read as {dialect.encoding} to its end ({error}). "
                "Is that its `encoding`, and is it whole?"
            ) from None
    return copy
