"""Placing: of rows that were set aside, and of records that are no rows, where in their file they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decision_engine.history.lines import LONGEST_LINE, Records, find_records
from decision_engine.history.open_quotes import NOT_CLOSED
from decision_engine.history.places import Places, find_places
from decision_engine.history.sources import OpenFile, literal, quote
from simulations.arrays import IntArray

_MISFITS = pa.schema([("row", pa.int64()), ("line", pa.int64()), ("reason", pa.string()), ("value", pa.string())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where rows of a file stand.

    Attributes
    ----------
    records : (n,) int array
        Number of each row among all records of the file, from 1.
    lines : (n,) int array or None
        Its line, from 1; None where the file has no lines, or they cannot be told.
    misfits : pyarrow.Table
        The records that are no rows: row, line, reason, value.
    """

    records: IntArray
    lines: IntArray | None
    misfits: pa.Table


def place_rows(connection: duckdb.DuckDBPyConnection, file: OpenFile, rows: IntArray) -> Placed:
    """Place rows of a file, given by their number from 0, in ascending order."""
    placed = _place(connection, file, rows)
    return replace(placed, misfits=_with_open_quotes(placed.misfits, file.open_quotes)) if file.open_quotes else placed


def _place(connection: duckdb.DuckDBPyConnection, file: OpenFile, rows: IntArray) -> Placed:
    if file.records is not None:
        return _placed_by_records(file.records, rows)
    if file.dialect is None or file.text is None or file.rejects is None:
        return Placed(records=rows + 1, lines=None, misfits=_MISFITS.empty_table())
    rejected = _rejected(connection, file.rejects, file.dialect.says)
    first_bytes, has_header = rejected.column("first_byte").to_numpy(), file.dialect.has_header
    found = find_places(file.text, n_rows=file.n_rows, rows=rows, misfits=first_bytes, has_header=has_header)
    if found is not None:
        misfits = _misfits(found.misfits, rejected)
        return Placed(records=found.rows.records, lines=found.rows.lines, misfits=misfits)
    records = find_records(file.dialect)
    if records is not None and records.rows.size == file.n_rows and len(records.misfits) == file.misfits:
        return _placed_by_records(records, rows)
    lines = rejected.column("line").to_numpy()  # DuckDB's word: it knows no better
    return Placed(records=rows + 1, lines=None, misfits=_misfits(Places(records=lines - has_header, lines=lines), rejected))


def _placed_by_records(records: Records, rows: IntArray) -> Placed:
    told = [(misfit.row, misfit.line, misfit.reason, misfit.text) for misfit in records.misfits]
    columns = list(zip(*told, strict=True)) or [(), (), (), ()]
    misfits = pa.table([pa.array(column, kind) for column, kind in zip(columns, _MISFITS.types, strict=True)], schema=_MISFITS)
    return Placed(records=records.rows[rows], lines=records.lines[rows], misfits=misfits)


def _with_open_quotes(misfits: pa.Table, open_quotes: Mapping[int, str]) -> pa.Table:
    """Say of lines that were blotted out what they held and why they are no rows."""
    lines = misfits.column("line").to_numpy()
    blotted = np.isin(lines, list(open_quotes))
    held = {"reason": [NOT_CLOSED] * int(blotted.sum()), "value": [open_quotes[line] for line in lines[blotted].tolist()]}
    for name, texts in held.items():
        place = misfits.schema.get_field_index(name)
        column = misfits.column(name).combine_chunks()
        replaced = pc.replace_with_mask(column, pa.array(blotted), pa.array(texts, pa.string()))
        misfits = misfits.set_column(place, _MISFITS.field(name), replaced)
    return misfits


def _misfits(places: Places, rejected: pa.Table) -> pa.Table:
    columns = [pa.array(places.records), pa.array(places.lines), rejected.column("reason"), rejected.column("value")]
    return pa.table(columns, names=_MISFITS.names).cast(_MISFITS)


def _rejected(connection: duckdb.DuckDBPyConnection, table: str, expected: str) -> pa.Table:
    """Return the records that DuckDB took for no rows, in their order, each with one reason in our words."""
    values = "regexp_extract(error_message, 'Found: ([0-9]+)', 1)"
    other = literal(f" values where {expected}")
    reasons = {
        "UNQUOTED VALUE": "'holds a quote that is not closed, or a value that goes on after its closing quote'",
        "MISSING COLUMNS": f"min(TRY_CAST({values} AS BIGINT)) || {other}",
        "TOO MANY COLUMNS": f"max(TRY_CAST({values} AS BIGINT)) || {other}",
        "LINE SIZE OVER MAXIMUM": f"'is longer than {LONGEST_LINE:,} bytes'",
        "INVALID ENCODING": "'bytes that the file''s encoding does not know'",
    }
    cases = " ".join(f"WHEN bool_or(error_type = '{kind}') THEN {words}" for kind, words in reasons.items())
    rejected = connection.sql(
        "SELECT CAST(line_byte_position AS BIGINT) - 1 AS first_byte, CAST(min(line) AS BIGINT) AS line, "
        f"CASE {cases} ELSE min(error_message) END AS reason, left(min(csv_line), 200) AS value "
        f"FROM {quote(table)} GROUP BY line_byte_position ORDER BY first_byte"
    ).to_arrow_table()
    return rejected.set_column(0, "first_byte", rejected.column("first_byte").cast(pa.int64()))


def no_rows() -> IntArray:
    """Return no row numbers, for a file whose misfits alone are asked after."""
    return np.zeros(0, dtype=np.int64)
