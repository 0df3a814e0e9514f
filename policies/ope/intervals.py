"""Normal intervals clustered by user: decisions on one person are one piece of evidence, however many there are."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from policies.ope.value import PolicyValue
from simulations.arrays import FloatArray, IntArray


def clustered_standard_error(scores: FloatArray, clusters: IntArray) -> float:
    """Return the standard error of the mean of scores that are independent between clusters (Liang and Zeger, 1986).

    Infinite with fewer than two clusters.

    Examples
    --------
    >>> round(clustered_standard_error(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, weights=scores - scores.mean())
    if sums.size < 2:
        return float("inf")
    return float(np.sqrt(sums.size / (sums.size - 1) * (sums @ sums)) / scores.size)


def effective_sample_size(weights: FloatArray) -> float:
    """Return Kish's size of a weighted sample: how many equally weighted decisions are as good.

    Examples
    --------
    >>> effective_sample_size(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0


def value_with_interval(
    scores: FloatArray, users: IntArray, weights: FloatArray, *, level: float, estimator: str
) -> PolicyValue:
    """Return the mean of some scores as a policy's value with its clustered interval."""
    estimate = float(scores.mean())
    error = clustered_standard_error(scores, users)
    half = float(norm.ppf(0.5 + level / 2.0)) * error
    return PolicyValue(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        standard_error=error,
        level=level,
        estimator=estimator,
        n_decisions=int(scores.size),
        n_users=int(np.unique(users).size),
        effective_sample_size=effective_sample_size(weights),
    )
