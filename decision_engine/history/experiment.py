"""The draft of an experiment: a file of one row a user whose column of few values names who got what.

It is one if nobody is in it twice, and a column with few values is named like a treatment or holds a value named like a control
group; a file with a column of times must have both, beside a column named like an outcome, or it is a log. What came of it is
guessed by name (money first, then what is yes or no); whatever else tells users apart is a covariate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from decision_engine.history.column_finder import Choose
from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import CLOSE, name_parts
from decision_engine.history.round_shares import round_shares
from decision_engine.history.sheets import Sheet
from decision_engine.history.yaml_text import folded, quoted, yaml_text

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
    }
)
_YES = ("1", "true", "yes")
_BEFORE = frozenset({"past", "previous", "prior", "history", "before", "last", "pre", "old", "avg"})
_ARM = re.compile(r"(?P<what>|.*[^a-z0-9]|[a-z]+(?=[0-9]))(?P<which>[a-z]|[0-9]+)")  # A, variant_b, group 2, arm3
_MOST_GROUPS = 10
_FEWEST_ROWS = 30
# names of columns in sets whose outcomes were drawn: whoever matches users by them knows the answer
_TRUTHS = frozenset((
    "mu0", "mu1", "y0", "y1", "ycf", "ycfactual", "ycounterfactual", "counterfactual",
    "ite", "tau", "cate", "truecate", "trueite", "trueeffect", "replicate", "replication",
))  # fmt: skip
_PLAIN = 0.9  # confidence from which a column is the treatment even beside a column of times
_SURE = 0.5  # confidence from which a column may be the treatment
_CONTROL_NAMED = 0.3  # what a value named like a control group adds to it
_TIME = 0.6  # confidence from which a column of times says that the file is a log
_HAS_MANY_VALUES = 12
_NEARLY = 0.98  # share of ids that are given once from which the others are slips


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDraft:
    """An experiment as guessed.

    Attributes
    ----------
    user : str or None
        Column that names the user; None where rows name nobody.
    groups : dict of str to str
        Raw values of the treatment and the action each stands for, `none` for the control group.
    control_guessed : bool
        No value is named like a control group; the first of arms that are lettered or numbered is taken, else the largest.
    outcomes : tuple of str
        Columns, the first is taken for money.
    money_guessed : str
        Why the first outcome should be looked at; empty where its name says that it is money.
    """

    sheet: Sheet
    user: str | None
    treatment: str
    confidence: float
    groups: dict[str, str]
    control_guessed: bool
    propensity: str | None
    consent: str | None
    outcomes: tuple[str, ...]
    money_guessed: str
    covariates: tuple[str, ...]


def find_experiment(sheets: Sequence[Sheet], choose: Choose) -> ExperimentDraft | None:
    """Return the experiment that one of the files holds; None where none does."""
    for sheet in sheets:
        found = _draft(sheet, choose) if _is_one_row_a_user(sheet) else None
        if found is not None:
            return found
    return None


def _is_one_row_a_user(sheet: Sheet) -> bool:
    users = sheet.roles.get("user", [])
    repeated = bool(users) and users[0].confidence >= _TIME and not _nearly_names_rows(sheet, users[0].column)
    if repeated or "text" in sheet.roles or "order" in sheet.roles:
        return False
    has_times = any(guess.confidence >= _TIME for guess in sheet.roles.get("time", []))
    return not has_times or (
        bool(users) and "outcome" in sheet.roles and max(dict(_treatments(sheet)).values(), default=0) >= _PLAIN
    )


def _nearly_names_rows(sheet: Sheet, column: str) -> bool:
    """Whether a column names a row each but for slips: a few ids that come twice make no log of an experiment."""
    look = sheet.looks[column]
    return sheet.is_key(column) or (look.distinct >= _NEARLY and look.filled >= _NEARLY)


def _draft(sheet: Sheet, choose: Choose) -> ExperimentDraft | None:
    scored = _treatments(sheet)
    if not scored:
        return None
    close = [name for name, score in scored if scored[0][1] - score < CLOSE]
    treatment, confidence = scored[0]
    if len(close) > 1:
        options = [f"{name} ({score:.2f})" for name, score in scored[: len(close)]]
        treatment, confidence = scored[choose(f"{sheet.name}: which column names who got what?", options)]
    users = [
        guess.column
        for guess in sheet.roles.get("user", [])
        if _nearly_names_rows(sheet, guess.column) and guess.column != treatment
    ]
    propensity = next((guess.column for guess in sheet.roles.get("propensity", []) if guess.column != treatment), None)
    consent = next((guess.column for guess in sheet.roles.get("consent", []) if guess.confidence >= 0.8), None)
    taken = {treatment, propensity, consent, *users[:1], *sheet.personal}
    outcomes, money_guessed = _outcomes(sheet, taken)
    if not outcomes:
        return None
    control = _control(sheet.looks[treatment])
    return ExperimentDraft(
        sheet=sheet,
        user=users[0] if users else None,
        treatment=treatment,
        confidence=confidence,
        groups=_groups(sheet.looks[treatment], control or _first_arm(sheet.looks[treatment])),
        control_guessed=control is None,
        propensity=propensity,
        consent=consent,
        outcomes=outcomes,
        money_guessed=money_guessed,
        covariates=tuple(
            name
            for name, look in sheet.looks.items()
            if name not in taken and name not in outcomes and _tells(look) and not knows_the_truth(name)
        ),
    )


def _treatments(sheet: Sheet) -> list[tuple[str, float]]:
    """Return columns that may name the treatment, the likeliest first."""
    named = {guess.column: guess.confidence for guess in sheet.roles.get("action", [])}
    scored = []
    for name, look in sheet.looks.items():
        enough = look.n_distinct >= _FEWEST_ROWS * look.distinct
        if 2 <= look.n_distinct <= _MOST_GROUPS and look.filled > 0.99 and enough and name in named:
            scored.append((name, named[name] + (_CONTROL_NAMED if _control(look) is not None else 0.0)))
    ranked = sorted(scored, key=lambda one: -one[1])
    return [(name, round(min(score, 1.0), 2)) for name, score in ranked if score >= _SURE]


def _control(look: ColumnLook) -> str | None:
    """Return the value that is named like a control group."""
    for value in look.frequent:
        words = value.strip().lower()
        if words in _CONTROLS or words.startswith(("no ", "no-", "no_", "control", "without", "kein", "ohne", "sans ", "sin ")):
            return value
    return None


def _first_arm(look: ColumnLook) -> str:
    """Return the first of arms called by letters or numbers, such as A and B; else the largest."""
    arms = [_ARM.fullmatch(value.strip().lower()) for value in look.frequent]
    called = [(len(arm["which"]), arm["which"], value) for arm, value in zip(arms, look.frequent, strict=True) if arm]
    alike = len({arm["what"] for arm in arms if arm}) == 1
    return min(called)[2] if alike and len(called) == len(look.frequent) else look.frequent[0]


def _groups(look: ColumnLook, control: str) -> dict[str, str]:
    names: dict[str, str] = {control: "none"}
    for value in look.frequent:
        if value in names:
            continue
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", value).strip("_-").lower()[:24]
        plain = "treated" if plain in _YES else plain
        plain = plain if plain and plain[0].isalpha() and plain != "none" else f"action_{plain}"
        while plain in names.values():
            plain += "_"
        names[value] = plain
    return names


def _outcomes(sheet: Sheet, taken: set[str | None]) -> tuple[tuple[str, ...], str]:
    """Return the outcomes' columns, money first, and why the first should be looked at."""

    def may_be(name: str) -> bool:
        look = sheet.looks[name]
        return name not in taken and look.number > 0.9 and look.n_distinct > 1 and not _BEFORE & set(name_parts(name))

    money = [guess.column for guess in sheet.roles.get("money", []) if may_be(guess.column)]
    named = [guess.column for guess in sheet.roles.get("outcome", []) if may_be(guess.column)]
    many = [name for name in named if sheet.looks[name].n_distinct > 2]
    binary = [name for name in named if sheet.looks[name].n_distinct == 2]
    first = (money or many)[:1]
    if first:
        why = "" if money else "the name does not say that it is money"
    elif binary:
        first, why = binary[:1], "no column of money was found; this counts cases, not money"
    elif last := [name for name in sheet.looks if may_be(name) and sheet.looks[name].n_distinct > _HAS_MANY_VALUES]:
        first, why = last[-1:], "nothing is named like money; the last column of many values is taken"
    else:
        return (), ""
    return tuple(dict.fromkeys([*first, *binary])), why


