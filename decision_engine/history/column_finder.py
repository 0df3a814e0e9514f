"""Where sheets, and others that join to them, have the column for a role; with a question where two guesses are close."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import CLOSE, Guess, name_parts, singular_parts
from decision_engine.history.sheets import Line, Sheet, TableDraft, identifier, sql_of
from decision_engine.history.sources import quote

Choose = Callable[[str, Sequence[str]], int]  # a question and its options, the best first -> the one chosen

SURE = 0.6  # a guess below this gives way to a better one in a joined sheet
_MOST_JOINS = 4
_MOSTLY = 0.8  # share of a column's values that a key must hold for both to name the same things


class ColumnFinder:
    """Finds columns by their role."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sheets: list[Sheet], choose: Choose) -> None:
        self.connection = connection
        self.sheets = sheets
        self.choose = choose

    def reach(self, draft: TableDraft, role: str) -> Guess | None:
        """Find a role in the draft's sheets, else in one that joins to them; a user that names each row leads on."""
        having = [sheet for sheet in draft.sheets if role in sheet.roles]
        if having and role == "user":
            self._lead_on(draft, having[-1], having[-1].roles[role][0].column)
            return self.found(draft, role)
        here = self.found(draft, role) if having else None
        if (here is not None and here.confidence >= SURE) or len(draft.joins) >= _MOST_JOINS:
            return here
        for partner in self.sheets:
            theirs = partner.roles.get(role, [])
            better = bool(theirs) and (here is None or theirs[0].confidence > here.confidence + CLOSE)
            if partner in draft.sheets or not better:
                continue
            link = self._link(draft, partner)
            if link is not None and not (role == "time" and self._names_buyers(draft, link[0])):
                draft.joins.append((partner, *link))
                return self.reach(draft, role)
        return here

    def _link(self, draft: TableDraft, partner: Sheet) -> tuple[str, str] | None:
        """Find a column here and a key there that name the same things: called the same, else of the same values.

        An `id` names rows of its own table, so that two of them say nothing of each other: what names a row of `orders`
        elsewhere is an `order_id`.
        """
        keys = [column for column in partner.looks if column in partner.source.columns and partner.is_key(column)]
        owned = [key for key in keys if name_parts(key) == ["id"]]
        for key in owned:
            for sheet in draft.sheets:
                for column in (name for name in sheet.source.columns if name in sheet.looks):
                    if not _is_written_alike(sheet.looks[column], partner.looks[key]):
                        continue
                    named = name_parts(column) == [*singular_parts(partner.name), "id"]
                    if named and self.share(sheet, column, partner, key) > _MOSTLY:
                        return column, key
        for key in keys:
            having = [
                sheet
                for sheet in draft.sheets
                if key in sheet.source.columns and _is_written_alike(sheet.looks.get(key), partner.looks[key])
            ]
            if having and not (key in owned and any(sheet.is_key(key) for sheet in having)):
                return key, key
        for key in keys:
            for column, look in draft.sheet.looks.items():
                if not _is_written_alike(look, partner.looks[key]):
                    continue
                words = look.number < 0.5 and look.length >= 4 and look.n_distinct > 2  # small numbers are the same by chance
                if words and column in draft.sheet.source.columns and self.share(draft.sheet, column, partner, key) > _MOSTLY:
                    return column, key
        return None

    def _names_buyers(self, draft: TableDraft, column: str) -> bool:
        """Whether a column names the users of a draft: the times of who is looked up by it are theirs, not those of rows."""
        return any(guess.column == column for sheet in draft.sheets for guess in sheet.roles.get("user", [])[:1])

    def _lead_on(self, draft: TableDraft, sheet: Sheet, column: str) -> None:
        """Join a sheet that knows the person behind a user id that is new with every row."""
        for partner in self.sheets:
            if not sheet.is_key(column) or partner in draft.sheets or not partner.is_key(column):
                continue
            others = [guess for guess in partner.roles.get("user", []) if guess.column != column and guess.confidence > 0.8]
            if others and "order" not in partner.roles:
                draft.joins.append((partner, column, column))
                return

    def found(self, draft: TableDraft, role: str) -> Guess:
        """Return the best guess of a role; a user's from the last sheet that has one, as joins lead to the person."""
        guesses = [sheet.roles[role][0] for sheet in draft.sheets if role in sheet.roles]
        return guesses[-1] if role == "user" else max(guesses, key=lambda guess: guess.confidence)

    def line(self, draft: TableDraft, role: str) -> Line:
        """Return a role's line; ask where two guesses are close."""
        guess = self.reach(draft, role)
        assert guess is not None, "the caller knows that the role is there"
        sheet = next(sheet for sheet in draft.sheets if guess in sheet.roles.get(role, []))
        guesses = sheet.roles[role]
        close = [other for other in guesses if guess.confidence - other.confidence < CLOSE]
        if len(close) > 1:
            options = [f"{other.column} ({other.confidence:.2f})" for other in close]
            guess = close[self.choose(f"{sheet.name}: which column is the {role}?", options)]
        others = [other for other in guesses if other is not guess][:1]
        remark = f"next best {others[0].column} {others[0].confidence:.2f}" if others else ""
        look = sheet.looks[guess.column]
        expression = self.column_in(draft, sheet, look)
        if role == "time" and look.epoch:
            remark = "; ".join([f"{look.epoch} since 1970"] + [remark] * bool(remark))
            return Line(expression=time_of(self.connection, look), confidence=guess.confidence, remark=remark)
        if role == "time" and look.time < 0.5 and look.filled:
            unit = "HOUR" if "hour" in name_parts(guess.column) else "DAY"
            return Line(
                expression=f"TIMESTAMP '2020-01-06' + CAST({expression} AS INTEGER) * INTERVAL 1 {unit}",
                confidence=guess.confidence,
                fill_in=f"the day from which {guess.column} counts; 2020-01-06 is a placeholder",
            )
        return Line(expression=expression, confidence=guess.confidence, remark=remark)

    def column_in(self, draft: TableDraft, sheet: Sheet, look: ColumnLook) -> str:
        """Return a column of one of a draft's sheets as SQL, with the sheet's name where another has one of the same."""
        keys = {there for to, _, there in draft.joins if to is not sheet}
        others = [one for one in draft.sheets if one is not sheet and look.name in one.source.columns and look.name not in keys]
        plain = self.column(look)
        return f"{identifier(self.connection, sheet.name)}.{plain}" if others and not look.expression else plain

    def column(self, look: ColumnLook) -> str:
        """Return a column as SQL."""
        return sql_of(self.connection, look)

    def map_when(self, draft: TableDraft, name: str, words: Sequence[str]) -> None:
        """Map a second time of a sheet, which its name tells apart."""
        for column, look in draft.sheet.looks.items():
            if look.time > 0.9 and not look.time_formats and set(words) & set(name_parts(column)):
                draft.lines[name] = Line(expression=self.column(look))
                return

    def map_further(self, draft: TableDraft, **columns: str) -> None:
        """Map columns that need not be there, by the role that the draft's own sheet has for them."""
        taken = {line.expression for line in draft.lines.values()}
        for name, role in columns.items():
            for guess in draft.sheet.roles.get(role, []):
                expression = self.column(draft.sheet.looks[guess.column])
                if guess.confidence >= SURE and expression not in taken:
                    draft.lines[name] = Line(expression=expression, confidence=guess.confidence)
                    taken.add(expression)
                    break

    def overlap(self, draft: TableDraft, orders: TableDraft) -> bool:
        """Whether users of a draft are among those of the orders."""
        user, buyer = self.reach(draft, "user"), self.found(orders, "user")
        assert user is not None
        mine = next(sheet for sheet in draft.sheets if user in sheet.roles.get("user", []))
        theirs = next(sheet for sheet in orders.sheets if buyer in sheet.roles.get("user", []))
        return mine is theirs or self.share(theirs, buyer.column, mine, user.column) > 0.2

    def share(self, left: Sheet, column: str, right: Sheet, other: str) -> float:
        """Return the share of a column's values that another sheet's column holds, among two thousand."""
        mine = f"SELECT DISTINCT CAST({_reached(left, column)} AS VARCHAR) AS v FROM {left.source.view} LIMIT 2000"
        theirs = f"SELECT CAST({_reached(right, other)} AS VARCHAR) FROM {right.source.view}"
        query = f"SELECT coalesce(avg(CAST(v IN ({theirs}) AS INTEGER)), 0) FROM ({mine})"
        return float(self.connection.execute(query).fetchall()[0][0])

    def share_of_rows(self, left: Sheet, right: Sheet) -> float:
        """Return the share of a sheet's rows that another holds as well, in the columns of both, among two thousand."""
        columns = [name for name in left.source.columns if name in right.source.columns]
        row = f"hash({', '.join(f'CAST({quote(name)} AS VARCHAR)' for name in columns)})"
        mine = f"SELECT DISTINCT {row} AS v FROM {left.source.view} LIMIT 2000"
        query = f"SELECT coalesce(avg(CAST(v IN (SELECT {row} FROM {right.source.view}) AS INTEGER)), 0) FROM ({mine})"
        return float(self.connection.execute(query).fetchall()[0][0]) if columns else 0.0


def _is_written_alike(here: ColumnLook | None, there: ColumnLook) -> bool:
    """Whether two columns can be joined as they stand: neither is an id with a point behind it, or both are."""
    return here is not None and bool(here.expression) == bool(there.expression)


def time_of(connection: duckdb.DuckDBPyConnection, look: ColumnLook) -> str:
    """Return a column's time as SQL; one that counts from 1970 is turned into one."""
    written = sql_of(connection, look)
    if not look.epoch:
        return written
    unit = {"seconds": "", "milliseconds": " / 1000", "microseconds": " / 1000000"}[look.epoch]
    return f"to_timestamp(TRY_CAST({written} AS DOUBLE){unit})"


def _reached(sheet: Sheet, column: str) -> str:
    look = sheet.looks[column]
    return look.expression or quote(column)
