"""The other files of an experiment: what came of it a row an order or click, what is known of its users, whom to plan for next.

A file belongs to an experiment by its people. Where they are the experiment's, a row each, its columns are outcomes or were
known before; where a user has several rows, each row is an event, and its numbers are summed. Where they are others, and the
file holds the covariates but neither treatment nor outcome, it is the new audience.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from decision_engine.history.column_finder import SURE, Choose
from decision_engine.history.columns import ColumnLook
from decision_engine.history.experiment_outcomes import find_outcomes
from decision_engine.history.flags import flag_values
from decision_engine.history.infer import name_parts, speaks_for
from decision_engine.history.known_before import why_no_covariate
from decision_engine.history.order_drafts import OrderDrafter
from decision_engine.history.sheets import Line, Sheet, TableDraft, number_of, sql_of
from decision_engine.history.sources import literal

_OURS, _OTHERS = 0.2, 0.5  # share of a file's users in the experiment from which it is about them; below which about others
_MOST_MEASURES = 20
_MEASURES = frozenset({"metric", "metrics", "measure", "kpi", "kennzahl", "metrik", "metrica", "indicator", "variable", "指标"})
_MOST_KINDS = 6  # of events that are counted each by itself
_ALIKE = 0.5  # share of the covariates that a file of other users must hold to be spoken of
_DESCRIBES = frozenset({
    "customer", "customers", "user", "users", "member", "members", "profile", "profiles", "crm", "covariate", "covariates",
    "feature", "features", "demographics", "kunde", "kunden", "cliente", "clientes", "client", "clients", "stammdaten",
})  # fmt: skip
_SOLD = frozenset({"orders", "order", "purchase", "purchases", "sale", "sales", "conversion", "conversions", "converted"})
_RESERVED = frozenset({"user_id", "treatment", "propensity", "consent", "assigned_at", "cluster", "at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A file of one row a user that says what was known before: the column here, the column there, its covariates."""

    sheet: Sheet
    here: str
    there: str
    covariates: tuple[str, ...]
    left_out: dict[str, str]


@dataclass(slots=True, kw_only=True)
class ExperimentFiles:
    """What the other files hold.

    Attributes
    ----------
    events : list of TableDraft
        Mappings of `outcomes`.
    audience : TableDraft or None
        The mapping of other users to plan for.
    parts : list of Sheet
        Further files of the experiment's own columns.
    unused : dict of str to str
        Files that no use was found for, and why where it is known.
    """

    lookups: list[Lookup] = field(default_factory=list)
    events: list[TableDraft] = field(default_factory=list)
    audience: TableDraft | None = None
    parts: list[Sheet] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)

    @property
    def sheets(self) -> list[Sheet]:
        """All files that are used."""
        drafts = [*self.events, *([self.audience] if self.audience is not None else [])]
        return [*self.parts, *(one.sheet for one in self.lookups), *(draft.sheet for draft in drafts)]

    @property
    def outcomes(self) -> list[str]:
        """Names of what is summed by user, money first."""
        names = [name for draft in self.events for name in draft.lines if name not in ("user_id", "at")]
        return sorted(dict.fromkeys(names), key=lambda name: (name != "revenue", not _SOLD & set(name_parts(name))))

    def set_dated_events_aside(self, outcome: str) -> None:
        """Use no file whose rows have times, where nothing says when users were assigned and their own file has an outcome."""
        why = f"holds rows that may be older than the assignment, as nothing says when that was; {outcome} says what came of it"
        self.unused |= {draft.sheet.name: why for draft in self.events if "at" in draft.lines}
        self.events = [draft for draft in self.events if "at" not in draft.lines]


