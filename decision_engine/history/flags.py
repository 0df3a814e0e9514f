"""Yes and no as files write them, where they are not the numbers 1 and 0."""

from __future__ import annotations

from decision_engine.history.columns import ColumnLook

_YES = frozenset({"true", "t", "yes", "y", "ja", "j", "oui", "si", "sí", "sim", "是", "有"})
_NO = frozenset({"false", "f", "no", "n", "nein", "non", "não", "nao", "否", "无"})


def flag_values(look: ColumnLook) -> dict[str, int]:
    """Return what each value of a column of yes and no counts as, yes first; empty for any other column.

    A column whose every value is yes, or no, is none: nothing shows what the other would be called.
    """
    words = {value: value.strip().lower() for value in look.frequent}
    if len(words) != look.n_distinct or not set(words.values()) <= _YES | _NO:
        return {}
    counted = {value: int(word in _YES) for value, word in words.items()}
    return dict(sorted(counted.items(), key=lambda one: -one[1])) if len(set(counted.values())) == 2 else {}
