"""Mappings as SQL: a source's rows, joined, renamed, typed and judged, as one query for those that keep the contract.

Every row keeps its number. A row that breaks the contract of its table is not dropped: a second query says which column is at
fault, why, and what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decision_engine.config.models import Config, JoinConfig, TableMapping
from decision_engine.history.personal_values import without_personal
from decision_engine.history.privacy import WITHHELD, pseudonym_sql
from decision_engine.history.sources import ROW, OpenSource, literal, quote
from simulations.tables import Column, ColumnType, Table

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_ON_EARTH = r"([Zz]|UTC|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$"  # DuckDB reads any offset
_BLANK_BEFORE = r" ([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"  # and none behind a blank
_OFFSET = r":[0-9]{2}([.][0-9]+)? ?([Zz]|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$"
_YES, _NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
_LARGEST = 1e30  # of a number: far beyond any amount, and still within what single precision holds
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_UNREADABLE = {
    ColumnType.TIME: "is not a time such as 2017-03-31 or 2017-03-31 14:05:00",
    ColumnType.NUMBER: "is not a finite number",
    ColumnType.FLAG: "is neither yes nor no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One way in which a row can break the contract: `condition` is SQL over the columns of the mapped row."""

    condition: str
    column: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundMapping:
    """A mapping of one table whose sources are open."""

    config: Config
    table: Table
    index: int
    mapping: TableMapping
    sources: dict[str, OpenSource]
    types: dict[str, str]  # DuckDB type of each mapped column's expression
    pseudonym_key: bytes | None = None
    hashed: frozenset[str] = frozenset()  # columns besides user_id that give a user away, and are hashed likewise

    @property
    def base(self) -> OpenSource:
        """The source whose rows become the table's rows."""
        return self.sources[self.mapping.source]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Contract of each mapped column, in the order of the table; further columns are text."""
        known = [column for column in self.table.columns if column.name in self.mapping.columns]
        names = {column.name for column in known}
        return (*known, *(self._further(name) for name in self.mapping.columns if name not in names))

    @property
    def withholds(self) -> bool:
        """Whether a value that was set aside may be personal, in whatever column it stands: rows may be shifted."""
        used = [self.base, *(self.sources[join.source] for join in self.mapping.join)]
        return self.pseudonym_key is not None or any(source.settings.personal for source in used)

    def is_hashed(self, column: str) -> bool:
        """Return whether a column's values are pseudonyms made here."""
        is_secret = column == "user_id" or column in self.hashed
        return is_secret and self.pseudonym_key is not None and not self.base.settings.pseudonymised

    def _further(self, name: str) -> Column:
        """Return the contract of a column the table does not know: an experiment's outcome is a number, others are text."""
        if self.table.name == "outcomes":
            return Column(name=name, type=ColumnType.NUMBER, description="summed by user")
        experiment = self.config.experiment
        if experiment is not None and self.table.name == "experiment" and name in experiment.outcomes:
            return Column(name=name, type=ColumnType.NUMBER, required=True, description="outcome")
        return Column(name=name, type=ColumnType.TEXT, description="attribute")

    def is_free(self, column: str) -> bool:
        """Whether a column holds whatever somebody wrote: a covariate of an experiment, no column that its table knows."""
        return self.config.experiment is not None and column not in {known.name for known in self.table.columns}

    def checks(self) -> tuple[Check, ...]:
        """Return what is checked of each row; the first that holds is the reason."""
        return tuple(check for column in self.columns for check in self._checks_of(column))

    def _checks_of(self, column: Column) -> Iterator[Check]:
        raw, typed = quote(f"raw {column.name}"), quote(column.name)
        is_placed = (self.table.name, column.name) in (
            ("experiment", "assigned_at"),
            ("experiment", "cluster"),
            ("outcomes", "at"),
        )
        if column.required or is_placed:
            yield Check(condition=f"{raw} IS NULL", column=column.name, reason="is empty")
        if column.type in _UNREADABLE:
            reason = self._unreadable(column)
            yield Check(condition=f"{raw} IS NOT NULL AND {typed} IS NULL", column=column.name, reason=reason)
        if column.type is ColumnType.TIME:
            yield Check(
                condition=f"{typed} NOT BETWEEN TIMESTAMP '1900-01-01' AND TIMESTAMP '2200-01-01'",
                column=column.name,
                reason="lies outside the years 1900 to 2199",
            )
        if column.type is ColumnType.NUMBER:
            yield Check(condition=f"abs({typed}) > {_LARGEST}", column=column.name, reason=f"lies beyond {_LARGEST:g}")
        if column.minimum is not None:
            sign, words = ("<=", "is not above") if column.exclusive_minimum else ("<", "lies below")
            yield Check(condition=f"{typed} {sign} {column.minimum}", column=column.name, reason=f"{words} {column.minimum:g}")
        if column.maximum is not None:
            yield Check(condition=f"{typed} > {column.maximum}", column=column.name, reason=f"lies above {column.maximum:g}")
        if (self.table.name, column.name) in (("exposures", "action"), ("experiment", "treatment")):
            names = self.config.action_set().names
            listed = ", ".join(literal(name) for name in names)
            known = f"{'groups' if column.name == 'treatment' else 'actions'} {', '.join(names)}"
            yield Check(condition=f"{typed} NOT IN ({listed})", column=column.name, reason=f"is not among the {known}")
        if (self.table.name, column.name) == ("exposures", "ends_at"):
            yield Check(condition='"ends_at" < "exposed_at"', column=column.name, reason="lies before exposed_at")

    def _unreadable(self, column: Column) -> str:
        formats = self.base.settings.time_formats
        if column.type is ColumnType.TIME and formats and self._is_text(column):
            return f"is written in none of the times {', '.join(formats)}"
        return _UNREADABLE[column.type]

    def _is_text(self, column: Column) -> bool:
        return self.types[column.name] == "VARCHAR" or column.name in self.mapping.values

    def accepted(self, columns: Sequence[str], *, order: bool | None = None) -> str:
        """Return the query of the rows that keep the contract, in the order of the source.

        Parameters
        ----------
        columns : sequence of str
            What to return of each row; the row's number among them is called `ROW`.
        order : bool, optional
            Whether to sort. Left out, rows are sorted where a join may have moved them; without one they come as they lie.
        """
        sort = bool(self.mapping.join) if order is None else order
        names = ", ".join(quote(column) for column in columns)
        return f"{self._judged()} SELECT {names} FROM judged WHERE __broken IS NULL{f' ORDER BY {ROW}' if sort else ''}"

    def broken(self) -> str:
        """Return the query of the rows that break it: row number, number of the broken check, and the value at fault."""
        contracts = {column.name: column for column in self.columns}
        checks = enumerate(self.checks())
        values = " ".join(f"WHEN {k} THEN {self._shown(contracts[check.column])}" for k, check in checks)
        value = f"CASE __broken {values} END"
        told = f"{ROW}, CAST(__broken AS SMALLINT) AS __broken, {value} AS __value"
        return f"{self._judged()} SELECT {told} FROM judged WHERE __broken IS NOT NULL"

    def _shown(self, column: Column) -> str:
        """Return SQL for what quarantine shows of a value at fault: all of it, or only what is no person's."""
        raw, typed = quote(f"raw {column.name}"), quote(column.name)
        if not self.withholds or self.is_hashed(column.name):
            return f"CAST({raw} AS VARCHAR)"
        safe = f"CAST({typed} AS VARCHAR)" if column.type in (ColumnType.NUMBER, ColumnType.TIME) else "NULL"
        return f"CASE WHEN {raw} IS NOT NULL THEN coalesce({safe}, {literal(WITHHELD)}) END"

    def asked_for(self) -> str:
        """Return the query of the numbers of all rows that the mapping asks for."""
        return (
            f"SELECT {quote(self.base.name)}.{ROW} AS {ROW} FROM {from_clause(self.mapping, self.sources)}"
            f"{where_clause(self.mapping)}"
        )

    def _judged(self) -> str:
        """Return the steps of a query up to `judged`: each row with its typed values and the number of the broken check."""
        picked = [f"({self.mapping.columns[column.name]}\n) AS {quote(f'in {column.name}')}" for column in self.columns]
        if self.mapping.returns:
            picked.append(f"coalesce(CAST(({self.mapping.returns}\n) AS BOOLEAN), false) AS __return")
        raws = ", ".join(f"{self._raw(column)} AS {quote(f'raw {column.name}')}" for column in self.columns)
        typed = ", ".join(f"{self._signed(column)} AS {quote(column.name)}" for column in self.columns)
        returned = ", __return" if self.mapping.returns else ""
        broken = " ".join(f"WHEN {check.condition} THEN {k}" for k, check in enumerate(self.checks()))
        return (
            f"WITH picked AS (SELECT {quote(self.base.name)}.{ROW} AS {ROW}, {', '.join(picked)} "
            f"FROM {from_clause(self.mapping, self.sources)}{where_clause(self.mapping)}), "
            f"mapped AS (SELECT {ROW}, {raws}{returned} FROM picked), "
            f"typed AS (SELECT *, {typed} FROM mapped), judged AS (SELECT *, CASE {broken} END AS __broken FROM typed)"
        )

    def _raw(self, column: Column) -> str:
        """Return SQL for a value as it stands, users under their pseudonyms where there is a key."""
        plain = self._plain(column)
        if self.pseudonym_key is not None and self.is_hashed(column.name):
            return pseudonym_sql(plain, self.pseudonym_key)
        return plain

    def _plain(self, column: Column) -> str:
        """Return SQL for a value: texts trimmed, empty ones NULL, `values` replaced."""
        expression = quote(f"in {column.name}")
        renames = self.mapping.values.get(column.name, {})
        kind = self.types[column.name]
        if kind in ("FLOAT", "DOUBLE"):
            expression = f"nullif({expression}, CAST('nan' AS {kind}))"
        if not (renames or kind == "VARCHAR" or column.type is ColumnType.TEXT):
            return expression
        text = _trimmed(expression if kind == "VARCHAR" else f"CAST({expression} AS VARCHAR)")
        if kind in ("FLOAT", "DOUBLE"):  # whole numbers among empty values: 900.0 is called 900
            text = f"regexp_replace({text}, '\\.0$', '')"
        if not renames:
            return text
        cases = " ".join(f"WHEN {literal(raw)} THEN {literal(canonical)}" for raw, canonical in renames.items())
        return f"CASE {text} {cases} ELSE {text} END"

    def _signed(self, column: Column) -> str:
        """Return SQL for a typed value; what came back is negative revenue, whatever its sign was."""
        typed = self._typed(column)
        if column.name == "revenue" and self.mapping.returns:
            return f"CASE WHEN __return THEN -abs({typed}) ELSE {typed} END"
        return typed

    def _typed(self, column: Column) -> str:
        """Return SQL for the value in the contract's type, NULL where it cannot be read."""
        raw, kind = quote(f"raw {column.name}"), self.types[column.name]
        is_text = self._is_text(column)
        if column.type is ColumnType.TEXT:
            if self.config.experiment is None or not is_text:
                return raw
            plain = self._with_decimal_point(raw)
            return without_personal(plain) if self.is_free(column.name) else plain
        if column.type is ColumnType.FLAG and kind != "BOOLEAN":
            word = f"lower(CAST({raw} AS VARCHAR))"
            yes, no = (", ".join(literal(sign) for sign in signs) for signs in (_YES, _NO))
            return f"CASE WHEN {word} IN ({yes}) THEN true WHEN {word} IN ({no}) THEN false END"
        if column.type is ColumnType.FLAG:
            return raw
        if column.type is ColumnType.NUMBER and is_text:
            plain = self._plain_number(raw)
            number = f"TRY_CAST({plain} AS DOUBLE)"
            return f"CASE WHEN regexp_full_match({plain}, {literal(_NUMBER)}) AND isfinite({number}) THEN {number} END"
        if column.type is ColumnType.NUMBER and kind.removeprefix("U") in _INTEGERS:
            return f"CAST({raw} AS DOUBLE)"
        if column.type is ColumnType.NUMBER:
            number = raw if kind == "DOUBLE" else f"TRY_CAST({raw} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) THEN {number} END"
        return self._time(raw, kind, is_text)

    def _plain_number(self, raw: str) -> str:
        """Return SQL for a number's text without signs between thousands, with a decimal point.

        A sign that does not stand between thousands makes it none: 123.45 is not 12,345 where points group digits.
        """
        plain = raw
        if sign := self.base.settings.thousands:
            group, point = re.escape(sign), re.escape(self.base.settings.decimal)
            grouped = rf"[+-]?[0-9]{{1,3}}({group}[0-9]{{2,3}})*{group}[0-9]{{3}}({point}[0-9]*)?"
            bare = f"CASE WHEN regexp_full_match({raw}, {literal(grouped)}) THEN replace({raw}, {literal(sign)}, '') END"
            plain = f"CASE WHEN contains({raw}, {literal(sign)}) THEN {bare} ELSE {raw} END"
        if self.base.settings.decimal == ",":
            plain = f"replace({plain}, ',', '.')"
        return plain

    def _with_decimal_point(self, raw: str) -> str:
        """Return SQL for a text that may be a number in the source's own spelling."""
        plain = self._plain_number(raw)
        return raw if plain == raw else f"CASE WHEN regexp_full_match({plain}, {literal(_NUMBER)}) THEN {plain} ELSE {raw} END"

    def _time(self, raw: str, kind: str, is_text: bool) -> str:
        """Return SQL for a time on the shop's clock.

        An offset is honoured; without one, a time is read in the source's zone.
        """
        shop, zone = self.config.time.time_zone, self.base.settings.time_zone
        moved = f" AT TIME ZONE {literal(shop)}"
        here = f" AT TIME ZONE {literal(zone)}{moved}" if zone is not None and zone != shop else ""
        if kind in _ZONED and not is_text:
            return f"(CAST({raw} AS TIMESTAMP WITH TIME ZONE){moved})"
        if kind == "DATE" and not is_text:
            return f"TRY_CAST({raw} AS TIMESTAMP)"
        if not is_text and not kind.startswith("TIMESTAMP"):
            raw = f"CAST({raw} AS VARCHAR)"
            is_text = True
        formats = self.base.settings.time_formats
        if is_text and formats:
            return f"(try_strptime({raw}, [{', '.join(literal(written) for written in formats)}]){here})"
        plain = f"TRY_CAST({raw} AS TIMESTAMP)"
        if not is_text:
            return f"({plain}{here})"
        beside = f"regexp_replace({raw}, {literal(_BLANK_BEFORE)}, '\\1')"
        exact = f"CASE WHEN regexp_matches({raw}, {literal(_ON_EARTH)}) THEN TRY_CAST({beside} AS TIMESTAMP WITH TIME ZONE) END"
        return f"CASE WHEN regexp_matches({raw}, {literal(_OFFSET)}) THEN {exact}{moved} ELSE {plain}{here} END"


