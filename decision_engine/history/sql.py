"""Words of SQL: names and texts quoted, and how Parquet is written."""

from __future__ import annotations

PARQUET = "FORMAT parquet, CODEC 'lz4_raw', WRITE_BLOOM_FILTER false"


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL text."""
    return "'" + text.replace("'", "''") + "'"
