"""Drafts of orders: the source of money, joined to others by columns of the same name until a user and a time are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decision_engine.history.column_finder import SURE, ColumnFinder
from decision_engine.history.columns import LOOKED_AT, ColumnLook
from decision_engine.history.currencies import in_one_currency
from decision_engine.history.guests import guests_among
from decision_engine.history.infer import name_parts
from decision_engine.history.not_found import WANTED, why_not_found
from decision_engine.history.order_lines import stands_for_orders
from decision_engine.history.order_states import rule_of_states, state_that_sells
from decision_engine.history.rounds import condition_of
from decision_engine.history.sheets import Line, Sheet, TableDraft, hundredth_of, number_of
from decision_engine.history.sources import literal
from decision_engine.history.taken_back import after_discount, credits_of, negative_pieces, pieces_returned
from decision_engine.history.unnamed import likely_user

_BOUGHT = ("transaction", "purchase", "purchased", "order", "sale", "bought", "buy", "checkout")
_BY_VALUES = 0.4  # confidence in a column that nothing but its values speaks for
_GAP = "NULL"  # what stands where a column is still to be named: every row is then set aside as empty
_OF_ONE_PIECE = {"price", "unitprice", "unit", "einzelpreis", "stückpreis", "stueckpreis"}
_ONE_MOMENT = "all rows of a user at one time count as one order"
_NO_SALE = {"churn", "churned", "unsubscribed", "unsubscribe", "retained", "retention", "opened", "exposed", "exposure"}
_FEW_WORDS = 4
_NUMBERED = 0.5  # share of rows with an order's number, below which it is none to tell orders apart by
_ENOUGH, _TOGETHER = 100, 0.3  # rows, and the correlation of amount and pieces, from which on an amount is a sum of pieces
_PERHAPS_CENTS = 50.0  # whole amounts of which none is smaller may be cents


class OrderDrafter(ColumnFinder):
    """Finds orders in sheets."""

    def whole_orders(self) -> TableDraft | None:
        """Draft orders from the sheet that tells, with those that join to it, who bought, when, and for how much."""
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

    def part_of_orders(self) -> TableDraft | None:
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

    def say_nothing_found(self) -> str:
        """Say what each sheet lacks."""
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
        lacks = [words for role, words in WANTED.items() if role not in sheet.roles]
        has = ", ".join(f"{role} ({guesses[0].column})" for role, guesses in sheet.roles.items()) or "nothing"
        if not any(look.filled for look in sheet.looks.values()):
            return "holds no row."
        if not lacks:
            return f"holds texts and ratings rather than orders; recognised: {has}."
        return f"no column says {' or '.join(lacks)}; recognised: {has}."

    def _fill_orders(self, draft: TableDraft) -> None:
        sheet = draft.sheet
        draft.where = self._bought(sheet) or self._came_about(sheet)
        draft.lines["user_id"] = user = self._line_or_gap(draft, "user")
        time = self._line_or_gap(draft, "time")
        moment = f"concat_ws(' ', {user.expression}, {time.expression})"
        order = sheet.roles.get("order", [])
        product = sheet.roles.get("product", [])
        quantity = sheet.roles.get("quantity", [])
        if order and sheet.is_key(order[0].column) and not product:
            draft.lines["order_id"] = self.line(draft, "order")
        else:
            draft.table = "items"
            if order:
                draft.lines["order_id"] = self.line(draft, "order")
            elif _GAP in (user.expression, time.expression):
                fill_in = "the column with the order's number; without one, concat_ws(' ', WHO, WHEN) with the two columns"
                draft.lines["order_id"] = Line(expression=_GAP, fill_in=fill_in)
            else:
                draft.lines["order_id"] = Line(expression=moment, remark=f"no order number: {_ONE_MOMENT}")
            if product and product[0].confidence >= 0.6:
                draft.lines["product_id"] = self.line(draft, "product")
            if quantity:
                draft.lines["quantity"] = self.line(draft, "quantity")
        draft.lines["ordered_at"] = self._unless_summary(sheet, time)
        states = rule_of_states(self.connection, draft) if draft.where is None else None
        if states is not None:
            draft.where, draft.returns, draft.remarks = states.where, states.returns, states.remarks
        totals = self._set_totals_aside(draft) if order and draft.table == "items" else ""
        draft.lines["revenue"] = self._revenue(draft)
        self.map_further(draft, discount="discount", **({"category": "category"} if draft.table == "orders" else {}))
        if draft.counts_once and (sold := state_that_sells(self.connection, draft)) is not None:
            draft.where, draft.returns, draft.remarks = sold, None, ()
        draft.remarks = tuple(filter(None, (totals, *draft.remarks)))
        self._find_what_was_taken_back(draft)
        if order and _GAP not in (user.expression, time.expression) and (numbered := self._share_numbered(draft)) < _NUMBERED:
            remark = f"{order[0].column} is empty in {1.0 - numbered:.0%} of these rows: {_ONE_MOMENT}"
            draft.lines["order_id"] = Line(expression=moment, remark=remark)

    def _unless_summary(self, sheet: Sheet, time: Line) -> Line:
        """Return the line of times, asked about where each row sums up a user's orders."""
        users = sheet.roles.get("user", [])
        if not users or not sheet.is_key(users[0].column) or "order" in sheet.roles:
            return time
        counted = next((look for look in sheet.looks.values() if _counts_orders(look)), None)
        if counted is None:
            return time
        told = (
            f"when each order was; {sheet.name} has one row a user, in which {counted.name} counts orders: it sums them up"
            ", and one order each is taken. A history needs the orders themselves"
        )
        return replace(time, fill_in=told)

    def _find_what_was_taken_back(self, draft: TableDraft) -> None:
        """Turn rows around that negative pieces or a mark of credit tell of, where no state does."""
        sheet = draft.sheet
        if draft.returns is None and draft.where is None and (credits := credits_of(self.connection, sheet)) is not None:
            kind, line = credits
            draft.where, draft.returns = (line, None) if kind == "where" else (None, line)
        pieces = sheet.roles.get("quantity", [])
        paid = next((one for one in sheet.looks.values() if self.column(one) == draft.lines["revenue"].expression), None)
        if draft.returns is None and pieces and paid is not None:
            count, amount = (number_of(self.connection, look) for look in (sheet.looks[pieces[0].column], paid))
            draft.returns = negative_pieces(self.connection, draft, count, amount)

    def _set_totals_aside(self, draft: TableDraft) -> str:
        """Leave the totals of orders to those who list orders: lines that repeat them take another amount, or count once."""
        sheet = draft.sheet
        money = sheet.roles.get("money", [])
        totals = [guess for guess in money if stands_for_orders(self.connection, draft, self.column(sheet.looks[guess.column]))]
        own = [guess for guess in money if guess not in totals and guess.confidence >= SURE]
        if not totals or totals[0] is not money[0]:
            return ""
        told = f"{totals[0].column} is the same on all lines of an order: its total"
        if own:
            sheet.roles["money"] = own
            return f"{told}, which is not summed"
        draft.table, draft.counts_once = "orders", True
        for name in ("product_id", "quantity"):
            draft.lines.pop(name, None)
        return f"{told}, which counts once (`corrections: last`); what was bought is not read"

    def _share_numbered(self, draft: TableDraft) -> float:
        """Return the share of a draft's rows that carry the order's number; 1 where joined sheets would have to be read."""
        if draft.joins:
            return 1.0
        number = f"nullif(trim(CAST({draft.lines['order_id'].expression} AS VARCHAR)), '') IS NOT NULL"
        where = f"WHERE {draft.where.expression}" if draft.where is not None else ""
        query = f"SELECT coalesce(avg(CAST({number} AS INTEGER)), 1) FROM {draft.sheet.source.view} {where}"
        return float(self.connection.execute(query).fetchall()[0][0])

    def _revenue(self, draft: TableDraft) -> Line:
        """Return the line of what was paid, in one currency."""
        line = self._paid(draft)
        guesses = draft.sheet.roles.get("money", [])
        looks = [draft.sheet.looks[guess.column] for guess in guesses]
        paid = next((look for look in looks if self.column(look) in line.expression), None)
        told = in_one_currency(self.connection, draft.sheet, paid, line.expression) if paid is not None else None
        return line if told is None else replace(line, expression=told[0], fill_in=told[1])

    def _paid(self, draft: TableDraft) -> Line:
        sheet = draft.sheet
        if "money" not in sheet.roles:
            counted = "every row counts as one order" if draft.where is None else "every row that stays counts as one order"
            fill_in = f"the column with what was paid; 1.0 counts orders instead of money, {counted}"
            return Line(expression="1.0", fill_in=fill_in, not_found=why_not_found(sheet, "money"))
        line = self.line(draft, "money")
        paid = next(look for look in sheet.looks.values() if self.column(look) == line.expression)
        if paid.remark:
            line = _remarked(line, paid.remark)
        if paid.n_distinct == 1:
            line = _remarked(line, f"every row holds {paid.frequent[0]}")
        named = set(name_parts(paid.name))
        if hundredth := hundredth_of(self.connection, paid):
            return replace(_remarked(line, "cents, as the name says"), expression=hundredth)
        quantity = draft.lines.get("quantity") or (self.line(draft, "quantity") if "quantity" in sheet.roles else None)
        if quantity is not None and named & _OF_ONE_PIECE and not named & {"total", "line"}:
            pieces = next(look for look in sheet.looks.values() if self.column(look) == quantity.expression)
            if self._grows_with(draft, pieces, paid):
                return replace(line, remark=f"grows with {pieces.name}: taken as the sum of its pieces")
            count, price = (number_of(self.connection, look) for look in (pieces, paid))
            remarks = ["taken as the price of one piece"]
            if (back := pieces_returned(sheet)) is not None and back is not pieces:
                count = f"({count} - coalesce({number_of(self.connection, back)}, 0))"
                remarks.append(f"less {back.name}")
            product, told = after_discount(self.connection, sheet, paid, f"{count} * {price}")
            return Line(expression=product, confidence=line.confidence, remark="; ".join([*remarks, *filter(None, [told])]))
        if (
            not paid.remark
            and paid.number > 0.9
            and (paid.low or 0.0) >= _PERHAPS_CENTS
            and not any("." in value for value in paid.frequent)
        ):
            line = _remarked(line, "whole numbers: where they are cents, divide by 100")
        return line

    def _grows_with(self, draft: TableDraft, pieces: ColumnLook, paid: ColumnLook) -> bool:
        """Whether an amount of the same product is larger where there are more pieces, as no price of one piece is."""
        if "product_id" not in draft.lines or draft.joins:
            return False
        n, amount = (number_of(self.connection, look) for look in (pieces, paid))
        product = draft.lines["product_id"].expression
        rows = f"SELECT {n} AS n, {amount} AS amount, {product} AS product FROM {draft.sheet.source.view} LIMIT {LOOKED_AT}"
        apart = (
            "SELECT n - avg(n) OVER (PARTITION BY product) AS n, amount - avg(amount) OVER (PARTITION BY product) AS amount "
            f"FROM ({rows}) WHERE n > 0 AND amount > 0"
        )
        (together,) = self.connection.execute(
            f"SELECT CASE WHEN stddev_pop(n) > 0 AND stddev_pop(amount) > 0 AND count(*) >= {_ENOUGH} THEN corr(n, amount) END "
            f"FROM ({apart})"
        ).fetchall()[0]
        return together is not None and together > _TOGETHER

    def _line_or_gap(self, draft: TableDraft, role: str) -> Line:
        """Return a role's line, or one that is empty and marked where no column was recognised."""
        if self.reach(draft, role) is not None:
            line = self.line(draft, role)
            return self._without_guests(draft, line) if role == "user" else line
        not_found = why_not_found(draft.sheet, role)
        if role == "user" and (likely := likely_user(draft.sheet.looks, draft.sheet.roles)) is not None:
            fill_in = f"the column that says {WANTED[role]}; {likely.name} is taken, by its values alone"
            return Line(expression=self.column(likely), confidence=_BY_VALUES, fill_in=fill_in)
        fill_in = f"the column that says {WANTED[role]}; none was recognised"
        return Line(expression=_GAP, fill_in=fill_in, not_found=not_found)

    def _without_guests(self, draft: TableDraft, line: Line) -> Line:
        """Return a user's line that is empty where many rows carry one value that names nobody, as of guests at the till."""
        look = next(
            (one for sheet in draft.sheets for one in sheet.looks.values() if self.column(one) == line.expression), None
        )
        guests = guests_among(look) if look is not None else ()
        if not guests:
            return line
        emptied = line.expression
        for value in guests:
            emptied = f"nullif({emptied}, {literal(value)})"
        return _remarked(replace(line, expression=emptied), f"{', '.join(guests)} names nobody")

    def _bought(self, sheet: Sheet) -> Line | None:
        """Return the condition on a log's event column under which a row is a purchase."""
        return self.event(sheet, _BOUGHT)

    def _came_about(self, sheet: Sheet) -> Line | None:
        """Return the condition that an outcome came about, where rows have one and no amount: the others are no orders."""
        guesses = [] if "money" in sheet.roles else sheet.roles.get("outcome", [])
        outcomes = [guess for guess in guesses if not _NO_SALE & set(name_parts(guess.column))]
        if not outcomes:
            return None
        look = sheet.looks[outcomes[0].column]
        fill_in = f"the rows that are orders; taken for them are those whose {look.name} came about"
        return Line(
            expression=condition_of(self.connection, look), confidence=outcomes[0].confidence, fill_in=fill_in,
        )  # fmt: skip

    def event(self, sheet: Sheet, words: Sequence[str]) -> Line | None:
        """Return the condition on a log's event column under which it holds one of some words, alone or among others."""
        for guess in sheet.roles.get("event", []):
            values = sheet.looks[guess.column].frequent
            found = [value for value in values if value.lower() in words] or _spoken(values, words)
            if found:
                condition = f"{self.column(sheet.looks[guess.column])} = {literal(found[0])}"
                return Line(expression=condition, confidence=guess.confidence)
        return None


def _counts_orders(look: ColumnLook) -> bool:
    """Whether a column says how many orders there were: a number above one at times, called a count of orders."""
    parts = set(name_parts(look.name))
    is_count = bool(parts & {"count", "n", "num", "number", "total", "frequency", "anzahl", "nombre", "numero"})
    of_orders = bool(parts & {"orders", "purchases", "transactions", "bestellungen", "commandes", "pedidos", "frequency"})
    return is_count and of_orders and look.number > 0.9 and (look.high or 0.0) > 1.0


def _spoken(values: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the values one of whose words is asked for, where others are not: `Received Email` among `Opened Email`."""
    found = [value for value in values if set(words) & set(name_parts(value)) and len(name_parts(value)) <= _FEW_WORDS]
    return found if len(found) == 1 and len(values) > 1 else []


def _remarked(line: Line, words: str) -> Line:
    """Return a line with a further remark, which comes first."""
    return replace(line, remark="; ".join(filter(None, (words, line.remark))))
