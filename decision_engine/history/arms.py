"""Arms of an experiment as a file names them: the column of who got what, which arm is the control, names for the rest."""

from __future__ import annotations

import re

from decision_engine.history.columns import ColumnLook
from decision_engine.history.flags import flag_values
from decision_engine.history.infer import name_parts
from decision_engine.history.known_before import MOST_GROUPS
from decision_engine.history.sheets import Sheet

_CONTROLS = frozenset(
    {
        "none",
        "control",
        "controls",
        "ctrl",
        "no",
        "nothing",
        "0",
        "false",
        "placebo",
        "psa",
        "sham",
        "holdout",
        "hold out",
        "hold-out",
        "held out",
        "untreated",
        "baseline",
        "base",
        "default",
        "standard",
        "status quo",
        "original",
        "kontrolle",
        "kontrollgruppe",
        "contrôle",
        "témoin",
        "controle",
        "对照组",
        "对照",
        "空白组",
    }
)
_NAMED = 0.6  # confidence in a column that is called like arms are, in files of one row a user alone
_CALLED = frozenset({
    "version", "bucket", "cell", "condition", "testgroup", "abgroup", "experiment", "assignment", "treated", "holdout",
    "gruppe",
    "testgruppe", "groupe", "grupo", "gruppo", "variante", "组别", "分组", "实验组",
})  # fmt: skip
_ARMS = frozenset({
    "arm", "arms", "variant", "variante", "treatment", "treat", "treated", "testgroup", "abgroup", "testgruppe", "tratamiento",
    "traitement", "tratamento", "behandlung", "brazo", "experiment",
})  # fmt: skip
_GROUPS = frozenset({"group", "grp", "grupo", "groupe", "gruppe"})
_HELD_OUT = frozenset({"holdout", "control", "kontrolle", "heldout", "placebo"})  # of a column whose yes is the control group
_ARM = re.compile(r"(?P<what>|.*[^a-z0-9]|[a-z]+(?=[0-9]))(?P<which>[a-z]|[0-9]+)")  # A, variant_b, group 2, arm3
_FEWEST_ROWS = 30
_SURE = 0.5  # confidence from which a column may be the treatment
_CONTROL_NAMED = 0.3  # what a value named like a control group adds to it


def treatments(sheet: Sheet) -> list[tuple[str, float]]:
    """Return columns that may name the treatment, the likeliest first."""
    named = {name: _NAMED for name in sheet.looks if _CALLED & set(name_parts(name))}
    named |= {guess.column: guess.confidence for guess in sheet.roles.get("action", [])}
    scored = []
    for name, look in sheet.looks.items():
        enough = look.n_distinct >= _FEWEST_ROWS * look.distinct
        if 2 <= look.n_distinct <= MOST_GROUPS and look.filled > 0.99 and enough and name in named:
            scored.append((name, named[name] + (_CONTROL_NAMED if control_of(look) is not None else 0.0)))
    ranked = sorted(scored, key=lambda one: -one[1])
    return [(name, round(min(score, 1.0), 2)) for name, score in ranked if score >= _SURE]


def is_called_like_arms(look: ColumnLook) -> bool:
    """Whether a column's name is one that tests alone give: arm, variant, treatment, or group where a value is the control."""
    words = set(name_parts(look.name))
    return bool(_ARMS & words) or (bool((_CALLED | _GROUPS) & words) and control_of(look) is not None)


def control_of(look: ColumnLook) -> str | None:
    """Return the value that is named like a control group: of yes and no the no, of who was held out the yes."""
    counted = flag_values(look) or ({"1": 1, "0": 0} if set(look.frequent) == {"0", "1"} else {})
    if counted:
        is_held_out = bool(_HELD_OUT & set(name_parts(look.name)))
        return next(value for value, yes in counted.items() if bool(yes) == is_held_out)
    for value in look.frequent:
        words = value.strip().lower()
        if words in _CONTROLS or words.startswith(("no ", "no-", "no_", "control", "without", "kein", "ohne", "sans ", "sin ")):
            return value
    return None


def first_arm(look: ColumnLook) -> str:
    """Return the first of arms called by letters or numbers, such as A and B; else the largest."""
    arms = [_ARM.fullmatch(value.strip().lower()) for value in look.frequent]
    called = [(len(arm["which"]), arm["which"], value) for arm, value in zip(arms, look.frequent, strict=True) if arm]
    alike = len({arm["what"] for arm in arms if arm}) == 1
    return min(called)[2] if alike and len(called) == len(look.frequent) else look.frequent[0]


def action_names(look: ColumnLook, control: str) -> dict[str, str]:
    """Return the action that each raw value stands for, the control group's first, which is `none`."""
    names: dict[str, str] = {control: "none"}
    is_a_flag = look.n_distinct == 2 and (bool(flag_values(look)) or set(look.frequent) == {"0", "1"})
    values = sorted(look.frequent, key=int) if all(value.isdigit() for value in look.frequent) else look.frequent
    for place, value in enumerate(value for value in values if value != control):
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", value).strip("_-").lower()[:24]
        plain = "treated" if is_a_flag else plain or f"{place + 1}"
        plain = plain if plain[0].isalpha() and plain != "none" else f"action_{plain}"
        while plain in names.values():
            plain += "_"
        names[value] = plain
    return names
