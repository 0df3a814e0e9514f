"""Logged rounds: decisions written down one by one with their probabilities and outcomes, about users named or not."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from decision_engine.history.column_finder import time_of
from decision_engine.history.columns import ColumnLook
from decision_engine.history.flags import flag_values
from decision_engine.history.sheets import Line, Sheet, TableDraft, identifier, number_of, sql_of
from decision_engine.history.sources import literal
from simulations.actions import MAX_ACTIONS

MOST_ACTIONS = MAX_ACTIONS - 1  # besides `none`
_SURE = 0.7  # a guess below this names a feature of users rather than a user


def rounds_of(connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet]) -> list[TableDraft] | None:
    """Draft decisions that were logged one by one with their probabilities and outcomes; None without any.

    An outcome that came about is an order. Where the log names nobody, each round counts as a user of its own: what the log
    says of its actions can then be reckoned, and nothing about how people live.
    """
    for sheet in sheets:
        actions = sheet.roles.get("action", []) or [
            g for g in sheet.roles.get("product", []) if sheet.looks[g.column].distinct < 0.5
        ]
        outcomes = sheet.roles.get("outcome", []) or sheet.roles.get("money", [])
        if not actions or not outcomes or "time" not in sheet.roles or "propensity" not in sheet.roles:
            continue
        time, chance, outcome = (
            sheet.looks[guess.column] for guess in (sheet.roles["time"][0], sheet.roles["propensity"][0], outcomes[0])
        )
        own = [name for name, look in sheet.looks.items() if not look.expression and look.n_distinct > 1]
        round_id = f"left(sha256(concat_ws(' ', {', '.join(identifier(connection, name) for name in own[:12])})), 16)"
        named = next((guess for guess in sheet.roles.get("user", []) if guess.confidence >= _SURE), None)
        if named is None:
            user = Line(expression=round_id, remark="nobody is named: each round counts as a user of its own")
        else:
            user = Line(expression=sql_of(connection, sheet.looks[named.column]), confidence=named.confidence)
        when = Line(expression=time_of(connection, time), confidence=sheet.roles["time"][0].confidence)
        action, chances = _grouped_actions(connection, sheet, sheet.looks[actions[0].column], sql_of(connection, chance))
        lines = {"user_id": user, "exposed_at": when, "action": action}
        if chances is not None:
            lines["propensity"] = chances
        came = condition_of(connection, outcome)
        orders = {"user_id": user, "order_id": Line(expression=round_id), "ordered_at": when}
        orders["revenue"] = _worth(connection, outcome, outcomes[0].role)
        return [
            TableDraft(
                table="orders", sheet=sheet, where=Line(expression=came), lines=orders, is_of_rounds=named is None,
                remarks=(f"each row is a decision: it counts as an order where {came}",),
            ),
            TableDraft(table="exposures", sheet=sheet, lines=lines, is_of_rounds=named is None),
        ]  # fmt: skip
    return None


def is_of_decisions(sheet: Sheet) -> bool:
    """Whether a sheet's rows are decisions with their probabilities, rather than orders."""
    sure = (("propensity", 0.7), ("action", 0.5))
    return all(any(guess.confidence >= least for guess in sheet.roles.get(role, [])) for role, least in sure)


def condition_of(connection: duckdb.DuckDBPyConnection, outcome: ColumnLook) -> str:
    """Return the condition that an outcome came about: a number above zero, or a word for yes."""
    yes = [value for value, counts in flag_values(outcome).items() if counts]
    if yes:
        written = (
            sql_of(connection, outcome) if outcome.type == "VARCHAR" else f"CAST({sql_of(connection, outcome)} AS VARCHAR)"
        )
        return f"trim({written}) IN ({', '.join(literal(value) for value in yes)})"
    return f"{number_of(connection, outcome)} > 0"


def _worth(connection: duckdb.DuckDBPyConnection, outcome: ColumnLook, role: str) -> Line:
    """Return the money of a round: what was paid, or the outcome times a worth that only the reader knows."""
    if role == "money":
        return Line(expression=number_of(connection, outcome))
    worth = "what an outcome is worth, in currency, times the outcome"
    if flag_values(outcome):
        return Line(expression="1.0", remark="the outcome stands for money", fill_in=worth)
    return Line(expression=number_of(connection, outcome), remark="the outcome stands for money", fill_in=worth)


def _grouped_actions(
    connection: duckdb.DuckDBPyConnection, sheet: Sheet, look: ColumnLook, chance: str
) -> tuple[Line, Line | None]:
    """Return the action and its probability; more actions than can be told apart are put into two halves.

    The probability of a half is known where every action had the same one: that times the number of actions in the half.
    """
    action = sql_of(connection, look)
    if look.n_distinct <= MOST_ACTIONS:
        return Line(expression=action), Line(expression=chance)
    half = look.n_distinct // 2
    values = f"SELECT DISTINCT CAST({action} AS VARCHAR) AS v FROM {sheet.source.view} WHERE {action} IS NOT NULL"
    order = "TRY_CAST(v AS DOUBLE), v"
    (middle,) = connection.execute(f"SELECT v FROM ({values}) ORDER BY {order} LIMIT 1 OFFSET {half}").fetchall()[0]
    below = f"CAST({action} AS DOUBLE) < {middle}" if look.number > 0.9 else f"{action} < {literal(middle)}"
    (different,) = connection.execute(
        f"SELECT count(DISTINCT CAST({chance} AS DOUBLE)) FROM {sheet.source.view}"
    ).fetchall()[0]  # fmt: skip
    said = (
        f"{look.n_distinct} actions are more than the {MOST_ACTIONS} that can be told apart: group them as you would use them"
    )
    line = Line(expression=f"CASE WHEN {below} THEN 'first_half' ELSE 'second_half' END", fill_in=said)
    if different != 1:
        return line, None  # of a half that was drawn with changing probabilities nobody knows the probability
    whole = f"CASE WHEN {below} THEN {half} ELSE {look.n_distinct - half} END * TRY_CAST({chance} AS DOUBLE)"
    return line, Line(expression=f"least({whole}, 1.0)", remark="of a half: that of all its actions together")
