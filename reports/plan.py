"""The plan's page: who gets what, who is left out and why, and what the limits are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.document import Section
from reports.drawing import Chart, figure
from reports.figures import budget_chart, counts_chart
from reports.markup import Html, bullets, heading, joined, paragraph
from reports.phrases import (
    budget_sentence,
    capacity_sentences,
    flattery_sentence,
    from_experiment,
    gap_sentence,
    horizon,
    occasion,
)
from reports.tables import Column, estimate_column, html_table, money_column, number_column, words_column

if TYPE_CHECKING:
    import pandas as pd

ROWS_SHOWN = 20
_NOTHING_UNUSUAL = "nothing unusual: chosen by its expected increment"
WHY_LEFT_OUT = {
    "no consent": "they did not agree to be contacted",
    "opted out": "they asked for no more contact",
    "contact cap": "they had as many contacts as the rules allow",
    "cool-down": "they were contacted too recently",
    "no gain": "no allowed action is worth its cost",
    "policy: none chosen": "the policy leaves them alone",
    "capacity": "all places went to others",
    "budget": "the budget went to others",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanReport:
    """A plan as its page needs it.

    Attributes
    ----------
    totals, settings : mappings
        Of the plan's JSON form, see docs/plan.md.
    rows : frame
        user_id, action, cost, increment, low, high, source, reasons.
    rows_file : str or None
        Where all rows are.
    budget_curve : frame or None
        budget, value, and bound where known, in currency.
    """

    totals: Mapping[str, Any]
    settings: Mapping[str, Any]
    rows: pd.DataFrame
    rows_file: str | None = None
    budget_curve: pd.DataFrame | None = None


def plan_section(plan: PlanReport) -> Section:
    """Lay out the plan.

    Raises
    ------
    ValueError
        If the users with an action, held out and excluded are not the audience.
    """
    totals, settings = plan.totals, plan.settings
    body = [
        paragraph(_first_up(f"{occasion(settings)}, made with what was known on {settings['as_of']}.")),
        *(_actions(plan) if totals["actions"] else []),
        heading("Everybody in one place"),
        _audience_table(totals),
        figure(_audience_chart(totals), "What becomes of the users of the audience."),
    ]
    if totals["actions"]:
        body += [
            heading(f"The {numbers.plural(min(ROWS_SHOWN, len(plan.rows)), 'row')} with the largest increment"),
            _rows_table(plan),
        ]
    body += [heading("Limits"), _limits(plan)]
    if plan.budget_curve is not None and len(plan.budget_curve):
        chart = budget_chart(plan.budget_curve, currency=settings["currency"], budget=totals["budget"])
        whose = "the predictions" if from_experiment(settings) else "all simulators"
        caption = f"What each budget would bring, by the figures of {whose}: read its shape, not its height."
        body.append(figure(chart, caption))
    return Section(heading="The plan", body=tuple(part for part in body if part))


def _first_up(words: str) -> str:
    return words[:1].upper() + words[1:]


def actions_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row an action: action, source, users, cost, increment; the dearest first."""
    grouped = rows.groupby("action", sort=True).agg(
        source=("source", "first"), users=("user_id", "size"), cost=("cost", "sum"), increment=("increment", "sum")
    )
    return grouped.reset_index().sort_values("cost", ascending=False, kind="stable", ignore_index=True)


def actions_columns(frame: pd.DataFrame, currency: str) -> list[Column]:
    """Return the columns of `actions_frame` as people read them."""
    return [
        words_column("Action", "action"),
        number_column("Users", "users", 0),
        money_column(f"Cost, {currency}", "cost", frame),
        money_column(f"Expected increment, {currency}", "increment", frame, assumed="source"),
    ]


def _actions(plan: PlanReport) -> list[Html]:
    frame, currency = actions_frame(plan.rows), plan.settings["currency"]
    total = (
        "Together",
        f"{frame['users'].sum():,}",
        numbers.money(plan.totals["cost"]),
        numbers.money(plan.totals["increment"]),
    )
    table = html_table(
        frame,
        actions_columns(frame, currency),
        caption="Actions by name: expected cost, redemptions included, and expected extra margin net of it.",
        total=total,
        limit=40,
    )
    words = [flattery_sentence(plan.totals, plan.settings), gap_sentence(plan.totals, plan.settings)]
    return [table, paragraph(*(sentence for sentence in words if sentence))]


def _audience_table(totals: Mapping[str, Any]) -> Html:
    import pandas as pd

    rows = [(f"get {name}", count, "") for name, count in totals["actions_by_name"].items()]
    rows.append(("are held out", totals["holdout"], "never contacted, so that the effect can be measured"))
    rows += [(f"are left out: {reason}", count, WHY_LEFT_OUT.get(reason, "")) for reason, count in totals["excluded"].items()]
    counted = sum(count for _, count, _ in rows)
    if counted != totals["audience"]:
        raise ValueError(
            f"plan: {counted:,} users have an action, are held out or excluded, but the audience is {totals['audience']:,}; "
            "everybody belongs in exactly one place."
        )
    return html_table(
        pd.DataFrame(rows, columns=["what", "users", "why"]),
        [words_column("Users who", "what"), number_column("Users", "users", 0), words_column("Why", "why")],
        caption="The audience, everybody once.",
        total=("Audience", f"{counted:,}", ""),
        limit=60,
    )


def _audience_chart(totals: Mapping[str, Any]) -> Chart:
    actions, excluded = totals["actions_by_name"], totals["excluded"]
    kinds = dict.fromkeys(actions, "action") | {"held out": "holdout"} | dict.fromkeys(excluded, "excluded")
    return counts_chart({**actions, "held out": totals["holdout"], **excluded}, kinds=kinds)


def _rows_table(plan: PlanReport) -> Html:
    rows = plan.rows.sort_values("increment", ascending=False, kind="stable", ignore_index=True)
    currency, shown = plan.settings["currency"], rows.head(ROWS_SHOWN)
    columns = [
        words_column("User", "user_id"),
        words_column("Action", "action"),
        money_column(f"Cost, {currency}", "cost", shown),
        estimate_column(f"Increment (interval), {currency}", ("increment", "low", "high"), shown, assumed="source"),
        Column(heading="What sets the user apart", values=("reasons",), show=_reasons, align="left"),
    ]
    level = plan.settings["interval_level"]
    caption = f"Expected extra margin net of cost within {horizon(plan.settings)}, with {level:.0%} intervals."
    return html_table(rows, columns, caption=caption, limit=ROWS_SHOWN, file=plan.rows_file)


def _reasons(phrases: Sequence[str]) -> str:
    return numbers.text(phrases) if len(phrases) else _NOTHING_UNUSUAL


def _limits(plan: PlanReport) -> Html:
    sentences = [budget_sentence(plan.totals, plan.settings), *capacity_sentences(plan.totals, plan.settings)]
    return joined([bullets(sentences)])
