"""Rows, and parts of rows, that take money back: negative pieces with positive amounts, marks of credit, pieces returned.

A file that writes a return with a negative number of pieces, or an H for a credit, and leaves its amount positive, would make a
sale of it.
"""

from __future__ import annotations

import duckdb

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import name_parts, speaks_for
from decision_engine.history.order_states import OrderState, state_of
from decision_engine.history.sheets import Line, Sheet, TableDraft, number_of, rows_of, sql_of
from decision_engine.history.sources import literal

_MARKS = (
    ("s", "h"),
    ("d", "c"),
    ("dr", "cr"),
    ("debit", "credit"),
    ("soll", "haben"),
    ("debe", "haber"),
    ("d", "h"),
    ("+", "-"),
)
_MARK_NAMES = frozenset({
    "soll", "haben", "sh", "dc", "dr", "cr", "debit", "credit", "debe", "haber", "sign", "vorzeichen", "indicator", "signo",
    "kennzeichen",
})  # fmt: skip
_PAYMENTS = 0.35  # share of rows on the credit side from which on they are hardly credit notes
_MOSTLY = 0.9
_OFF = frozenset({"discount", "disc", "rabatt", "rebate", "nachlass", "descuento", "remise", "sconto", "desconto"})
_PER_CENT = frozenset({"pct", "percent", "percentage", "prozent", "perc", "rate", "porcentaje"})
_BEFORE = frozenset({"list", "gross", "original", "regular", "catalog", "catalogue", "rrp", "msrp", "full", "listen"})


def negative_pieces(connection: duckdb.DuckDBPyConnection, draft: TableDraft, count: str, amount: str) -> Line | None:
    """Return the condition that pieces are negative, where amounts of such rows are not."""
    query = f"SELECT count(*), coalesce(avg(CAST({amount} > 0 AS INTEGER)), 0) FROM {rows_of(draft)} WHERE {count} < 0"
    n, share = connection.execute(query).fetchall()[0]
    if not n or share < _MOSTLY:
        return None
    return Line(expression=f"{count} < 0", remark=f"{n:,} rows of fewer than no pieces, with amounts above zero: returns")


def credits_of(connection: duckdb.DuckDBPyConnection, sheet: Sheet) -> tuple[str, Line] | None:
    """Return what a column of debit and credit does: rows of credit are `returns`, or, where they are many, none of `where`."""
    for look in sheet.looks.values():
        words = {value.strip().lower(): value for value in look.frequent}
        marks = next((pair for pair in _MARKS if look.n_distinct == 2 and set(words) == set(pair)), None)
        if marks is None or not (_MARK_NAMES & {*name_parts(look.name), "".join(name_parts(look.name))}):
            continue
        counts = dict(zip(look.frequent, look.counts, strict=True))
        debit, credit = words[marks[0]], words[marks[1]]
        n_debit, n_credit = counts[debit], counts[credit]
        told = f"{look.name} marks {n_debit:,} rows of debit ({debit}) and {n_credit:,} of credit ({credit})"
        if n_credit > _PAYMENTS * (n_debit + n_credit):
            fill_in = f"{told}; the latter are taken for payments, which are no sales: are they credit notes? Then `returns`"
            return "where", Line(expression=f"{sql_of(connection, look)} = {literal(debit)}", fill_in=fill_in)
        fill_in = f"{told}; the latter are taken for credit notes: are they payments? Then leave them out by `where`"
        return "returns", Line(expression=f"{sql_of(connection, look)} = {literal(credit)}", fill_in=fill_in)
    return None


def pieces_returned(sheet: Sheet) -> ColumnLook | None:
    """Return the column that says how many of a row's pieces came back or were called off."""
    for look in sheet.looks.values():
        if look.number > _MOSTLY and speaks_for("quantity", look.name) and _undoes(look.name):
            return look
    return None


def _undoes(name: str) -> bool:
    return state_of(name) in (OrderState.RETURNED, OrderState.VOID)


def percentage_off(sheet: Sheet) -> ColumnLook | None:
    """Return the column of a discount in per cent, or as a share of 1."""
    for look in sheet.looks.values():
        parts = set(name_parts(look.name))
        is_percent = bool(parts & _PER_CENT) or "%" in look.name
        if (
            parts & _OFF
            and is_percent
            and look.number > _MOSTLY
            and 0 < (look.high or 0.0) <= 100
            and not (look.low or 0.0) < 0
        ):
            return look
    return None


def after_discount(connection: duckdb.DuckDBPyConnection, sheet: Sheet, price: ColumnLook, amount: str) -> tuple[str, str]:
    """Return an amount less its discount in per cent, where the price's name says that it is one before; and a remark."""
    off = percentage_off(sheet)
    if off is None:
        return amount, ""
    whole = 1 if (off.high or 0.0) <= 1 else 100
    kept = f"(1 - coalesce({number_of(connection, off)}, 0){'' if whole == 1 else ' / 100'})"
    if set(name_parts(price.name)) & _BEFORE:
        return f"{amount} * {kept}", f"less {off.name}"
    return amount, f"{off.name} is not taken off; where {price.name} is before discounts, multiply by {kept}"
