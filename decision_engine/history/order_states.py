"""States of orders: which rows of a status column are sales, which never became one, and which came back.

A sale that never came about is left out. One that came back is a negative order where the file tells of it in a row beside the
sale's own; where the sale's row itself is marked, sale and return cancel out, and the row is left out too. What is under way
counts as sold, and so does a word that nobody here knows: both are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import duckdb

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import name_parts, speaks_for
from decision_engine.history.sheets import Line, TableDraft, sql_of
from decision_engine.history.sources import literal, quote


class OrderState(Enum):
    """What became of an order; the value says it to people."""

    RETURNED = "came back"
    VOID = "never became a sale"
    SOLD = "sold"
    UNKNOWN = "not understood"


# Stems of words in English, German, French, Spanish, Portuguese and Italian, without accents; earlier ones win.
_STEMS: dict[OrderState, tuple[str, ...]] = {
    OrderState.RETURNED: (
        "refund", "return", "retour", "chargeback", "charged back", "erstatt", "zuruckgegeben", "zuruckgesandt", "ruckerstatt",
        "ruckgab", "rucksend",
        "gutgeschrieben", "rembours", "devuel", "devolv", "reembols", "estorn", "rimbors", "restituit", "zwroc", "zwrot",
        "credit note", "credit memo", "creditnote", "creditmemo", "gutschrift", "abono", "avoir", "nota de credito",
    ),
    OrderState.VOID: (
        "cancel", "storn", "abgebrochen", "annul", "anul", "void", "fail", "fehlgeschlagen", "declin", "reject", "abgelehnt",
        "refus", "rechaz", "recus", "denied", "unavailable", "nicht verfugbar", "expired", "abgelaufen", "unpaid", "unbezahlt",
        "not paid", "nicht bezahlt", "pending payment", "awaiting payment", "payment pending", "abandon", "draft", "entwurf",
        "fraud", "betrug", "not delivered", "undelivered", "nicht zugestellt",
    ),
    OrderState.SOLD: (
        "paid", "bezahlt", "paye", "pagad", "pago", "pagat", "complet", "abgeschlossen", "conclu", "deliver", "geliefert",
        "zugestellt", "livr", "entreg", "consegn", "ship", "versandt", "versendet", "verschickt", "expedi", "envi", "spedit",
        "dispatch", "fulfil", "fakturiert", "processing", "bearbeitung", "en cours", "process", "approv", "succe",
        "captur", "settled", "closed", "done", "ok", "sold", "purchas", "created", "confirm", "bestatigt", "received", "accept",
        "open", "offen", "pending", "ausstehend", "new", "neu", "placed", "transit", "ready", "hold",
        "sale", "verkauf", "verkocht", "vente", "venta", "venda", "vendit", "exchange", "umtausch", "invoice", "rechnung",
        "bestell", "order", "zrealizow", "opłacon", "wysłan", "dostarcz",
    ),
}  # fmt: skip
_NAMES = ("status", "state", "zustand", "estado", "statut", "etat", "situacao", "stato", "fulfillment", "fulfilment", "stadium")
_KINDS = ("type", "typ", "kind", "art", "tipo", "vorgang", "movement", "bewegung")  # of rows, each of which stands for itself
_NOT_OF_ORDERS = ("province", "country", "region", "address", "adresse", "customer", "geolocation", "city", "zip", "marital")
_YES = frozenset({"1", "true", "t", "yes", "y", "ja", "oui", "si", "sim", "x"})
_NO = frozenset({"0", "false", "f", "no", "n", "nein", "non", "nao"})
_MOST_STATES = 25
_KNOWN, _KNOWN_UNNAMED = 0.8, 0.99  # share of rows whose state must be understood; where no name says what the column is
_OF_A_TIME = 0.8  # confidence in what a time says
_MOSTLY = 0.5
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRule:
    """What the columns of states say of orders, as conditions of a mapping.

    Attributes
    ----------
    where, returns : Line or None
        Rows that stay, and those of them that count as negative.
    remarks : tuple of str
        For each column, what happens with each of its values.
    """

    where: Line | None
    returns: Line | None
    remarks: tuple[str, ...]


def state_of(words: str) -> OrderState:
    """Return what a value of a status column says.

    Examples
    --------
    >>> state_of("Canceled by customer"), state_of("zurückgegeben"), state_of("en cours").value
    (<OrderState.VOID: 'never became a sale'>, <OrderState.RETURNED: 'came back'>, 'sold')
    """
    plain = f" {' '.join(name_parts(words))}"
    if any(part in plain for part in (" partial", " teil", " parcial", " partiel")):
        return OrderState.SOLD  # most of it stays sold; how much came back is not told
    for state, stems in _STEMS.items():
        if any(f" {stem}" in plain for stem in stems):
            return state
    return OrderState.UNKNOWN


def rule_of_states(connection: duckdb.DuckDBPyConnection, draft: TableDraft) -> StateRule | None:
    """Return the rule that a draft's columns of states stand for; None where none tells what became of orders."""
    kept: list[str] = []
    negative: list[str] = []
    remarks: list[str] = []
    confidence = 1.0
    for sheet in draft.sheets:
        for look in sheet.looks.values():
            column = _text_of(connection, look)
            if _is_time_of_undoing(look):
                kept.append(f"{column} = ''")
                remarks.append(f"{look.name}: rows with a time there, {look.filled:.1%}, are left out")
                confidence = min(confidence, _OF_A_TIME)
                continue
            states = _states(look)
            if not states:
                remarks += _not_understood(look)
                continue
            returned = [value for value, state in states.items() if state is OrderState.RETURNED]
            void = [value for value, state in states.items() if state is OrderState.VOID]
            sold = [value for value, state in states.items() if state is OrderState.SOLD]
            beside = (
                bool(returned)
                and not negative
                and (
                    any(part in _KINDS for part in name_parts(look.name))
                    or _stands_beside_its_sale(
                        connection, draft, f"{column} IN {_list(returned)}", f"{column} IN {_list(sold)}"
                    )
                )
            )
            if beside:
                negative.append(f"{column} IN {_list(returned)}")
            if out := void if beside else void + returned:
                kept.append(f"{column} NOT IN {_list(out)}")
            remarks.append(_told(look, states, beside=beside))
            if look.filled < 1.0 and out:
                remarks += _silent_lines(connection, draft, look, f"{column} IN {_list(out)}", f"{column} = ''")
            confidence = min(confidence, 0.9 * _share_known(look, states))
    if not remarks:
        return None
    sure = round(confidence, 2)
    return StateRule(
        where=Line(expression=" AND ".join(kept), confidence=sure) if kept else None,
        returns=Line(expression=negative[0], confidence=sure) if negative else None,
        remarks=tuple(remarks),
    )


