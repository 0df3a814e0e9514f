"""The draft of an experiment: a file of one row a user whose column of few values names who got what.

It is one if nobody is in it twice, and a column with few values is named like a treatment or holds a value named like a control
group; a file with a column of times must have both, beside a column named like an outcome, or it is a log. What came of it is
guessed by name (money first, then what is yes or no); whatever else tells users apart is a covariate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from decision_engine.history.arms import action_names, control_of, first_arm, treatments
from decision_engine.history.column_finder import Choose
from decision_engine.history.columns import ColumnLook
from decision_engine.history.flags import flag_values
from decision_engine.history.infer import CLOSE, name_parts
from decision_engine.history.known_before import is_before, why_no_covariate, why_no_part
from decision_engine.history.sheets import Sheet, hundredth_of, sql_of

_PLAIN = 0.9  # confidence from which a column is the treatment even beside a column of times
_TIME = 0.6  # confidence from which a column of times says that the file is a log
_HAS_MANY_VALUES = 12
_IS_MONEY = 0.7  # confidence in money below which somebody should look
_SAME = 0.95  # share of rows whose value is that of their arm, from which on a column is another name of the treatment
_PEOPLE = frozenset({"id", "subject", "participant", "respondent", "patient", "panelist", "proband", "teilnehmer"})
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
    left_out : dict of str to str
        Columns that are no covariates, and why.
    sql : dict of str to str
        Every column as an expression.
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
    left_out: dict[str, str]
    sql: dict[str, str]


def find_experiment(connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet], choose: Choose) -> ExperimentDraft | None:
    """Return the experiment that one of the files holds; None where none does.

    Beside a file of orders, one row a user is a list of customers unless its columns say both who got what and what came of it.
    """
    for sheet in sheets:
        is_plain = _says_both(sheet) or not any(_lists_orders(other) for other in sheets if other is not sheet)
        found = _draft(connection, sheet, choose) if is_plain and _is_one_row_a_user(sheet) else None
        if found is not None:
            return found
    return None


def _lists_orders(sheet: Sheet) -> bool:
    return {"user", "time"} <= sheet.roles.keys() and bool({"order", "money"} & sheet.roles.keys()) and not _says_both(sheet)


def _says_both(sheet: Sheet) -> bool:
    return "outcome" in sheet.roles and _best_arm(sheet) >= _PLAIN


def _best_arm(sheet: Sheet) -> float:
    return max(dict(treatments(sheet)).values(), default=0.0)


def _is_one_row_a_user(sheet: Sheet) -> bool:
    users = sheet.roles.get("user", [])
    repeated = bool(users) and users[0].confidence >= _TIME and not _nearly_names_rows(sheet, users[0].column)
    if repeated or "text" in sheet.roles or "order" in sheet.roles:
        return False
    has_times = any(guess.confidence >= _TIME for guess in sheet.roles.get("time", []))
    is_paid = "money" in sheet.roles and _best_arm(sheet) >= _PLAIN and not {"product", "quantity"} & sheet.roles.keys()
    return not has_times or (bool(users) and (is_paid or _says_both(sheet)))


def _nearly_names_rows(sheet: Sheet, column: str) -> bool:
    """Whether a column names a row each but for slips: a few ids that come twice make no log of an experiment."""
    look = sheet.looks[column]
    return sheet.is_key(column) or (look.distinct >= _NEARLY and look.filled >= _NEARLY)


def _draft(connection: duckdb.DuckDBPyConnection, sheet: Sheet, choose: Choose) -> ExperimentDraft | None:
    scored = treatments(sheet)
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
    users = users or _named_for_people(sheet, treatment)
    propensity = next((guess.column for guess in sheet.roles.get("propensity", []) if guess.column != treatment), None)
    consent = next((guess.column for guess in sheet.roles.get("consent", []) if guess.confidence >= 0.8), None)
    taken = {treatment, propensity, consent, *users[:1], *sheet.personal}
    outcomes, money_guessed = _outcomes(sheet, taken)
    if not outcomes:
        return None
    may_be_outcomes = [guess for role in ("outcome", "money") for guess in sheet.roles.get(role, [])]
    others = {name: look for name, look in sheet.looks.items() if name not in taken and name not in outcomes}
    left_out = {name: why for name, look in others.items() if (why := why_no_covariate(look, may_be_outcomes))}
    left_out |= {
        name: f"says the same as {treatment}"
        for name, look in others.items()
        if name not in left_out and _goes_with(connection, sheet, sheet.looks[treatment], look)
    }
    control = control_of(sheet.looks[treatment])
    return ExperimentDraft(
        sheet=sheet,
        user=users[0] if users else None,
        treatment=treatment,
        confidence=confidence,
        groups=action_names(sheet.looks[treatment], control or first_arm(sheet.looks[treatment])),
        control_guessed=control is None,
        propensity=propensity,
        consent=consent,
        outcomes=outcomes,
        money_guessed=money_guessed,
        covariates=tuple(name for name in others if name not in left_out),
        left_out=left_out,
        sql={
            name: (hundredth_of(connection, look) if name in outcomes else None) or sql_of(connection, look)
            for name, look in sheet.looks.items()
        },
    )


def _named_for_people(sheet: Sheet, treatment: str) -> list[str]:
    """Return columns that name each row once, and are called like those that name the people of a study."""
    return [
        name
        for name in sheet.looks
        if sheet.is_key(name) and name != treatment and name not in sheet.personal and _PEOPLE & set(name_parts(name))
    ]


def _goes_with(connection: duckdb.DuckDBPyConnection, sheet: Sheet, treatment: ColumnLook, look: ColumnLook) -> bool:
    """Whether a column of as many values as there are arms has one value to each, but for slips."""
    if look.n_distinct != treatment.n_distinct:
        return False
    arm, value = sql_of(connection, treatment), sql_of(connection, look)
    pairs = f"SELECT {arm} AS arm, {value} AS value, count(*) AS n FROM {sheet.source.view} GROUP BY ALL"
    (named, share) = connection.execute(
        f"SELECT count(DISTINCT most), sum(best) / sum(every) FROM (SELECT arm, arg_max(value, n) AS most, max(n) AS best, "
        f"sum(n) AS every FROM ({pairs}) GROUP BY arm)"
    ).fetchall()[0]
    return bool(named == treatment.n_distinct and share > _SAME)


def _outcomes(sheet: Sheet, taken: set[str | None]) -> tuple[tuple[str, ...], str]:
    """Return the outcomes' columns, money first, and why the first should be looked at."""

    def may_be(name: str) -> bool:
        look = sheet.looks[name]
        is_counted = look.counts_something or bool(flag_values(look))
        is_time = bool(look.epoch) or (look.time > 0.9 and look.number < 0.5)
        return is_counted and not is_time and name not in taken and not why_no_part(look) and not is_before(name)

    money = [guess for guess in sheet.roles.get("money", []) if may_be(guess.column)]
    named = [guess.column for guess in sheet.roles.get("outcome", []) if may_be(guess.column)]
    many = [name for name in named if sheet.looks[name].n_distinct > 2]
    binary = [name for name in named if sheet.looks[name].n_distinct == 2]
    first = [money[0].column] if money else many[:1]
    if first:
        why = "" if money and money[0].confidence >= _IS_MONEY else "the name does not say for sure that it is money"
    elif binary:
        first, why = binary[:1], "no column of money was found; this counts cases, not money"
    elif last := [name for name in sheet.looks if may_be(name) and sheet.looks[name].n_distinct > _HAS_MANY_VALUES]:
        first, why = last[-1:], "nothing is named like money; the last column of many values is taken"
    else:
        return (), ""
    return tuple(dict.fromkeys([*first, *binary, *many])), why
