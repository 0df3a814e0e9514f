"""Arms of an experiment as a file names them: the column of who got what, which arm is the control, names for the rest."""

from __future__ import annotations

import re

from decision_engine.history.columns import ColumnLook
from decision_engine.history.flags import flag_values
from decision_engine.history.infer import name_parts
from decision_engine.history.known_before import MOST_GROUPS, is_before
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
_VALUED = 0.3  # confidence in a column of which nothing but a value speaks of arms
_CALLED = frozenset({
    "version", "bucket", "cell", "condition", "testgroup", "abgroup", "experiment", "assignment", "treated", "holdout",
    "gruppe", "rama", "brazo", "tratamiento", "grp", "variation",
    "testgruppe", "groupe", "grupo", "gruppo", "variante", "组别", "分组", "实验组",
})  # fmt: skip
_ARMS = frozenset({
    "arm", "arms", "variant", "variante", "treatment", "treat", "treated", "testgroup", "abgroup", "testgruppe", "tratamiento",
    "traitement", "tratamento", "behandlung", "brazo", "experiment", "ab",
    "variation",
})  # fmt: skip
# Of a column of yes and no that says whether somebody got it.
_GOT = frozenset(
    {"received", "receives", "got", "contacted", "mailed", "emailed", "sent", "invited", "given", "assigned", "targeted"}
)
# Of a column of a few amounts, none among them, that says how much of it somebody got.
_DOSES = frozenset({
    "dose", "dosage", "discount", "voucher", "coupon", "incentive", "rabatt", "gutschein", "descuento", "cupon", "remise",
    "sconto", "desconto", "cupom", "bonus", "credit",
})  # fmt: skip
_MOST_DOSES = 8
# Of a column of yes and no beside the treatment's, that may be a second thing that was drawn.
_GIVEN = frozenset({
    "email", "mail", "sms", "push", "call", "coupon", "voucher", "banner", "ad", "gift", "discount", "letter", "flyer",
    "gutschein", "anruf", "brief", "cupon", "llamada", "优惠券",
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
    named |= {name: _NAMED for name, look in sheet.looks.items() if is_dose(look) or _says_who_got_it(look)}
    named |= {guess.column: guess.confidence for guess in sheet.roles.get("action", [])}
    named |= {name: _VALUED for name, look in sheet.looks.items() if name not in named and _holds_a_control(look)}
    scored = []
    chances = {guess.column for guess in sheet.roles.get("propensity", []) if guess.confidence >= _SURE}
    for name, look in sheet.looks.items():
        enough = look.n_distinct >= _FEWEST_ROWS * look.distinct
        if 2 <= look.n_distinct <= MOST_GROUPS and look.filled > 0.99 and enough and name in named and name not in chances:
            scored.append((name, named[name] + (_CONTROL_NAMED if control_of(look) is not None else 0.0)))
    ranked = sorted(scored, key=lambda one: -one[1])
    return [(name, round(min(score, 1.0), 2)) for name, score in ranked if score >= _SURE]


def is_dose(look: ColumnLook) -> bool:
    """Whether a column says how much of one thing each user got: a few amounts from nothing on."""
    return (
        bool(_DOSES & set(name_parts(look.name)))
        and 3 <= look.n_distinct <= _MOST_DOSES
        and look.low == 0.0
        and not is_before(look.name)
    )


def may_be_drawn_too(look: ColumnLook) -> bool:
    """Whether a column beside the treatment's may be a second treatment, as in a factorial test: a thing, given or not."""
    return len(name_parts(look.name)) == 1 and bool(_GIVEN & set(name_parts(look.name))) and bool(_counted(look))


def _says_who_got_it(look: ColumnLook) -> bool:
    return bool(_GOT & set(name_parts(look.name))) and bool(_counted(look))


def _holds_a_control(look: ColumnLook) -> bool:
    """Whether one of a column's values says in so many words that it is the control group."""
    return any(re.match(r"(control|ctrl|kontroll|placebo|holdout|hold-out)\b", plain_arm(value)) for value in look.frequent)


def is_called_like_arms(look: ColumnLook) -> bool:
    """Whether a column's name is one that tests alone give: arm, variant, treatment, or group where a value is the control."""
    words = set(name_parts(look.name))
    return bool(_ARMS & words) or (bool((_CALLED | _GROUPS) & words) and control_of(look) is not None)


def control_of(look: ColumnLook) -> str | None:
    """Return the value that is named like a control group: of yes and no the no, of who was held out the yes."""
    counted = _counted(look)
    if counted:
        is_held_out = bool(_HELD_OUT & set(name_parts(look.name)))
        return next(value for value, yes in counted.items() if bool(yes) == is_held_out)
    for value in look.frequent:
        words = plain_arm(value)
        if words in _CONTROLS or words.startswith(("no ", "no-", "no_", "control", "without", "kein", "ohne", "sans ", "sin ")):
            return value
    return None


def plain_arm(value: str) -> str:
    """Return an arm as it is meant, however it is written: without blanks around it, capitals and a whole number's point.

    Examples
    --------
    >>> plain_arm(" CONTROL"), plain_arm("Variant  B"), plain_arm("1.0")
    ('control', 'variant b', '1')
    """
    words = " ".join(value.casefold().split())
    return words.removesuffix(".0") if words.removesuffix(".0").isdigit() else words


def _counted(look: ColumnLook) -> dict[str, int]:
    """Return what each value of a column of yes and no counts as; empty for any other."""
    numbers = {value: plain_arm(value) for value in look.frequent}
    if set(numbers.values()) == {"0", "1"} and len(numbers) == look.n_distinct:
        return {value: int(number) for value, number in numbers.items()}
    return flag_values(look)


def first_arm(look: ColumnLook) -> str:
    """Return the first of arms called by letters or numbers, such as A and B; else the largest."""
    ranks = _ranks(look)
    return min(look.frequent, key=lambda value: ranks[value]) if ranks else look.frequent[0]


def _ranks(look: ColumnLook) -> dict[str, tuple[int, str]]:
    """Return the order of arms that are all called alike but for a letter or number; empty where they are not."""
    arms = {value: _ARM.fullmatch(plain_arm(value)) for value in look.frequent}
    called = {value: (len(arm["which"]), arm["which"]) for value, arm in arms.items() if arm}
    alike = len({arm["what"] for arm in arms.values() if arm}) == 1
    return called if alike and len(called) == len(look.frequent) else {}


def action_names(look: ColumnLook, control: str) -> dict[str, str]:
    """Return the action that each raw value stands for, the control group's first, which is `none`.

    Values that differ by blanks and capitals alone are one arm.
    """
    is_float = look.type in ("DOUBLE", "FLOAT")  # whose whole numbers are read without their point
    names, known = {}, {plain_arm(control): "none"}
    ranks = _ranks(look)
    counted = _counted(look)
    values = sorted(look.frequent, key=lambda value: ranks[value]) if ranks else list(look.frequent)
    for value in sorted(values, key=lambda value: plain_arm(value) != plain_arm(control)):
        if plain_arm(value) not in known:
            plain = re.sub(r"[^A-Za-z0-9_-]+", "_", plain_arm(value))
            plain = re.sub(r"_+-*_+|_-|-_", "_", plain).strip("_-")[:24]
            plain = f"{'_'.join(name_parts(look.name))}_{plain}"[:24] if is_dose(look) else plain
            plain = "treated" if counted else plain or f"{len(known)}"
            plain = plain if plain[0].isalpha() and plain != "none" else f"action_{plain}"
            while plain in known.values():
                plain += "_"
            known[plain_arm(value)] = plain
        names[value.removesuffix(".0") if is_float else value] = known[plain_arm(value)]
    return names


def arm_sizes(look: ColumnLook, names: dict[str, str]) -> dict[str, int]:
    """Return the rows of each action, the control group's first."""
    sizes = dict.fromkeys(names.values(), 0)
    for value, count in zip(look.frequent, look.counts, strict=False):
        sizes[names.get(value) or names[value.removesuffix(".0")]] += count
    return sizes