def _trimmed(text: str) -> str:
    """Return SQL for a text without blanks around it, NULL where nothing is left.

    `trim` looks at every sign; it is called only where a blank may be, which is a fraction of the work over a clean column.
    """
    clean = f"{text} > '!' AND NOT suffix({text}, ' ') AND strlen({text}) = length({text})"
    return f"CASE WHEN {clean} THEN {text} ELSE nullif(trim({text}), '') END"


def from_clause(mapping: TableMapping, sources: dict[str, OpenSource]) -> str:
    """Return the FROM clause: the base source under its name, each joined one under its own, one partner a row."""
    base = sources[mapping.source]
    clause = f"{base.view} AS {quote(base.name)}"
    for number, join in enumerate(mapping.join):
        clause += _join_clause(join, sources, number, base)
    return clause


def _join_clause(join: JoinConfig, sources: dict[str, OpenSource], number: int, base: OpenSource) -> str:
    """Join a source whose key columns step back, so that their names keep meaning the row's own."""
    there = sources[join.source]
    keys = [quote(key) for key in join.on.values()]
    hidden = ", ".join([ROW, *keys])
    shown = ", ".join(f"{key} AS {quote(f'key {number} {k}')}" for k, key in enumerate(keys))
    direction = "DESC" if join.keep == "last" else "ASC"
    order = f"({join.order_by}\n) {direction} NULLS LAST, " if join.order_by else ""
    ranked = f"row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY {order}{ROW} {direction})"
    kept = "" if join.keep == "only" else f" QUALIFY {ranked} = 1"
    name, conditions = quote(there.name), []
    for k, (left, right) in enumerate(join.on.items()):
        mine = f"{quote(base.name)}.{quote(left)}" if left in base.columns else quote(left)
        theirs = f"{name}.{quote(f'key {number} {k}')}"
        conditions.append(_equal(mine, base.columns.get(left, ""), theirs, there.columns[right]))
    return f" LEFT JOIN (SELECT * EXCLUDE ({hidden}), {shown} FROM {there.view}{kept}) AS {name} ON {' AND '.join(conditions)}"


def _equal(left: str, left_type: str, right: str, right_type: str) -> str:
    if left_type != right_type and "VARCHAR" in (left_type, right_type):
        return f"{_as_text(left, left_type)} = {_as_text(right, right_type)}"
    return f"{left} = {right}"


def _as_text(column: str, kind: str) -> str:
    """Return SQL of a column's text; a whole number among empty ones, which is kept as floating point, has no point."""
    text = f"CAST({column} AS VARCHAR)"
    return f"regexp_replace({text}, '[.]0$', '')" if kind in ("FLOAT", "DOUBLE") else text


def where_clause(mapping: TableMapping) -> str:
    """Return the WHERE clause, or nothing."""
    return f" WHERE ({mapping.where}\n)" if mapping.where else ""
