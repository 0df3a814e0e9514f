"""The simulator's card: how it forecasts, how alike its lives are to real ones, and the curves it is made of."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.card_figures import curve_chart, marginals_chart, retention_chart
from reports.document import Document, Section
from reports.drawing import figure, panels
from reports.markup import Html, bullets, heading, note, paragraph
from reports.simulator import SimulatorReport, simulator_section
from reports.tables import Column, html_table, number_column, plain, share_column, text_table, words_column
from reports.terminal import WIDTH

if TYPE_CHECKING:
    import pandas as pd

_EVERYONE = "all"  # the cohort of all users


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CardReport:
    """A simulator's card as its page needs it.

    Attributes
    ----------
    judged : SimulatorReport
        Errors and bands on the judged weeks.
    likeness : frame, a row a model (the simulator first) and a row for each comparison of real weeks with real weeks
        model, ks_mean, ks_smallest, ks_smallest_of, two_sample_auc, retention_error, cohort_weeks_within, transition_error,
        copied_share, contacted_users, contacted_ks_mean, contacted_ks_smallest, contacted_auc.
    n_models : int
        How many of those rows are models.
    marginals : frame, a row a model and marginal
        model, marginal, unit, description, ks_complement, contacted_ks_complement.
    retention : frame, a row a model, cohort and week
        model, cohort, week, n_users, real, simulated, standard_error; the cohort `all` holds everyone.
    transitions : frame, a row a model and pair of life stages
        model, stage, next, real, simulated.
    bands : frame or None, a row a model
        model, coverage, low, high, order_days_coverage, active_users_coverage, revenue_coverage.
    curves : frame, a row a head, feature and bin
        head, feature, unit, low, high, score.
    """

    title: str
    subtitle: str
    judged: SimulatorReport
    likeness: pd.DataFrame
    n_models: int
    marginals: pd.DataFrame
    retention: pd.DataFrame
    transitions: pd.DataFrame
    step_weeks: int
    smallest_cohort: int
    contacted_weeks: int
    not_simulated: str
    features: Sequence[str]
    bands: pd.DataFrame | None
    band_origins: Sequence[int]
    band_weeks: int
    curves: pd.DataFrame

    @property
    def own(self) -> str:
        """Name of the simulator among the models."""
        return self.judged.own


def render_card(report: CardReport) -> str:
    """Return the card as one HTML file."""
    sections = [simulator_section(report.judged), _likeness_section(report), _retention_section(report)]
    if report.likeness["contacted_ks_mean"].iloc[0] == report.likeness["contacted_ks_mean"].iloc[0]:  # nan: too few contacts
        sections.append(_contacts_section(report))
    if report.bands is not None:
        sections.append(_bands_section(report, report.bands))
    sections.append(_curves_section(report))
    return Document(title=report.title, subtitle=report.subtitle, sections=tuple(sections)).to_html()


def card_text_table(
    summary: str, scores: pd.DataFrame, likeness: pd.DataFrame, bands: pd.DataFrame | None, level: float
) -> str:
    """Return the card's main figures as plain text for a terminal.

    Parameters
    ----------
    scores : frame
        As of `SimulatorReport`.
    likeness, bands : frames
        As of `CardReport`.
    """
    errors = [
        words_column("model", "model"),
        number_column("missed", "mae", 2),
        number_column("root m.s.", "rmse", 2),
        share_column("total off", "order_days_error", signed=True),
        number_column("calibration", "calibration_error", 3),
        number_column("Brier", "brier", 3),
    ]
    parts = [
        textwrap.fill(plain(summary), WIDTH),
        f"Order-days of a user in the judged weeks\n{text_table(scores, errors, width=WIDTH)}",
        f"How alike simulated and real weeks are\n{text_table(likeness, _terse(), width=WIDTH)}",
    ]
    if bands is not None:
        columns = [words_column("model", "model"), *_coverage_columns()]
        parts.append(f"Weeks inside their {level:.0%} band, over all origins\n{text_table(bands, columns, width=WIDTH)}")
    return "\n\n".join(parts)


def _terse() -> list[Column]:
    return [
        words_column("model", "model"),
        number_column("KS mean", "ks_mean", 3),
        number_column("smallest", "ks_smallest", 3),
        number_column("AUC", "two_sample_auc", 3),
        share_column("retention", "retention_error"),
        share_column("stages", "transition_error"),
    ]


def _likeness_section(report: CardReport) -> Section:
    own = report.likeness.iloc[0]
    columns = [
        words_column("Compared with what came", "model"),
        number_column("Mean over distributions", "ks_mean", 3),
        number_column("Smallest", "ks_smallest", 3),
        words_column("which is of", "ks_smallest_of"),
        number_column("Classifier's area", "two_sample_auc", 3),
        share_column("Retention off by at most", "retention_error"),
        share_column("Stages off by at most", "transition_error"),
        share_column("Copies", "copied_share"),
    ]
    shown = report.likeness.assign(ks_smallest_of=report.likeness["ks_smallest_of"].str.replace("_", " "))
    words = (
        f"Single numbers of a user or a week are distributed alike to {numbers.number(own['ks_mean'], 3)} on average and "
        f"{numbers.number(own['ks_smallest'], 3)} at the least, where 1 is the same distribution. A classifier that may read "
        f"{len(report.features)} numbers of a user's weeks tells simulated users from real ones with an area of "
        f"{numbers.number(own['two_sample_auc'], 3)} under its curve, where 0.5 is not at all."
    )
    described = report.marginals.drop_duplicates("marginal").to_dict("records")
    return Section(
        heading="Lives beside lives",
        body=(
            paragraph(words, "The last two rows are no models: they say what real weeks reach among themselves."),
            html_table(shown, columns, caption="How alike simulated and real weeks are; distributions by KS complement."),
            figure(
                marginals_chart(report.marginals, own=report.own, title="Distributions"),
                "How alike each distribution is: one less the largest gap between the two distribution functions.",
            ),
            note(
                "Copies are users nearer to weeks that the fit has seen than all but 1% of real users: 1% is as good as real.",
                f"Not compared is the {report.not_simulated}.",
            ),
            heading("What is compared"),
            bullets(f"{row['marginal'].replace('_', ' ')}: {row['unit']} {row['description']}" for row in described),
            heading("What the classifier may read"),
            bullets(report.features),
        ),
    )


def _retention_section(report: CardReport) -> Section:
    own = report.retention[report.retention["model"] == report.own]
    charts = []
    for cohort, part in own.groupby("cohort", sort=False):
        who = "All users" if cohort == _EVERYONE else f"First order in {cohort}"
        charts.append(retention_chart(part, title=f"{who}, {int(part['n_users'].iloc[0]):,}"))
    moves = report.transitions[report.transitions["model"] == report.own]
    score = report.likeness.iloc[0]
    return Section(
        heading="Retention and life stages",
        body=(
            paragraph(
                "Retention is the share of users with an order in that very week. For all users together the curves are",
                f"at most {numbers.share(score['retention_error'])} apart.",
                *_cohort_words(report),
            ),
            panels(
                charts, "Share of users with an order; the band is two standard errors of so many users about the simulated."
            ),
            html_table(
                moves,
                [
                    words_column("From", "stage"),
                    words_column("to", "next"),
                    share_column("Real", "real"),
                    share_column("Simulated", "simulated"),
                ],
                caption=f"Where users of a life stage are {numbers.plural(report.step_weeks, 'week')} later.",
            ),
            note("Active: an order in the last 4 weeks. Lapsing: in the last 12. Lapsed: longer silent."),
        ),
    )


def _cohort_words(report: CardReport) -> list[str]:
    within = report.likeness["cohort_weeks_within"].iloc[0]
    if numbers.is_missing(within):
        return []
    return [
        f"Of the weeks of cohorts with {report.smallest_cohort} users or more, {numbers.share(within)} lie within two standard "
        "errors."
    ]


def _contacts_section(report: CardReport) -> Section:
    own = report.likeness.iloc[0]
    columns = [
        words_column("Compared with what came", "model"),
        number_column("Mean over distributions", "contacted_ks_mean", 3),
        number_column("Smallest", "contacted_ks_smallest", 3),
        number_column("Classifier's area", "contacted_auc", 3),
    ]
    weeks = numbers.plural(report.contacted_weeks, "week")
    return Section(
        heading="After a contact",
        body=(
            paragraph(
                f"The same measures over the {weeks} from a user's first contact in the judged weeks on: "
                f"{numbers.plural(int(own['contacted_users']), 'user')}."
            ),
            html_table(report.likeness, columns, caption="How alike simulated and real weeks are after a contact."),
            figure(
                marginals_chart(
                    report.marginals, own=report.own, title="Distributions after a contact", value="contacted_ks_complement"
                ),
                "How alike each distribution is after a contact.",
            ),
        ),
    )


def _bands_section(report: CardReport, bands: pd.DataFrame) -> Section:
    origins = numbers.listing(str(origin) for origin in report.band_origins)
    return Section(
        heading="Bands over several origins",
        body=(
            paragraph(
                f"Every model was fitted on the first {origins} weeks in turn, and forecast the "
                f"{numbers.plural(report.band_weeks, 'week')} after.",
                "The interval of a coverage resamples blocks of calendar weeks.",
            ),
            html_table(
                bands,
                [words_column("Model", "model"), *_coverage_columns()],
                caption=f"Share of forecast weeks inside their {report.judged.level:.0%} band.",
            ),
        ),
    )


def _coverage_columns() -> list[Column]:
    return [
        share_column("All", "coverage"),
        Column(heading="95% interval", values=("low", "high"), show=lambda low, high: f"{low:.0%} to {high:.0%}"),
        share_column("Order-days", "order_days_coverage"),
        share_column("Active users", "active_users_coverage"),
        share_column("Revenue", "revenue_coverage"),
    ]


def _curves_section(report: CardReport) -> Section:
    body: list[Html] = [
        paragraph(
            "A head's score is the sum of its curves; a flat curve means that the data ask for none. Zero is the average."
        )
    ]
    for head, curves in report.curves.groupby("head", sort=False):
        charts = [curve_chart(curve, title=str(head)) for _, curve in curves.groupby("feature", sort=False)]
        body += [heading(str(head)), panels(charts, f"{head}: what each feature adds.")]
    return Section(heading="What it is made of", body=tuple(body))
