"""The page of a check of an experiment: whether the groups are as they were drawn, and what is odd, before any effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.check_parts import counts_table, set_aside, stages_section, verdict_section
from reports.document import Document, Section
from reports.drawing import figure, panels
from reports.experiment import balance_table, calibration
from reports.markup import Html, bullets, paragraph
from reports.tables import html_table, number_column, plain_columns, share_column, words_column
from reports.trial_figures import amounts_chart, groups_chart, love_chart, outcome_chart

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialCheckReport:
    """An experiment as the page of its check needs it; every frame may be empty.

    Attributes
    ----------
    alarm : str
        What must be settled before any effect is believed; empty where nothing must.
    words : sequence of str
        How the users came to their treatment, a sentence each, the group sizes first.
    cards : sequence of (name, value, remark)
        The figures that a reader sees first.
    groups : frame, a row a group
        action, users, share; declared_share, mean_propensity and means of outcomes where known.
    outcomes : frame, a row an outcome and group
        outcome, action, any_share, any_low, any_high, mean, low, high; the first outcome is the money.
    amounts : frame, a row a group and bar
        action, label, share: of the first outcome, of those who have any.
    balance, bins : frames
        As in `ExperimentReport`.
    stages, remarks, counts, reasons : frames
        As in `CheckReport`.
    level : float
        Of the outcomes' intervals.
    """

    title: str
    subtitle: str
    summary: str
    alarm: str
    words: Sequence[str]
    to_fill_in: Sequence[str]
    cards: Sequence[tuple[str, str, str]]
    groups: pd.DataFrame
    outcomes: pd.DataFrame
    amounts: pd.DataFrame
    amounts_axis: str
    balance: pd.DataFrame
    bins: pd.DataFrame | None
    stages: pd.DataFrame
    remarks: pd.DataFrame
    counts: pd.DataFrame
    reasons: pd.DataFrame
    notes: Sequence[str]
    level: float


def render_trial_check(report: TrialCheckReport) -> str:
    """Return the page as one HTML file."""
    return Document(title=report.title, subtitle=report.subtitle, sections=tuple(_sections(report))).to_html()


def _sections(report: TrialCheckReport) -> Iterator[Section]:
    if report.alarm:
        yield Section(heading="Before anything else", body=(paragraph(report.alarm, class_="lead"),))
    yield verdict_section(
        report.summary, report.cards, alarms=(), to_fill_in=report.to_fill_in, remarks=report.remarks
    )  # fmt: skip
    yield stages_section(report.stages, what="experiment")
    yield _groups(report)
    if len(report.outcomes):
        yield _outcomes(report)
    if len(report.balance):
        yield _balance(report)
    if report.bins is not None and len(report.bins):
        yield Section(heading="Recorded probabilities", body=tuple(calibration(report.bins)))
    yield _rows(report)


def _groups(report: TrialCheckReport) -> Section:
    declared = "declared_share" in report.groups
    caption = "Users by group" + (
        "; the upright line is the share that was meant, in another colour where chance does not explain the gap."
        if declared
        else "; no shares are declared, so that nothing tells whether these are the sizes that were drawn."
        if "mean_propensity" not in report.groups
        else "."
    )
    sizes = report.groups[
        [name for name in report.groups if not str(name).startswith("mean ") and not str(name).endswith(", share")]
    ]
    table = html_table(sizes, plain_columns(sizes), caption="The groups and their sizes.", limit=40)
    return Section(
        heading="Who got what",
        body=(bullets([words.replace("`", "") for words in report.words]), figure(groups_chart(report.groups), caption), table),
    )


def _outcomes(report: TrialCheckReport) -> Section:
    charts = []
    for place, (outcome, rows) in enumerate(report.outcomes.groupby("outcome", sort=False)):
        shares = rows[["action", "any_share", "any_low", "any_high"]].set_axis(["action", "estimate", "low", "high"], axis=1)
        charts.append(outcome_chart(shares, name=f"any-{place}", title=f"users with any {outcome}", part=True))
        if not bool(rows["is_binary"].all()):
            means = rows[["action", "mean", "low", "high"]].rename(columns={"mean": "estimate"})
            charts.append(outcome_chart(means, name=f"mean-{place}", title=f"mean {outcome} a user", part=False))
    level = f"{report.level:.0%}"
    body: list[Html] = [
        panels(charts, f"Outcomes by group as they stand, with {level} intervals; a run sharpens the comparison.")
    ]
    if len(report.amounts):
        caption = "How much those who have any have; the last point holds all that is larger."
        body.append(figure(amounts_chart(report.amounts, axis=report.amounts_axis), caption))
    columns = [
        words_column("Outcome", "outcome"),
        words_column("Action", "action"),
        number_column("Users", "users", 0),
        share_column("With any", "any_share"),
        number_column("Mean of those", "mean_of_any", 2),
        number_column("Mean a user", "mean", 4),
        number_column("Middle half of those, from", "quarter", 2),
        number_column("to", "three_quarters", 2),
    ]
    body.append(html_table(report.outcomes, columns, caption="Outcomes by group.", limit=40))
    return Section(heading="What came of it", body=tuple(body))


def _balance(report: TrialCheckReport) -> Section:
    caption = "Covariates of each group less the control group's, the furthest first; chance keeps 999 of 1,000 in the band."
    return Section(
        heading="Were the groups alike before?",
        body=(figure(love_chart(report.balance), caption), balance_table(report.balance)),
    )


def _rows(report: TrialCheckReport) -> Section:
    body: list[Html] = [counts_table(report.counts)]
    body += set_aside(report.reasons)
    body.append(bullets([numbers.text(note) for note in report.notes]))
    return Section(heading="What was read", body=tuple(part for part in body if part))
