"""The draft of an experiment: what its columns and files are taken for, once it is known to be one.

What came of it is guessed by name (money first, then what is yes or no); whatever else tells users apart is a covariate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import duckdb

from decision_engine.config.experiment import BEFORE
from decision_engine.history.arms import action_names, control_of, first_arm, is_called_like_arms, treatments
from decision_engine.history.arms_apart import named_elsewhere
from decision_engine.history.cluster_columns import cluster_column
from decision_engine.history.column_finder import Choose
from decision_engine.history.columns import ColumnLook
from decision_engine.history.experiment_files import ExperimentFiles, FileFinder, find_audience
from decision_engine.history.experiment_in_rows import RowsOfArms
from decision_engine.history.experiment_outcomes import NO_MONEY, EmptyAmounts, empty_amounts, find_outcomes
from decision_engine.history.experiment_times import TrialTimes, find_times
from decision_engine.history.infer import CLOSE, name_parts
from decision_engine.history.known_before import why_no_covariate
from decision_engine.history.propensity_readings import is_of_treatment, of_what_was_got
from decision_engine.history.sheets import Line, Sheet, hundredth_of, sql_of
from decision_engine.history.sources import literal

BY_FILE = 0.9  # confidence in arms that the names of files tell
_SAME = 0.95  # share of rows whose value is that of their arm, from which on a column is another name of the treatment
_PEOPLE = frozenset({"id", "subject", "participant", "respondent", "patient", "panelist", "proband", "teilnehmer"})
_ASSIGNS = 0.8  # confidence from which a column named like arms assigns users whose outcomes stand in other files
_MOSTLY = 0.8  # share of ids that are given once, in a file of arms that no log would be
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
    files : ExperimentFiles
        What the other files hold.
    times : TrialTimes
    cluster : str or None
        Column whose values were drawn as a whole.
    arm_of : dict of str to str
        The arm of all users of a file, by the file's name, where each arm has one of its own.
    names_from : str or None
        The file that names the arms.
    empty : EmptyAmounts or None
        How the first outcome is read where many of its rows are empty.
    is_in_rows : bool
        Whether the file has several rows a user, which all say who got what.
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
    files: ExperimentFiles
    times: TrialTimes
    cluster: str | None
    arm_of: dict[str, str] = field(default_factory=dict)
    names_from: str | None = None
    empty: EmptyAmounts | None = None
    is_in_rows: bool = False

    @property
    def counts_cases(self) -> bool:
        """Whether the first outcome is no amount of money, and what one case is worth has to be asked."""
        return self.money_guessed.startswith(NO_MONEY)

    @property
    def sheets(self) -> list[Sheet]:
        """All files that are used, the experiment's own first; each once."""
        return list({sheet.name: sheet for sheet in (self.sheet, *self.files.sheets)}.values())


