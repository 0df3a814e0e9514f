"""Are probabilities what they say: of a hundred users given 30 %, do thirty do it.

Reliability bins and the expected calibration error over them (Naeini, Cooper and Hauskrecht, 2015, AAAI), and Brier's score
(1950, Monthly Weather Review 78(1)). Users of one probability cannot be told apart by it: they share their mean outcome, so
that neither their order nor the border of a bin moves a figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulations.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBins:
    """Predicted and observed shares in bins of equally many users, from the least to the most probable.

    Attributes
    ----------
    n_users : (n_bins,) int64 array
    predicted, observed : (n_bins,) float64 arrays
        Mean probability, and share of users who did it.
    """

    n_users: IntArray
    predicted: FloatArray
    observed: FloatArray

    def expected_error(self) -> float:
        """Return the mean distance between predicted and observed, a user counting once (ECE)."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.n_users))

    def to_frame(self) -> pd.DataFrame:
        """Return a row a bin: bin (from 1), n_users, predicted, observed."""
        columns = {"n_users": self.n_users, "predicted": self.predicted, "observed": self.observed}
        return pd.DataFrame({"bin": np.arange(1, self.n_users.size + 1), **columns})


def reliability_bins(probabilities: FloatArray, outcomes: BoolArray, n_bins: int = 10) -> ReliabilityBins:
    """Sort users by probability and cut them into bins of equally many.

    Parameters
    ----------
    probabilities, outcomes : (n_users,) arrays
        Probability of the outcome, in [0, 1], and whether it came.

    Examples
    --------
    >>> bins = reliability_bins(np.array([0.5, 0.5, 1.0, 1.0]), np.array([False, True, True, True]), n_bins=2)
    >>> bins.expected_error()
    0.0
    """
    values, group, sizes = np.unique(probabilities, return_inverse=True, return_counts=True)
    shares = np.bincount(group, weights=outcomes.astype(np.float64), minlength=values.size) / sizes
    order = np.argsort(group, kind="stable")
    parts = np.array_split(order, min(n_bins, order.size))
    return ReliabilityBins(
        n_users=np.array([part.size for part in parts], dtype=np.int64),
        predicted=np.array([probabilities[part].mean() for part in parts], dtype=np.float64),
        observed=np.array([shares[group[part]].mean() for part in parts], dtype=np.float64),
    )


def brier_score(probabilities: FloatArray | float, outcomes: BoolArray) -> float:
    """Return the mean squared distance between probability and outcome: 0 is perfect.

    Examples
    --------
    >>> brier_score(0.5, np.array([True, False]))
    0.25
    """
    return float(np.mean((probabilities - outcomes.astype(np.float64)) ** 2))
