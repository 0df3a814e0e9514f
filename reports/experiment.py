"""The experiment's page: who was in which group, whether the groups are as drawn, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.document import Section
from reports.drawing import figure, panels
from reports.history_figures import bins_chart
from reports.markup import Html, bullets, heading, paragraph
from reports.tables import html_table, number_column, plain_columns, share_column, words_column

if TYPE_CHECKING:
    import pandas as pd

_BALANCE_SHOWN = 20
_WHO_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExperimentReport:
    """An experiment as its page needs it.

    Attributes
    ----------
    alarm : str
        What must be told before anything else: the group sizes, or recorded probabilities, do not hold; empty where they do.
    words : sequence of str
        How the users came to their treatment, a sentence each.
    groups : frame, a row a group
        action, users, share; declared_share, mean_propensity and means of outcomes where known.
    balance : frame, a row a treatment and covariate
        action, covariate, difference (in standard deviations), z.
    bins : frame or None, a row an action and bin of recorded probabilities
        action, decisions (users), predicted, observed, low, high.
    remarks : sequence of str
        Further things to know.
    who : frame or None, a row a covariate
        covariate, and its mean among users given each action; the first in which they differ most.
    """

    alarm: str
    words: Sequence[str]
    groups: pd.DataFrame
    balance: pd.DataFrame
    bins: pd.DataFrame | None = None
    remarks: Sequence[str] = ()
    who: pd.DataFrame | None = None


def who_table(who: pd.DataFrame) -> Html:
    """Lay out who would get what, by the means of covariates."""
    caption = "Means of covariates among the users that the plan gives each action, those first that differ most."
    return html_table(who, plain_columns(who), caption=caption, limit=_WHO_SHOWN)


def alarm_section(report: ExperimentReport) -> Section | None:
    """Say what stands above everything else; None where nothing does."""
    if not report.alarm:
        return None
    return Section(heading="Before anything else", body=(paragraph(report.alarm, class_="lead"),))


def balance_table(balance: pd.DataFrame) -> Html:
    """List the covariates by how far they differ from the control group's."""
    order = balance["z"].abs().sort_values(ascending=False, kind="stable").index
    columns = [
        words_column("Covariate", "covariate"),
        words_column("Action", "action"),
        number_column("Difference", "difference", 3),
        number_column("In standard errors", "z", 1),
    ]
    caption = "Treated less control group before any weighting, in standard deviations, the furthest first."
    return html_table(balance.loc[order], columns, caption=caption, limit=_BALANCE_SHOWN)


def calibration(bins: pd.DataFrame) -> list[Html]:
    """Draw recorded probabilities against the shares treated, a chart an action, and lay the bins out."""
    charts = [
        bins_chart(part, name=f"propensities-{place}") for place, (_, part) in enumerate(bins.groupby("action", sort=False))
    ]
    columns = [
        words_column("Action", "action"),
        number_column("Users", "decisions", 0),
        share_column("On record", "predicted"),
        share_column("Share treated", "observed"),
        share_column("Chance, from", "low"),
        share_column("to", "high"),
    ]
    caption = (
        "Each mark is a bin of users; where the recorded probabilities are right, it lies in the band, which chance allows."
    )
    drawn = figure(charts[0], caption) if len(charts) == 1 else panels(charts, caption)
    table = html_table(
        bins, columns, caption="Users in bins, and the limits within which chance keeps 99.9% of them.", limit=40
    )
    return [drawn, table]


def experiment_section(report: ExperimentReport) -> Section:
    """Lay out the experiment."""
    body: list[Html] = [
        paragraph(*report.words),
        html_table(report.groups, plain_columns(report.groups), caption="The groups, and the mean of each outcome a user."),
    ]
    if report.who is not None and len(report.who):
        body += [heading("Who gets what"), who_table(report.who)]
    if len(report.balance):
        body += [heading("Where the groups differ"), balance_table(report.balance)]
    if report.bins is not None and len(report.bins):
        body += [heading("Do the recorded probabilities hold?"), *calibration(report.bins)]
    if report.remarks:
        body += [heading("To know before believing it"), bullets([numbers.text(remark) for remark in report.remarks])]
    return Section(heading="The experiment", body=tuple(part for part in body if part))
