"""An experiment in one file of several rows a user: orders or weeks of a test's users, each with the user's arm beside it.

Such a file tells both who got what, the same on every row of a user, and what came of it, a row each. It is an experiment
only if users without any outcome are in it: a list of buyers alone leaves out whoever bought nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from decision_engine.history.arms import is_called_like_arms, treatments
from decision_engine.history.sheets import Sheet, number_of, sql_of

BUYERS_ONLY = (
    "{sheet} is taken for a history of orders. {treatment} looks like the arms of a test, but {sheet} holds buyers alone: "
    "whoever bought nothing is missing, and effects on buyers alone mislead. Name a file of everybody assigned beside it"
)
_ASSIGNS = 0.5  # confidence from which a column that is called like arms is looked at
_CONSTANT = 0.98  # share of users of several rows whose every row must say the same
_FEWEST_USERS = 60
_SEVERAL = 0.2  # share of users that must have several rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOfArms:
    """One file, parted into what it says of people and of what came about.

    Attributes
    ----------
    people : Sheet
        With the columns that are the same on every row of a user.
    events : Sheet
        With the others, and the user.
    user, treatment : str
    confidence : float
    buyers_only : bool
        Whether every user has an amount, so that those who bought nothing are missing.
    amount : str
        The amount as SQL.
    """

    people: Sheet
    events: Sheet
    user: str
    treatment: str
    confidence: float
    buyers_only: bool
    amount: str


def rows_of_arms(connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet]) -> RowsOfArms | None:
    """Return the experiment that the only file holds in rows of events; None where it holds none."""
    if len(sheets) != 1 or not {"user", "money"} <= sheets[0].roles.keys() or "text" in sheets[0].roles:
        return None
    (sheet,) = sheets
    user = sheet.roles["user"][0].column
    arms = [
        (name, score)
        for name, score in treatments(sheet)
        if score >= _ASSIGNS and is_called_like_arms(sheet.looks[name]) and name != user
    ]
    if not arms:
        return None
    constant = _constant_columns(connection, sheet, user)
    arms = [(name, score) for name, score in arms if name in constant]
    if not arms:
        return None
    treatment, confidence = arms[0]
    amount = number_of(connection, sheet.looks[sheet.roles["money"][0].column])
    who = sql_of(connection, sheet.looks[user])
    bought = f"SELECT max(coalesce({amount}, 0) <> 0) AS b FROM {sheet.source.view} GROUP BY {who}"
    (every,) = connection.execute(f"SELECT coalesce(bool_and(b), true) FROM ({bought})").fetchall()[0]
    return RowsOfArms(
        people=_part(sheet, {*constant, user}),
        events=_part(sheet, {name for name in sheet.looks if name not in constant} | {user}),
        user=user,
        treatment=treatment,
        confidence=confidence,
        buyers_only=bool(every),
        amount=amount,
    )


def _constant_columns(connection: duckdb.DuckDBPyConnection, sheet: Sheet, user: str) -> set[str]:
    """Return the columns that say the same on every row of a user, where enough users have several rows; else none."""
    others = [name for name in sheet.looks if name != user]
    columns = [sql_of(connection, sheet.looks[name]) for name in others]
    told = ", ".join(f"count(DISTINCT {c}) <= 1 AND count({c}) IN (0, count(*)) AS c{k}" for k, c in enumerate(columns))
    named = ", ".join(f"avg(CAST(c{k} AS INTEGER))" for k in range(len(others)))
    who = sql_of(connection, sheet.looks[user])
    people = f"SELECT count(*) AS n, {told} FROM {sheet.source.view} WHERE {who} IS NOT NULL GROUP BY {who}"
    n_users, n_several, *shares = connection.execute(
        f"SELECT (SELECT count(*) FROM ({people})), count(*), {named} FROM ({people}) WHERE n > 1"
    ).fetchall()[0]
    if n_users < _FEWEST_USERS or n_several < _SEVERAL * n_users:
        return set()
    return {name for name, share in zip(others, shares, strict=True) if share >= _CONSTANT}


def _part(sheet: Sheet, columns: set[str]) -> Sheet:
    """Return a sheet with some of its columns."""
    roles = {role: [guess for guess in guesses if guess.column in columns] for role, guesses in sheet.roles.items()}
    return replace(
        sheet,
        looks={name: look for name, look in sheet.looks.items() if name in columns},
        roles={role: guesses for role, guesses in roles.items() if guesses},
    )
