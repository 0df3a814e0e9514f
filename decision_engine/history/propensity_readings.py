"""What a column of probabilities is of: of what a user got, or of the treatment, whoever got it.

A configuration asks for the first. Files of experiments often hold the second, one number for treated and control users alike;
read as the first, it would weigh every control user wrongly. Counts tell them apart: of users with a probability of 0.7 to be
treated, seven in ten are; and each arm's inverse probabilities sum to the number of all users where they are of what was got.
"""

from __future__ import annotations

import duckdb

from decision_engine.history.sheets import Sheet, number_of

_FITS = 12.0  # squared error, in squares of chance's own, below which counts fit; chance exceeds it once in two thousand times


def is_of_treatment(connection: duckdb.DuckDBPyConnection, sheet: Sheet, treated: str, column: str) -> bool:
    """Whether a column holds each user's probability of being treated, and not that of what they got.

    Parameters
    ----------
    treated : str
        SQL of whether a user was treated.
    """
    p = number_of(connection, sheet.looks[column])
    n, of_treatment, of_got = connection.execute(
        "SELECT count(*), power(sum(t - p), 2) / sum(p * (1 - p)), "
        "power(sum(t / p) - count(*), 2) / sum(t * (1 - p) / (p * p)) + power(sum((1 - t) / p) - count(*), 2) / "
        f"sum((1 - t) * (1 - p) / (p * p)) FROM (SELECT CAST({treated} AS INTEGER) AS t, {p} AS p FROM {sheet.source.view}) "
        "WHERE p > 0 AND p < 1 AND t IS NOT NULL"
    ).fetchall()[0]
    return bool(n and of_treatment is not None and of_treatment < _FITS and of_got is not None and of_got > _FITS)


def of_what_was_got(connection: duckdb.DuckDBPyConnection, sheet: Sheet, is_control: str, column: str) -> str:
    """Return SQL of the probability of what a user got, where a column holds that of being treated."""
    p = number_of(connection, sheet.looks[column])
    return f"CASE WHEN {is_control} THEN 1 - {p} ELSE {p} END"
