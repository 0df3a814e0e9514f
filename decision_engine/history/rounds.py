"""Logged rounds: decisions written down one by one with their probabilities and outcomes, by a log that names nobody."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from decision_engine.history.columns import ColumnLook
from decision_engine.history.sheets import Line, Sheet, TableDraft, identifier, sql_of
from decision_engine.history.sources import literal
from simulations.actions import MAX_ACTIONS

MOST_ACTIONS = MAX_ACTIONS - 1  # besides `none`
_SURE = 0.7  # a guess below this names a feature of users rather than a user


def rounds_of(connection: duckdb.DuckDBPyConnection, sheets: Sequence[Sheet]) -> list[TableDraft] | None:
    """Draft decisions that were logged one by one with their probabilities and outcomes, and name nobody; None without any.

    Each round counts as a user of its own, whose one order is the outcome: what the log says of its actions can then be
    reckoned, and nothing about how people live.
    """
    for sheet in sheets:
        guesses = {role: sheet.roles.get(role, []) for role in ("time", "propensity", "outcome")}
        actions = sheet.roles.get("action", []) or [
            g for g in sheet.roles.get("product", []) if sheet.looks[g.column].distinct < 0.5
        ]
        if not all(guesses.values()) or not actions or any(guess.confidence >= _SURE for guess in sheet.roles.get("user", [])):
            continue
        time, chance, outcome = (
            sql_of(connection, sheet.looks[guesses[role][0].column]) for role in ("time", "propensity", "outcome")
        )
        own = [name for name, look in sheet.looks.items() if not look.expression and look.n_distinct > 1]
        who = f"left(sha256(concat_ws(' ', {', '.join(identifier(connection, name) for name in own[:12])})), 16)"
        user = Line(expression=who, remark="nobody is named: each round counts as a user of its own")
        when = Line(expression=time, confidence=guesses["time"][0].confidence)
        action, chances = _grouped_actions(connection, sheet, sheet.looks[actions[0].column], chance)
        lines = {"user_id": user, "exposed_at": when, "action": action}
        if chances is not None:
            lines["propensity"] = chances
        paid = Line(expression=f"TRY_CAST({outcome} AS DOUBLE)", remark="the outcome stands for money",
                    fill_in="what an outcome is worth, in currency, times the outcome")  # fmt: skip
        orders = {"user_id": user, "order_id": Line(expression=who), "ordered_at": when, "revenue": paid}
        return [
            TableDraft(
                table="orders",
                sheet=sheet,
                where=Line(expression=f"TRY_CAST({outcome} AS DOUBLE) > 0"),
                lines=orders,
                is_of_rounds=True,
            ),
            TableDraft(table="exposures", sheet=sheet, lines=lines, is_of_rounds=True),
        ]
    return None


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