class FileFinder(OrderDrafter):
    """Finds what other sheets hold of an experiment's users."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sheet: Sheet, user: str | None, others: Sequence[Sheet], choose: Choose
    ) -> None:
        super().__init__(connection, list(others), choose)
        self.sheet, self.user = sheet, user

    def people_of(self, other: Sheet) -> str | None:
        """Return the column of another sheet that names users of the experiment; None where none does."""
        if self.user is None:
            return None
        guesses = [guess.column for guess in other.roles.get("user", [])]
        named = [name for name in (self.user, *guesses) if name in other.looks]
        shares = {name: self._in_common(other, name) for name in dict.fromkeys(named)}
        best = max(shares, key=lambda name: shares[name], default=None)
        return best if best is not None and shares[best] >= _OURS else None

    def _in_common(self, other: Sheet, column: str) -> float:
        assert self.user is not None, "asked only where users are named"
        return max(self.share(other, column, self.sheet, self.user), self.share(self.sheet, self.user, other, column))

    def find(self, taken: Sequence[str], *, is_paid: bool) -> ExperimentFiles:
        """Say what each of the others holds, but for the audience, which is found once all covariates are known.

        Parameters
        ----------
        taken : sequence of str
            Columns of the experiment's own sheet, which no other may be called.
        is_paid : bool
            Whether the experiment's own file says what users spent.
        """
        found = ExperimentFiles()
        pending: list[tuple[Sheet, str]] = []
        for other in self.sheets:
            user = self.people_of(other)
            if user is None:
                found.unused[other.name] = "names none of the experiment's users" if self.user is not None else ""
            elif other.is_key(user) and not self._is_of_events(other):
                pending.append((other, user))
            elif is_paid:
                found.unused[other.name] = "the experiment's own file says what users spent"
            else:
                found.events.append(self.events_of(other, user, found))
        known = {*taken, self.user or ""}
        for other, user in sorted(pending, key=lambda one: self._describes(one[0])):
            if not (is_paid or (found.events and self._describes(other))) and (told := self._told(other, user, found)):
                found.events.append(told)
            lookup = self._lookup(other, user, known, [draft for draft in found.events if draft.sheet is other])
            if lookup.covariates:
                found.lookups.append(lookup)
                known |= set(other.looks)
            elif all(draft.sheet is not other for draft in found.events):
                found.unused[other.name] = "holds nothing that was known before" if is_paid or found.events else ""
        return found

    def _describes(self, sheet: Sheet) -> bool:
        return bool(_DESCRIBES & set(name_parts(sheet.name)))

    def _is_of_events(self, sheet: Sheet) -> bool:
        has_times = any(guess.confidence >= SURE for guess in sheet.roles.get("time", []))
        return has_times and ("order" in sheet.roles or "event" in sheet.roles) and not self._describes(sheet)

    def events_of(self, sheet: Sheet, user: str, found: ExperimentFiles) -> TableDraft:
        """Draft a sheet of several rows a user: its money, its rows or each kind of them, and outcomes named as such."""
        draft = TableDraft(table="outcomes", sheet=sheet)
        draft.lines["user_id"] = Line(expression=self.column(sheet.looks[user]), confidence=0.9)
        if "time" in sheet.roles:
            draft.lines["at"] = self.line(draft, "time")
        counted = self._free("_".join(name_parts(sheet.name)) or "events", found)
        if measures := self._measures(sheet, user):
            draft.lines |= {self._free(name, found): line for name, line in measures.items()}
            return draft
        money = [guess for guess in sheet.roles.get("money", []) if guess.confidence >= SURE]
        alone = OrderDrafter(self.connection, [sheet], self.choose)
        orders = alone.whole_orders() if money and "at" in draft.lines else None
        if orders is not None:
            draft.lines["at"], draft.where, draft.returns, draft.remarks = (
                orders.lines["ordered_at"], orders.where, orders.returns, orders.remarks,
            )  # fmt: skip
            draft.lines["revenue"] = orders.lines["revenue"]
            if orders.table == "orders" and orders.returns is None:
                draft.lines[counted] = Line(expression="1", remark="counts the rows")
            return draft
        if money:
            draft.lines["revenue"] = self._revenue(draft)
        kinds = self._kinds(sheet)
        draft.lines |= {self._free(name, found): line for name, line in kinds.items()}
        named = find_outcomes(sheet, {user, *sheet.personal}, named_only=True)[0] if not (money or kinds) else ()
        for name in named:
            self._add_column(draft, sheet.looks[name], self._free(name, found))
        if not (money or kinds or named):
            draft.lines[counted] = Line(expression="1", remark="counts the rows")
        return draft

    def _measures(self, sheet: Sheet, user: str) -> dict[str, Line]:
        """Return the measures of a sheet in long form, where a row says which of a few measures its value is of.

        A user has a row of each measure, and summed together they would mean nothing.
        """
        values = [look for look in sheet.looks.values() if look.counts_something and look.name != user]
        kinds = [
            look
            for look in sheet.looks.values()
            if _MEASURES & set(name_parts(look.name)) and 2 <= look.n_distinct <= _MOST_MEASURES and look.number < 0.1
        ]
        if len(values) != 1 or not kinds or len(kinds[0].frequent) != kinds[0].n_distinct:
            return {}
        (value,), kind = values, kinds[0]
        number = number_of(self.connection, value)
        found: dict[str, Line] = {}
        for name in kind.frequent:
            label = "_".join(name_parts(name)) or "other"
            is_money = speaks_for("money", name) and "revenue" not in found
            expression = f"CASE WHEN {self.column(kind)} = {literal(name)} THEN {number} ELSE 0 END"
            found["revenue" if is_money else label] = Line(expression=expression, remark=f"the {kind.name} {name}")
        return found

    def _kinds(self, sheet: Sheet) -> dict[str, Line]:
        """Return a count for each kind of a log's events, where it has few."""
        for guess in sheet.roles.get("event", []):
            look = sheet.looks[guess.column]
            if guess.confidence >= SURE and look.n_distinct <= _MOST_KINDS:
                column = self.column(look)
                return {
                    "_".join(name_parts(value)) or "other": Line(
                        expression=f"CASE WHEN {column} = {literal(value)} THEN 1 ELSE 0 END", confidence=guess.confidence
                    )
                    for value in look.frequent
                }
        return {}

    def _told(self, sheet: Sheet, user: str, found: ExperimentFiles) -> TableDraft | None:
        """Draft a sheet of one row a user that says what came of it; None where no column is named like that."""
        outcomes, _ = find_outcomes(sheet, {user, *sheet.personal}, named_only=True)
        if not outcomes:
            return None
        draft = TableDraft(table="outcomes", sheet=sheet)
        draft.lines["user_id"] = Line(expression=self.column(sheet.looks[user]), confidence=0.9)
        for name in outcomes:
            self._add_column(draft, sheet.looks[name], self._free(name, found))
        return draft

    def _add_column(self, draft: TableDraft, look: ColumnLook, name: str) -> None:
        found = [
            g.confidence for role in ("money", "outcome") for g in draft.sheet.roles.get(role, []) if g.column == look.name
        ]
        draft.lines[name] = Line(expression=self.column(look), confidence=found[0] if found else None)
        if counted := flag_values(look):
            draft.values[name] = {raw: str(number) for raw, number in counted.items()}

    def _free(self, name: str, found: ExperimentFiles) -> str:
        """Return a name that no other outcome has."""
        taken = {*found.outcomes, *_RESERVED, *self.sheet.looks}
        plain, number = name, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        return name

    def _lookup(self, sheet: Sheet, user: str, known: set[str], told: Sequence[TableDraft]) -> Lookup:
        used = {line.expression for draft in told for line in draft.lines.values()}
        outcomes = [guess for role in ("outcome", "money") for guess in sheet.roles.get(role, [])]
        covariates, left_out = [], {}
        for name, look in sheet.looks.items():
            if name == user or name in sheet.personal or self.column(look) in used:
                continue
            why = why_no_covariate(look, outcomes)
            why = why or ("the experiment's own file has a column of that name" if name in known else "")
            why = why or ("lies inside a column of objects" if look.expression else "")
            if why:
                left_out[name] = why
            else:
                covariates.append(name)
        return Lookup(sheet=sheet, here=str(self.user), there=user, covariates=tuple(covariates), left_out=left_out)


