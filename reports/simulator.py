"""The simulator's page: how well it foretold weeks that nothing was fitted on, beside simpler models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import numbers
from reports.document import Section
from reports.drawing import figure, panels
from reports.figures import calibration_chart, weekly_chart
from reports.markup import Html, paragraph
from reports.tables import Column, html_table, number_column, share_column, words_column

if TYPE_CHECKING:
    import pandas as pd

_TITLES = {"order_days": "Order-days", "active_users": "Active users", "revenue": "Revenue"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatorReport:
    """A simulator's judgement as its page needs it.

    Attributes
    ----------
    scores : frame, a row a model, the simulator first
        model, mae, rmse, mae_excess, mae_excess_error, order_days_error, revenue_error, order_days_coverage,
        active_users_coverage, revenue_coverage, user_coverage, calibration_error, brier, brier_of_base_rate; spend_mae and
        rank_correlation where they are known.
    weekly : frame, a row a model, quantity and week
        observed, mean, low, high.
    calibration : frame, a row a model and bin
        predicted, observed.
    first_week, last_week : int
        The judged weeks, counted from 1.
    n_users, n_unknown : int
        Users judged, and left out because nothing was known of them.
    beats_baselines : bool
        Beyond its error.
    """

    scores: pd.DataFrame
    weekly: pd.DataFrame
    calibration: pd.DataFrame
    first_week: int
    last_week: int
    horizon_weeks: int
    n_users: int
    n_unknown: int
    level: float
    beats_baselines: bool
    currency: str

    @property
    def own(self) -> str:
        """Name of the simulator among the models."""
        return str(self.scores["model"].iloc[0])


def simulator_section(report: SimulatorReport) -> Section:
    """Lay out the judgement."""
    weekly = report.weekly[report.weekly["model"] == report.own]
    charts = [
        weekly_chart(
            weekly[weekly["quantity"] == quantity],
            title=f"{title}, {report.currency}" if quantity == "revenue" else title,
            level=report.level,
        )
        for quantity, title in _TITLES.items()
        if (weekly["quantity"] == quantity).any()
    ]
    body = [
        *_verdict(report),
        html_table(report.scores, _columns(report), caption="Errors on weeks that no fit has seen; smaller is better."),
    ]
    if charts:
        words = (
            f"Sums over all judged users by week: observed, simulated mean (dashed) and its {report.level:.0%} band. "
            "The vertical axes do not begin at zero."
        )
        body.append(panels(charts, words))
    if len(report.calibration):
        outcome = f"to come back within {numbers.plural(report.horizon_weeks, 'week')}"
        chart = calibration_chart(report.calibration, outcome=outcome, own=report.own)
        body.append(figure(chart, "A chance is what it says where the line lies on the diagonal; bins of equally many users."))
    return Section(heading="The simulator", body=tuple(body))


def _verdict(report: SimulatorReport) -> list[Html]:
    own, others = report.scores.iloc[0], report.scores.iloc[1:]
    said = numbers.listing(f"{model} {mae:.2f}" for model, mae in zip(others["model"], others["mae"], strict=True))
    verdict = f"{'' if report.beats_baselines else 'not '}better than every one of them, beyond its error"
    left = (
        f"{numbers.plural(report.n_unknown, 'user')} of whom nothing was known then were left out." if report.n_unknown else ""
    )
    beside = f"; the baselines by: {said}. It is {verdict}." if said else "."
    return [
        paragraph(
            f"The simulator was fitted on the weeks before week {report.first_week} and asked for weeks {report.first_week} to "
            f"{report.last_week} of {numbers.plural(report.n_users, 'user')}.",
            *([left] if left else []),
            f"It misses a user's order-days by {own['mae']:.2f} on average{beside}",
        )
    ]


def _columns(report: SimulatorReport) -> list[Column]:
    columns = [
        words_column("Model", "model"),
        number_column("Missed order-days a user", "mae", 2),
        number_column("Root mean square", "rmse", 2),
        number_column("Missed revenue a user", "spend_mae", 2),
        number_column("Rank correlation", "rank_correlation", 3),
        share_column("Total order-days off by", "order_days_error", signed=True),
        share_column("Total revenue off by", "revenue_error", signed=True),
        share_column(f"Weeks in the {report.level:.0%} band", "order_days_coverage"),
        number_column("Calibration error", "calibration_error", 3),
        number_column("Brier score", "brier", 3),
    ]
    return [column for column in columns if column.values[0] in report.scores]
