"""The profiles' page: who the users are, how likely they are to stay away, and how often a recommendation hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.document import Section
from reports.drawing import figure
from reports.figures import calibration_chart
from reports.markup import Html, bullets, heading, paragraph
from reports.tables import html_table, plain_columns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChurnReport:
    """How good the chance of not returning was on weeks that no fit has seen.

    Attributes
    ----------
    base_rate : float
        Share of users who did not return.
    brier, brier_of_base_rate : float
        Brier's score, and that of giving everyone the base rate.
    calibration_error, auc : float
    bins : frame or None
        predicted, observed.
    """

    horizon_weeks: int
    n_users: int
    base_rate: float
    brier: float
    brier_of_base_rate: float
    calibration_error: float
    auc: float
    bins: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfilesReport:
    """Profiles as their page needs them.

    Attributes
    ----------
    segments : frame or None
        A row a life stage, its name first; columns whose names end in `share`, `rate` or `chance` are shares.
    recommendations : frame or None
        A row a way to recommend, its name first, with its hit rates.
    users_file : str or None
        Where every user's profile is.
    """

    segments: pd.DataFrame | None = None
    churn: ChurnReport | None = None
    recommendations: pd.DataFrame | None = None
    notes: Sequence[str] = ()
    users_file: str | None = None


def profiles_section(report: ProfilesReport) -> Section:
    """Lay out the profiles."""
    body: list[Html] = []
    if report.users_file is not None:
        body.append(paragraph(f"Every user's profile is in {report.users_file}."))
    if report.segments is not None and len(report.segments):
        caption = "Life stages: where users stand by their own rhythm of buying."
        body.append(html_table(report.segments, plain_columns(report.segments), caption=caption))
    if report.churn is not None:
        body += _churn(report.churn)
    if report.recommendations is not None and len(report.recommendations):
        caption = "How often what would have been recommended was bought in the judged weeks."
        body += [
            heading("Recommendations"),
            html_table(report.recommendations, plain_columns(report.recommendations), caption=caption),
        ]
    body.append(bullets(report.notes))
    return Section(heading="Profiles", body=tuple(part for part in body if part))


def _churn(churn: ChurnReport) -> list[Html]:
    weeks = numbers.plural(churn.horizon_weeks, "week")
    verdict = "better" if churn.brier < churn.brier_of_base_rate else "not better"
    body = [
        heading("Chance of not returning"),
        paragraph(
            f"{numbers.share(churn.base_rate)} of {numbers.plural(churn.n_users, 'user')} did not return within {weeks}. "
            f"Brier score {churn.brier:.3f}, {verdict} than the {churn.brier_of_base_rate:.3f} of giving everyone that share; "
            f"calibration error {churn.calibration_error:.3f}; a user who left was ranked above one who stayed in "
            f"{numbers.share(churn.auc)} of the pairs (50% is chance)."
        ),
    ]
    if churn.bins is not None and len(churn.bins):
        bins = churn.bins.assign(model="chance of not returning")
        chart = calibration_chart(bins, outcome=f"of not returning within {weeks}", own="chance of not returning", name="churn")
        body.append(figure(chart, "Predicted against observed, in bins of equally many users."))
    return body
