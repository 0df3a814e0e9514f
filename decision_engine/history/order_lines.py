"""What the lines of one order have in common: an amount that stands on each is the order's own, and must not be summed.

Exports that list an order's lines often repeat what belongs to the order on every one of them: its total, its freight. Summed
over lines, such a total counts as often as the order has lines. An order's number that stands on lines of several days is one
that starts anew, in each store or each year.
"""

from __future__ import annotations

import duckdb

from decision_engine.history.columns import LOOKED_AT
from decision_engine.history.record import History
from decision_engine.history.sheets import TableDraft, rows_of
from decision_engine.history.sources import ROW, quote

REPEATED = 0.95  # share of orders of several lines that say the same on each, from which on it is the order's own
FEWEST_ORDERS = 20  # of several lines, from which on they show anything
_FEWEST_AMOUNTS = 10  # different ones: a price that all things have is the same on every line by nature
_DAYS_APART = 2.0
_FEWEST_APART = 0.002  # share of orders of several lines that lie so far apart, from which on it is told


def stands_for_orders(connection: duckdb.DuckDBPyConnection, draft: TableDraft, column: str) -> bool:
    """Whether a column of a draft of order lines says the same on every line of an order that was sold, and not of all."""
    order = draft.lines["order_id"].expression
    sold = [f"({draft.where.expression})"] if draft.where is not None else []
    sold += [f"NOT ({draft.returns.expression})"] if draft.returns is not None else []
    where = f" WHERE {' AND '.join(sold)}" if sold else ""
    first = f"ORDER BY {quote(draft.sheet.name)}.{ROW} LIMIT {LOOKED_AT}"
    rows = f"SELECT {order} AS o, {column} AS v FROM {rows_of(draft)}{where} {first}"
    n, share, different = connection.execute(
        f"SELECT count(*), avg(CAST(n_values = 1 AS INTEGER)), count(DISTINCT one) FROM (SELECT count(DISTINCT v) AS n_values, "
        f"min(v) AS one FROM ({rows}) WHERE o IS NOT NULL AND v IS NOT NULL GROUP BY o HAVING count(*) > 1)"
    ).fetchall()[0]
    return bool(n >= FEWEST_ORDERS and share >= REPEATED and different >= _FEWEST_AMOUNTS)


def say_repeated_totals(history: History) -> list[str]:
    """Say where order lines seem to carry their order's total, each of them."""
    lines = history.first_rows("items", ("user_id", "order_id", "revenue"), LOOKED_AT)
    lines = lines[lines["revenue"] != 0]
    orders = lines.groupby(["user_id", "order_id"], sort=False)["revenue"].agg(["size", "min", "max"])
    several = orders[orders["size"] > 1]
    same = several["min"] == several["max"]
    if len(several) < FEWEST_ORDERS or same.mean() < REPEATED or several["min"].nunique() < _FEWEST_AMOUNTS:
        return []
    times = float((several["size"] * several["max"]).sum() / several["max"].sum())
    return [
        f"the lines of an order all carry the same revenue ({int(same.sum()):,} of {len(several):,} orders of several lines): "
        f"is it the order's total, repeated on each? Then their revenue is {times:.1f} times too high; map the amount of a "
        "line, or `tables.orders` with `corrections: last`, which counts a total once."
    ]


def say_negative_pieces(history: History) -> list[str]:
    """Say where rows of fewer than no pieces bring money."""
    if "quantity" not in history.columns("items"):
        return []
    lines = history.first_rows("items", ("quantity", "revenue"), LOOKED_AT)
    n = int(((lines["quantity"] < 0) & (lines["revenue"] > 0)).sum())
    cure = "are they returns? `returns: quantity < 0`, with the column's name, makes them negative"
    return [f"{n:,} order lines of fewer than no pieces bring money: {cure}."] if n else []


def say_numbers_that_start_anew(history: History) -> list[str]:
    """Say where an order's number stands on lines of several days."""
    lines = history.first_rows("items", ("user_id", "order_id", "ordered_at"), LOOKED_AT)
    times = lines.groupby(["user_id", "order_id"], sort=False)["ordered_at"].agg(["size", "min", "max"])
    several = times[times["size"] > 1]
    apart = int(((several["max"] - several["min"]).dt.total_seconds() > _DAYS_APART * 86_400).sum())
    if not len(several) or apart < max(2, _FEWEST_APART * len(several)):
        return []
    return [
        f"{apart:,} of {len(several):,} orders of several lines hold lines more than {_DAYS_APART:g} days apart, and count on "
        "the first of them. Where numbers start anew, in each store or each year, make them one, as in "
        "`order_id: concat_ws(' ', store, number)`; where these are an order's states, map one of them by `where`."
    ]
