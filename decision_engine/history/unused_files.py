"""Files that a draft of a history has no use for, each with what was recognised in it, so that none is dropped in silence."""

from __future__ import annotations

from collections.abc import Sequence

from decision_engine.history.column_finder import ColumnFinder
from decision_engine.history.sheets import Sheet, TableDraft

_TOLD = ("user", "order", "time", "money", "action", "text", "rating", "consent", "product")


def why_unused(finder: ColumnFinder, drafts: Sequence[TableDraft]) -> dict[str, str]:
    """Return the files that no draft reads, and why."""
    read = {sheet.name for draft in drafts for sheet in draft.sheets}
    orders = next((draft for draft in drafts if draft.table in ("orders", "items")), None)
    return {sheet.name: _why(finder, sheet, orders) for sheet in finder.sheets if sheet.name not in read}


def _why(finder: ColumnFinder, sheet: Sheet, orders: TableDraft | None) -> str:
    if not any(look.filled for look in sheet.looks.values()):
        return "holds no row"
    told = [f"{role} ({sheet.roles[role][0].column})" for role in _TOLD if role in sheet.roles]
    known = f"recognised in it: {', '.join(told)}" if told else "nothing in it was recognised"
    if orders is None or "user" not in sheet.roles or not any("user" in one.roles for one in orders.sheets):
        return known
    buyer = finder.found(orders, "user")
    theirs = next(one for one in orders.sheets if buyer in one.roles.get("user", []))
    column = sheet.roles["user"][0].column
    if finder.share(sheet, column, theirs, buyer.column) == 0.0:
        return f"none of its users ({column}) is among those of the orders ({buyer.column}); {known}"
    return known
