"""Times that no written form reads, but an expression does: months in words, weeks, a spreadsheet's days, parts of a date.

Each is looked at through its expression, as a key inside an object is, so that what is guessed from it and written for it
follows of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import duckdb

from decision_engine.history.columns import ColumnLook, look_through
from decision_engine.history.infer import name_parts, speaks_for
from decision_engine.history.sources import OpenSource, literal, quote

# The first three letters of the months' names, without accents. English needs no expression: a written form reads it.
_MONTHS = {
    "Spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "German": "jan feb mar apr mai jun jul aug sep okt nov dez",
    "Austrian": "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "French": "jan fev mar avr mai jui jul aou sep oct nov dec",  # `juil` is read as `jul`
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "Dutch": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "Dutch in full": "jan feb maa apr mei jun jul aug sep okt nov dec",
    "Polish": "sty lut mar kwi maj cze lip sie wrz paz lis gru",
}
_IN_WORDS = re.compile(r"\d{1,2}[ .\-/]{0,2}(de )?[^\W\d_]{3,}[ .\-/]{0,2}(de )?\d{4}( .*)?")
_WEEK = re.compile(r"\d{4}-?W\d{1,2}")
_READ = 0.95  # share of values that read as times already
_EARLIEST, _LATEST = 32_874, 73_050  # 1990 and 2100, in days from 1899-12-30
_PARTS = {
    "year": (frozenset({"year", "yr", "yyyy", "jahr", "ano", "anno", "annee"}), 1900, 2199),
    "month": (frozenset({"month", "mm", "monat", "mes", "mois", "mese"}), 1, 12),
    "day": (frozenset({"day", "dd", "tag", "dia", "jour", "giorno"}), 1, 31),
}


def with_composed_times(
    connection: duckdb.DuckDBPyConnection, source: OpenSource, looks: dict[str, ColumnLook]
) -> dict[str, ColumnLook]:
    """Return the looks, with columns that are times by an expression looked at through it."""
    found = dict(looks)
    for name, look in looks.items():
        if look.expression or look.time > _READ or not look.filled:
            continue
        if expression := _expression(connection, source, look):
            found[name] = replace(look_through(connection, source, name, expression), frequent=look.frequent)
    if not any(look.time > 0.9 and (look.number < 0.5 or look.time_formats) for look in found.values()):
        for name, expression in _of_parts(looks):
            found[name] = look_through(connection, source, name, expression)
    return found


def _expression(connection: duckdb.DuckDBPyConnection, source: OpenSource, look: ColumnLook) -> str:
    """Return SQL of the times that a column holds, or nothing."""
    column, values = quote(look.name), look.frequent
    if values and all(_WEEK.fullmatch(value) for value in values):
        return f"try_strptime(concat(replace({column}, '-', ''), '-1'), '%GW%V-%u')"
    if values and all(_IN_WORDS.fullmatch(value) for value in values):
        return _months_in_words(connection, source, column)
    lies_inside = look.number > 0.99 and look.low is not None and look.high is not None
    if lies_inside and (look.low or 0) >= _EARLIEST and (look.high or 0) <= _LATEST and speaks_for("time", look.name):
        seconds = f"CAST(round(TRY_CAST({column} AS DOUBLE) * 86400) AS BIGINT)"
        return f"TIMESTAMP '1899-12-30' + to_seconds({seconds})"
    return ""


def _months_in_words(connection: duckdb.DuckDBPyConnection, source: OpenSource, column: str) -> str:
    """Return SQL of days whose month is a word of one language; what time of the day it was is left out."""
    for language, names in _MONTHS.items():
        word = f"strip_accents(lower(regexp_extract({column}, '\\p{{L}}{{3,}}')))"
        if language == "French":
            word = f"replace({word}, 'juil', 'jul')"
        known = ", ".join(literal(name) for name in names.split())
        rest = f"SELECT 1 FROM {source.view} WHERE {column} IS NOT NULL AND left({word}, 3) NOT IN ({known}) LIMIT 1"
        if not connection.execute(rest).fetchall():
            month = f"list_position([{known}], left({word}, 3))"
            year = f"regexp_extract({column}, '[0-9]{{4}}')"
            return f"try_strptime(concat_ws('-', {year}, {month}, regexp_extract({column}, '[0-9]+')), '%Y-%m-%d')"
    return ""


def _of_parts(looks: dict[str, ColumnLook]) -> Iterator[tuple[str, str]]:
    """Return the name of the column of days, and SQL of the times, where year, month and day stand in columns of their own."""
    columns: dict[str, str] = {}
    for part, (words, lowest, highest) in _PARTS.items():
        for name, look in looks.items():
            whole = look.number > 0.99 and look.low is not None and look.low >= lowest and (look.high or 0) <= highest
            if set(name_parts(name)) <= words and whole and not look.expression:
                columns.setdefault(part, name)
    if len(columns) == len(_PARTS):
        parts = ", ".join(quote(columns[part]) for part in _PARTS)
        yield columns["day"], f"try_strptime(concat_ws('-', {parts}), '%Y-%m-%d')"
