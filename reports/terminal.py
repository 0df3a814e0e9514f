"""The end of a run on a terminal of 80 columns: the policies as a table, the plan in a few lines."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.doubts import MINOR
from reports.phrases import assumption_sentence, budget_sentence, decision_sentence, occasion
from reports.plan import WHY_LEFT_OUT, actions_columns, actions_frame
from reports.policies import ranked_policies
from reports.tables import Column, estimate_column, money_column, plain, share_column, text_table, words_column

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 80
_DOUBTS_SHOWN = 6


def policies_text(
    policies: pd.DataFrame, currency: str, *, chosen: str = "", baselines: Collection[str] = (), weeks: int | str | None = None
) -> str:
    """Return the comparison as plain text, best first.

    Parameters
    ----------
    policies : frame
        name, value, low, high, spend; retention where it is known.
    weeks : int or str, optional
        The horizon, in weeks or in words.
    """
    frame = ranked_policies(policies, baselines=baselines, chosen=chosen)
    columns = [
        words_column("policy", "name"),
        estimate_column(f"value, {currency}", ("value", "low", "high"), frame),
        *([share_column("retained", "retention")] if "retention" in frame else []),
        money_column("spend", "spend", frame),
        words_column("role", "role"),
    ]
    within = "" if weeks is None else f" over {weeks if isinstance(weeks, str) else numbers.plural(weeks, 'week')}"
    return f"Policies: value per user{within}, against doing nothing\n{text_table(frame, columns, width=WIDTH, limit=40)}"


def plan_text(totals: Mapping[str, Any], settings: Mapping[str, Any], rows: pd.DataFrame | None = None) -> str:
    """Return a plan's summary as plain text; with `rows`, a table of its actions too."""
    left_out = (f"{count:,} because {WHY_LEFT_OUT.get(reason, reason)}" for reason, count in totals["excluded"].items())
    excluded = numbers.listing(left_out) or "nobody"
    sentences = [decision_sentence(totals, settings)]
    if totals["actions"]:
        sentences.append(assumption_sentence(totals, settings))
    sentences.append(budget_sentence(totals, settings))
    sentences.append(f"Held out for measurement: {totals['holdout']:,}. Left out: {excluded}.")
    said = textwrap.fill(plain(" ".join(sentences)), WIDTH)
    lines = [f"{totals['id']} {occasion(settings)}, by {settings['policy']}", said]
    if rows is not None and len(rows):
        frame = actions_frame(rows)
        lines += ["", text_table(frame, _lowered(actions_columns(frame, settings["currency"])), width=WIDTH, limit=40)]
    return "\n".join(lines)


def doubts_text(doubts: Sequence[Mapping[str, str]]) -> str:
    """Return what would overturn the plan, the most harmful first; empty where nothing would.

    Parameters
    ----------
    doubts : sequence of mappings
        `kind` and `words`, in the order of `reports.doubts.ORDER`.
    """
    grave = [doubt for doubt in doubts if doubt["kind"] not in MINOR]
    if not grave:
        return ""
    points = [
        textwrap.fill(plain(doubt["words"]), WIDTH, initial_indent="- ", subsequent_indent="  ")
        for doubt in grave[:_DOUBTS_SHOWN]
    ]
    left = len(doubts) - len(points)
    more = [f"({numbers.plural(left, 'further doubt')} in the report)"] if left else []
    return "\n".join(["What to doubt first", *points, *more])


def _lowered(columns: list[Column]) -> list[Column]:
    from dataclasses import replace

    return [replace(column, heading=column.heading[:1].lower() + column.heading[1:]) for column in columns]
