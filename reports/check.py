"""The page of a check: what a history holds, what is odd about it, and which stages it can support, before a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.check_parts import counts_table, set_aside, stages_section, verdict_section
from reports.document import Document, Section
from reports.drawing import figure, panels
from reports.history_figures import (
    activity_chart,
    bars_chart,
    bins_chart,
    contacts_chart,
    logged_chart,
    shares_chart,
)
from reports.markup import Html, bullets
from reports.tables import html_table, number_column, plain_columns, share_column, words_column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PropensityReport:
    """Logged decisions held against their logged probabilities.

    Attributes
    ----------
    said : sequence of str
        What was found, a mismatch first.
    alarming : bool
        Whether something was found that should be settled before anything else.
    shares : frame, a row an action
        action, happened, expected, error, p_value.
    stands_for : bool
        Whether `expected` counts the decisions that an action's rows stand for.
    bins : frame, a row a bin of the probability; may be empty
        action, decisions, predicted, observed, low, high.
    """

    said: Sequence[str]
    alarming: bool
    shares: pd.DataFrame
    stands_for: bool
    bins: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckReport:
    """A history as its page needs it; every frame may be empty.

    Attributes
    ----------
    to_fill_in : sequence of str
        Lines of the configuration that nobody has vouched for.
    cards : sequence of (name, value, remark)
        The figures that a reader sees first.
    weekly : frame, a row a week
        week, orders, users.
    last_fitting_week : int
        Counted from 1; later weeks judge.
    gaps, orders_per_user, baskets : frame, a row a bar
        label, count.
    contacts : frame, a row an action and week
        action, week, contacts.
    stages : frame, a row a stage
        stage, supported, remark (what is missing, or what the stage rests on; "" where there is nothing to say).
    remarks : frame, a row a remark
        kind, words.
    counts : frame, a row a mapping
        table, source, read, accepted, quarantined, left_out, outside_periods.
    reasons : frame, a row a reason
        table, column, reason, rows, first.
    tables : frame, a row a table
        table, rows, users, first, last.
    actions : frame, a row an action
        action, exposures, users, first, last, redeemed_share, propensity_share.
    logged_actions : frame or None, a row an action
        action, rows, estimate, low, high, why_not: what the log says of always taking it, in currency per decision.
    level : float
        Of their intervals.
    horizon_weeks : int
        Weeks over which their outcomes count.
    """

    title: str
    subtitle: str
    summary: str
    to_fill_in: Sequence[str]
    cards: Sequence[tuple[str, str, str]]
    weekly: pd.DataFrame
    last_fitting_week: int
    gaps: pd.DataFrame
    orders_per_user: pd.DataFrame
    baskets: pd.DataFrame
    currency: str
    contacts: pd.DataFrame
    stages: pd.DataFrame
    remarks: pd.DataFrame
    counts: pd.DataFrame
    reasons: pd.DataFrame
    tables: pd.DataFrame
    actions: pd.DataFrame
    notes: Sequence[str] = ()
    propensities: PropensityReport | None = None
    logged_actions: pd.DataFrame | None = None
    level: float = 0.9
    horizon_weeks: int = 8


def render_check(report: CheckReport) -> str:
    """Return the page as one HTML file."""
    return Document(title=report.title, subtitle=report.subtitle, sections=tuple(_sections(report))).to_html()


def _sections(report: CheckReport) -> Iterator[Section]:
    alarming = report.propensities is not None and report.propensities.alarming
    yield verdict_section(
        report.summary,
        report.cards,
        alarms=report.propensities.said[:1] if report.propensities is not None and alarming else (),
        to_fill_in=report.to_fill_in,
        remarks=report.remarks,
    )
    if report.propensities is not None and report.propensities.alarming:
        yield _propensities(report.propensities)
    yield stages_section(report.stages, what="history")
    yield _buying(report)
    if len(report.contacts):
        yield _contacts(report)
    if report.propensities is not None and not report.propensities.alarming:
        yield _propensities(report.propensities)
    if report.logged_actions is not None and len(report.logged_actions):
        yield _logged_actions(report, report.logged_actions)
    yield _rows(report)


def _logged_actions(report: CheckReport, frame: pd.DataFrame) -> Section:
    sure = frame[frame["estimate"].notna()]
    body: list[Html] = []
    if len(sure):
        unit = f"{report.currency} per decision within {numbers.plural(report.horizon_weeks, 'week')}"
        caption = f"What a decision brings, had it always been this action, net of its cost ({report.level:.0%} intervals)."
        body.append(figure(logged_chart(sure, unit=unit), caption))
    unsure = frame[frame["estimate"].isna()]
    body.append(bullets(f"{row['action']}: cannot be told; {row['why_not']}." for row in unsure.to_dict("records")))
    return Section(heading="What the log says of each action", body=tuple(part for part in body if part))


def _buying(report: CheckReport) -> Section:
    body: list[Html] = []
    if len(report.weekly):
        chart = activity_chart(report.weekly, last_fitting_week=report.last_fitting_week)
        body.append(figure(chart, "Orders, and users who ordered, in each week of the calendar."))
    drawn = [
        (report.gaps, "gaps", "Gaps between orders", "days", "gaps"),
        (report.orders_per_user, "orders per user", "Orders a user", "orders", "users"),
        (report.baskets, "baskets", "Value of an order", report.currency, "orders"),
    ]
    charts = [
        bars_chart(frame, name=name, title=title, axis=axis, counted=counted)
        for frame, name, title, axis, counted in drawn
        if len(frame)
    ]
    if charts:
        caption = (
            "How people buy: days from one order day to the next, orders of one user, and what an order brings; the last bar "
        )
        body.append(panels(charts, caption + "holds all that is larger."))
    return Section(heading="How people buy", body=tuple(body))


def _contacts(report: CheckReport) -> Section:
    chart = contacts_chart(report.contacts, n_weeks=max(1, len(report.weekly)))
    caption = "Contacts by action and week; a larger dot means more of them, the number on the right counts all."
    columns = [
        words_column("Action", "action"),
        number_column("Exposures", "exposures", 0),
        number_column("Users", "users", 0),
        share_column("Redeemed", "redeemed_share"),
        share_column("With a probability", "propensity_share"),
    ]
    return Section(
        heading="Whom they were contacted by",
        body=(
            figure(chart, caption),
            html_table(report.actions, columns, caption="Actions and how often they were used.", limit=40),
        ),
    )


def _propensities(report: PropensityReport) -> Section:
    body: list[Html] = [bullets(report.said)]
    if len(report.bins):
        caption = "Each mark is a bin of logged probabilities; where they are right, it lies in the band, which chance allows."
        body.append(figure(bins_chart(report.bins), caption))
    if len(report.shares):
        caption = "Actions against what their logged probabilities say; where they are right, the line crosses one."
        if report.stands_for:
            caption += " An action that was not possible for everybody lies below one, and nothing is wrong with that."
        body.append(figure(shares_chart(report.shares, stands_for=report.stands_for), caption))
    return Section(heading="Logged probabilities", body=tuple(part for part in body if part))


def _rows(report: CheckReport) -> Section:
    body: list[Html] = [counts_table(report.counts)]
    body += set_aside(report.reasons)
    if len(report.tables):
        body.append(html_table(report.tables, plain_columns(report.tables), caption="What each table holds."))
    body.append(bullets(report.notes))
    return Section(heading="What was read", body=tuple(part for part in body if part))
