"""How much a user's baskets vary: some households buy the same every week, others now a little, now a great deal.

Residuals of log spend are turned into normal scores within weeks of as many order-days, so that one distribution's long tails
do not pass for differences between users. A user's variance then has an inverse-gamma posterior about 1 (conjugate to the
normal), worth as many observations as make the users' sums of squares likeliest; of its root's logarithm the mean and the
standard deviation are kept.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.spend_residuals import N_DAY_CLASSES

_PRIOR_WORTH = np.append(np.geomspace(1.0, 400.0, 25), 1e4)  # observations; the last: all users alike


def spend_spread(
    residual: FloatArray, days: FloatArray, users: IntArray, weights: FloatArray, prior_sd: float | None = None
) -> tuple[FloatArray, FloatArray, float]:
    """Return mean and standard deviation of the log of each user's spread, relative to all, and those of a user not seen yet.

    Parameters
    ----------
    residual, days : (n_rows,) arrays
        Log of an order-day's value about its expectation, and the week's order-days.
    users : (n_rows,) int array
        Row of `weights`.
    weights : (n_users,) array
        How often a user counts.
    prior_sd : float, optional
        As found earlier; it is looked for where left out.

    Returns
    -------
    mean, sd : (n_users,) arrays
    prior_sd : float

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> users = np.repeat(np.arange(400), 50)
    >>> wide = np.where(np.arange(400) < 200, 0.5, 1.5)
    >>> mean, sd, _ = spend_spread(wide[users] * rng.normal(size=users.size), np.ones(users.size), users, np.ones(400))
    >>> bool(mean[:200].max() < mean[200:].min())
    True
    """
    squares = np.bincount(users, weights=_normal_scores(residual, days) ** 2, minlength=weights.size).astype(np.float64)
    counts = np.bincount(users, minlength=weights.size).astype(np.float64)
    worth = _likeliest_worth(squares, counts, weights) if prior_sd is None else 0.5 / max(prior_sd, 1e-3) ** 2
    known = worth + counts
    return 0.5 * np.log((worth + squares) / known), np.sqrt(0.5 / known), float(np.sqrt(0.5 / worth))


def _normal_scores(residual: FloatArray, days: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    scores = np.zeros(residual.size)
    for count in range(1, N_DAY_CLASSES + 1):
        rows = np.flatnonzero(np.minimum(days, N_DAY_CLASSES) == count)
        ranks = np.empty(rows.size)
        ranks[np.argsort(residual[rows], kind="stable")] = np.arange(rows.size) + 0.5
        scores[rows] = ndtri(ranks / max(rows.size, 1))
    return scores


def _likeliest_worth(squares: FloatArray, counts: FloatArray, weights: FloatArray) -> float:
    """Return how many observations the prior is worth: the maximum of the users' marginal likelihood (a multivariate t)."""
    from scipy.special import gammaln

    def log_likelihood(worth: float) -> float:
        half, whole = 0.5 * worth, 0.5 * (worth + counts)
        each = gammaln(whole) - gammaln(half) + half * np.log(half) - whole * np.log(half + 0.5 * squares)
        return float(weights @ each)

    return float(_PRIOR_WORTH[int(np.argmax([log_likelihood(float(worth)) for worth in _PRIOR_WORTH]))])
