"""The effect of a treatment on each user: linear in the covariates and one learnt feature, and shrunk as its own noise demands.

The users' gains (see `expected`) are regressed on a basis: a constant, the covariates, and what boosted trees make of the
gains, cross-fitted, which catches what is not linear (Chernozhukov et al., 2018, arXiv 1712.04802). All terms but the constant
are then shrunk towards none by priors whose variances the data choose, so that a test without differences between users yields
none. Predictions for a user come from learners that never saw that user, and carry draws of the learners' own error.

How much of the predicted differences is real is asked of the users' own gains in turn, by the regression

    gain = average + slope (prediction - mean prediction):

a slope of 1 says that they can be believed as they stand, one of 0 that they are noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from decision_engine.effects.learners import cluster_sums
from decision_engine.effects.nuisances import N_FOLDS, cross_fit, row_folds
from decision_engine.effects.weekly_shift import shrunk
from decision_engine.experiment.expected import expected_by_group, gains_over_none
from policies.ope.intervals import clustered_standard_error
from simulations.arrays import ActionArray, Float32Array, FloatArray, IntArray
from simulations.randomness import stream

DRAWS = 32  # of the error, in pairs of opposite sign, so that their mean is the prediction
_SPREAD_UNITS = 30.0  # standard errors of the average; the prior's grid reaches from a hundredth of it to twice it
_MOST_ROWS = 60_000
_DEPENDENT = 1e-3  # of a column's length is left when others are taken off: it says nothing of its own
_STEPS = 200  # towards the likeliest prior variances; few are needed
_FARTHEST = 3.0  # standard deviations at which a covariate is cut off


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Users to learn from; `units` says which of them were drawn together."""

    covariates: Float32Array
    treatments: ActionArray
    margin: FloatArray
    taken: FloatArray
    units: IntArray

    def take(self, rows: IntArray) -> Sample:
        """Return some of the users."""
        return Sample(
            covariates=self.covariates[rows],
            treatments=self.treatments[rows],
            margin=self.margin[rows],
            taken=self.taken[rows],
            units=np.unique(self.units[rows], return_inverse=True)[1].astype(np.int64),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Effects by user.

    Attributes
    ----------
    mean : (n_users, n_actions) array
        Extra margin over none before cost, in currency.
    draws : (DRAWS, n_users, n_actions) float32 array
        The same with the learners' error.
    """

    mean: FloatArray
    draws: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slope:
    """What the users' own gains say of predicted effects: their average, and how much of the differences is real."""

    average: float
    slope: float
    covariance: FloatArray  # (2, 2), of both

    def draws(self, normals: FloatArray) -> FloatArray:
        """Return (n_draws, 2): averages and slopes, from (n_draws, 2) normal numbers."""
        return np.array([self.average, self.slope]) + normals @ _root(self.covariance)


def predict_gains(sample: Sample, covariates: Float32Array, which: Sequence[int], *, n_actions: int, seed: int) -> Predicted:
    """Learn some treatments' effects from a sample and predict them for other users."""
    n, n_new = sample.treatments.size, covariates.shape[0]
    folds = row_folds(sample.units, seed)
    expected = expected_by_group(
        sample.covariates, sample.treatments, sample.margin, folds, n_actions=n_actions, seed=seed
    )  # fmt: skip
    gains = gains_over_none(sample.treatments, sample.margin, sample.taken, expected)
    everybody = np.vstack([sample.covariates, covariates])
    learning = np.arange(n + n_new) < n
    all_folds = np.concatenate([folds, np.full(n_new, N_FOLDS, dtype=np.int64)])
    mean = np.zeros((n_new, n_actions))
    draws = np.zeros((DRAWS, n_new, n_actions), dtype=np.float32)
    linear = _standardised(everybody, n)
    for action in which:
        target = np.concatenate([gains[:, action], np.zeros(n_new)])
        basis = np.column_stack([np.ones(n + n_new), linear, _feature(everybody, target, all_folds, learning, seed)])
        kept = _independent(basis[:n])
        coefficients, covariance = _regress(basis[:n, kept], gains[:, action], sample.units)
        normals = stream(seed, "effects by user", action).standard_normal((DRAWS // 2, basis.shape[1]))[:, kept]
        error = np.concatenate([normals, -normals]) @ _root(covariance)
        mean[:, action] = basis[n:, kept] @ coefficients
        draws[:, :, action] = mean[:, action] + error @ basis[n:, kept].T
    return Predicted(mean=mean, draws=draws)


def cross_predicted(sample: Sample, which: Sequence[int], *, n_actions: int, seed: int) -> Predicted:
    """Predict each user's effects from the users of other folds; one draw of the error is one for all folds."""
    n = sample.treatments.size
    places = stream(seed, "folds of users").permutation(int(sample.units.max(initial=-1)) + 1) % N_FOLDS
    folds = places[sample.units].astype(np.int64)
    mean, draws = np.zeros((n, n_actions)), np.zeros((DRAWS, n, n_actions), dtype=np.float32)
    for fold in range(N_FOLDS):
        here = np.flatnonzero(folds == fold)
        found = predict_gains(
            sample.take(np.flatnonzero(folds != fold)), sample.covariates[here], which, n_actions=n_actions, seed=seed
        )
        mean[here], draws[:, here] = found.mean, found.draws
    return Predicted(mean=mean, draws=draws)


def slope_of(gains: FloatArray, predictions: FloatArray, units: IntArray) -> Slope:
    """Regress users' gains on what was predicted for them."""
    centred = predictions - predictions.mean()
    if float(np.abs(centred).max(initial=0.0)) < 1e-12:
        error = clustered_standard_error(gains, units) ** 2
        return Slope(average=float(gains.mean()), slope=0.0, covariance=np.diag([error, 0.0]))
    basis = np.column_stack([np.ones(gains.size), centred])
    coefficients, covariance = _least_squares(basis, gains, units)
    return Slope(average=float(coefficients[0]), slope=float(coefficients[1]), covariance=covariance)


def _standardised(covariates: Float32Array, n: int) -> FloatArray:
    """Return the covariates in standard deviations of the first `n` rows, cut off far out, empty ones at the mean."""
    values = covariates.astype(np.float64)
    known = np.isfinite(values[:n])
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values[:n], 0.0).sum(axis=0) / counts
    spreads = np.sqrt(np.where(known, (values[:n] - means) ** 2, 0.0).sum(axis=0) / counts)
    scaled = np.where(np.isfinite(values), (values - means) / np.where(spreads > 1e-9, spreads, np.inf), 0.0)
    return np.clip(scaled, -_FARTHEST, _FARTHEST)


def _feature(
    covariates: Float32Array,
    gains: FloatArray,
    folds: IntArray,
    learning: np.ndarray[tuple[int], np.dtype[np.bool_]],
    seed: int,
) -> FloatArray:
    """Return what trees make of the gains, in standard deviations; nothing where there is no covariate."""
    if covariates.shape[1] == 0:
        return np.zeros(gains.size)
    smallest = max(40, int(learning.sum()) // 100)
    found = cross_fit(
        covariates,
        gains,
        folds,
        seed=seed,
        among=learning,
        n_trees=40,
        n_leaves=6,
        smallest_leaf=smallest,
        most_rows=_MOST_ROWS,
    )
    spread = float(found[learning].std())
    return np.clip((found - found[learning].mean()) / spread, -_FARTHEST, _FARTHEST) if spread > 1e-12 else np.zeros(gains.size)


def _independent(basis: FloatArray) -> IntArray:
    """Return the columns that are no sum of others, the constant among them."""
    rest = basis[:, 1:] - basis[:, 1:].mean(axis=0)
    if not rest.shape[1]:
        return np.zeros(1, dtype=np.int64)
    triangle, order = qr(rest, mode="r", pivoting=True)
    sizes = np.abs(np.diag(triangle[: rest.shape[1]]))
    kept = order[: sizes.size][sizes > _DEPENDENT * np.sqrt(basis.shape[0])]
    return np.concatenate([[0], np.sort(kept) + 1]).astype(np.int64)


def _least_squares(basis: FloatArray, gains: FloatArray, units: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients and their covariance, which holds whatever the errors' spread, and within units (White, 1980)."""
    bread = np.linalg.inv(basis.T @ basis)
    coefficients = bread @ (basis.T @ gains)
    scores = cluster_sums(basis * (gains - basis @ coefficients)[:, None], units)
    return np.asarray(coefficients), np.asarray(bread @ (scores.T @ scores) @ bread)


def _regress(basis: FloatArray, gains: FloatArray, units: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients, all but the constant shrunk, and their covariance before: shrinking takes no doubt away.

    The covariance after shrinking would make intervals half as wide, and hold the truth for every other user only where
    differences are real and the sample too small to show them. Kept whole, intervals of 90 % hold it for about nine users in
    ten where users differ, and for nearly all where they do not: a sample that cannot tell the two must allow for either.
    """
    coefficients, covariance = _least_squares(basis, gains, units)
    unit = _SPREAD_UNITS * float(gains.std()) / np.sqrt(gains.size)
    if unit <= 0.0 or coefficients.size == 1:
        return coefficients, covariance
    together = shrunk(coefficients / unit, covariance / unit**2)
    if together.heterogeneity == 0.0:
        return together.mean * unit, covariance
    return _each_by_its_relevance(coefficients, covariance, (together.heterogeneity * unit) ** 2), covariance


def _each_by_its_relevance(coefficients: FloatArray, covariance: FloatArray, variance: float) -> FloatArray:
    """Shrink each term but the constant by a prior variance of its own, from a common one to those the data make likeliest.

    Terms that tell nothing are so shrunk away and leave the others as they are (Tipping, 2001, JMLR 1).
    """
    information = np.linalg.inv(covariance)
    variances = np.full(coefficients.size - 1, variance)
    for _ in range(_STEPS):
        spread = np.linalg.inv(information + np.diag(np.concatenate([[0.0], 1.0 / np.maximum(variances, 1e-12 * variance)])))
        mean = spread @ (information @ coefficients)
        found = mean[1:] ** 2 + np.diag(spread)[1:]
        settled = np.abs(found - variances).max() < 1e-6 * variance
        variances = found
        if settled:
            break
    return np.asarray(mean)


def _root(covariance: FloatArray) -> FloatArray:
    """Return the symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
