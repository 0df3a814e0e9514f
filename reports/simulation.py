"""A simulation on a terminal of 80 columns: what each policy is worth, and what the weeks bring."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports import numbers
from reports.tables import Column, estimate_column, money_column, number_column, plain, share_column, text_table, words_column
from reports.terminal import WIDTH

if TYPE_CHECKING:
    import pandas as pd


def simulation_text(
    policies: pd.DataFrame,
    weekly: pd.DataFrame,
    currency: str,
    *,
    n_users: int,
    weeks: int,
    level: float,
    assumed: Sequence[str] = (),
) -> str:
    """Return what was simulated as plain text, the best policy first.

    Parameters
    ----------
    policies : frame, a row a policy
        name, value, low, high, retention, contacts, spend, opt_outs.
    weekly : frame, a row a policy, week and quantity
        policy, week, quantity, mean, low, high: sums over users.
    assumed : sequence of str
        What is different from the history, each an assumption.
    """
    ranked = policies.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    span = numbers.plural(weeks, "week")
    lead = f"{numbers.plural(n_users, 'user')}, {span} from the end of the history, {level:.0%} intervals."
    parts = [textwrap.fill(plain(lead), WIDTH)]
    if assumed:
        parts.append("\n".join(["Assumed, and in no data:", *(_item(words) for words in assumed)]))
    columns = [
        words_column("policy", "name"),
        estimate_column(f"value, {currency}", ("value", "low", "high"), ranked),
        share_column("retained", "retention"),
        number_column("contacts", "contacts", 2),
        money_column("spend", "spend", ranked),
        share_column("opt-outs", "opt_outs"),
    ]
    parts.append(f"Value per user over {span}, against doing nothing\n{text_table(ranked, columns, width=WIDTH, limit=40)}")
    sums = _sums(weekly, ranked["name"].tolist())
    columns = [words_column("policy", "policy"), *(_sum_column(sums, name) for name in ("order_days", "revenue", "cost"))]
    parts.append(
        f"Sums over all users and weeks (mean; per week in the file)\n{text_table(sums, columns, width=WIDTH, limit=40)}"
    )
    return "\n\n".join(parts)


def _item(words: str) -> str:
    return textwrap.fill(plain(words), WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _sums(weekly: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    sums = weekly.pivot_table(index="policy", columns="quantity", values="mean", aggfunc="sum").reindex(order)
    return sums.reset_index()


def _sum_column(sums: pd.DataFrame, name: str) -> Column:
    return number_column(name.replace("_", "-" if name == "order_days" else " "), name, 0)
