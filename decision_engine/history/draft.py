"""Drafts of mappings: which files hold orders, contacts, customers, products, texts, and how their columns are named there.

Orders come first: the source of money, joined to others by columns of the same name until a user and a time are found. What
else is there is recognised by what it shares with the orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb

from decision_engine.config.sources import SourceConfig
from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import CLOSE, Guess, name_parts
from decision_engine.history.sources import OpenSource, quote
from simulations.errors import HistoryError

Choose = Callable[[str, Sequence[str]], int]  # a question and its options, the best first -> the one chosen

_BOUGHT = ("transaction", "purchase", "purchased", "order", "sale", "bought", "buy", "checkout")
_CONTACTED = ("offer received", "received", "sent", "email sent", "contacted", "impression", "exposed", "delivered", "shown")
_UNIQUE = 0.999
_SURE = 0.6  # a guess below this gives way to a better one in a joined sheet
_MOST_JOINS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A source that was looked at.

    Attributes
    ----------
    written : dict
        The source as it stands in the configuration.
    """

    name: str
    written: dict[str, object]
    settings: SourceConfig
    source: OpenSource
    looks: dict[str, ColumnLook]
    roles: dict[str, list[Guess]]
    personal: tuple[str, ...]

    def is_key(self, column: str) -> bool:
        """Whether a column names each row once."""
        look = self.looks.get(column)
        return look is not None and look.distinct > _UNIQUE and look.filled > _UNIQUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a mapping: an expression, and what a reader should know about it."""

    expression: str
    confidence: float | None = None
    remark: str = ""
    fill_in: str = ""  # what the reader must write here


@dataclass(slots=True, kw_only=True)
class TableDraft:
    """A mapping in the making."""

    table: str
    sheet: Sheet
    joins: list[tuple[Sheet, str]] = field(default_factory=list)
    where: str | None = None
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def sheets(self) -> list[Sheet]:
        """The source and those joined to it."""
        return [self.sheet, *(sheet for sheet, _ in self.joins)]


class Drafter:
    """Finds tables in sheets; a question is asked where two guesses are close."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sheets: list[Sheet], choose: Choose) -> None:
        self.connection = connection
        self.sheets = sheets
        self.choose = choose

    def draft(self) -> list[TableDraft]:
        """Return the tables that the sheets hold, orders first.

        Raises
        ------
        HistoryError
            If no sheet, with those joined to it, tells who bought and when.
        """
        orders = self._orders()
        same = [sheet for sheet in self.sheets if list(sheet.looks) == list(orders.sheet.looks)]
        drafts = [orders] + [
            TableDraft(table=orders.table, sheet=sheet, joins=orders.joins, where=orders.where, lines=orders.lines)
            for sheet in same
            if sheet is not orders.sheet
        ]
        used = {sheet.name for draft in drafts for sheet in (draft.sheet,)}
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

    def _orders(self) -> TableDraft:
        best: tuple[float, TableDraft] | None = None
        for sheet in self.sheets:
            if "rating" in sheet.roles and "text" in sheet.roles:
                continue
            draft = TableDraft(table="orders", sheet=sheet)
            found = {"user": self._reach(draft, "user"), "time": self._reach(draft, "time")}
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
            raise HistoryError(self._nothing())
        draft = TableDraft(table="orders", sheet=best[1].sheet)
        self._fill_orders(draft)
        return draft

    def _nothing(self) -> str:
        told = "; ".join(
            f"{sheet.name} has {', '.join(f'{role} ({guesses[0].column})' for role, guesses in sheet.roles.items()) or 'none'}"
            for sheet in self.sheets
        )
        return (
            "none of these files tells who bought, when, and for how much, which every history needs. Recognised columns: "
            f"{told}. Add the file with orders, or write the configuration by hand."
        )

    def _fill_orders(self, draft: TableDraft) -> None:
        sheet = draft.sheet
        draft.where = self._bought(sheet)
        draft.lines["user_id"] = user = self._line(draft, "user")
        time = self._line(draft, "time")
        order = sheet.roles.get("order", [])
        product = sheet.roles.get("product", [])
        quantity = sheet.roles.get("quantity", [])
        if order and sheet.is_key(order[0].column) and not product:
            draft.lines["order_id"] = self._line(draft, "order")
        else:
            draft.table = "items"
            if order:
                draft.lines["order_id"] = self._line(draft, "order")
            else:
                remark = "no order number: all rows of a user at one time count as one order"
                expression = f"concat_ws(' ', {user.expression}, {time.expression})"
                draft.lines["order_id"] = Line(expression=expression, remark=remark)
            if product and product[0].confidence >= 0.6:
                draft.lines["product_id"] = self._line(draft, "product")
            if quantity:
                draft.lines["quantity"] = self._line(draft, "quantity")
        draft.lines["ordered_at"] = time
        draft.lines["revenue"] = self._revenue(draft)

    def _revenue(self, draft: TableDraft) -> Line:
        sheet = draft.sheet
        if "money" not in sheet.roles:
            return Line(expression="1.0", fill_in="the column with what was paid; 1.0 counts orders instead of money")
        line = self._line(draft, "money")
        named = set(name_parts(line.expression.strip('"')))
        quantity = draft.lines.get("quantity")
        if quantity is not None and named & {"price", "unitprice", "unit"} and not named & {"total", "line"}:
            product = " * ".join(f"TRY_CAST({part} AS DOUBLE)" for part in (quantity.expression, line.expression))
            return Line(expression=product, confidence=line.confidence, remark="taken as the price of one piece")
        return line

    def _bought(self, sheet: Sheet) -> str | None:
        """Return the condition on a log's event column under which a row is a purchase."""
        return self._event(sheet, _BOUGHT)

    def _event(self, sheet: Sheet, words: Sequence[str]) -> str | None:
        for guess in sheet.roles.get("event", []):
            for value in sheet.looks[guess.column].frequent:
                if value.lower() in words:
                    return f"{identifier(self.connection, guess.column)} = '{value.replace(chr(39), chr(39) * 2)}'"
        return None

    def _reach(self, draft: TableDraft, role: str) -> Guess | None:
        """Find a role in the draft's sheets, else in one that joins to them; a user that names each row leads on."""
        having = [sheet for sheet in draft.sheets if role in sheet.roles]
        if having and role == "user":
            self._lead_on(draft, having[-1], having[-1].roles[role][0].column)
            return self._found(draft, role)
        here = self._found(draft, role) if having else None
        if (here is not None and here.confidence >= _SURE) or len(draft.joins) >= _MOST_JOINS:
            return here
        for partner in self.sheets:
            theirs = partner.roles.get(role, [])
            better = bool(theirs) and (here is None or theirs[0].confidence > here.confidence + CLOSE)
            if partner in draft.sheets or not better:
                continue
            shared = [c for c in partner.looks if partner.is_key(c) and any(c in sheet.looks for sheet in draft.sheets)]
            if shared:
                draft.joins.append((partner, shared[0]))
                return self._reach(draft, role)
        return here

    def _lead_on(self, draft: TableDraft, sheet: Sheet, column: str) -> None:
        """Join a sheet that knows the person behind a user id that is new with every row."""
        for partner in self.sheets:
            if not sheet.is_key(column) or partner in draft.sheets or not partner.is_key(column):
                continue
            others = [guess for guess in partner.roles.get("user", []) if guess.column != column and guess.confidence > 0.8]
            if others and "order" not in partner.roles:
                draft.joins.append((partner, column))
                return

    def _found(self, draft: TableDraft, role: str) -> Guess:
        """Return the best guess of a role; a user's from the last sheet that has one, as joins lead to the person."""
        guesses = [sheet.roles[role][0] for sheet in draft.sheets if role in sheet.roles]
        return guesses[-1] if role == "user" else max(guesses, key=lambda guess: guess.confidence)

    def _line(self, draft: TableDraft, role: str) -> Line:
        """Return a role's line; ask where two guesses are close."""
        guess = self._reach(draft, role)
        assert guess is not None, "the caller knows that the role is there"
        sheet = next(sheet for sheet in draft.sheets if guess in sheet.roles.get(role, []))
        guesses = sheet.roles[role]
        close = [other for other in guesses if guess.confidence - other.confidence < CLOSE]
        if len(close) > 1:
            options = [f"{other.column} ({other.confidence:.2f})" for other in close]
            guess = close[self.choose(f"{sheet.name}: which column is the {role}?", options)]
        others = [other for other in guesses if other is not guess][:1]
        remark = f"next best {others[0].column} {others[0].confidence:.2f}" if others else ""
        expression = identifier(self.connection, guess.column)
        if role == "time" and sheet.looks[guess.column].time < 0.5:
            unit = "HOUR" if "hour" in name_parts(guess.column) else "DAY"
            return Line(
                expression=f"TIMESTAMP '2020-01-06' + CAST({expression} AS INTEGER) * INTERVAL 1 {unit}",
                confidence=guess.confidence,
                fill_in=f"the day from which {guess.column} counts; 2020-01-06 is a placeholder",
            )
        return Line(expression=expression, confidence=guess.confidence, remark=remark)

    def _exposures(self, orders: TableDraft) -> TableDraft | None:
        for sheet in self.sheets:
            action = sheet.roles.get("action", [])
            contacted = self._event(sheet, _CONTACTED)
            if not action or action[0].confidence < 0.5 or "time" not in sheet.roles or "text" in sheet.roles:
                continue
            if sheet is orders.sheet and contacted is None:
                continue
            draft = TableDraft(table="exposures", sheet=sheet, where=contacted)
            if self._reach(draft, "user") is None or not self._overlap(draft, orders):
                continue
            draft.lines["user_id"] = self._line(draft, "user")
            draft.lines["exposed_at"] = self._line(draft, "time")
            draft.lines["action"] = self._line(draft, "action")
            if "propensity" in sheet.roles:
                draft.lines["propensity"] = self._line(draft, "propensity")
            return draft
        return None

    def _overlap(self, draft: TableDraft, orders: TableDraft) -> bool:
        user, buyer = self._reach(draft, "user"), self._found(orders, "user")
        assert user is not None
        mine = next(sheet for sheet in draft.sheets if user in sheet.roles["user"])
        theirs = next(sheet for sheet in orders.sheets if buyer in sheet.roles.get("user", []))
        return self._share(theirs, buyer.column, mine, user.column) > 0.2

    def _share(self, left: Sheet, column: str, right: Sheet, other: str) -> float:
        """Return the share of a column's values that another sheet's column holds, among two thousand."""
        mine = f"SELECT DISTINCT CAST({quote(column)} AS VARCHAR) AS v FROM {left.source.view} LIMIT 2000"
        theirs = f"SELECT CAST({quote(other)} AS VARCHAR) FROM {right.source.view}"
        query = f"SELECT coalesce(avg(CAST(v IN ({theirs}) AS INTEGER)), 0) FROM ({mine})"
        return float(self.connection.execute(query).fetchall()[0][0])

    def _customers(self, sheet: Sheet, orders: TableDraft, drafts: list[TableDraft]) -> TableDraft | None:
        if any(draft.table == "customers" for draft in drafts):
            return None
        buyer = self._found(orders, "user")
        theirs = next(known for known in orders.sheets if buyer in known.roles.get("user", []))
        for column in sheet.looks:
            if not sheet.is_key(column) or self._share(theirs, buyer.column, sheet, column) < 0.2:
                continue
            draft = TableDraft(table="customers", sheet=sheet)
            draft.lines["user_id"] = Line(expression=identifier(self.connection, column), confidence=0.9)
            if "consent" in sheet.roles:
                draft.lines["consent"] = self._line(draft, "consent")
            for name, look in sheet.looks.items():
                label = "_".join(name_parts(name))
                known = {line.expression for line in draft.lines.values()}
                expression = identifier(self.connection, name)
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
        if self._share(orders.sheet, bought[0].column, sheet, guesses[0].column) < 0.2:
            return None
        draft = TableDraft(table="products", sheet=sheet)
        for role, name in (("product", "product_id"), ("title", "title"), ("category", "category"), ("money", "price")):
            if role in sheet.roles:
                draft.lines[name] = self._line(draft, role)
        return draft

    def _reviews(self, sheet: Sheet) -> TableDraft | None:
        if "text" not in sheet.roles or "rating" not in sheet.roles:
            return None
        return self._texts(TableDraft(table="reviews", sheet=sheet))

    def _searches(self, sheet: Sheet) -> TableDraft | None:
        named = [guess for guess in sheet.roles.get("text", []) if "query" in name_parts(guess.column)]
        return self._texts(TableDraft(table="searches", sheet=sheet)) if named and "rating" not in sheet.roles else None

    def _texts(self, draft: TableDraft) -> TableDraft | None:
        if self._reach(draft, "user") is None or "time" not in draft.sheet.roles:
            return None
        draft.lines["user_id"] = self._line(draft, "user")
        written = draft.sheet.roles["time"][0]  # not the order's time, which a joined sheet may tell
        draft.lines["at"] = Line(expression=identifier(self.connection, written.column), confidence=written.confidence)
        draft.lines["text"] = self._line(draft, "text")
        if draft.table == "reviews":
            draft.lines["rating"] = self._line(draft, "rating")
        return draft


def identifier(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return a column's name as SQL, quoted only where it must be."""
    plain = name.isidentifier() and name.isascii()
    if plain:
        (n,) = connection.execute(
            "SELECT count(*) FROM duckdb_keywords() WHERE keyword_name = ? AND keyword_category <> 'unreserved'", [name.lower()]
        ).fetchall()[0]
        plain = n == 0
    return name if plain else quote(name)