def state_that_sells(connection: duckdb.DuckDBPyConnection, draft: TableDraft) -> Line | None:
    """Return the condition under which a row says that an order was sold, where rows are the states that it went through.

    Of the states that speak of a sale it is the one that fewest orders share with one that undoes it. None where an order has
    one state throughout.
    """
    for look in draft.sheet.looks.values():
        states = _states(look)
        if not states:
            continue
        column = _text_of(connection, look)
        undone = [value for value, state in states.items() if state in (OrderState.RETURNED, OrderState.VOID)]
        orders = (
            f"SELECT list(DISTINCT {column}) AS states, bool_or({column} IN {_list(undone)}) AS undone "
            f"FROM {draft.sheet.source.view} GROUP BY {draft.lines['order_id'].expression}"
        )
        found = connection.execute(
            f"SELECT state, avg(CAST(undone AS INTEGER)) AS undone, count(*) AS n, max(several) FROM (SELECT unnest(states) AS "
            f"state, undone, avg(CAST(len(states) > 1 AS INTEGER)) OVER () AS several FROM ({orders})) GROUP BY state "
            "ORDER BY undone, n DESC, state"
        ).fetchall()
        sold = [(value, n, several) for value, _, n, several in found if states.get(value) is OrderState.SOLD]
        if sold and sold[0][2] > _MOSTLY:
            value, n, _ = sold[0]
            fill_in = (
                f"rows are the states that orders went through: which of {look.name} makes one a sale? {value} is taken, "
                f"which {n:,} orders have"
            )
            return Line(expression=f"{column} = {literal(value)}", fill_in=fill_in)
    return None


def _text_of(connection: duckdb.DuckDBPyConnection, look: ColumnLook) -> str:
    column = sql_of(connection, look)
    return f"coalesce(trim({column if look.type == 'VARCHAR' else f'CAST({column} AS VARCHAR)'}), '')"


def _is_time_of_undoing(look: ColumnLook) -> bool:
    """Whether a column holds the time at which an order was cancelled or came back."""
    is_time = look.time > 0.9 and look.number < 0.5 and 0.0 < look.filled < 0.5
    return is_time and state_of(look.name) in (OrderState.RETURNED, OrderState.VOID)


def _states(look: ColumnLook) -> dict[str, OrderState]:
    """Return the state behind each value of a column; none where it does not tell of orders, or of nothing but sales."""
    parts = name_parts(look.name)
    if not 2 <= look.n_distinct <= _MOST_STATES or any(part in _NOT_OF_ORDERS for part in parts):
        return {}
    if speaks_for("quantity", look.name):  # how many pieces came back, which may be one
        return {}
    flag = state_of(look.name)
    raised = {value.lower() for value in look.frequent}
    if flag in (OrderState.RETURNED, OrderState.VOID) and raised <= _YES | _NO and raised & _YES and raised & _NO:
        return {value: flag if value.lower() in _YES else OrderState.SOLD for value in look.frequent}
    if look.number > 0.1:
        return {}
    found = {value: state_of(value) for value in look.frequent}
    is_named = any(part.startswith(_NAMES) or part in _KINDS for part in parts)
    told = set(found.values())
    tells = bool(told & {OrderState.RETURNED, OrderState.VOID}) and OrderState.SOLD in told
    return found if tells and _share_known(look, found) >= (_KNOWN if is_named else _KNOWN_UNNAMED) else {}


