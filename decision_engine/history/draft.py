"""Drafts of mappings: which files hold orders, contacts, customers, products, texts, and how their columns are named there.

Orders come first. What else is there is recognised by what it shares with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from decision_engine.history.columns import ColumnLook
from decision_engine.history.consent_files import consent_drafts, lists_refusals
from decision_engine.history.consent_values import consent_remark, consent_values
from decision_engine.history.infer import is_called_like_people, name_parts
from decision_engine.history.order_drafts import OrderDrafter
from decision_engine.history.return_files import return_drafts
from decision_engine.history.rounds import is_of_decisions, rounds_of
from decision_engine.history.sheets import Line, Sheet, TableDraft
from simulations.errors import HistoryError

_CONTACTED = ("offer received", "received", "sent", "email sent", "contacted", "impression", "exposed", "delivered", "shown")
_ALIKE = 0.8  # share of columns in common from which on a sheet is another part of the same table
_MANY_ACTIONS = 12  # beyond them, the few kinds of actions say more
_A_WORD = 4  # signs from which on two columns hardly hold the same values by chance
_OF_TICKETS = frozenset(
    {"ticket", "tickets", "support", "zendesk", "requester", "complaint", "complaints", "anfrage", "anfragen"}
)
_USED = ("redeem", "redempt", "einlos", "eingelost")
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
                return [part for draft in rounds for part in self._of_all_parts(draft)]
            orders, contacts = rounds or (orders or self.part_of_orders(), None)
            if orders is None:
                raise HistoryError(self.say_nothing_found())
        exposures = contacts or self._exposures(orders)
        used = {sheet.name for draft in (orders, exposures) if draft is not None for sheet in self._parts(draft)}
        drafts = self._of_all_parts(orders) + (self._of_all_parts(exposures) if exposures is not None else [])
        returned = return_drafts(self, orders, drafts)
        drafts += returned
        used |= {draft.sheet.name for draft in returned}
        for sheet in self.sheets:
            if sheet.name not in used:
                found = self._searches(sheet) or self._reviews(sheet) or self._tickets(sheet)
                found = found or self._customers(sheet, orders, drafts)
                found = found or self._products(sheet, orders)
                if found is not None:
                    drafts.append(found)
        return drafts + consent_drafts(self, orders, drafts)

    def _parts(self, draft: TableDraft) -> list[Sheet]:
        """Return a draft's sheet and those that are other parts of the same table."""
        return [draft.sheet, *(sheet for sheet in self.sheets if self._is_another_part(sheet, draft))]

    def _of_all_parts(self, draft: TableDraft) -> list[TableDraft]:
        """Return a draft for each part of a table, but for those that hold the rows of another."""
        parts = self._parts(draft)
        copies = self._copies(parts, draft)
        kept = [sheet for sheet in parts if sheet not in copies]
        called = "contacts" if draft.table == "exposures" else "orders"
        remarks = (*draft.remarks, *(f"{sheet.name} holds the same {called} and is not read" for sheet in copies))
        return [replace(draft, sheet=sheet, remarks=remarks if sheet is kept[0] else ()) for sheet in kept]

    def _is_another_part(self, sheet: Sheet, draft: TableDraft) -> bool:
        """Whether a sheet has nearly the columns of a draft's, and all that the draft reads."""
        mine, theirs = set(draft.sheet.looks), set(sheet.looks)
        if sheet in draft.sheets or len(mine & theirs) < _ALIKE * len(mine | theirs):
            return False
        lines = [*draft.lines.values(), draft.where, draft.returns]
        read = " ".join(line.expression for line in lines if line is not None)
        return not any(self.column(draft.sheet.looks[name]) in read for name in mine - theirs)

    def _copies(self, parts: Sequence[Sheet], draft: TableDraft) -> list[Sheet]:
        """Return the parts of which nearly every order, or row where no column numbers them, is in one that is no shorter."""
        order = draft.sheet.roles.get("order", [])[:1] if draft.table != "exposures" else []
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
        """Draft contacts from the sheet that tells who was given what and when, with those that join to it.

        A sheet of redemptions tells who used an offer: it stands in only where no sheet tells who got one.
        """
        for sheet in sorted(self.sheets, key=lambda sheet: _tells_of_use(sheet.name, sheet.looks)):
            action = sheet.roles.get("action", [])
            contacted = self.event(sheet, _CONTACTED)
            if not action or action[0].confidence < 0.5 or "text" in sheet.roles:
                continue
            if sheet is orders.sheet and contacted is None:
                continue
            draft = TableDraft(table="exposures", sheet=sheet, where=contacted)
            if "user" not in sheet.roles and sheet.is_key(action[0].column):
                continue  # it describes the actions
            if self.reach(draft, "time") is None or self.reach(draft, "user") is None or not self.overlap(draft, orders):
                continue
            draft.lines["user_id"] = self.line(draft, "user")
            draft.lines["exposed_at"] = self.line(draft, "time")
            draft.lines["action"] = self._action(draft)
            if "propensity" in sheet.roles:
                draft.lines["propensity"] = self.line(draft, "propensity")
            self.map_further(draft, cost="cost", channel="channel")
            self.map_when(draft, "ends_at", ("end", "ends", "expires", "expiry", "until"))
            self.map_when(draft, "redeemed_at", ("redeemed", "redemption", "used", "eingelost"))
            return draft
        return None

    def _action(self, draft: TableDraft) -> Line:
        """Return the line of what was given: of many campaigns that a joined sheet sorts into a few kinds, the kind."""
        line = self.line(draft, "action")
        column = next(
            guess.column
            for guess in draft.sheet.roles["action"]
            if self.column(draft.sheet.looks[guess.column]) in line.expression
        )
        if draft.sheet.looks[column].n_distinct <= _MANY_ACTIONS:
            return line
        for sheet in (to for to, here, _ in draft.joins if here == column):
            kinds = [look for look in sheet.looks.values() if _is_kind(look)]
            if kinds:
                remark = f"the kinds of {column}, of which there are {draft.sheet.looks[column].n_distinct}"
                return Line(expression=self.column_in(draft, sheet, kinds[0]), confidence=line.confidence, remark=remark)
        return line

    def _customers(self, sheet: Sheet, orders: TableDraft, drafts: list[TableDraft]) -> TableDraft | None:
        if lists_refusals(sheet):
            return None
        if any(draft.table == "customers" for draft in drafts) or not any("user" in known.roles for known in orders.sheets):
            return None
        buyer = self.found(orders, "user")
        theirs = next(known for known in orders.sheets if buyer in known.roles.get("user", []))
        for column in sheet.looks:
            if (
                not sheet.is_key(column)
                or not _may_name_users(sheet, column, buyer.column)
                or self.share(theirs, buyer.column, sheet, column) < 0.2
            ):
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

    def _tickets(self, sheet: Sheet) -> TableDraft | None:
        named = [part for name in (sheet.name, *sheet.looks) for part in name_parts(name)]
        is_one = bool(_OF_TICKETS & set(named)) and "text" in sheet.roles and not {"money", "rating"} & sheet.roles.keys()
        return self._texts(TableDraft(table="tickets", sheet=sheet)) if is_one else None

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


def _may_name_users(sheet: Sheet, column: str, buyer: str) -> bool:
    """Whether a key may name users: numbers of reviews or orders have values in common with those of users by chance."""
    look = sheet.looks[column]
    is_named = column == buyer or any(guess.column == column for guess in sheet.roles.get("user", []))
    is_of_people = name_parts(column) == ["id"] and is_called_like_people(sheet.name)
    return is_named or is_of_people or (look.number < 0.5 and look.length >= _A_WORD)


def _tells_of_use(name: str, columns: Iterable[str]) -> bool:
    """Whether a sheet tells of offers that were used, by what it or a column of it is called."""
    parts = [part for one in (name, *columns) for part in name_parts(one)]
    return any(part.startswith(_USED) for part in parts) and not any(part in ("received", "sent") for part in parts)


def _is_kind(look: ColumnLook) -> bool:
    return 2 <= look.n_distinct <= _MANY_ACTIONS and look.number < 0.5 and look.time < 0.5 and look.filled > 0.9
