"""Outcomes of an experiment as its columns are called: money first, then what is yes or no, then other counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from decision_engine.history.arms import plain_arm
from decision_engine.history.flags import flag_values
from decision_engine.history.known_before import is_before, why_no_part
from decision_engine.history.sheets import Sheet, sql_of
from decision_engine.history.sources import literal

NO_MONEY = "no column of money was found; this counts cases, not money"
_HAS_MANY_VALUES = 12
_MOSTLY_FILLED = 0.95  # share of rows with an amount from which on the others are slips
_GOES_WITH = 0.99
_IS_MONEY = 0.7  # confidence in money below which somebody should look


def find_outcomes(sheet: Sheet, taken: Iterable[str | None], *, named_only: bool = False) -> tuple[tuple[str, ...], str]:
    """Return the outcomes' columns, money first, and why the first should be looked at.

    Parameters
    ----------
    taken : iterable of str or None
        Columns that are something else.
    named_only : bool
        Whether none is to be taken whose name does not say what it is.
    """
    others = set(taken)

    def may_be(name: str) -> bool:
        look = sheet.looks[name]
        is_counted = look.counts_something or bool(flag_values(look))
        is_time = bool(look.epoch) or (look.time > 0.9 and look.number < 0.5)
        return is_counted and not is_time and name not in others and not why_no_part(look) and not is_before(name)

    money = [guess for guess in sheet.roles.get("money", []) if may_be(guess.column)]
    named = [guess.column for guess in sheet.roles.get("outcome", []) if may_be(guess.column)]
    many = [name for name in named if sheet.looks[name].n_distinct > 2]
    binary = [name for name in named if sheet.looks[name].n_distinct == 2]
    first = [money[0].column] if money else many[:1]
    if first:
        why = "" if money and money[0].confidence >= _IS_MONEY else "the name does not say for sure that it is money"
    elif binary:
        first, why = binary[:1], NO_MONEY
    elif not named_only and (
        last := [name for name in sheet.looks if may_be(name) and sheet.looks[name].n_distinct > _HAS_MANY_VALUES]
    ):
        first, why = last[-1:], "nothing is named like money; the last column of many values is taken"
    else:
        return (), ""
    return tuple(dict.fromkeys([*first, *binary, *many])), why


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyAmounts:
    """An amount that is empty where a column of yes and no says that nothing was bought: as SQL with 0 there, and why."""

    column: str
    expression: str
    told: str


def empty_amounts(connection: duckdb.DuckDBPyConnection, sheet: Sheet, own: Sequence[str]) -> EmptyAmounts | None:
    """Return how the first outcome is read where it is empty for those who bought nothing; None where nothing says so.

    What is not known stays empty, is set aside and told: users who were not followed are none who bought nothing.
    """
    money = next((guess.column for guess in sheet.roles.get("money", []) if own and guess.column == own[0]), None)
    if money is None or sheet.looks[money].filled > _MOSTLY_FILLED:
        return None
    look = sheet.looks[money]
    plain, zero = sql_of(connection, look), "'0'" if look.type == "VARCHAR" else "0"
    there = f"nullif(trim({plain}), '')" if look.type == "VARCHAR" else plain
    for name in own[1:]:
        values = flag_values(sheet.looks[name]) or {value: int(plain_arm(value) != "0") for value in sheet.looks[name].frequent}
        no = ", ".join(literal(value) for value, counted in values.items() if not counted)
        if sheet.looks[name].n_distinct != 2 or not no:
            continue
        said_no = f"CAST({sql_of(connection, sheet.looks[name])} AS VARCHAR) IN ({no})"
        query = f"SELECT avg(CAST(({there} IS NULL) = ({said_no}) AS INTEGER)) FROM {sheet.source.view}"
        if (connection.execute(query).fetchall()[0][0] or 0.0) > _GOES_WITH:
            told = f"empty where {name} says no, which counts as 0"
            return EmptyAmounts(column=money, expression=f"coalesce({there}, {zero})", told=told)
    return None
