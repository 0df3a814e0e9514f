"""What to expect of each user under each treatment, by models that did not see the user, and what the user says of effects.

With the expectation m_a(x) of a treatment and the probability p of what was given, a user's *gain* of treatment a over none is

    m_a(x) - m_0(x) + [got a] (Y - m_a(x)) w - [got none] (Y - m_0(x)) w,   w = 1/p, scaled so that a group's weights sum to n.

Its mean is the doubly robust effect over all users (Robins, Rotnitzky and Zhao, 1994, JASA 89(427)), right whatever the models
say where p is known; a regression of it on covariates is the conditional effect (Kennedy, 2023, EJS 17(2)); its mean over those
whom a rule chooses is that rule's value (Athey and Wager, 2021, Econometrica 89(1)).
"""

from __future__ import annotations

import numpy as np

from decision_engine.effects.doubly_robust import Average
from decision_engine.effects.nuisances import FEWEST_FOR_ARM, cross_fit
from policies.ope.intervals import clustered_standard_error
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray

_TREES, _LEAVES = 60, 8


def expected_by_group(
    covariates: Float32Array, treatments: ActionArray, outcome: FloatArray, folds: IntArray, *, n_actions: int, seed: int
) -> FloatArray:
    """Return (n_users, n_actions): the expected outcome under each treatment; a small group borrows the model of all.

    What the covariates tell is taken only as far as it holds for users that the model did not see: of noise, nothing.
    """
    counts = np.bincount(treatments, minlength=n_actions)
    expected = np.zeros((treatments.size, n_actions))
    small = [a for a in range(n_actions) if counts[a] < FEWEST_FOR_ARM]
    if small:
        everybody = cross_fit(covariates, outcome, folds, seed=seed, n_trees=_TREES, n_leaves=_LEAVES)
        expected[:, small] = _as_far_as_it_holds(everybody, outcome, np.ones(outcome.size, dtype=np.bool_))[:, None]
    for action in range(n_actions):
        if action not in small:
            group = treatments == action
            own = cross_fit(covariates, outcome, folds, seed=seed, among=group, n_trees=_TREES, n_leaves=_LEAVES)
            expected[:, action] = _as_far_as_it_holds(own, outcome, group)
    return expected


def _as_far_as_it_holds(predictions: FloatArray, outcome: FloatArray, group: BoolArray) -> FloatArray:
    """Return the predictions drawn in towards their mean, by how the group's outcomes follow them."""
    centre = float(predictions[group].mean())
    apart = predictions - centre
    spread = float(apart[group] @ apart[group])
    if spread <= 0.0:
        return predictions
    part = float(np.clip(apart[group] @ (outcome[group] - outcome[group].mean()) / spread, 0.0, 1.0))
    return np.asarray(centre + part * apart)


def gains_over_none(treatments: ActionArray, outcome: FloatArray, taken: FloatArray, expected: FloatArray) -> FloatArray:
    """Return (n_users, n_actions): each user's gain of each treatment over none; see the module's formula.

    Examples
    --------
    >>> half, nothing = np.full(4, 0.5), np.zeros((4, 2))
    >>> treatments, outcome = np.array([1, 1, 0, 0], dtype=np.int16), np.array([3.0, 1.0, 1.0, 0.0])
    >>> float(gains_over_none(treatments, outcome, half, nothing)[:, 1].mean())
    1.5
    """
    residuals = outcome - expected[np.arange(outcome.size), treatments]
    values = expected.copy()
    for action in range(expected.shape[1]):
        group = treatments == action
        weights = np.where(group, 1.0 / taken, 0.0)
        if group.any():
            values[:, action] += weights * (outcome.size / weights.sum()) * residuals
    return np.asarray(values - values[:, :1])


def average_gain(gains: FloatArray, units: IntArray | None = None) -> Average:
    """Return the mean of some users' gains with its standard error, clustered by what users are part of."""
    error = float(gains.std(ddof=1) / np.sqrt(gains.size)) if units is None else clustered_standard_error(gains, units)
    return Average(estimate=float(gains.mean()), standard_error=error)