def _not_understood(look: ColumnLook) -> list[str]:
    """Say of a column of states that is not used, as too many rows hold words that nobody here knows, which words those are."""
    parts = name_parts(look.name)
    is_named = any(part.startswith(_NAMES) for part in parts) and not any(part in _NOT_OF_ORDERS for part in parts)
    if not is_named or look.number > 0.1 or not 2 <= look.n_distinct <= _MOST_STATES:
        return []
    states = {value: state_of(value) for value in look.frequent}
    counts = dict(zip(look.frequent, look.counts, strict=True))
    unknown = [f"{value} {counts[value]:,}" for value, state in states.items() if state is OrderState.UNKNOWN]
    told = [value for value, state in states.items() if state in (OrderState.RETURNED, OrderState.VOID)]
    says_status = OrderState.SOLD in states.values() and any(part.startswith("stat") and part != "state" for part in parts)
    if not unknown or not (told or says_status):
        return []
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    example = told[0] if told else unknown[0].rpartition(" ")[0]
    return [
        f"{look.name} leaves no row out, as too many words are not understood: {', '.join(unknown[:_SHOWN])}{more}. "
        f"Name those that are no sales in `where`, as in {quote(look.name)} NOT IN ({literal(example)}), and those that came "
        "back in `returns`"
    ]


def _share_known(look: ColumnLook, states: dict[str, OrderState]) -> float:
    counts = dict(zip(look.frequent, look.counts, strict=True))
    known = sum(counts[value] for value, state in states.items() if state is not OrderState.UNKNOWN)
    return known / max(sum(counts.values()), 1)


def _told(look: ColumnLook, states: dict[str, OrderState], *, beside: bool) -> str:
    """Return what happens with each value, with the number of rows that hold it."""
    counts = dict(zip(look.frequent, look.counts, strict=True))
    ends = {
        OrderState.SOLD: "sales",
        OrderState.VOID: "left out: no sale came of them",
        OrderState.RETURNED: "negative: their sales stand in rows of their own"
        if beside
        else "left out: sale and return cancel out",
        OrderState.UNKNOWN: "not understood, taken for sales",
    }
    pieces = []
    for state, end in ends.items():
        values = [f"{value} {counts[value]:,}" for value, one in states.items() if one is state]
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        pieces += [f"{', '.join(values[:_SHOWN])}{more} ({end})"] if values else []
    if look.filled < 1.0:
        pieces.append(f"{1.0 - look.filled:.1%} of rows say nothing (sales)")
    return f"{look.name}: {'; '.join(pieces)}"


def _silent_lines(
    connection: duckdb.DuckDBPyConnection, draft: TableDraft, look: ColumnLook, out: str, silent: str
) -> list[str]:
    """Say how many lines of orders that are left out say nothing themselves, where a state stands on an order's first line."""
    order = draft.lines.get("order_id")
    if order is None or order.fill_in or draft.joins:
        return []
    rows = (
        f"SELECT ({silent}) AS silent, count(*) FILTER ({out}) OVER (PARTITION BY {order.expression}) AS n "
        f"FROM {draft.sheet.source.view}"
    )
    (n,) = connection.execute(f"SELECT count(*) FILTER (silent AND n > 0) FROM ({rows})").fetchall()[0]
    return [f"{look.name}: {n:,} more lines of orders that are left out say nothing there and stay sales; fill it in on every "
            "line of an order before the file is read"] if n else []  # fmt: skip


def _list(values: Sequence[str]) -> str:
    return f"({', '.join(literal(value) for value in values)})"


def _stands_beside_its_sale(connection: duckdb.DuckDBPyConnection, draft: TableDraft, back: str, sold: str) -> bool:
    """Say whether most rows that came back share order and product with a row that was sold."""
    order = draft.lines.get("order_id")
    if order is None or order.fill_in or draft.joins:
        return False
    if order.remark.startswith("no order number") and "product_id" not in draft.lines:  # a user may buy twice on a day
        return False
    keys = ", ".join(draft.lines[name].expression for name in ("order_id", "product_id") if name in draft.lines)
    rows = f"SELECT {back} AS back, count(*) FILTER ({sold}) OVER (PARTITION BY {keys}) AS n FROM {draft.sheet.source.view}"
    (share,) = connection.execute(f"SELECT coalesce(avg((n > 0)::INTEGER) FILTER (back), 0) FROM ({rows})").fetchall()[0]
    return float(share) > _MOSTLY
