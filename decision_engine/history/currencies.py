"""Several currencies in one column of amounts: each row's is told by a column beside it, or by the sign in the amount itself.

Amounts of several currencies cannot be summed as they stand, and no file tells what each was worth: that is to be filled in.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from decision_engine.history.columns import CURRENCIES, ColumnLook
from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import Sheet, number_of, sql_of
from decision_engine.history.sources import literal, quote

_NAMES = ("currency", "curr", "wahrung", "waehrung", "devise", "moneda", "moeda", "valuta", "waluta", "币种", "通貨")
_CODE = 3  # letters
_MOST = 30


def currency_column(sheet: Sheet) -> ColumnLook | None:
    """Return the column that names the currency of each row."""
    for look in sheet.looks.values():
        is_named = any(part.startswith(_NAMES) for part in name_parts(look.name))
        codes = all(value in CURRENCIES or (len(value) == _CODE and value.isupper()) for value in look.frequent)
        if is_named and look.frequent and codes and look.n_distinct <= _MOST:
            return look
    return None


def several_currencies(connection: duckdb.DuckDBPyConnection, sheet: Sheet, paid: ColumnLook) -> tuple[str, dict[str, int]]:
    """Return what tells the currency of a row, and the rows of each currency, most first; nothing where there is but one."""
    column = currency_column(sheet)
    if column is not None:
        counts = dict(zip(column.frequent, column.counts, strict=True))
        return (column.name, counts) if len(counts) > 1 else ("", {})
    if not paid.sign or paid.name not in sheet.source.columns:
        return "", {}
    signs = f"CASE {_by_sign(paid.name, {sign: literal(sign) for sign in CURRENCIES})} END"
    counted = connection.execute(
        f"SELECT sign, count(*) AS n FROM (SELECT {signs} AS sign FROM {sheet.source.view}) WHERE sign IS NOT NULL "
        "GROUP BY sign ORDER BY n DESC, sign"
    ).fetchall()
    return (paid.name, dict(counted)) if len(counted) > 1 else ("", {})


def in_one_currency(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, paid: ColumnLook, amount: str
) -> tuple[str, str] | None:
    """Return an amount times what its currency is worth, each 1 until somebody says more, and what to fill in."""
    named, counts = several_currencies(connection, sheet, paid)
    if not counts:
        return None
    main = next(iter(counts))
    if named == paid.name:
        cases = f"CASE {_by_sign(named, dict.fromkeys(counts, '1'))} END"
    else:
        worth = " ".join(f"WHEN {literal(code)} THEN 1" for code in counts)
        cases = f"CASE trim({sql_of(connection, sheet.looks[named])}) {worth} END"
    plain = amount if amount != sql_of(connection, paid) else number_of(connection, paid)
    told = ", ".join(f"{code} in {n:,} rows" for code, n in counts.items())
    return (
        f"{plain} * {cases}",
        f"what each currency is worth in {CURRENCIES.get(main, main)}; 1 takes them for the same ({told})",
    )


def _by_sign(column: str, results: Mapping[str, str]) -> str:
    """Return the cases of a CASE by the sign that an amount carries, longer signs first, as US$ holds $."""
    ordered = sorted(results, key=lambda sign: -len(sign))
    return " ".join(f"WHEN contains({quote(column)}, {literal(sign)}) THEN {results[sign]}" for sign in ordered)
