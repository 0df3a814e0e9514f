"""Drafts of mappings: which files hold orders, contacts, customers, products, texts, and how their columns are named there.

Orders come first: the source of money, joined to others by columns of the same name until a user and a time are found. What
else is there is recognised by what it shares with the orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decision_engine.history.column_finder import ColumnFinder
from decision_engine.history.infer import name_parts
from decision_engine.history.order_states import rule_of_states
from decision_engine.history.rounds import rounds_of
from decision_engine.history.sheets import Line, Sheet, TableDraft, number_of
from decision_engine.history.sources import literal
from simulations.errors import HistoryError

_BOUGHT = ("transaction", "purchase", "purchased", "order", "sale", "bought", "buy", "checkout")
_CONTACTED = ("offer received", "received", "sent", "email sent", "contacted", "impression", "exposed", "delivered", "shown")
_GAP = "NULL"  # what stands where a column is still to be named: every row is then set aside as empty
_OF_ONE_PIECE = {"price", "unitprice", "unit", "einzelpreis", "stückpreis", "stueckpreis"}
_ALIKE = 0.8  # share of columns in common from which on a sheet is another part of the same table
_REPEATED = 0.95  # share of a part's orders that are known already, from which on it is a copy
_WANTED = {
    "user": "who (a user, customer or member)",
    "time": "when (a date or time)",
    "money": "for how much (an amount)",
}


class Drafter(ColumnFinder):
    """Finds tables in sheets; a question is asked where two guesses are close."""

    def draft(self) -> list[TableDraft]:
        """Return the tables that the sheets hold, orders first.

        Raises
        ------
        HistoryError
            If no sheet holds anything that could be orders.
        """
        orders = self._orders()
        if orders is None:
            rounds = rounds_of(self.connection, self.sheets)
            if rounds is not None:
                return rounds
            orders = self._part_of_orders()
            if orders is None:
                raise HistoryError(self._nothing())
        parts = [sheet for sheet in self.sheets if self._is_another_part(sheet, orders)]
        copies = [sheet for sheet in parts if self._repeats(sheet, orders)]
        orders.remarks += tuple(f"{sheet.name} holds the same orders and is not read" for sheet in copies)
        drafts = [orders, *(replace(orders, sheet=sheet, remarks=()) for sheet in parts if sheet not in copies)]
        used = {sheet.name for sheet in [*(draft.sheet for draft in drafts), *copies]}
        exposures = self._exposures(orders)
        if exposures is not None:
            drafts.append(exposures)
            used.add(exposures.sheet.name)
        for sheet in self.sheets:
            if sheet.name not in used:
                found = self._searches(sheet) or self._reviews(sheet) or self._customers(sheet, orders, drafts)
                found = found or self._products(sheet, orders)
                if found is not None:
                    drafts.append(found)
        return drafts

    def _is_another_part(self, sheet: Sheet, orders: TableDraft) -> bool:
        """Whether a sheet has nearly the columns of the orders, and all that their draft reads."""
        mine, theirs = set(orders.sheet.looks), set(sheet.looks)
        if sheet is orders.sheet or len(mine & theirs) < _ALIKE * len(mine | theirs):
            return False
        lines = [*orders.lines.values(), orders.where, orders.returns]
        read = " ".join(line.expression for line in lines if line is not None)
        return not any(self.column(orders.sheet.looks[name]) in read for name in mine - theirs)

    def _repeats(self, sheet: Sheet, orders: TableDraft) -> bool:
        """Whether nearly every order of a part is among the orders already."""
        order = orders.sheet.roles.get("order", [])
        return bool(order) and self.share(sheet, order[0].column, orders.sheet, order[0].column) > _REPEATED

    def _orders(self) -> TableDraft | None:
        best: tuple[float, TableDraft] | None = None
        for sheet in self.sheets:
            if "rating" in sheet.roles and "text" in sheet.roles:
                continue
            draft = TableDraft(table="orders", sheet=sheet)
            found = {"user": self.reach(draft, "user"), "time": self.reach(draft, "time")}
            bought = self._bought(sheet)
            if found["user"] is None or found["time"] is None:
                continue
            money = sheet.roles.get("money", [])
            if not money and bought is None:
                continue
            score = (money[0].confidence if money else 0.0) + ("order" in sheet.roles) + ("product" in sheet.roles) * 0.5
            if best is None or score > best[0]:
                best = (score, draft)
        if best is None:
            return None
        draft = TableDraft(table="orders", sheet=best[1].sheet)
        self._fill_orders(draft)
        return draft

    def _part_of_orders(self) -> TableDraft | None:
        """Draft orders from the sheet that tells most of them, with gaps for the rest; None where all hold texts."""

        def told(sheet: Sheet) -> int:
            return sum(role in sheet.roles for role in ("user", "time", "money"))

        able = [sheet for sheet in self.sheets if told(sheet) >= 2 or "text" not in sheet.roles]
        if not able:
            return None
        sheet = max(able, key=lambda sheet: told(sheet) + 0.5 * ("order" in sheet.roles) + 0.25 * ("product" in sheet.roles))
        draft = TableDraft(table="orders", sheet=sheet)
        self._fill_orders(draft)
        return draft

    def _nothing(self) -> str:
        told = [f"  {sheet.name}: {self._lack(sheet)}" for sheet in self.sheets]
        return "\n".join(
            [
                "none of these files tells who bought, when, and for how much, which every history needs.",
                *told,
                "Add the file with orders, or write the configuration by hand.",
            ]
        )

    def _lack(self, sheet: Sheet) -> str:
        """Say why a sheet alone holds no orders."""
        lacks = [words for role, words in _WANTED.items() if role not in sheet.roles]
        has = ", ".join(f"{role} ({guesses[0].column})" for role, guesses in sheet.roles.items()) or "nothing"
        if not any(look.filled for look in sheet.looks.values()):
            return "holds no row."
        if not lacks:
            return f"holds texts and ratings rather than orders; recognised: {has}."
        return f"no column says {' or '.join(lacks)}; recognised: {has}."

    def _fill_orders(self, draft: TableDraft) -> None:
        sheet = draft.sheet
        draft.where = self._bought(sheet)
        draft.lines["user_id"] = user = self._line_or_gap(draft, "user")
        time = self._line_or_gap(draft, "time")
        order = sheet.roles.get("order", [])
        product = sheet.roles.get("product", [])
        quantity = sheet.roles.get("quantity", [])
        if order and sheet.is_key(order[0].column) and not product:
            draft.lines["order_id"] = self.line(draft, "order")
        else:
            draft.table = "items"
            if order:
                draft.lines["order_id"] = self.line(draft, "order")
            elif user.fill_in or time.not_found:
                fill_in = "the column with the order's number; without one, concat_ws(' ', WHO, WHEN) with the two columns"
                draft.lines["order_id"] = Line(expression=_GAP, fill_in=fill_in)
            else:
                remark = "no order number: all rows of a user at one time count as one order"
                expression = f"concat_ws(' ', {user.expression}, {time.expression})"
                draft.lines["order_id"] = Line(expression=expression, remark=remark)
            if product and product[0].confidence >= 0.6:
                draft.lines["product_id"] = self.line(draft, "product")
            if quantity:
                draft.lines["quantity"] = self.line(draft, "quantity")
        draft.lines["ordered_at"] = time
        draft.lines["revenue"] = self._revenue(draft)
        self.map_further(draft, discount="discount", **({"category": "category"} if draft.table == "orders" else {}))
        states = rule_of_states(self.connection, draft) if draft.where is None else None
        if states is not None:
            draft.where, draft.returns, draft.remarks = states.where, states.returns, states.remarks

    def _revenue(self, draft: TableDraft) -> Line:
        sheet = draft.sheet
        if "money" not in sheet.roles:
            fill_in = "the column with what was paid; 1.0 counts orders instead of money"
            return Line(expression="1.0", fill_in=fill_in, not_found=self._not_found(draft, "money"))
        line = self.line(draft, "money")
        paid = next(look for look in sheet.looks.values() if self.column(look) == line.expression)
        if paid.n_distinct == 1:
            line = replace(line, remark="; ".join([f"every row holds {paid.frequent[0]}"] + [line.remark] * bool(line.remark)))
        named = set(name_parts(paid.name))
        quantity = draft.lines.get("quantity") or (self.line(draft, "quantity") if "quantity" in sheet.roles else None)
        if quantity is not None and named & _OF_ONE_PIECE and not named & {"total", "line"}:
            pieces = next(look for look in sheet.looks.values() if self.column(look) == quantity.expression)
            product = " * ".join(number_of(self.connection, look) for look in (pieces, paid))
            return Line(expression=product, confidence=line.confidence, remark="taken as the price of one piece")
        return line

    def _line_or_gap(self, draft: TableDraft, role: str) -> Line:
        """Return a role's line, or one that is empty and marked where no column was recognised."""
        if self.reach(draft, role) is not None:
            return self.line(draft, role)
        fill_in = f"the column that says {_WANTED[role]}; none was recognised"
        return Line(expression=_GAP, fill_in=fill_in, not_found=self._not_found(draft, role))

    def _not_found(self, draft: TableDraft, role: str) -> str:
        return f"{draft.sheet.name}: no column says {_WANTED[role]}"

    def _bought(self, sheet: Sheet) -> Line | None:
        """Return the condition on a log's event column under which a row is a purchase."""
        return self._event(sheet, _BOUGHT)

    def _event(self, sheet: Sheet, words: Sequence[str]) -> Line | None:
        for guess in sheet.roles.get("event", []):
            for value in sheet.looks[guess.column].frequent:
                if value.lower() in words:
                    condition = f"{self.column(sheet.looks[guess.column])} = {literal(value)}"
                    return Line(expression=condition, confidence=guess.confidence)
        return None

    def _exposures(self, orders: TableDraft) -> TableDraft | None:
        for sheet in self.sheets:
            action = sheet.roles.get("action", [])
            contacted = self._event(sheet, _CONTACTED)
            if not action or action[0].confidence < 0.5 or "time" not in sheet.roles or "text" in sheet.roles:
                continue
            if sheet is orders.sheet and contacted is None:
                continue
            draft = TableDraft(table="exposures", sheet=sheet, where=contacted)
            if self.reach(draft, "user") is None or not self.overlap(draft, orders):
                continue
            draft.lines["user_id"] = self.line(draft, "user")
            draft.lines["exposed_at"] = self.line(draft, "time")
            draft.lines["action"] = self.line(draft, "action")
            if "propensity" in sheet.roles:
                draft.lines["propensity"] = self.line(draft, "propensity")
            self.map_further(draft, cost="cost", channel="channel")
            self.map_when(draft, "ends_at", ("end", "ends", "expires", "expiry", "until"))
            self.map_when(draft, "redeemed_at", ("redeemed", "redemption", "used", "eingelost"))
            return draft
        return None

    def _customers(self, sheet: Sheet, orders: TableDraft, drafts: list[TableDraft]) -> TableDraft | None:
        if any(draft.table == "customers" for draft in drafts) or not any("user" in known.roles for known in orders.sheets):
            return None
        buyer = self.found(orders, "user")
        theirs = next(known for known in orders.sheets if buyer in known.roles.get("user", []))
        for column in sheet.looks:
            if not sheet.is_key(column) or self.share(theirs, buyer.column, sheet, column) < 0.2:
                continue
            draft = TableDraft(table="customers", sheet=sheet)
            draft.lines["user_id"] = Line(expression=self.column(sheet.looks[column]), confidence=0.9)
            if "consent" in sheet.roles:
                draft.lines["consent"] = self.line(draft, "consent")
            for name, look in sheet.looks.items():
                label = "_".join(name_parts(name))
                known = {line.expression for line in draft.lines.values()}
                expression = self.column(look)
                if label in draft.lines or expression in known or name in sheet.personal or look.n_distinct < 2:
                    continue
                if look.n_distinct <= 60 or look.number > 0.9:
                    draft.lines[label] = Line(expression=expression)
            return draft
        return None

    def _products(self, sheet: Sheet, orders: TableDraft) -> TableDraft | None:
        guesses, bought = sheet.roles.get("product", []), orders.sheet.roles.get("product", [])
        if not guesses or not bought or not sheet.is_key(guesses[0].column):
            return None
        if self.share(orders.sheet, bought[0].column, sheet, guesses[0].column) < 0.2:
            return None
        draft = TableDraft(table="products", sheet=sheet)
        for role, name in (("product", "product_id"), ("title", "title"), ("category", "category"), ("money", "price")):
            if role in sheet.roles:
                draft.lines[name] = self.line(draft, role)
        return draft

    def _reviews(self, sheet: Sheet) -> TableDraft | None:
        if "text" not in sheet.roles or "rating" not in sheet.roles:
            return None
        return self._texts(TableDraft(table="reviews", sheet=sheet))

    def _searches(self, sheet: Sheet) -> TableDraft | None:
        named = [guess for guess in sheet.roles.get("text", []) if "query" in name_parts(guess.column)]
        return self._texts(TableDraft(table="searches", sheet=sheet)) if named and "rating" not in sheet.roles else None

    def _texts(self, draft: TableDraft) -> TableDraft | None:
        if self.reach(draft, "user") is None or "time" not in draft.sheet.roles:
            return None
        draft.lines["user_id"] = self.line(draft, "user")
        written = draft.sheet.roles["time"][0]  # not the order's time, which a joined sheet may tell
        draft.lines["at"] = Line(expression=self.column(draft.sheet.looks[written.column]), confidence=written.confidence)
        draft.lines["text"] = self.line(draft, "text")
        if draft.table == "reviews":
            draft.lines["rating"] = self.line(draft, "rating")
        return draft
