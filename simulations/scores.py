"""One forecast against what came: errors a user, errors of sums, bands, and the chance to come back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulations.arrays import BoolArray, FloatArray
from simulations.calibration import ReliabilityBins, brier_score, reliability_bins
from simulations.forecast import Forecast


class Outcome(NamedTuple):
    """What came in the judged weeks: order-days and revenue, both (n_users, n_weeks); weeks are counted from 1."""

    order_days: NDArray[Any]
    revenue: NDArray[Any]
    first_week: int

    def came_back(self, horizon_weeks: int) -> BoolArray:
        """Return (n_users,): was there an order-day within the first weeks."""
        return np.asarray((self.order_days[:, :horizon_weeks] > 0).any(axis=1))

    def totals(self) -> FloatArray:
        """Return (n_users,): order-days over all judged weeks."""
        return np.asarray(self.order_days.sum(axis=1, dtype=np.float64))

    def spent(self) -> FloatArray:
        """Return (n_users,): revenue over all judged weeks, in currency."""
        return np.asarray(self.revenue.sum(axis=1, dtype=np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """How far one model's forecast was from what came.

    Attributes
    ----------
    mae, rmse : float
        Error of a user's order-days over the judged weeks: of the median, absolute; of the mean, root of the mean square.
    spend_mae, spend_rmse : float
        The same of a user's revenue over the judged weeks, in currency.
    rank_correlation : float
        Spearman's, between the mean forecast of a user's order-days and what came; nan where either is the same for all.
    top_decile_lift : float
        Order-days of the tenth of users forecast to buy most, over those of an average tenth; ties count in proportion.
    mae_excess, mae_excess_error : float
        By how much `mae` exceeds the simulator's (below 0: it is better), and the standard error of that over users.
    order_days_error, revenue_error : float
        Error of the sum over users and weeks, as a share of what came; nan for revenue where that is not above 0.
    user_coverage : float or None
        Share of users whose order-days lie in their own interval; None for a model without chance, as below.
    order_days_coverage, active_users_coverage, revenue_coverage : float or None
        Share of weeks in which the sum over users lies in its band.
    calibration_error : float
        Expected calibration error of the chance to come back within the horizon, over ten bins.
    weekly_calibration_error : float
        The same of the chance to buy in a week, over all users and weeks.
    brier, brier_of_base_rate : float
        Brier's score of that chance, and of everyone's having the share that did come back, known only afterwards.
    """

    model: str
    mae: float
    rmse: float
    spend_mae: float
    spend_rmse: float
    rank_correlation: float
    top_decile_lift: float
    mae_excess: float
    mae_excess_error: float
    order_days_error: float
    revenue_error: float
    user_coverage: float | None
    order_days_coverage: float | None
    active_users_coverage: float | None
    revenue_coverage: float | None
    calibration_error: float
    weekly_calibration_error: float
    brier: float
    brier_of_base_rate: float


def weekly_frame(forecast: Forecast, outcome: Outcome, level: float) -> pd.DataFrame:
    """Return sums over users beside their band: a row a quantity and week, with observed, mean, low, high."""
    series = {
        "order_days": (outcome.order_days, forecast.weekly_order_days),
        "active_users": (outcome.order_days > 0, forecast.weekly_active_users),
        "revenue": (outcome.revenue, forecast.weekly_revenue),
    }
    frames = []
    for quantity, (came, draws) in series.items():
        low, high = np.quantile(draws, _ends(level), axis=0)
        columns = {"observed": came.sum(axis=0, dtype=np.float64), "mean": draws.mean(axis=0), "low": low, "high": high}
        week = outcome.first_week + np.arange(came.shape[1])
        frames.append(pd.DataFrame({"model": forecast.model, "quantity": quantity, "week": week, **columns}))
    return pd.concat(frames, ignore_index=True)


def score(
    forecast: Forecast, outcome: Outcome, weekly: pd.DataFrame, bins: ReliabilityBins, own_misses: FloatArray, level: float
) -> ModelScore:
    """Score one forecast.

    Parameters
    ----------
    weekly, bins
        Of this forecast: `weekly_frame`, and the reliability of its chance to come back.
    own_misses : (n_users,) array
        The simulator's absolute errors, with which this forecast's are compared user by user.
    """
    totals, came_back = outcome.totals(), outcome.came_back(forecast.horizon_weeks)
    misses = np.abs(forecast.median() - totals)
    excess = misses - own_misses
    covered = _weekly_coverage(weekly) if forecast.n_draws > 1 else {}
    return ModelScore(
        model=forecast.model,
        mae=float(misses.mean()),
        rmse=_root_mean_square(forecast.mean() - totals),
        spend_mae=float(np.abs(forecast.median_revenue() - outcome.spent()).mean()),
        spend_rmse=_root_mean_square(forecast.mean_revenue() - outcome.spent()),
        rank_correlation=_rank_correlation(forecast.mean(), totals),
        top_decile_lift=_top_decile_lift(forecast.mean(), totals),
        mae_excess=float(excess.mean()),
        mae_excess_error=float(excess.std(ddof=1)) / math.sqrt(excess.size) if excess.size > 1 else math.nan,
        order_days_error=_relative_error(forecast.weekly_order_days, outcome.order_days),
        revenue_error=_relative_error(forecast.weekly_revenue, outcome.revenue),
        user_coverage=None if forecast.n_draws == 1 else _user_coverage(forecast, totals, level),
        order_days_coverage=covered.get("order_days"),
        active_users_coverage=covered.get("active_users"),
        revenue_coverage=covered.get("revenue"),
        calibration_error=bins.expected_error(),
        weekly_calibration_error=reliability_bins(forecast.buying.ravel(), (outcome.order_days > 0).ravel()).expected_error(),
        brier=brier_score(forecast.returning, came_back),
        brier_of_base_rate=brier_score(float(came_back.mean()), came_back),
    )


def _ends(level: float) -> list[float]:
    return [(1.0 - level) / 2.0, (1.0 + level) / 2.0]


def _root_mean_square(errors: FloatArray) -> float:
    return math.sqrt(float((errors**2).mean()))


def _rank_correlation(predicted: FloatArray, came: FloatArray) -> float:
    ranks = pd.DataFrame({"predicted": predicted, "came": came}).rank().to_numpy()
    if (ranks.std(axis=0) == 0.0).any():
        return math.nan
    return float(np.corrcoef(ranks.T)[0, 1])


def _top_decile_lift(predicted: FloatArray, came: FloatArray) -> float:
    values, group, sizes = np.unique(-predicted, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=came, minlength=values.size) / sizes
    room = 0.1 * came.size
    taken = np.clip(room - np.concatenate([[0.0], np.cumsum(sizes)[:-1]]), 0.0, sizes)
    return float(taken @ means / room / came.mean()) if came.mean() > 0 else math.nan


def _relative_error(draws: FloatArray, came: NDArray[Any]) -> float:
    total = float(came.sum(dtype=np.float64))
    return float(draws.sum(axis=1).mean()) / total - 1.0 if total > 0 else math.nan


def _weekly_coverage(weekly: pd.DataFrame) -> dict[str, float]:
    inside = weekly["observed"].between(weekly["low"], weekly["high"])
    return {str(quantity): float(share) for quantity, share in inside.groupby(weekly["quantity"]).mean().items()}


def _user_coverage(forecast: Forecast, totals: FloatArray, level: float) -> float:
    """Order-days are whole numbers, so the intervals are at least as wide as their level says."""
    low, high = np.quantile(forecast.order_days, _ends(level), axis=0, method="inverted_cdf")
    return float(((totals >= low) & (totals <= high)).mean())
