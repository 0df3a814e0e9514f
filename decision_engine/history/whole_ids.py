"""Ids that a program wrote as floating point, 40017.0 for 40017, as where some are missing: the point is no part of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import Guess
from decision_engine.history.sources import OpenSource, quote

_ROLES = ("user", "order", "product")
_LOOKED_AT = 3  # guesses of each role


def without_points(
    connection: duckdb.DuckDBPyConnection,
    source: OpenSource,
    looks: Mapping[str, ColumnLook],
    roles: Mapping[str, Sequence[Guess]],
) -> dict[str, ColumnLook]:
    """Return the looks of ids that are all whole numbers with `.0` behind them, by an expression without it."""
    found = {}
    for name in {guess.column for role in _ROLES for guess in roles.get(role, ())[:_LOOKED_AT]}:
        look = looks[name]
        if look.type != "VARCHAR" or look.expression or not all(value.endswith(".0") for value in look.frequent):
            continue
        (n,) = connection.execute(
            f"SELECT count(*) FROM {source.view} WHERE NOT regexp_full_match(trim({quote(name)}), '[0-9]+[.]0|')"
        ).fetchall()[0]
        if not n and look.frequent:
            found[name] = replace(
                look,
                expression=f"regexp_replace({quote(name)}, '[.]0$', '')",
                frequent=tuple(value.removesuffix(".0") for value in look.frequent),
            )
    return found
