"""Privacy at the door: pseudonyms for users by a keyed hash, and personal columns that never leave ingestion."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator

import duckdb

from decision_engine.config.models import Config, TableMapping
from decision_engine.history.sources import OpenSource, literal
from simulations.errors import ConfigError

_BLOCK_BYTES = 64  # of SHA-256
_DIGITS = 32  # hexadecimal: 128 bits, so that two of a billion users meet with odds below 1 in 10^20
_SHORTEST_KEY = 16


def read_pseudonym_key(config: Config) -> bytes | None:
    """Return the key for users' pseudonyms from its environment variable; None where ids stay as they are.

    Raises
    ------
    ConfigError
        If the variable is not set, or its key could be guessed.
    """
    variable = config.privacy.pseudonym_key
    if variable is None:
        return None
    key = os.environ.get(variable, "").encode()
    where = config.origin.where(("privacy", "pseudonym_key"))
    if not key:
        raise ConfigError(f"{where}: environment variable {variable} is not set; put the key for pseudonyms into it.")
    if len(key) < _SHORTEST_KEY:
        raise ConfigError(
            f"{where}: the key in {variable} has {len(key)} bytes and could be guessed; right are {_SHORTEST_KEY} or more."
        )
    return key


def pseudonym_sql(expression: str, key: bytes) -> str:
    """Return SQL for the HMAC-SHA-256 of a text under a key, its first 32 hexadecimal digits; NULL stays NULL.

    References
    ----------
    Krawczyk, Bellare and Canetti (1997). HMAC: keyed-hashing for message authentication. RFC 2104.
    """
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (_blob(bytes(byte ^ mask for byte in padded)) for mask in (0x36, 0x5C))
    return f"left(sha256({outer} || unhex(sha256({inner} || encode({expression})))), {_DIGITS})"


def _blob(content: bytes) -> str:
    return f"unhex('{content.hex()}')"


def personal_columns(connection: duckdb.DuckDBPyConnection, expression: str, sources: list[OpenSource]) -> Iterator[str]:
    """Yield the personal columns that an expression over the sources reads; a whole row counts as all of them."""
    personal = {name.lower(): name for source in sources for name in source.settings.personal}
    if not personal:
        return
    names, whole = columns_read(connection, expression, sources)
    found = set(personal.values()) if whole else {personal[name] for name in names if name in personal}
    yield from sorted(found)


def columns_read(connection: duckdb.DuckDBPyConnection, expression: str, sources: list[OpenSource]) -> tuple[set[str], bool]:
    """Return the names that an expression reads, in lower case, and whether it reads a whole row."""
    rows = {source.name.lower() for source in sources}
    query = f"SELECT json_serialize_sql({literal(f'SELECT ({expression})')})"
    (told,) = connection.execute(query).fetchall()[0]
    found: set[str] = set()
    whole = False
    for kind, names in _references(json.loads(told)):
        whole = whole or kind == "STAR" or (len(names) == 1 and names[0].lower() in rows)
        found |= {name.lower() for name in names}
    return found - rows, whole


def identifying_columns(connection: duckdb.DuckDBPyConnection, mapping: TableMapping, sources: list[OpenSource]) -> set[str]:
    """Return the columns, in lower case, that give a user away where ids are turned into pseudonyms.

    That is the one column that `user_id` is, with the columns that joins say are equal to it. An id put together from several
    columns is given away by none of them alone.
    """
    names, whole = columns_read(connection, mapping.columns.get("user_id", "NULL"), sources)
    known = {column.lower() for source in sources for column in source.columns}
    names &= known
    if whole or len(names) != 1:
        return set()
    for join in mapping.join:
        for here, there in join.on.items():
            if {here.lower(), there.lower()} & names:
                names |= {here.lower(), there.lower()}
    return names


def _references(node: object) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns and stars in a parsed query."""
    if isinstance(node, dict):
        kind = node.get("class")
        if kind in ("COLUMN_REF", "STAR"):
            yield str(kind), [str(name) for name in node.get("column_names", [])]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)
