"""Whose probability a column of probabilities holds: that of what a user got, or of being treated at all."""

from __future__ import annotations

import duckdb

from decision_engine.history.sheets import Sheet, number_of, sql_of
from decision_engine.history.sources import literal

_ROWS = 30  # of one probability, from which on the share of treated is held against it
_ALIKE = 0.05  # mean distance of shares from probabilities below which the probabilities are those of being treated


def propensity_of_what_was_got(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, treatment: str, control: str, propensity: str
) -> str | None:
    """Return SQL of the probability of what each user got where the column holds that of being treated; else None.

    Of two arms alone. Among users of one probability, the share of treated is that probability if it is of being treated.
    Where it is of what they got, rows of one probability mix users who got it with users who did not.
    """
    arm, chance = sheet.looks[treatment], number_of(connection, sheet.looks[propensity])
    if arm.n_distinct != 2:
        return None
    got = f"CAST({sql_of(connection, arm)} AS VARCHAR) <> {literal(control)}"
    by_chance = (
        f"SELECT round({chance}, 2) AS p, avg(CAST({got} AS INTEGER)) AS share, count(*) AS n FROM {sheet.source.view} "
        f"GROUP BY 1 HAVING count(*) >= {_ROWS}"
    )
    n, distance, spread = connection.execute(
        f"SELECT coalesce(sum(n), 0), sum(n * abs(share - p)) / sum(n), max(p) - min(p) FROM ({by_chance})"
    ).fetchall()[0]
    if n < sheet.source.n_rows / 2 or spread is None or spread < 2 * _ALIKE or distance > _ALIKE:
        return None
    return f"CASE WHEN {got} THEN {chance} ELSE 1 - {chance} END"
