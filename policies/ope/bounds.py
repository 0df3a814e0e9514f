"""Intervals for means beyond the normal one: by bootstrap, at any size, and at all times at once.

Everything is by cluster: with n clusters, S_g the sum of a cluster's scores and m scores in all, the mean of the scores is the
mean of Z_g = n S_g / m, and the Z_g are independent.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Literal

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.randomness import stream

Interval = Literal["normal", "bootstrap", "bernstein", "sequence"]
_N_DRAWS = 1_000
_TUNED_AT = 500.0  # clusters at which a confidence sequence is narrowest


def cluster_means(scores: FloatArray, clusters: IntArray) -> FloatArray:
    """Return (n_clusters,): what each cluster says of the mean, in the order in which they first appear.

    Examples
    --------
    >>> cluster_means(np.array([1.0, 2.0, 3.0]), np.array([7, 5, 7])).tolist()
    [2.6666666666666665, 1.3333333333333333]
    """
    _, first, places = np.unique(clusters, return_index=True, return_inverse=True)
    sums = np.bincount(places, weights=scores)[np.argsort(first, kind="stable")]
    return np.asarray(sums * (sums.size / scores.size))


def bootstrap_interval(
    scores: FloatArray, clusters: IntArray, *, level: float, seed: int = 0, n_draws: int = _N_DRAWS
) -> tuple[float, float]:
    """Return the percentile interval of the mean, clusters drawn with replacement together with how many scores each has."""
    _, places = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(places, weights=scores), np.bincount(places).astype(np.float64)
    rng = stream(seed, "cluster bootstrap")
    means = np.empty(n_draws)
    for draw in range(n_draws):
        times = np.bincount(rng.integers(0, sums.size, sums.size), minlength=sums.size)
        means[draw] = (times @ sums) / (times @ sizes)
    low, high = np.quantile(means, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return float(low), float(high)


def bernstein_interval(
    scores: FloatArray, clusters: IntArray, *, level: float, reach: float | None = None
) -> tuple[float, float]:
    """Return the empirical Bernstein interval of the mean (Maurer and Pontil, 2009, COLT): it holds at any number of clusters.

    Parameters
    ----------
    reach : float, optional
        Largest minus smallest value that a cluster's part can have; as far as those seen where left out, which is a guess.
    """
    means = cluster_means(scores, clusters)
    if means.size < 2:
        return -np.inf, np.inf
    doubt = log(4.0 / (1.0 - level))  # two sides, each split between the mean and the variance
    reach = float(np.ptp(means)) if reach is None else reach
    half = sqrt(2.0 * float(means.var(ddof=1)) * doubt / means.size) + 7.0 * reach * doubt / (3.0 * (means.size - 1))
    return float(means.mean()) - half, float(means.mean()) + half


def confidence_sequence(
    scores: FloatArray, clusters: IntArray, *, level: float, tuned_at: float = _TUNED_AT
) -> list[tuple[float, float]]:
    """Return an interval of the mean after each cluster, all of which hold together with probability `level`, in the limit.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52(6)):
    whoever looks every day and stops when an interval leaves zero is still right. Clusters stand in the order in which they
    came; a cluster's part may depend on the past, as where a bandit learned from what it logged.

    Parameters
    ----------
    tuned_at : float
        Number of clusters at which the sequence is narrowest.
    """
    parts = cluster_means(scores, clusters)
    n = np.arange(1, parts.size + 1, dtype=np.float64)
    mean = np.cumsum(parts) / n
    spread = np.sqrt(np.maximum(np.cumsum(parts**2) / n - mean**2, 0.0))
    alpha = 1.0 - level
    rho2 = (-2.0 * log(alpha) + log(-2.0 * log(alpha) + 1.0)) / tuned_at
    half = spread * np.sqrt(2.0 * (n * rho2 + 1.0) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1.0) / alpha))
    half[:1] = np.inf  # one cluster says nothing of its spread
    return [(float(low), float(high)) for low, high in zip(mean - half, mean + half, strict=True)]
