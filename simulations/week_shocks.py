"""What a week does to everyone at once: holidays, weather, a delivery that fails; and levels that drift for some weeks.

Users are not independent within a week. What is common to all moves the log-odds to buy and the log of an order-day's value.
It has three parts: a shock of the week alone, one that passes within weeks (a sale, a run of good weather), and a level that is
forgotten by a twentieth a week. How large each is follows from
the weekly residuals of the fitting weeks beyond the noise of so many users. Forty weeks tell a level's size badly, and its most
likely size is often zero: the sizes are therefore means over their posterior, under priors that expect a few hundredths
(half-Cauchy; Gelman, 2006, Bayesian Analysis 1(3)). Where the level stands after the last week is predicted as a random effect
is (Robinson, 1991, Statistical Science 6(1)), and the users are fitted to it: what comes goes on from there. Without all this,
bands of weekly sums are far too narrow. Every policy lives through the same weeks, so differences between policies hardly move.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.compiled import njit
from simulations.randomness import Channel, normal_at, user_base

N_SHOCKS = 2  # log-odds to buy; log of an order-day's value
WEEK, LEVEL, PASSING = 0, 1, 2  # columns of a spread
N_PARTS = 3
LEVEL_MEMORY = 0.95  # of the level, kept from one week to the next
PASSING_MEMORY = 0.6  # of what passes
_REACH, _PASSING_REACH = 90, 9  # weeks after which a hundredth of a push is left
_C_WEEK = int(Channel.WEEK)
_SETTLING_SHARE = 0.25  # of the weeks, the first: states are still filling and residuals tell of that
_FEWEST_WEEKS = 4  # settled ones; below that nothing is known of weeks, and none is shaken
_PRIOR_SCALE = 0.05
_SIZES = np.concatenate([[0.0], np.geomspace(0.01, 1.0, 12)])  # standard deviations that are weighed against each other


def week_spread(residuals: FloatArray, information: FloatArray, weeks: IntArray, n_weeks: int) -> FloatArray:
    """Return the standard deviations of what is common to a week's rows: of the week alone, of the level, and of what passes.

    Parameters
    ----------
    residuals : (n_rows,) array
        Score of each row: outcome less expectation, over the noise's variance where that is not one.
    information : (n_rows,) array
        Curvature of each row: a shock of `u` moves the score's mean by ``information * u``.
    weeks : (n_rows,) int array
        Week of each row, in [0, n_weeks).

    Returns
    -------
    (N_PARTS,) array
        Root of the posterior mean of each variance.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> weeks = np.repeat(np.arange(200), 50)
    >>> shocked = rng.normal(0.0, 0.3, 200)[weeks] + rng.normal(size=weeks.size)
    >>> week_spread(shocked, np.ones(weeks.size), weeks, 200).round(1).tolist()
    [0.3, 0.0, 0.0]
    """
    settled, shocks, noise = settled_weeks(residuals, information, weeks, n_weeks)
    if settled.size < _FEWEST_WEEKS:
        return np.zeros(N_PARTS)
    likelihoods = [
        _log_likelihood(shocks, covariance_of(settled, noise, np.array(sizes))) for sizes in product(_SIZES, repeat=N_PARTS)
    ]
    log_posterior = np.reshape(likelihoods, (_SIZES.size,) * N_PARTS)
    prior = np.gradient(_SIZES) / (1.0 + (_SIZES / _PRIOR_SCALE) ** 2)
    weights = np.exp(log_posterior - log_posterior.max()) * np.einsum("i,j,k->ijk", prior, prior, prior)
    weights /= weights.sum()
    return np.sqrt([weights.sum(axis=tuple({0, 1, 2} - {part})) @ _SIZES**2 for part in range(N_PARTS)])


def level_at_the_end(
    residuals: FloatArray, information: FloatArray, weeks: IntArray, n_weeks: int, spread: FloatArray
) -> float:
    """Return where the level stands after the last week, the mean of the settled weeks included; as `week_spread` reads rows.

    Examples
    --------
    >>> weeks = np.repeat(np.arange(40), 100)
    >>> risen = 0.2 * (weeks >= 30)
    >>> round(level_at_the_end(risen, np.ones(weeks.size), weeks, 40, np.array([0.02, 0.2, 0.0])), 1)
    0.2
    """
    settled, shocks, noise = settled_weeks(residuals, information, weeks, n_weeks)
    if settled.size < _FEWEST_WEEKS:
        return 0.0
    solved = np.linalg.solve(covariance_of(settled, noise, spread), np.column_stack([shocks, np.ones(shocks.size)]))
    mean = solved[:, 0].sum() / solved[:, 1].sum()
    reach = spread[LEVEL] ** 2 * LEVEL_MEMORY ** (n_weeks - settled)
    return float(mean + reach @ (solved[:, 0] - mean * solved[:, 1]))


def settled_weeks(
    residuals: FloatArray, information: FloatArray, weeks: IntArray, n_weeks: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the weeks that count, their shocks, and the variance of the noise in each."""
    scores = np.bincount(weeks, weights=residuals, minlength=n_weeks)
    known = np.bincount(weeks, weights=information, minlength=n_weeks)
    settled = np.flatnonzero((np.arange(n_weeks) >= _SETTLING_SHARE * n_weeks) & (known > 0.0))
    return settled, scores[settled] / known[settled], 1.0 / known[settled]


