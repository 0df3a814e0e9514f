"""Whether files hold an experiment: one row a user, and a column of few values that names who got what.

It is one if nobody is in it twice, and a column with few values is named like a treatment or holds a value named like a control
group; a file with a column of times must have both, beside a column named like an outcome, or it is a log. What came of it is
guessed by name (money first, then what is yes or no); whatever else tells users apart is a covariate. What came of it may also
stand in other files, by the same users: then the file that names who got what need hold no more than that.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from decision_engine.history.arms import is_called_like_arms, treatments
from decision_engine.history.arms_apart import arms_apart
from decision_engine.history.column_finder import Choose
from decision_engine.history.experiment_draft import (
    ExperimentDraft,
    draft_experiment,
    draft_in_rows,
    may_name_rows,
    nearly_names_rows,
)
from decision_engine.history.experiment_in_rows import rows_of_arms
from decision_engine.history.sheets import Sheet

_PLAIN = 0.9  # confidence from which a column is the treatment even beside a column of times
_TIME = 0.6  # confidence from which a column of times says that the file is a log
_ASSIGNS = 0.8  # confidence from which a column named like arms assigns users whose outcomes stand in other files


def find_experiment(connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet], choose: Choose) -> ExperimentDraft | None:
    """Return the experiment that the files hold; None where none does.

    Beside a file of orders, one row a user is a list of customers unless its columns say both who got what and what came of it,
    or name arms, a control group among them, as nothing but a test does.
    """
    if (apart := arms_apart(sheets)) is not None:
        sheet, arm_of = apart
        others = [other for other in sheets if other.name not in arm_of]
        found = draft_experiment(connection, sheet, others, choose, arm_of=arm_of)
        if found is not None:
            found.files.parts.extend(other for other in sheets if other.name in arm_of and other.name != sheet.name)
            return found
    for sheet in sheets:
        others = [other for other in sheets if other is not sheet]
        is_plain = _says_both(sheet) or not any(_lists_orders(other) for other in others)
        found = draft_experiment(connection, sheet, others, choose) if is_plain and _is_one_row_a_user(sheet) else None
        if found is None and _assigns(sheet) and not any(_logs_contacts(other) for other in others):
            found = draft_experiment(connection, sheet, others, choose, elsewhere=True)
        if found is not None:
            return found
    rows = rows_of_arms(connection, sheets)
    return None if rows is None or rows.buyers_only else draft_in_rows(connection, rows, choose)


def _assigns(sheet: Sheet) -> bool:
    """Whether a file says of each user once which arm of a test they are in."""
    users = sheet.roles.get("user", [])
    if not users or not nearly_names_rows(sheet, users[0].column):
        return False
    return any(score >= _ASSIGNS and is_called_like_arms(sheet.looks[name]) for name, score in treatments(sheet))


def _logs_contacts(sheet: Sheet) -> bool:
    """Whether a file lists contacts with users, several a user."""
    named = any(guess.confidence >= _TIME for guess in sheet.roles.get("action", []))
    users = sheet.roles.get("user", [])
    return named and "time" in sheet.roles and bool(users) and not nearly_names_rows(sheet, users[0].column)


def _lists_orders(sheet: Sheet) -> bool:
    return {"user", "time"} <= sheet.roles.keys() and bool({"order", "money"} & sheet.roles.keys()) and not _says_both(sheet)


def _says_both(sheet: Sheet) -> bool:
    return "outcome" in sheet.roles and _best_arm(sheet) >= _PLAIN


def _best_arm(sheet: Sheet) -> float:
    return max(dict(treatments(sheet)).values(), default=0.0)


def _is_one_row_a_user(sheet: Sheet) -> bool:
    users = sheet.roles.get("user", [])
    repeated = bool(users) and users[0].confidence >= _TIME and not may_name_rows(sheet, users[0].column)
    if repeated or "text" in sheet.roles or "order" in sheet.roles:
        return False
    has_times = any(guess.confidence >= _TIME for guess in sheet.roles.get("time", []))
    is_paid = "money" in sheet.roles and _best_arm(sheet) >= _PLAIN and not {"product", "quantity"} & sheet.roles.keys()
    return not has_times or (bool(users) and (is_paid or _says_both(sheet)))
