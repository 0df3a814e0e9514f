"""Privacy at the door: pseudonyms for users by a keyed hash, and personal columns that never leave ingestion."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from decision_engine.config.models import Config, TableMapping
from decision_engine.history.sources import OpenSource, literal
from simulations.errors import ConfigError

WITHHELD = "(withheld)"  # stands where a value could be a person's
_BLOCK_BYTES = 64  # of SHA-256
_DIGITS = 32  # hexadecimal: 128 bits, so that two of a billion users meet with odds below 1 in 10^20
_SHORTEST_KEY = 16
_STEPS = ("json_extract_string", "json_extract", "->", "->>", "STRUCT_EXTRACT", "ARRAY_EXTRACT")
_KEY = re.compile(r'\.(?:"([^"]*)"|([^."\[]+))')
_ANY = re.compile(r"\*|\[")  # from here on a path may lead anywhere
_ANYTHING = "*"  # stands for whatever keys follow


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
    """Yield the personal columns that an expression over the sources reads; a whole row counts as all of them.

    A name such as `customer.email` is a key inside the objects of a column: whoever reads the column without saying which of
    its keys, or says one above or below it, reads it too.
    """
    personal = {name: key_path(name, source) for source in sources for name in source.settings.personal}
    if not personal:
        return
    rows = {source.name.lower() for source in sources}
    _, whole = columns_read(connection, expression, sources)
    paths = [[name.lower() for name in names] for names in _paths(_parsed(connection, expression))]
    paths += [path[1:] for path in paths if path[0] in rows]  # `orders.mail` may be a column of a source, or a key in a column
    for name, path in sorted(personal.items()):
        if whole or any(_on_one_way(path, other) for other in paths):
            yield name


def key_path(name: str, source: OpenSource) -> list[str]:
    """Return a column's name as a path in lower case: the column, and the keys inside its objects."""
    columns = {column.lower() for column in source.columns}
    parts = name.lower().split(".")
    for n in range(len(parts), 0, -1):
        if ".".join(parts[:n]) in columns:
            return [".".join(parts[:n]), *parts[n:]]
    return [name.lower()]


def _on_one_way(one: list[str], other: list[str]) -> bool:
    for a, b in zip(one, other, strict=False):
        if _ANYTHING in (a, b):
            return True
        if a != b:
            return False
    return True


def columns_read(connection: duckdb.DuckDBPyConnection, expression: str, sources: list[OpenSource]) -> tuple[set[str], bool]:
    """Return the names that an expression reads, in lower case, and whether it reads a whole row."""
    rows = {source.name.lower() for source in sources}
    found: set[str] = set()
    whole = False
    for kind, names in _references(_parsed(connection, expression)):
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


def _parsed(connection: duckdb.DuckDBPyConnection, expression: str) -> object:
    query = f"SELECT json_serialize_sql({literal(f'SELECT ({expression})')})"
    (told,) = connection.execute(query).fetchall()[0]
    return json.loads(told)


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


def _paths(node: object) -> Iterator[list[str]]:
    """Yield the columns in a parsed query, each with the keys by which its objects are entered."""
    if isinstance(node, dict):
        if (reached := _reached(node)) is not None:
            yield reached
            return
        for part in node.values():
            yield from _paths(part)
    elif isinstance(node, list):
        for part in node:
            yield from _paths(part)


def _reached(node: dict[str, Any]) -> list[str] | None:
    """Return the column and the keys that steps into an object reach; None for whatever is no such steps."""
    if node.get("class") == "COLUMN_REF":
        return [str(name) for name in node.get("column_names", [])]
    called, parts = _called(node)
    base = _reached(parts[0]) if called in (*_STEPS, "to_json") and parts else None
    if base is None or called == "to_json":
        return base
    steps = _steps(parts[1]) if len(parts) == 2 else None
    return None if steps is None else [*base, *steps]


def _steps(node: dict[str, Any]) -> list[str] | None:
    """Return the keys that constants name; `a -> 'b' -> 'c'` is parsed from its end."""
    step = node.get("literal", {}).get("text")
    if isinstance(step, str):
        return _keys(step)
    called, parts = _called(node)
    if called not in _STEPS or len(parts) != 2:
        return None
    first, second = _steps(parts[0]), _steps(parts[1])
    return None if first is None or second is None else [*first, *second]


def _called(node: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return what a node calls, and with which parts; an arrow is parsed as a lambda."""
    if node.get("class") == "LAMBDA":
        return "->", [node["lhs"], node["expr"]]
    parts = node.get("children", node.get("arguments", []))
    return str(node.get("function_name", node.get("type"))), [part.get("expression", part) for part in parts]


def _keys(step: str) -> list[str]:
    """Return the keys of a path such as `$.address."zip code"`, up to the first that may be any; a plain text is one key."""
    if not step.startswith(("$", "/")):
        return [step]
    if step.startswith("/"):
        return step[1:].split("/")
    known, *anywhere = _ANY.split(step, maxsplit=1)
    return [quoted or plain for quoted, plain in _KEY.findall(known)] + [_ANYTHING] * bool(anywhere)
