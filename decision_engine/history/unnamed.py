"""Roles of columns that have no names: guessed by their values alone, and none of them sure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import Guess, guess_roles

_BY_VALUES = 0.5
_SURE = 0.6  # confidence from which on a column is taken by what it is called
_MANY = 30  # users at least
_REPEATS, _UNIQUE = 0.8, 0.999
_PIECES = 1_000  # a quantity is hardly larger


def roles_by_values(looks: dict[str, ColumnLook]) -> dict[str, list[Guess]]:
    """Return for each role the column that may play it.

    A time reads as one; money has fractions and varies most; an order's number is each row's own; a user's comes back, and of
    those that do it has the most values; a quantity is a small whole number.
    """
    found = {role: guesses for role, guesses in guess_roles(looks).items() if role == "time"}
    left = {name: look for name, look in looks.items() if look.n_distinct > 1 and look.filled > 0.5}
    for guess in found.get("time", []):
        left.pop(guess.column, None)

    def take(role: str, able: Iterable[ColumnLook]) -> None:
        best = max(able, key=lambda look: look.n_distinct, default=None)
        if best is not None:
            found[role] = [Guess(role=role, column=best.name, confidence=_BY_VALUES)]
            del left[best.name]

    take("money", [look for look in left.values() if _has_fractions(look)])
    take("order", [look for look in left.values() if look.distinct > _UNIQUE and not _has_fractions(look) and _is_id(look)])
    take("user", [look for look in left.values() if look.distinct < _REPEATS and not _has_fractions(look) and _is_id(look)])
    if "user" not in found and "order" in found:  # nobody came back
        found["user"] = [Guess(role="user", column=found.pop("order")[0].column, confidence=_BY_VALUES)]
    take("quantity", [look for look in left.values() if _counts(look)])
    return found


def likely_user(looks: dict[str, ColumnLook], roles: Mapping[str, Sequence[Guess]]) -> ColumnLook | None:
    """Return the column whose values come back as a user's do, where no name says who; None where there is none.

    Of columns that nothing else is recognised as, the one with the most values.
    """
    other = {
        guess.column for role, guesses in roles.items() if role != "user" for guess in guesses if guess.confidence >= _SURE
    }
    able = [
        look for name, look in looks.items()
        if name not in other and look.filled > _REPEATS and look.distinct < _REPEATS and look.n_distinct >= _MANY
        and look.time < 0.5 and not look.time_formats and not _has_fractions(look) and _is_id(look)
    ]  # fmt: skip
    return max(able, key=lambda look: look.n_distinct, default=None)


def _has_fractions(look: ColumnLook) -> bool:
    return look.comma > 0.3 or (look.number > 0.9 and any("." in value for value in look.frequent))


def _counts(look: ColumnLook) -> bool:
    """Whether values are small whole numbers."""
    return look.number > 0.9 and not _has_fractions(look) and (look.low or 0.0) >= 0.0 and (look.high or 0.0) < _PIECES


def _is_id(look: ColumnLook) -> bool:
    """Whether values are of one word, and more than a handful."""
    return look.n_distinct > 2 and not any(" " in value for value in look.frequent)
