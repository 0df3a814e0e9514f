"""What the columns of a source look like: how full, how varied, how much of each reads as number or time.

A column of JSON objects or structs is looked into: each of its keys is looked at as a column of its own, by the expression that
reaches it. An amount that carries its currency's sign is looked at without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import duckdb

from decision_engine.history.databases import first_line
from decision_engine.history.sources import OpenSource, literal, quote
from simulations.errors import HistoryError

LOOKED_AT = 200_000  # rows of a source at most
_GAPS = "' \u00a0\u202f"  # between thousands, beside points and commas
_COMMA = rf"[+-]?[0-9]{{1,3}}([.{_GAPS}][0-9]{{3}})*,[0-9]+|[+-]?[0-9]+,[0-9]+"
_GROUPED = r"[+-]?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}([.][0-9]+)?"  # in India by two digits above the thousands
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_OFFSET = r".*:[0-9]{2}([.][0-9]+)? ?([Zz]|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
_SIGN = r"(R\$|US\$|[$€£¥￥₹\\]|EUR|USD|GBP|CHF|BRL|JPY|CNY|PLN|SEK|NOK|DKK|CZK|AUD|CAD|zł|Kč|元|円)"
_DIGITS = rf"[+-]?[0-9][0-9.,{_GAPS}]*"
_PRICED = rf"{_SIGN} ?{_DIGITS}|{_DIGITS} ?{_SIGN}"
_PERCENT = r"[+-]?[0-9][0-9.,]* ?%"
_BRACKETED = r"^ *[(](.*)[)] *$"
CURRENCIES = {
    "R$": "BRL", "US$": "USD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "元": "CNY", "₹": "INR", "zł": "PLN",
    "Kč": "CZK", "円": "JPY", "\\": "JPY", "￥": "JPY",
}  # fmt: skip
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m-%d",
         "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b-%d-%y", "%b-%d-%Y",
         "%d-%m-%y",
         "%d %B %Y", "%d-%B-%Y", "%B %d, %Y", "%Y年%m月%d日")  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
TIME_FORMATS = tuple(day + clock for day in _DAYS for clock in _CLOCKS)
_DAYS_ENOUGH = 20  # different ones that there must be of times in digits alone, and of numbers with points
# Times of digits alone, by their number of digits: the smallest and the largest number, and how they are written.
_OF_DIGITS = {
    6: (0, 991_231, ("%y%m%d",)),
    8: (19_000_101, 21_991_231, TIME_FORMATS),
    12: (190_001_010_000, 219_912_312_359, ("%Y%m%d%H%M",)),
    14: (19_000_101_000_000, 21_991_231_235_959, ("%Y%m%d%H%M%S",)),
}
_SOME = 0.005  # share of values that a further written form must add to be worth a setting
_POINTS = "points are taken to stand between thousands: all have three digits behind them, and no number below 1,000 has one"
_TRIED = 2_000  # different values, about, that every written form is tried on; forms that read none of them are not counted
_EPOCHS = {"seconds": 1e0, "milliseconds": 1e3, "microseconds": 1e6}  # units a second
_EARLIEST, _LATEST = 631_152_000.0, 4_102_444_800.0  # 1990 and 2100, in seconds from 1970
_NO_YEAR = "TIMESTAMP '1000-01-01'"  # before it, what reads as a time is a day whose year has two digits: 06/03/23
_DEEPEST = 3
_MOST_KEYS = 40
_AT_ONCE = 64  # columns looked at in a table of their own: a query over thousands takes its time for each of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLook:
    """One column, as far as it was looked at.

    Attributes
    ----------
    expression : str
        SQL that reaches it, where its name alone does not: a key inside an object, an amount without its sign.
    filled, distinct : float
        Share of rows with a value; distinct values as a share of those.
    n_distinct : int
        Distinct values.
    number, comma, grouped, time : float
        Share of values that read as a plain number, as one with a decimal comma, as one with commas between thousands, as a
        time in any form.
    thousands : str
        Sign that stands between thousands of numbers with a decimal comma.
    time_formats : tuple of str
        How times are written where they are not ISO, the best fit first; a second one fits as well as the first.
    further_formats : tuple of str
        Forms that other values have.
    contradicting : tuple of str
        Forms that other values have and that would read the same digits as another day.
    offset : float
        Share of values that are times with an offset from UTC.
    epoch : str
        "seconds", "milliseconds" or "microseconds" where every value could count those from 1970; else "".
    low, high : float or None
        Of the numbers.
    length : float
        Mean number of characters.
    sign : str
        The currency's sign that most values carry.
    remark : str
        What the expression does, where that is a guess.
    frequent : tuple of str
        Most frequent values, at most 40.
    counts : tuple of int
        Rows that hold each of them.
    """

    name: str
    type: str
    expression: str = ""
    filled: float
    distinct: float
    n_distinct: int
    number: float
    comma: float
    grouped: float = 0.0
    thousands: str = ""
    time: float
    time_formats: tuple[str, ...]
    further_formats: tuple[str, ...] = field(default=())
    contradicting: tuple[str, ...] = field(default=())
    offset: float = 0.0
    epoch: str = ""
    low: float | None
    high: float | None
    length: float
    sign: str = ""
    remark: str = ""
    frequent: tuple[str, ...]
    counts: tuple[int, ...] = ()

    @property
    def counts_something(self) -> bool:
        """Whether nearly every value is a number, however it is written."""
        return max(self.number, self.grouped, self.comma + self.number if self.comma else 0.0) > 0.9


def look_at(connection: duckdb.DuckDBPyConnection, source: OpenSource) -> dict[str, ColumnLook]:
    """Return a look at each column of an open source, and at the keys inside its objects.

    Raises
    ------
    HistoryError
        If the source turns out to be damaged.
    """
    try:
        return _look_at(connection, source)
    except duckdb.Error as error:
        raise HistoryError(
            f"{source.file} cannot be read: {first_line(error)}. Is it damaged? Fetch or write it again."
        ) from None


def _look_at(connection: duckdb.DuckDBPyConnection, source: OpenSource) -> dict[str, ColumnLook]:
    looks: dict[str, ColumnLook] = {}
    some = replace(source, name=f"{source.name} at once")
    for columns in _in_batches(source.columns):
        named = ", ".join(quote(name) for name, _ in columns)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {some.view} AS SELECT {named} FROM {source.view} LIMIT {LOOKED_AT}")
        for name, kind in columns:
            for look in _looks(connection, some, name, kind):
                looks[look.name] = look
    connection.execute(f"DROP TABLE IF EXISTS {some.view}")
    return looks


def look_through(connection: duckdb.DuckDBPyConnection, source: OpenSource, name: str, expression: str) -> ColumnLook:
    """Look at what an expression makes of a source's rows, as at a column of that name."""
    return _look(connection, source, name, "VARCHAR", f"CAST({expression} AS VARCHAR)", expression=expression)


