"""Files without a header: their first line holds values like those below it, and names no columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ALIKE = 0.9  # share of a column's values that are of the kind of the first
_NUMBER = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?[0-9]*[.,][0-9]+")
_TIME = re.compile(
    r"(19|20)[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])"
    r"|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T][0-9:.]+ ?(Z|UTC|[AP]M|[+-][0-9:]+)?)?"
)
_MARKED = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9-]{4,}")  # letters and digits, as of an id


def holds_values(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of some rows holds values rather than the names of columns.

    A first line of values has a time or an amount where the lines below have one, and nowhere a word above numbers.
    """
    if len(rows) < 3 or len(rows[0]) < 2:
        return False
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(below) < 2:
        return False
    kinds = [_kind(value) for value in first]
    for place, kind in enumerate(kinds):
        values = [row[place].strip() for row in below if row[place].strip()]
        alike = sum(_kind(value) == kind for value in values)
        numbers = sum(_kind(value) in ("number", "fraction") for value in values)
        alike = max(alike, numbers) if kind in ("number", "fraction") else alike
        if kind and values and alike < _ALIKE * len(values):
            return False
    return bool({"time", "fraction"} & set(kinds)) and sum(kind not in ("", "words") for kind in kinds) >= 2


def _kind(value: str) -> str:
    kinds = {"time": _TIME, "fraction": _FRACTION, "number": _NUMBER, "id": _MARKED}
    written = value.strip()
    return next((kind for kind, form in kinds.items() if form.fullmatch(written)), "words" if written else "")
