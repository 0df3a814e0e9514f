"""Databases as sources: one query, answered once and streamed into a Parquet file, every value as text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from decision_engine.config.sources import expand
from simulations.errors import ConfigError, HistoryError, MissingExtraError

_BATCH_ROWS = 20_000
_SHOWN = 120  # signs of a query in a message
_BEGINS = {"duckdb": ("DuckDB", 8, b"DUCK"), "sqlite": ("SQLite", 0, b"SQLite format 3\x00")}  # name, first byte, mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A query's answer in a Parquet file: its columns, all text, and the digest of columns and rows in their order."""

    path: Path
    columns: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query that is being answered."""

    columns: tuple[str, ...]
    batches: Iterator[Sequence[Sequence[Any]]]


def store_answer(database: str, query: str, path: Path) -> Answer:
    """Ask a database and write the answer to `path`, a batch of rows at a time.

    Raises
    ------
    ConfigError, HistoryError
        If the database cannot be reached or refuses the query.
    """
    digest = hashlib.sha256()
    with ask(database, query) as asked:
        digest.update(repr(asked.columns).encode())
        schema = pa.schema([(column, pa.string()) for column in asked.columns])
        with pq.ParquetWriter(path, schema) as writer:
            for rows in asked.batches:
                batch = _as_text(schema, rows)
                digest.update(repr(batch.to_pydict()).encode())
                writer.write_batch(batch)
    return Answer(path=path, columns=asked.columns, digest=digest.hexdigest())


def query_rows(database: str, query: str) -> list[tuple[str, ...]]:
    """Return the rows of a short answer, as text."""
    with ask(database, query) as asked:
        return [tuple(str(value) for value in row) for rows in asked.batches for row in rows]


@contextmanager
def ask(database: str, query: str) -> Iterator[Asked]:
    """Ask a database; its rows come in batches of one size while the connection is open.

    Raises
    ------
    ConfigError, HistoryError
        If the database cannot be reached or refuses the query.
    """
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg://", expand(database))
    kind, _, place = url.partition(":///")
    if kind in _BEGINS and not place:
        raise ConfigError(f"{url} names no file; right is {kind}:///PATH.")
    if kind in _BEGINS:
        _refuse_other_files(Path(place), kind)
    with _ask_duckdb(Path(place), query) if kind == "duckdb" else _ask_by_url(url, query) as asked:
        yield asked


def _refuse_other_files(path: Path, kind: str) -> None:
    """Tell a file that is no database of its kind by how it begins; one without a byte is an empty database."""
    if not path.is_file():
        raise ConfigError(f"database {path} does not exist.")
    name, first, mark = _BEGINS[kind]
    try:
        with path.open("rb") as file:
            start = file.read(first + len(mark))
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}.") from None
    if start and start[first:] != mark:
        raise HistoryError(f"{path} is no {name} database: it does not begin as one. Is it whole, and of that kind?")


def _refused(place: str, query: str, error: Exception) -> HistoryError:
    asked = query if len(query) <= _SHOWN else f"{query[:_SHOWN]}..."
    return HistoryError(f"{place}: the database refuses the query: {first_line(error)} ({' '.join(asked.split())})")


@contextmanager
def _ask_duckdb(path: Path, query: str) -> Iterator[Asked]:
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, which is kept for results
            cursor = connection.execute(query)
            columns = tuple(str(column[0]) for column in cursor.description)
            yield Asked(columns=columns, batches=iter(lambda: cursor.fetchmany(_BATCH_ROWS), []))
    except duckdb.Error as error:
        raise _refused(str(path), query, error) from None


@contextmanager
def _ask_by_url(url: str, query: str) -> Iterator[Asked]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            f"{first_line(error)}; right is duckdb:///PATH, sqlite:///PATH or postgresql://USER@HOST/DATABASE."
        ) from None
    except ModuleNotFoundError as error:
        remedy = 'pip install "decision-engine[postgres]"' if error.name == "psycopg" else "install it"
        raise MissingExtraError(f"the database needs the package {error.name}: {remedy}.") from None
    try:
        with engine.connect() as link:
            result = link.execution_options(stream_results=True, max_row_buffer=_BATCH_ROWS).execute(text(query))
            yield Asked(columns=tuple(str(key) for key in result.keys()), batches=result.partitions(_BATCH_ROWS))  # noqa: SIM118
    except SQLAlchemyError as error:
        raise _refused(engine.url.render_as_string(hide_password=True).rpartition("@")[2], query, error) from None
    finally:
        engine.dispose()


def _as_text(schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array([None if value is None else str(value) for value in column], pa.string()) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def first_line(error: Exception) -> str:
    """Return an error's first line, without its kind."""
    line = str(error).strip().split("\n", 1)[0]
    return line.partition(" Error: ")[2] or line
