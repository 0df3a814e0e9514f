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
from reports.tables import Column, html_table, plain_columns, share_column

if TYPE_CHECKING:
    import pandas as pd


_SHARES = {
    "share": "Share of users",
    "mean_p_no_return": "Chance of not returning",
    "hit_rate": "Lists that hit",
    "precision": "Products that hit",
    "gain": "Lists above most popular",
    "gain_error": "Standard error",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChurnReport:
    """How good the chance of not returning was on weeks that no fit has seen.

    Attributes
    ----------
    n_users : int
    base_rate : float
        The one chance that everyone would be given without a model.
    brier, brier_of_base_rate, brier_gain_error : float
        Brier's score, that of giving everyone the base rate, and the standard error of their difference.
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
    brier_gain_error: float = 0.0
    bins: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfilesReport:
    """Profiles as their page needs them.

    Attributes
    ----------
    segments : frame or None
        A row a life stage: life_stage, n_users, share, mean_margin (currency), mean_p_no_return; or fewer of them.
    recommendations : frame or None
        A row a way to recommend: question, way, hit_rate, precision, gain over the shop's most popular, gain_error; or fewer.
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
        body.append(html_table(report.segments, _columns(report.segments), caption=caption))
    if report.churn is not None:
        body += _churn(report.churn)
    if report.recommendations is not None and len(report.recommendations):
        caption = "How often what would have been recommended was bought in the judged weeks."
        body += [
            heading("Recommendations"),
            html_table(report.recommendations, _columns(report.recommendations), caption=caption),
        ]
    body.append(bullets(report.notes))
    return Section(heading="Profiles", body=tuple(part for part in body if part))


def _churn(churn: ChurnReport) -> list[Html]:
    weeks = numbers.plural(churn.horizon_weeks, "week")
    gain = churn.brier_of_base_rate - churn.brier
    verdict = "better" if gain > 2.0 * churn.brier_gain_error and gain > 0 else "not better beyond its error"
    body = [
        heading("Chance of not returning"),
        paragraph(
            f"The chance of not returning within {weeks}, judged on {numbers.plural(churn.n_users, 'user')}: Brier score "
            f"{churn.brier:.3f}, {verdict} than the {churn.brier_of_base_rate:.3f} of giving everyone "
            f"{numbers.share(churn.base_rate)}; "
            f"calibration error {churn.calibration_error:.3f}; a user who left was ranked above one who stayed in "
            f"{numbers.share(churn.auc)} of the pairs (50% is chance)."
        ),
    ]
    if churn.bins is not None and len(churn.bins):
        bins = churn.bins.assign(model="chance of not returning")
        chart = calibration_chart(bins, outcome=f"of not returning within {weeks}", own="chance of not returning", name="churn")
        body.append(figure(chart, "Predicted against observed, in bins of equally many users."))
    return body


def _columns(frame: pd.DataFrame) -> list[Column]:
    plain = plain_columns(frame)
    names = [column.values[0] for column in plain]
    return [
        share_column(_SHARES[name], name, signed=name == "gain") if name in _SHARES else column
        for name, column in zip(names, plain, strict=True)
    ]