def knows_the_truth(name: str) -> bool:
    """Whether a column is named, as in simulated sets, for what no experiment sees: both outcomes, or the effect."""
    return name.lower().replace("_", "").replace(".", "") in _TRUTHS


def _tells(look: ColumnLook) -> bool:
    """Whether a column can tell users apart without naming them."""
    is_time = look.time > 0.9 and look.number < 0.5
    return look.n_distinct > 1 and not is_time and (look.number > 0.9 or look.distinct < 0.2 or look.n_distinct <= _MOST_GROUPS)


def experiment_lines(draft: ExperimentDraft, marked: str) -> list[str]:
    """Return the lines of the configuration below its sources.

    Parameters
    ----------
    marked : str
        The mark of lines that only a person can answer.
    """
    actions = [name for name in draft.groups.values() if name != "none"]
    user = _sql(draft.user) if draft.user is not None else "__row + 1"
    who = "" if draft.user is not None else " # no column names the user: the number of the row does"
    lines = [
        "# One row a user. Canonical column: SQL expression over the source's columns.",
        "tables:",
        "  experiment:",
        f"    source: {draft.sheet.name}",
        "    columns:",
        f"      user_id: {yaml_text(user)}{who}",
        f"      treatment: {yaml_text(_sql(draft.treatment))} # {draft.confidence:.2f}",
    ]
    for name, column in (("propensity", draft.propensity), ("consent", draft.consent)):
        lines += [f"      {name}: {yaml_text(_sql(column))}{_confidence(draft, name, column)}"] if column else []
    lines += ["    values:", "      treatment:"]
    for raw, action in draft.groups.items():
        asked = f" # {marked}: is this the control group?" if action == "none" and draft.control_guessed else ""
        lines.append(f"        {quoted(raw)}: {action}{asked}")
    lines += [
        "",
        "# What the columns mean; those not mapped above are the source's columns of the same name.",
        "experiment:",
        "  outcomes: # the first is money, the others are told beside it",
    ]
    for place, name in enumerate(draft.outcomes):
        asked = f" # {marked}: {draft.money_guessed}" if place == 0 and draft.money_guessed else ""
        asked = asked or _confidence(draft, "money", name) or _confidence(draft, "outcome", name)
        lines.append(f"    - {yaml_text(name)}{asked}")
    lines.append("  money: revenue # or margin, if the first outcome is margin already")
    lines += folded("  covariates: [", draft.covariates, "] # known before the treatment: check this")
    return [
        *lines,
        *_shares(draft, marked),
        f"  horizon: two weeks # {marked}: how long outcomes were counted",
        f"  ended_on: 2024-12-31 # {marked}: last day on which outcomes were counted; the plan is for the day after",
        "",
        f"margin_share: 0.25 # {marked}: margin as a share of revenue; 0.25 is a placeholder",
        "margin_source: assumed",
        "",
        "actions:",
        *(line for name in actions for line in _action(name, marked)),
        "",
        "campaign:",
        f"  budget: 100 # {marked}: most the plan may cost",
        "  holdout_share: 0.1",
    ]


