"""Databases as sources: one query, answered once, every value as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from decision_engine.config.sources import expand
from simulations.errors import ConfigError, HistoryError, MissingExtraError


def query_database(database: str, query: str) -> pa.Table:
    """Return the answer of a query, every value as text.

    Raises
    ------
    HistoryError
        If the database cannot be reached or refuses the query.
    """
    url = expand(database)
    if url.startswith("duckdb:///"):
        path = Path(url.removeprefix("duckdb:///"))
        if not path.is_file():
            raise ConfigError(f"database {path} does not exist.")
        try:
            with duckdb.connect(str(path), read_only=True) as connection:
                cursor = connection.execute(query)
                return _as_text([str(column[0]) for column in cursor.description], cursor.fetchall())
        except duckdb.Error as error:
            raise HistoryError(f"the database refuses the query: {first_line(error)}") from None
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise ConfigError(f"database {url.removeprefix('sqlite:///')} does not exist.")
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            f"{first_line(error)}; right is duckdb:///PATH, sqlite:///PATH or postgresql+DRIVER://... ."
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the database needs the package {error.name}: install it.") from None
    try:
        with engine.connect() as link:
            result = link.execute(text(query))
            return _as_text([str(key) for key in result.keys()], [tuple(row) for row in result])  # noqa: SIM118
    except SQLAlchemyError as error:
        raise HistoryError(f"the database refuses the query: {first_line(error)}") from None
    finally:
        engine.dispose()


def _as_text(columns: list[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    arrays = [pa.array([None if row[k] is None else str(row[k]) for row in rows], pa.string()) for k in range(len(columns))]
    return pa.table(arrays, names=columns)


def first_line(error: Exception) -> str:
    """Return an error's first line, without its kind."""
    line = str(error).strip().split("\n", 1)[0]
    return line.partition(" Error: ")[2] or line
