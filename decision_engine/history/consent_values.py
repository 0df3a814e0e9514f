"""What the values of a column of consent count as: only a yes is one, and whoever did not say yes is never contacted."""

from __future__ import annotations

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import name_parts

_PLAIN = frozenset({"true", "t", "yes", "y", "1", "1.0", "false", "f", "no", "n", "0", "0.0"})  # read as they are
_YES = frozenset(
    {"ja", "j", "oui", "si", "sim", "opted in", "opt in", "optin", "granted", "given", "subscribed", "agreed", "accepted",
     "accept", "consented", "allowed", "allow", "on", "confirmed", "single opt in", "double opt in", "erteilt", "zugestimmt",
     "是", "有"}
)  # fmt: skip


def consent_values(look: ColumnLook) -> dict[str, str]:
    """Return yes or no for each value of a column of consent that does not say so itself; nothing where none is needed.

    Examples
    --------
    A column of `yes`, `no` and `unknown` gives ``{"unknown": "no"}``: consent that is missing means no contact.
    """
    if look.type == "BOOLEAN" or len(look.frequent) != look.n_distinct:
        return {}
    unclear = [value for value in look.frequent if value.lower() not in _PLAIN]
    return {value: "yes" if " ".join(name_parts(value)) in _YES else "no" for value in unclear}


def consent_remark(look: ColumnLook, values: dict[str, str]) -> str:
    """Say which values count as what, and that empty ones mean no contact; nothing where all is plain."""
    told = [f"{value} counts as {meant}" for value, meant in values.items()]
    if look.filled < 1.0:
        told.append(f"{1.0 - look.filled:.1%} of rows say nothing, which counts as no")
    return f"{look.name}: {', '.join(told)}; without consent nobody is contacted" if told else ""
