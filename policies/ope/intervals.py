"""Intervals clustered by user: decisions on one person are one piece of evidence, however many there are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from policies.ope.bounds import Interval, bernstein_interval, bootstrap_interval, confidence_sequence
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
    scores: FloatArray,
    users: IntArray,
    weights: FloatArray,
    *,
    level: float,
    estimator: str,
    share_clipped: float = 0.0,
    bias: float = 0.0,
    interval: Interval = "normal",
    seed: int = 0,
    per: str = "decision",
) -> PolicyValue:
    """Return the mean of some scores as a policy's value with its clustered interval.

    Parameters
    ----------
    bias : float
        Estimated bias of the mean, which widens the interval as an error of its own.
    interval : str
        "normal"; "bootstrap" of users, for few or skewed ones; "bernstein", which holds at any size where scores are bounded by
        those seen, and is wide; "sequence", which holds at all times at once, for whoever looks every day.
    """
    estimate, error = float(scores.mean()), float(np.hypot(clustered_standard_error(scores, users), bias))
    if interval == "normal":
        half = float(norm.ppf(0.5 + level / 2.0)) * error
        low, high = estimate - half, estimate + half
    else:
        low, high = _BOUNDS[interval](scores, users, level, seed)
        low, high = low - abs(bias), high + abs(bias)
    return PolicyValue(
        estimate=estimate,
        low=low,
        high=high,
        standard_error=error,
        level=level,
        estimator=estimator,
        n_decisions=int(scores.size),
        n_users=int(np.unique(users).size),
        effective_sample_size=effective_sample_size(weights),
        largest_weight=float(weights.max(initial=0.0)),
        share_clipped=share_clipped,
        interval=interval,
        per=per,
    )


_BOUNDS: dict[str, Callable[[FloatArray, IntArray, float, int], tuple[float, float]]] = {
    "bootstrap": lambda scores, users, level, seed: bootstrap_interval(scores, users, level=level, seed=seed),
    "bernstein": lambda scores, users, level, _: bernstein_interval(scores, users, level=level),
    "sequence": lambda scores, users, level, _: confidence_sequence(scores, users, level=level)[-1],
}