def _in_batches(columns: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    every = list(columns.items())
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


def _looks(connection: duckdb.DuckDBPyConnection, source: OpenSource, name: str, kind: str) -> Iterator[ColumnLook]:
    """Look at a column; at its keys instead of itself where it holds objects."""
    is_struct = kind.startswith("STRUCT(")
    text = f"CAST(to_json({quote(name)}) AS VARCHAR)" if is_struct else f"CAST({quote(name)} AS VARCHAR)"
    plain = _look(connection, source, name, kind, text)
    if plain.sign or _are_percentages(plain):
        plain_text = f"CAST({quote(name)} AS VARCHAR)"
        bracketed = connection.execute(
            f"SELECT count(*) FROM {source.view} WHERE regexp_full_match(trim({plain_text}), {literal(_BRACKETED)})"
        ).fetchall()[0][0]
        if bracketed:  # an accountant's minus
            plain_text = f"regexp_replace({plain_text}, {literal(_BRACKETED)}, '-\\1')"
        bare = f"regexp_replace({plain_text}, '[^0-9.,+-]', '', 'g')"
        look = _look(connection, source, name, "VARCHAR", bare, expression=bare, sign=plain.sign)
        yield look
        return
    if kind == "VARCHAR" and plain.number > 0.99 and _has_points_between_thousands(connection, source, name):
        bare = f"replace({quote(name)}, '.', '')"
        yield replace(_look(connection, source, name, kind, bare, expression=bare), remark=_POINTS)
        return
    if not (is_struct or (kind in ("VARCHAR", "JSON") and _holds_objects(plain))):
        yield plain
        return
    base = f"to_json({quote(name)})" if is_struct else quote(name)
    yield from _inside(connection, source, name, base, "$", 1)


def _has_points_between_thousands(connection: duckdb.DuckDBPyConnection, source: OpenSource, name: str) -> bool:
    """Whether the points of a column of numbers stand between thousands: as 1.204 beside 812, and never 0.812, 12.5 or 1204."""
    value = f"trim({quote(name)})"
    grouped, below = (f"regexp_full_match({value}, '[+-]?{form}')" for form in ("[1-9][0-9]{0,2}([.][0-9]{3})+", "[0-9]{1,3}"))
    n_grouped, n_below, n_other = connection.execute(
        f"SELECT count(DISTINCT {value}) FILTER ({grouped}), count(*) FILTER ({below}), count(*) FILTER (NOT {grouped} AND NOT "
        f"{below} AND {value} <> '') FROM {source.view}"
    ).fetchall()[0]
    return n_grouped >= _DAYS_ENOUGH and n_below > 0 and not n_other


def _are_percentages(look: ColumnLook) -> bool:
    """Whether every value that was kept is a number with a sign for per cent behind it."""
    return bool(look.frequent) and all(re.fullmatch(_PERCENT, value) for value in look.frequent)


def _holds_objects(look: ColumnLook) -> bool:
    return bool(look.frequent) and all(value.startswith("{") and value.endswith("}") for value in look.frequent)


def _inside(
    connection: duckdb.DuckDBPyConnection, source: OpenSource, name: str, base: str, path: str, depth: int
) -> Iterator[ColumnLook]:
    """Look at the keys of the objects that an expression reaches."""
    rows = f"SELECT TRY_CAST({base} AS JSON) AS v FROM {source.view} LIMIT 2000"
    found = connection.execute(
        f"SELECT DISTINCT unnest(json_keys(v, {literal(path)})) AS k FROM ({rows}) ORDER BY k"
    ).fetchall()
    for (key,) in found[:_MOST_KEYS]:
        step = f"{path}.{key}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else f'{path}."{key}"'
        expression = f"json_extract_string({base}, {literal(step)})"
        look = _look(connection, source, f"{name}.{key}", "VARCHAR", expression, expression=expression)
        if depth < _DEEPEST and _holds_objects(look):
            yield from _inside(connection, source, f"{name}.{key}", base, step, depth + 1)
        else:
            yield look


def _look(
    connection: duckdb.DuckDBPyConnection,
    source: OpenSource,
    name: str,
    kind: str,
    reached: str,
    *,
    expression: str = "",
    sign: str = "",
) -> ColumnLook:
    rows = f"(SELECT nullif(trim({reached}), '') AS v FROM {source.view} LIMIT {LOOKED_AT})"
    number = f"CASE WHEN regexp_full_match(v, {literal(_NUMBER)}) THEN TRY_CAST(v AS DOUBLE) END"
    comma, grouped = (f"regexp_full_match(v, {literal(form)})" for form in (_COMMA, _GROUPED))
    n, filled, distinct, numbers, commas, groups, sure, dotted, times, offsets, priced, low, high, length = connection.execute(
        f"SELECT count(*), count(v), count(DISTINCT v), count({number}), "
        f"count(*) FILTER ({comma}), count(*) FILTER ({grouped}), "
        f"count(*) FILTER ({comma} AND NOT {grouped}), count(*) FILTER ({comma} AND contains(v, '.')), "
        f"count(*) FILTER (TRY_CAST(v AS TIMESTAMP) >= TIMESTAMP '1900-01-01'), "
        f"count(*) FILTER (regexp_full_match(v, {literal(_OFFSET)})), "
        f"count(*) FILTER (regexp_full_match(v, {literal(_PRICED)})), min({number}), max({number}), avg(length(v)) FROM {rows}"
    ).fetchall()[0]
    most = connection.execute(
        f"SELECT v, count(*) FROM {rows} WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 40"
    ).fetchall()
    frequent = tuple(value for value, _ in most)
    known = max(filled, 1)
    decimal_comma = sure > 0 or (commas > 0 and not groups)
    look = ColumnLook(
        name=name,
        type=kind,
        expression=expression,
        filled=filled / max(n, 1),
        distinct=distinct / known,
        n_distinct=distinct,
        number=numbers / known,
        comma=commas / known if decimal_comma else 0.0,
        grouped=0.0 if decimal_comma or not groups else (groups + numbers) / known,
        thousands=_thousands(frequent, dotted) if decimal_comma else "",
        time=times / known,
        time_formats=(),
        offset=offsets / known,
        epoch=_epoch(numbers / known, low, high, kind),
        low=low,
        high=high,
        length=float(length or 0.0),
        sign=sign or (_sign(frequent) if priced / known > 0.5 else ""),
        frequent=frequent,
        counts=tuple(count for _, count in most),
    )
    is_text = (kind == "VARCHAR" or "INT" in kind) and 6 <= look.length <= 24
    return _with_time_formats(connection, rows, look, filled) if filled and look.time < 0.995 and is_text else look


def _thousands(frequent: tuple[str, ...], dotted: int) -> str:
    if dotted:
        return "."
    for sign in _GAPS:
        if any(re.fullmatch(rf"[+-]?\d{{1,3}}({sign}\d{{3}})+,\d+", value) for value in frequent):
            return sign
    return ""


def _sign(frequent: tuple[str, ...]) -> str:
    found = re.search(_SIGN, frequent[0]) if frequent else None
    return found[0] if found else ""


def _epoch(number: float, low: float | None, high: float | None, kind: str) -> str:
    if number < 0.99 or low is None or high is None or kind.startswith(("TIME", "DATE")):
        return ""
    return next((unit for unit, a_second in _EPOCHS.items() if low >= _EARLIEST * a_second and high <= _LATEST * a_second), "")


def _with_time_formats(connection: duckdb.DuckDBPyConnection, rows: str, look: ColumnLook, filled: int) -> ColumnLook:
    """Find the written form of times that most values have, others that fit as well, and others that other values have."""
    forms = TIME_FORMATS
    if look.number > 0.9:
        forms = _forms_of_digits(look)
    read = {written: f"(try_strptime(v, {literal(written)}) >= TIMESTAMP '1900-01-01')" for written in forms}
    one_in = max(1, look.n_distinct // _TRIED)
    some = f"(SELECT DISTINCT v FROM {rows} WHERE hash(v) % {one_in} = 0 OR v IN ({_listed(look.frequent)}))"
    tried = _count_each(connection, read, some)
    found = _count_each(connection, {written: read[written] for written, n in tried.items() if n}, rows)
    best = max(found.values(), default=0)
    if best / filled <= max(look.time, 0.3) or (forms is not TIME_FORMATS and best < filled):  # digits alone: all or none
        return look
    chosen = tuple(written for written, n in found.items() if n == best)
    if all(written.startswith("%Y-%m-%d") for written in chosen):  # ISO needs no setting
        return look
    further: list[str] = []
    contradicting: list[str] = []
    covered = best
    for written in sorted((w for w, n in found.items() if 0 < n < best), key=lambda w: -found[w]):
        known = " OR ".join(f"coalesce({read[one]}, false)" for one in (chosen[0], *further))
        (more,) = connection.execute(f"SELECT count(*) FILTER ({read[written]} AND NOT ({known})) FROM {rows}").fetchall()[0]
        if more / filled > _SOME and _contradicts(written, chosen[0]):
            contradicting.append(written)
        elif more / filled > _SOME:
            further.append(written)
            covered += more
    return replace(
        look,
        time_formats=chosen,
        further_formats=tuple(further),
        contradicting=tuple(contradicting),
        time=covered / filled,
    )


def _forms_of_digits(look: ColumnLook) -> tuple[str, ...]:
    """Return how times may be written that are numbers too."""
    if look.length != 8 and look.n_distinct < _DAYS_ENOUGH:
        return ()
    lowest, highest, forms = _OF_DIGITS.get(int(look.length) if look.length.is_integer() else 0, (0, 0, ()))
    inside = look.low is not None and look.high is not None and lowest <= look.low and look.high <= highest
    return forms if inside else ()


def _count_each(connection: duckdb.DuckDBPyConnection, conditions: Mapping[str, str], rows: str) -> dict[str, int]:
    if not conditions:
        return {}
    counts = ", ".join(f"count(*) FILTER ({holds})" for holds in conditions.values())
    return dict(zip(conditions, connection.execute(f"SELECT {counts} FROM {rows}").fetchall()[0], strict=True))


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values)


def _contradicts(written: str, chosen: str) -> bool:
    """Say whether two forms read the same digits as different days: one puts the day first, the other the month."""
    return (written[:2] == "%m") != (chosen[:2] == "%m") and {written[:2], chosen[:2]} <= {"%d", "%m"}
