"""Personal values inside columns that are not personal as a whole: an address or a telephone number in a note.

A column of words is accepted as a covariate or an attribute. Single values of it may still name or reach a person, and such a
value is withheld: what is stored, and read by everything behind the door, says that it was, and nothing else of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from decision_engine.history.privacy import WITHHELD
from decision_engine.history.sources import literal, quote

_MAIL = r'[^\s@,;<>()"]+@[^\s@,;<>()"]+\.[A-Za-z]{2,}'
_PHONES = (
    r"(^|[^0-9A-Za-z])\+[0-9]{1,3}[ ()./-]*[0-9][0-9 ()./-]{5,14}[0-9]",  # with the country's code
    r"(^|[^0-9.,])\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}($|[^0-9.,])",  # as in North America
    r"(^|[^0-9.,])0[1-9][0-9]{1,4} ?[ /-] ?[0-9]{5,9}($|[^0-9.,])",  # as in Germany
    r"(^|[^0-9.,])0[1-9]([ .-][0-9]{2}){4}($|[^0-9.,])",  # as in France
)
_PHONE = "|".join(f"({form})" for form in _PHONES)
_SHORTEST = 9  # characters of a telephone number


def without_personal(text: str) -> str:
    """Return SQL for a text, and a mark in its place where it holds a mail address or a telephone number."""
    holds_mail = f"contains({text}, '@') AND regexp_matches({text}, {literal(_MAIL)})"
    holds_phone = f"strlen({text}) >= {_SHORTEST} AND regexp_matches({text}, {literal(_PHONE)})"
    return f"CASE WHEN ({holds_mail}) OR ({holds_phone}) THEN {literal(WITHHELD)} ELSE {text} END"


def say_withheld(connection: duckdb.DuckDBPyConnection, part: Path, columns: Sequence[str], where: str) -> list[str]:
    """Say how many values of a table's columns were withheld.

    Parameters
    ----------
    part : Path
        The table's Parquet file.
    where : str
        What the table is, and where it came from.
    """
    if not columns:
        return []
    counted = ", ".join(f"count(*) FILTER ({quote(name)} = {literal(WITHHELD)})" for name in columns)
    counts = connection.execute(f"SELECT {counted} FROM read_parquet({literal(str(part))})").fetchall()[0]
    return [
        f"Withheld: {n:,} value{'s' * (n > 1)} of {name} ({where}) that read{'s' * (n == 1)} like a mail address or a phone "
        "number. Where the whole column is a person's, list it as `personal` in its source."
        for name, n in zip(columns, counts, strict=True)
        if n
    ]
