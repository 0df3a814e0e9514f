"""Returns in a file of their own: each row takes back what an order brought, on the day on which it came back.

Who returned it is told by the row itself, or by the order that it names.
"""

from __future__ import annotations

from collections.abc import Sequence

from decision_engine.history.infer import name_parts
from decision_engine.history.order_drafts import OrderDrafter
from decision_engine.history.order_states import OrderState, state_of
from decision_engine.history.sheets import Line, Sheet, TableDraft

_CANCEL_OUT = "sale and return cancel out"  # what the states of orders say where they tell of returns already


def return_drafts(finder: OrderDrafter, orders: TableDraft, drafts: Sequence[TableDraft]) -> list[TableDraft]:
    """Return the drafts of files of returns, where the orders themselves do not tell of them."""
    if orders.returns is not None or any(_CANCEL_OUT in remark for remark in orders.remarks):
        return []
    read = {sheet.name for draft in drafts for sheet in draft.sheets}
    found = (_draft(finder, sheet, orders) for sheet in finder.sheets if sheet.name not in read and is_of_returns(sheet))
    return [draft for draft in found if draft is not None]


def is_of_returns(sheet: Sheet) -> bool:
    """Whether a sheet is named for returns, or two of its columns are."""
    named = sum(state_of(name) is OrderState.RETURNED for name in sheet.looks)
    return state_of(sheet.name) is OrderState.RETURNED or named >= 2


def _draft(finder: OrderDrafter, sheet: Sheet, orders: TableDraft) -> TableDraft | None:
    draft = TableDraft(table=orders.table, sheet=sheet)
    if finder.reach(draft, "user") is None or not {"time", "money"} <= sheet.roles.keys() or not finder.overlap(draft, orders):
        return None
    draft.lines["user_id"] = finder.line(draft, "user")
    time = sheet.roles["time"][0]
    when = finder.column_in(draft, sheet, sheet.looks[time.column])
    number = next((name for name in sheet.looks if sheet.is_key(name) and state_of(name) is OrderState.RETURNED), None)
    named = [finder.column_in(draft, sheet, sheet.looks[number])] if number else [draft.lines["user_id"].expression, when]
    draft.lines["order_id"] = Line(expression=f"concat_ws(' ', 'return', {', '.join(named)})", remark="a number of its own")
    draft.lines["ordered_at"] = Line(expression=when, confidence=time.confidence)
    money = sheet.roles["money"][0]
    amount = finder.column_in(draft, sheet, sheet.looks[money.column])
    draft.lines["revenue"] = Line(expression=amount, confidence=money.confidence, remark="taken back")
    draft.returns = Line(expression="TRUE", remark="each row is a return")
    draft.remarks = (f"{' '.join(name_parts(sheet.name))}: each row takes back what an order brought, on its own day",)
    return draft