def _confidence(draft: ExperimentDraft, role: str, column: str) -> str:
    """Return the comment that says how sure a guess is; nothing where the column was not guessed for that role."""
    found = [guess.confidence for guess in draft.sheet.roles.get(role, []) if guess.column == column]
    return f" # {found[0]:.2f}" if found else ""


def _shares(draft: ExperimentDraft, marked: str) -> list[str]:
    """Return the line of the shares: those that the sizes look like, to be checked, or equal ones that are not in force."""
    look = draft.sheet.looks[draft.treatment]
    sizes = dict(zip(look.frequent, look.counts, strict=False))
    found = None if draft.propensity else round_shares([sizes.get(raw, 0) for raw in draft.groups])
    shares = found.shares if found is not None else tuple([1.0 / len(draft.groups)] * len(draft.groups))
    told = ", ".join(f"{name}: {share:.4g}" for name, share in zip(draft.groups.values(), shares, strict=True))
    if found is None:
        return [f"  # shares: {{{told}}} # where users were drawn: what was meant; the group sizes are then tested"]
    asked = "are these the shares that were meant? Guessed from the group sizes, which are tested against them"
    return [f"  shares: {{{told}}} # {found.confidence:.2f}; {marked}: {asked}"]


def _action(name: str, marked: str) -> list[str]:
    return [
        f"  - name: {name}",
        f"    kind: recommendation # {marked}: coupon, gift, recommendation or care",
        f"    channel: email # {marked}",
        f"    cost: 0.1 # {marked}: cost of one contact",
        "    effect: estimated",
    ]


def _sql(column: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_]*", column) and column not in _KEYWORDS
    return column if plain else '"' + column.replace('"', '""') + '"'


_KEYWORDS = frozenset({"group", "order", "table", "select", "case", "when", "user", "all", "column", "check", "default", "end"})