def draft_experiment(
    connection: duckdb.DuckDBPyConnection,
    sheet: Sheet,
    others: Sequence[Sheet],
    choose: Choose,
    *,
    elsewhere: bool = False,
    arm_of: dict[str, str] | None = None,
) -> ExperimentDraft | None:
    """Draft the experiment of a sheet of one row a user; None where it holds none.

    Parameters
    ----------
    elsewhere : bool
        Whether what came of it must stand in other sheets.
    arm_of : dict of str to str, optional
        The arm of each file's users, where files are told apart by their names; the sheet's last column stands for it.
    """
    scored = [(list(sheet.looks)[-1], BY_FILE)] if arm_of else treatments(sheet)
    if not scored:
        return None
    treatment, confidence = _chosen(sheet, scored, choose)
    users = [
        guess.column
        for guess in sheet.roles.get("user", [])
        if may_name_rows(sheet, guess.column) and guess.column != treatment
    ]
    user = next(iter(users or _named_for_people(sheet, treatment)), None)
    propensity = next((guess.column for guess in sheet.roles.get("propensity", []) if guess.column != treatment), None)
    consent = next((guess.column for guess in sheet.roles.get("consent", []) if guess.confidence >= 0.8), None)
    taken = {treatment, propensity, consent, user, *sheet.personal}
    finder = FileFinder(connection, sheet, user, others, choose)
    came = _what_came(finder, taken, elsewhere=elsewhere)
    if came is None:
        return None
    known = {*taken, *came.own, came.times.column}
    cluster = None if arm_of else cluster_column(connection, sheet, treatment, known)
    rest = {name: look for name, look in sheet.looks.items() if name not in {*known, cluster}}
    left_out = _left_out(connection, sheet, treatment, rest)
    looked_up = [name for lookup in came.files.lookups for name in lookup.covariates]
    covariates = (*(name for name in rest if name not in left_out), *looked_up)
    find_audience(finder, came.files, treatment, came.own, covariates)
    names = named_elsewhere(connection, sheet.looks[treatment], others)
    names_from = next((file for _, file in names.values()), None)
    came.files.unused.pop(names_from or "", None)
    groups, control_guessed = _groups(sheet.looks[treatment], {raw: name for raw, (name, _) in names.items()})
    empty = empty_amounts(connection, sheet, came.own)
    sql = _expressions(connection, sheet, came.own, came.files) | ({empty.column: empty.expression} if empty else {})
    if propensity is not None:
        control = next(raw for raw, action in groups.items() if action == "none")
        is_control = f"trim(CAST({sql_of(connection, sheet.looks[treatment])} AS VARCHAR)) = {literal(control)}"
        if len(groups) == 2 and is_of_treatment(connection, sheet, f"NOT ({is_control})", propensity):
            sql[propensity] = of_what_was_got(connection, sheet, is_control, propensity)
    return ExperimentDraft(
        sheet=sheet,
        user=user,
        treatment=treatment,
        confidence=confidence,
        groups=groups,
        control_guessed=control_guessed,
        propensity=propensity,
        consent=consent,
        outcomes=came.outcomes,
        money_guessed=came.money_guessed,
        covariates=(*covariates, *came.before),
        left_out=left_out,
        sql=sql,
        files=came.files,
        times=came.times,
        cluster=cluster,
        arm_of=arm_of or {},
        names_from=names_from,
        empty=empty,
    )


def _chosen(sheet: Sheet, scored: Sequence[tuple[str, float]], choose: Choose) -> tuple[str, float]:
    """Return the treatment's column and its confidence; ask where two are close."""
    close = [(name, score) for name, score in scored if scored[0][1] - score < CLOSE]
    if len(close) == 1:
        return scored[0]
    return close[choose(f"{sheet.name}: which column names who got what?", [f"{name} ({score:.2f})" for name, score in close])]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of an experiment: outcomes of its own file and of others, and when."""

    own: tuple[str, ...]
    outcomes: tuple[str, ...]
    before: tuple[str, ...]
    money_guessed: str
    files: ExperimentFiles
    times: TrialTimes


def _what_came(finder: FileFinder, taken: set[str | None], *, elsewhere: bool) -> _Came | None:
    """Find the outcomes, in the experiment's own file and in others; None where nothing came of it."""
    sheet = finder.sheet
    own, money_guessed = find_outcomes(sheet, taken, named_only=bool(finder.sheets))
    is_paid = bool(own) and any(guess.column == own[0] for guess in sheet.roles.get("money", []))
    files = finder.find(list(sheet.looks), is_paid=is_paid)
    if not own and not files.events and not elsewhere:
        own, money_guessed = find_outcomes(sheet, taken)
    if not (own or files.events) or (elsewhere and not files.events):
        return None
    times = find_times(finder.connection, sheet, files.events, taken)
    if own and times.assigned_at is not None and times.column is None:
        files.set_dated_events_aside(own[0])
        times = find_times(finder.connection, sheet, files.events, taken)
    summed, before = _summed(files, times)
    if summed and not is_paid:
        money_guessed = "" if "revenue" in summed else money_guessed or NO_MONEY
    outcomes = (*own, *summed) if is_paid else (*summed, *own)
    if not outcomes:
        return None
    return _Came(own=own, outcomes=outcomes, before=tuple(before), money_guessed=money_guessed, files=files, times=times)


def _left_out(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, treatment: str, rest: dict[str, ColumnLook]
) -> dict[str, str]:
    """Return the columns that are no covariates, and why."""
    may_be_outcomes = [guess for role in ("outcome", "money") for guess in sheet.roles.get(role, [])]
    found = {name: why for name, look in rest.items() if (why := why_no_covariate(look, may_be_outcomes))}
    twins = (
        name for name, look in rest.items() if name not in found and _goes_with(connection, sheet, sheet.looks[treatment], look)
    )
    return found | {name: f"says the same as {treatment}" for name in twins}