def covariance_of(settled: IntArray, noise: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the covariance of the settled weeks' shocks."""
    apart = np.abs(settled[:, None] - settled[None, :])
    lasting = spread[LEVEL] ** 2 * LEVEL_MEMORY**apart + spread[PASSING] ** 2 * PASSING_MEMORY**apart
    return np.asarray(lasting + np.diag(noise + spread[WEEK] ** 2), dtype=np.float64)


def _log_likelihood(shocks: FloatArray, covariance: FloatArray) -> float:
    """Return the log-likelihood of weekly shocks about an unknown mean (restricted: the mean is integrated out)."""
    factor = np.linalg.cholesky(covariance)
    sides = np.linalg.solve(factor, np.column_stack([shocks, np.ones(shocks.size)]))
    square, cross, mass = sides[:, 0] @ sides[:, 0], sides[:, 0] @ sides[:, 1], sides[:, 1] @ sides[:, 1]
    return float(-np.log(np.diag(factor)).sum() - 0.5 * math.log(mass) - 0.5 * (square - cross**2 / mass))


@njit()
def _lasting(everyone: np.uint64, period: int, place: int, memory: float, reach: int) -> float:
    """Return a standard normal number that lasts: the pushes of the weeks up to now, each forgotten bit by bit."""
    total, weight = 0.0, math.sqrt((1.0 - memory**2) / (1.0 - memory ** (2 * reach)))
    for ago in range(reach):
        total += weight * normal_at(everyone, period + reach - ago, _C_WEEK, place)
        weight *= memory
    return total


@njit()
def week_shocks(seed: int, member: int, period: int, n_weeks: int, spread: FloatArray) -> FloatArray:
    """Return (n_weeks, N_SHOCKS) shocks, addressed by seed, member and week; the same for every user.

    A level is the sum of the pushes of the weeks up to now, each forgotten bit by bit, so that it does not depend on where a
    rollout begins: lived in one go or week by week, a week is the same.

    Parameters
    ----------
    spread : (N_SHOCKS, N_PARTS) array
        Standard deviations of the week alone, of the level, and of what passes.
    """
    shocks = np.empty((n_weeks, N_SHOCKS), dtype=np.float64)
    everyone = user_base(seed, member, np.uint64(0))
    for week in range(n_weeks):
        for k in range(N_SHOCKS):
            shock = 0.0
            if spread[k, WEEK] > 0.0:
                shock += spread[k, WEEK] * normal_at(everyone, period + week, _C_WEEK, k)
            if spread[k, LEVEL] > 0.0:
                shock += spread[k, LEVEL] * _lasting(everyone, period + week, N_SHOCKS + k, LEVEL_MEMORY, _REACH)
            if spread[k, PASSING] > 0.0:
                shock += spread[k, PASSING] * _lasting(
                    everyone, period + week, 2 * N_SHOCKS + k, PASSING_MEMORY, _PASSING_REACH
                )
            shocks[week, k] = shock
        shocks[week, 1] -= 0.5 * (spread[1] ** 2).sum()  # the mean amount stays as it is
    return shocks