def find_audience(
    finder: FileFinder, files: ExperimentFiles, treatment: str, outcomes: Sequence[str], covariates: Sequence[str]
) -> None:
    """Find other users to plan for among the files that no use was found for, and further parts of the experiment itself."""
    for other in finder.sheets:
        users = [guess.column for guess in other.roles.get("user", []) if other.is_key(guess.column)]
        same = [finder.user] if finder.user in other.looks and other.is_key(finder.user or "") else []
        user = next(iter([*same, *users]), None)
        if other.name not in files.unused or not covariates:
            continue
        lacking = [name for name in covariates if name not in other.looks]
        if {treatment, *outcomes} <= set(other.looks) and not lacking:
            files.parts.append(other)
            del files.unused[other.name]
            continue
        if treatment in other.looks or set(outcomes) & set(other.looks) or len(lacking) > (1.0 - _ALIKE) * len(covariates):
            continue
        if lacking:
            told = f"holds other users, and would be the new audience (`tables.audience`) if it had {', '.join(lacking)}"
            files.unused[other.name] = told
        elif files.audience is None and (user is not None or finder.user is None):
            is_new = user is None or finder.user is None or finder.share(other, user, finder.sheet, finder.user) < _OTHERS
            if is_new:
                named = "__row + 1" if user is None else sql_of(finder.connection, other.looks[user])
                files.audience = TableDraft(table="audience", sheet=other, lines={"user_id": Line(expression=named)})
                del files.unused[other.name]
