"""Outcomes of an experiment as its columns are called: money first, then what is yes or no, then other counts."""

from __future__ import annotations

from collections.abc import Iterable

from decision_engine.history.flags import flag_values
from decision_engine.history.known_before import is_before, why_no_part
from decision_engine.history.sheets import Sheet

NO_MONEY = "no column of money was found; this counts cases, not money"
_HAS_MANY_VALUES = 12
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