def draft_in_rows(connection: duckdb.DuckDBPyConnection, rows: RowsOfArms, choose: Choose) -> ExperimentDraft:
    """Draft the experiment of a file of several rows a user."""
    sheet, treatment = rows.people, rows.treatment
    files = ExperimentFiles()
    events = FileFinder(connection, sheet, rows.user, [rows.events], choose).events_of(rows.events, rows.user, files)
    events.where = events.where or Line(expression=f"{rows.amount} IS NOT NULL")
    files.events.append(events)
    taken = {treatment, rows.user, *sheet.personal}
    times = find_times(connection, sheet, files.events, taken)
    summed, before = _summed(files, times)
    rest = {name: look for name, look in sheet.looks.items() if name not in {*taken, times.column}}
    left_out = {name: why for name, look in rest.items() if (why := why_no_covariate(look, []))}
    groups, control_guessed = _groups(sheet.looks[treatment], {})
    return ExperimentDraft(
        sheet=sheet,
        user=rows.user,
        treatment=treatment,
        confidence=rows.confidence,
        groups=groups,
        control_guessed=control_guessed,
        propensity=None,
        consent=None,
        outcomes=tuple(summed),
        money_guessed="" if "revenue" in summed else NO_MONEY,
        covariates=(*(name for name in rest if name not in left_out), *before),
        left_out=left_out,
        sql=_expressions(connection, sheet, (), files),
        files=files,
        times=times,
        cluster=None,
        is_in_rows=True,
    )


def _groups(look: ColumnLook, names: dict[str, str]) -> tuple[dict[str, str], bool]:
    """Return the action that each raw value of the treatment stands for, and whether the control group is guessed.

    Parameters
    ----------
    names : dict of str to str
        What another file calls the raw values; empty where none does.
    """
    called = replace(look, type="VARCHAR", frequent=tuple(names[value] for value in look.frequent)) if names else look
    control = control_of(called)
    actions = action_names(called, control or first_arm(called))
    if names:
        is_float = look.type in ("DOUBLE", "FLOAT")
        raws = {name: raw.removesuffix(".0") if is_float else raw for raw, name in names.items()}
        actions = {raws[name]: action for name, action in actions.items()}
    return actions, control is None


def _summed(files: ExperimentFiles, times: TrialTimes) -> tuple[list[str], list[str]]:
    """Return what is summed by user after the assignment, and what before it."""
    after, before = [], []
    for draft in files.events:
        names = [name for name in draft.lines if name not in ("user_id", "at")]
        after += names if draft.sheet.name not in times.only_before else []
        before += (
            [f"{name}{BEFORE}" for name in names] if "at" in draft.lines and draft.sheet.name not in times.none_before else []
        )
    return [name for name in files.outcomes if name in after], before


def _expressions(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, own: Sequence[str], files: ExperimentFiles
) -> dict[str, str]:
    """Return every column as an expression, under its sheet's name where a sheet that is looked up calls one the same."""
    there = {name.lower() for lookup in files.lookups for name in lookup.sheet.looks if name != lookup.there}
    found = {}
    for name, look in sheet.looks.items():
        plain = (hundredth_of(connection, look) if name in own else None) or sql_of(connection, look)
        is_twofold = name.lower() in there and plain == sql_of(connection, look) and not look.expression
        found[name] = f"{sheet.name}.{plain}" if is_twofold else plain
    return found | {
        name: sql_of(connection, lookup.sheet.looks[name]) for lookup in files.lookups for name in lookup.covariates
    }


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


def may_name_rows(sheet: Sheet, column: str) -> bool:
    """Whether a column names a row each but for slips, or in a file that no log would be: arms, and nothing that has a time."""
    look = sheet.looks[column]
    is_no_log = "time" not in sheet.roles and any(
        score >= _ASSIGNS and is_called_like_arms(sheet.looks[name]) for name, score in treatments(sheet)
    )
    return nearly_names_rows(sheet, column) or (is_no_log and look.distinct >= _MOSTLY and look.filled >= _NEARLY)


def nearly_names_rows(sheet: Sheet, column: str) -> bool:
    """Whether a column names a row each but for slips: a few ids that come twice make no log of an experiment."""
    look = sheet.looks[column]
    return sheet.is_key(column) or (look.distinct >= _NEARLY and look.filled >= _NEARLY)
