"""The lines of a first configuration that only a person can answer: margin, costs, what actions are thought to do, a budget.

Each stands there as a value that makes the file valid, with the mark of a placeholder behind it: results rest on these numbers,
and no file tells them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd

from decision_engine.config.placeholders import FILL_IN
from decision_engine.history.action_drafts import ActionDraft
from decision_engine.history.record import History
from decision_engine.history.yaml_text import yaml_text

_DAY = date(2024, 1, 1)  # a Monday; stands where no order tells the weeks


def time_lines(
    first_day: date, n_weeks: int, *, remark: str = "", zone: bool = False, marked: bool = False, whole: bool = True
) -> list[str]:
    """Return the lines about time.

    Parameters
    ----------
    remark : str
        A comment for the line of the first day.
    zone : bool
        Whether the shop's zone matters, as times tell how far they are from UTC.
    marked : bool
        Whether the weeks themselves are placeholders.
    whole : bool
        Whether orders can lie on every day of every week.
    """
    fitting = max(1, min(n_weeks - 1, round(0.77 * n_weeks)))
    horizon = max(1, min(8, n_weeks - fitting))
    asked = f"# {FILL_IN}: " if marked else "# "
    told = "last complete week of the history" if marked else "complete weeks" if whole else "weeks"
    first = f" # {FILL_IN}: first business day of week 1" if marked else remark
    zones = [f"  time_zone: UTC # {FILL_IN}: the shop's zone, such as Europe/Berlin; times tell how far they are from UTC"]
    return [
        "time:",
        f"  first_day: {first_day.isoformat()}{first}",
        *(zones if zone else []),
        "  business_day_starts_at: 0",
        f"  last_period: {n_weeks} {asked}{told}",
        f"  last_fitting_period: {fitting} {asked}the weeks after it judge",
        "",
        f"effect_horizon_weeks: {horizon}",
        f"policy_horizon_weeks: {max(horizon, min(13, n_weeks))}",
    ]


def weeks_of(history: History, *, zone: bool) -> list[str]:
    """Return the lines about time: the weeks that the orders span, but for a handful of strays; the last one holds orders.

    There are two at least, the second to judge by: fewer days than that are parted in their middle, where it begins.
    """
    days = history.table("orders")["ordered_at"].dt.normalize()
    first, last = days.quantile(0.0005, "higher").date(), days.quantile(0.9995, "lower").date()
    strays = int(((days.dt.date < first) | (days.dt.date > last)).sum())
    told = [f"{strays:,} orders lie outside the weeks"] if strays else []
    n_days = ((last - first) + timedelta(days=1)).days
    n_weeks = n_days // 7
    if n_weeks < 2:
        first, n_weeks = first + timedelta(days=n_days // 2 - 7), 2
        told.append(f"the orders span {n_days:,} day{'s' * (n_days != 1)}, which are parted over two weeks: neither is whole")
    else:
        held = (days[days.dt.date <= last] - pd.Timestamp(first)).dt.days // 7
        n_weeks = int(held[held < n_weeks].max()) + 1
        n_weeks = n_weeks if n_weeks > 1 else int(held.max()) + 1
    remark = f" # {'; '.join(told)}" if told else ""
    return time_lines(first, n_weeks, remark=remark, zone=zone, whole=7 * n_weeks <= n_days)


def unknown_weeks(*, zone: bool) -> list[str]:
    """Return the lines about time where no order could be read: placeholders throughout."""
    return time_lines(_DAY, 52, zone=zone, marked=True)


def lines_to_answer(drafts: Sequence[ActionDraft], *, is_of_rounds: bool) -> list[str]:
    """Return margin, actions and budget; a round's outcome is money already, and its action is free."""
    share = "1.0" if is_of_rounds else "0.25"
    actions = [one for one in drafts if one.name != "none"]
    usual = ActionDraft(
        raw="",
        name="recommendation",
        kind="coupon" if actions and not is_of_rounds else "recommendation",
        channel="shop" if is_of_rounds else "email",
    )
    cost, budget = (0, 0) if is_of_rounds else (0.1, 100)
    effect = "estimated" if actions else "assumed # or estimated, once exported exposures have come back"
    lines = [
        "",
        f"margin_share: {share} # {FILL_IN}: margin as a share of revenue; {share} is a placeholder",
        "margin_source: assumed",
        "",
        "# What may be done; doing nothing always may. Where exposures do not identify an effect, its `response`",
        "# stands, and results rest on it.",
        "actions:",
    ]
    for one in actions or [usual]:
        as_told = one.told_by and f" # as {one.told_by} says"
        kind = f"{one.kind}{as_told}" if one.told_by and one.kind else None
        channel = f"{yaml_text(one.channel)}{as_told}" if one.told_by and one.channel else None
        lines += [
            f"  - name: {one.name}",
            *([f"    description: {yaml_text(one.description)}"] if one.description else []),
            f"    kind: {kind or f'{usual.kind} # {FILL_IN}: coupon, gift, recommendation or care'}",
            f"    channel: {channel or f'{usual.channel} # {FILL_IN}: how the user is reached'}",
            f"    cost: {cost} # {FILL_IN}: cost of one contact",
            f"    effect: {effect}",
            "    response:",
            f"      purchase_lift: {{mean: 0.05, sd: 0.1}} # {FILL_IN}: what you believe; 0.1 lifts a 30 % chance to 32.1 %",
            f"      duration_weeks: 2 # {FILL_IN}: weeks for which a contact is at work",
        ]
    return [
        *lines,
        "",
        "campaign:",
        f"  budget: {budget} # {FILL_IN}: most the coming week's plan may cost",
        f"  holdout_share: {'0' if is_of_rounds else '0.1'}",
    ]
