"""Sheets and drafts: what was looked at, and the mappings that grow out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from decision_engine.config.models import JoinConfig, TableMapping
from decision_engine.config.sources import SourceConfig
from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import Guess, name_parts
from decision_engine.history.mapping import from_clause
from decision_engine.history.sources import OpenSource, literal, quote

CENTS = frozenset({"cents", "cent", "pence", "centimes", "centavos", "分"})
COUNTED = 0.9  # share of values that are numbers
UNIQUE = 0.999  # share of rows whose value nobody else has, from which on a column names rows


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
        return look is not None and look.distinct > UNIQUE and look.filled > UNIQUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a mapping: an expression, and what a reader should know about it."""

    expression: str
    confidence: float | None = None
    remark: str = ""
    fill_in: str = ""  # what the reader must write here
    not_found: str = ""  # what no column was recognised for


@dataclass(slots=True, kw_only=True)
class TableDraft:
    """A mapping in the making; `is_of_rounds` where each row is a decision about somebody whom nobody named."""

    table: str
    sheet: Sheet
    joins: list[tuple[Sheet, str, str]] = field(default_factory=list)  # a sheet, the column here, the column there
    where: Line | None = None
    returns: Line | None = None
    remarks: tuple[str, ...] = ()  # what the conditions do
    lines: dict[str, Line] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # by column: a raw value, and what it counts as
    is_of_rounds: bool = False
    counts_once: bool = False  # several rows hold one order, of which the last counts

    @property
    def sheets(self) -> list[Sheet]:
        """The source and those joined to it."""
        return [self.sheet, *(sheet for sheet, _, _ in self.joins)]


def rows_of(draft: TableDraft) -> str:
    """Return the FROM clause of a draft: its source and those joined to it, each under its own name."""
    sources = {sheet.name: sheet.source for sheet in draft.sheets}
    joins = tuple(JoinConfig(source=to.name, on={here: there}, keep="first") for to, here, there in draft.joins)
    return from_clause(TableMapping(source=draft.sheet.name, join=joins, columns={"any": "NULL"}), sources)


def sql_of(connection: duckdb.DuckDBPyConnection, look: ColumnLook) -> str:
    """Return a column as SQL."""
    return look.expression or identifier(connection, look.name)


def number_of(connection: duckdb.DuckDBPyConnection, look: ColumnLook) -> str:
    """Return a column's number as SQL, free of the signs with which it is written there; NULL where it is none."""
    written = sql_of(connection, look)
    if look.comma:
        written = f"replace(replace({written}, {literal(look.thousands or '.')}, ''), ',', '.')"
    elif look.grouped:
        written = f"replace({written}, ',', '')"
    return f"TRY_CAST({written} AS DOUBLE)"


def hundredth_of(connection: duckdb.DuckDBPyConnection, look: ColumnLook) -> str | None:
    """Return an amount in whole money as SQL where a column's name says that it counts cents; None where it does not."""
    return f"{number_of(connection, look)} / 100" if CENTS & set(name_parts(look.name)) and look.number > COUNTED else None


def identifier(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return a column's name as SQL, quoted only where it must be."""
    plain = name.isidentifier() and name.isascii()
    if plain:
        (n,) = connection.execute(
            "SELECT count(*) FROM duckdb_keywords() WHERE keyword_name = ? AND keyword_category <> 'unreserved'", [name.lower()]
        ).fetchall()[0]
        plain = n == 0
    return name if plain else quote(name)
