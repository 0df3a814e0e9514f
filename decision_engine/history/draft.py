"""Drafts of mappings: which files hold orders, contacts, customers, products, texts, and how their columns are named there.

Orders come first. What else is there is recognised by what it shares with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decision_engine.history.consent_values import consent_remark, consent_values
from decision_engine.history.infer import name_parts
from decision_engine.history.order_drafts import OrderDrafter
from decision_engine.history.rounds import is_of_decisions, rounds_of
from decision_engine.history.sheets import Line, Sheet, TableDraft
from simulations.errors import HistoryError

_CONTACTED = ("offer received", "received", "sent", "email sent", "contacted", "impression", "exposed", "delivered", "shown")
_ALIKE = 0.8  # share of columns in common from which on a sheet is another part of the same table
_REPEATED = 0.95  # share of a part's orders that are known already, from which on it is a copy


class Drafter(OrderDrafter):
    """Finds tables in sheets; a question is asked where two guesses are close."""

    def draft(self) -> list[TableDraft]:
        """Return the tables that the sheets hold, orders first.

        Raises
        ------
        HistoryError
            If no sheet holds anything that could be orders.
        """
        orders, contacts = self.whole_orders(), None
        if orders is None or is_of_decisions(orders.sheet):
            rounds = rounds_of(self.connection, [orders.sheet] if orders is not None else self.sheets)
            if rounds is not None and rounds[0].is_of_rounds:
                return rounds
            orders, contacts = rounds or (orders or self.part_of_orders(), None)
            if orders is None:
                raise HistoryError(self.say_nothing_found())
        parts = [orders.sheet, *(sheet for sheet in self.sheets if self._is_another_part(sheet, orders))]
        copies = self._copies(parts, orders)
        kept = [sheet for sheet in parts if sheet not in copies]
        orders.remarks += tuple(f"{sheet.name} holds the same orders and is not read" for sheet in copies)
        orders = replace(orders, sheet=kept[0])
        drafts = [orders, *(replace(orders, sheet=sheet, remarks=()) for sheet in kept[1:])]
        used = {sheet.name for sheet in parts}
        exposures = contacts or self._exposures(orders)
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

    def _copies(self, parts: Sequence[Sheet], orders: TableDraft) -> list[Sheet]:
        """Return the parts of which nearly every order, or row where no column numbers them, is in one that is no shorter."""
        order = orders.sheet.roles.get("order", [])[:1]
        kept: list[Sheet] = []
        for sheet in sorted(parts, key=lambda part: -part.source.n_rows):
            shares = (
                self.share(sheet, order[0].column, other, order[0].column) if order else self.share_of_rows(sheet, other)
                for other in kept
            )
            if not any(share > _REPEATED for share in shares):
                kept.append(sheet)
        return [sheet for sheet in parts if sheet not in kept]

    def _exposures(self, orders: TableDraft) -> TableDraft | None:
        for sheet in self.sheets:
            action = sheet.roles.get("action", [])
            contacted = self.event(sheet, _CONTACTED)
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
                draft.lines["consent"] = line = self.line(draft, "consent")
                look = next(one for one in sheet.looks.values() if self.column(one) == line.expression)
                values = consent_values(look)
                draft.values = {"consent": values} if values else {}
                draft.remarks = tuple(filter(None, [consent_remark(look, values)]))
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
