"""How well the chance not to return does on weeks that its model never saw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decision_engine.profiles.churn import ChurnModel, return_rows
from policies.ope.intervals import clustered_standard_error
from simulations.arrays import BoolArray, FloatArray
from simulations.calibration import ReliabilityBins, brier_score, reliability_bins
from simulations.errors import HistoryError
from simulations.panel import WeeklyPanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnJudgement:
    """Held-out figures of a churn model.

    Attributes
    ----------
    horizon_weeks, n_fitting_periods : int
        Weeks without an order that count as staying away; weeks the model saw.
    landmarks : tuple of int
        Judged weeks (from 0) at whose start the rows stand; their outcome windows overlap.
    n_rows, n_users : int
        Users at landmarks, and users.
    observed, predicted, base_rate : float
        Share that stayed away, mean chance, and the share in the fitting weeks.
    brier, brier_of_base_rate : float
        Brier's score (0 is perfect) of the model, and of giving everyone the fitting weeks' share.
    brier_gain, brier_gain_error : float
        By how much the model's score is lower, and the standard error of that, clustered by user.
    calibration_error : float
        Expected calibration error over ten bins of equally many rows.
    auc : float
        Chance that of two rows of different outcome the one that stayed away had the higher chance; nan if all are alike.
    bins : ReliabilityBins
    """

    horizon_weeks: int
    n_fitting_periods: int
    landmarks: tuple[int, ...]
    n_rows: int
    n_users: int
    observed: float
    predicted: float
    base_rate: float
    brier: float
    brier_of_base_rate: float
    brier_gain: float
    brier_gain_error: float
    calibration_error: float
    auc: float
    bins: ReliabilityBins

    @property
    def beats_base_rate(self) -> bool:
        """Whether the model's score is lower than the base rate's by more than two standard errors."""
        return self.brier_gain > 2.0 * self.brier_gain_error

    def to_frame(self) -> pd.DataFrame:
        """Return one row, a column a figure; the bins have their own frame, `bins.to_frame()`."""
        names = [name for name in self.__slots__ if name not in ("landmarks", "bins")]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """Say how the model did, to be read aloud."""
        better = "better than" if self.beats_base_rate else "not better than"
        return (
            f"Not returning within {self.horizon_weeks} weeks: {self.observed:.1%} came to pass, {self.predicted:.1%} was "
            f"predicted; Brier {self.brier:.4f}, {better} the base rate's {self.brier_of_base_rate:.4f}; calibration error "
            f"{self.calibration_error:.3f}; AUC {self.auc:.3f} ({self.n_rows:,} rows of {self.n_users:,} users)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw observed against predicted shares, a point a bin."""
        import matplotlib.pyplot as plt

        axes = plt.subplots()[1] if ax is None else ax
        axes.plot([0.0, 1.0], [0.0, 1.0], color="0.7", linewidth=1.0)
        axes.plot(self.bins.predicted, self.bins.observed, marker="o")
        axes.set_xlabel("predicted chance not to return")
        axes.set_ylabel("share that did not")
        return axes


def judge_churn(model: ChurnModel, panel: WeeklyPanel) -> ChurnJudgement:
    """Judge a model on all landmarks after its fitting weeks whose outcome is known.

    Parameters
    ----------
    panel : WeeklyPanel
        With the weeks after the model's fitting weeks; observations may look back over all weeks before their landmark.

    Raises
    ------
    HistoryError
        If no outcome window fits into the weeks after the fitting weeks, or nobody had ordered by then.
    """
    landmarks = range(model.n_fitting_periods, panel.n_periods - model.horizon_weeks + 1)
    rows = return_rows(panel, landmarks, model.horizon_weeks)
    if not rows.users.size:
        raise HistoryError(
            f"churn: {panel.n_periods - model.n_fitting_periods} weeks after the {model.n_fitting_periods} fitting weeks leave "
            f"nothing to judge with a horizon of {model.horizon_weeks} weeks; fit on fewer weeks."
        )
    chance = model.chance(rows.observations, panel.user_keys[rows.users])
    away = rows.stayed_away
    gains = (model.base_rate - away) ** 2 - (chance - away) ** 2
    bins = reliability_bins(chance, away)
    return ChurnJudgement(
        horizon_weeks=model.horizon_weeks,
        n_fitting_periods=model.n_fitting_periods,
        landmarks=tuple(landmarks),
        n_rows=int(away.size),
        n_users=int(np.unique(rows.users).size),
        observed=float(away.mean()),
        predicted=float(chance.mean()),
        base_rate=model.base_rate,
        brier=brier_score(chance, away),
        brier_of_base_rate=brier_score(model.base_rate, away),
        brier_gain=float(gains.mean()),
        brier_gain_error=clustered_standard_error(gains, rows.users),
        calibration_error=bins.expected_error(),
        auc=area_under_curve(chance, away),
        bins=bins,
    )


def area_under_curve(scores: FloatArray, outcomes: BoolArray) -> float:
    """Return the chance that a row with the outcome scores higher than one without; ties count half (Mann and Whitney, 1947).

    Examples
    --------
    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    n_yes = int(outcomes.sum())
    n_no = outcomes.size - n_yes
    if n_yes == 0 or n_no == 0:
        return math.nan
    ranks = pd.Series(scores).rank().to_numpy()
    return float((ranks[outcomes].sum() - n_yes * (n_yes + 1) / 2.0) / (n_yes * n_no))
