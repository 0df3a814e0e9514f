"""Glass-box behaviour heads: additive models over the observation, held as tables that can be plotted and looked up.

Every feature is cut into at most `N_BINS` bins; a head gives each bin a score, and a user's score is the intercept plus the
sum over features. Scores are fitted by penalised likelihood: differences between neighbouring bins are Gaussian with one
variance a feature (a random-walk prior; Fahrmeir and Lang, 2001, JRSS C 50(2)), the variances are found by the generalised
Fellner-Schall update (Wood and Fasiolo, 2017, Biometrics 73(4)), and a curve declared monotone pays a steep penalty for each
step the wrong way (Bollaerts, Eilers and van Mechelen, 2006, Statistics in Medicine 25(2)). The cost is linear in the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import Float32Array, FloatArray
from simulations.compiled import njit
from simulations.features import FEATURE_NAMES, FEATURES, column

N_BINS = 32  # a power of two: the lookup halves five times
Family = Literal["binomial", "gaussian"]
_RIDGE = 1e-2  # keeps scores of empty bins, and the split between intercept and curves, determined
_STEEP = 1e6  # price of a step against a declared direction
_HALVINGS = 10  # of a Newton step that would make things worse, as it does where outcomes are nearly separable
_MOST_ROUNDS = 4  # times the rounds asked for, where they do not settle
_SETTLED = 0.05  # a round that moves no score further is the last
_BinArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binning:
    """How features are cut: bin `b` of a feature holds values above edge `b - 1` up to and including edge `b`.

    Attributes
    ----------
    features : (n_terms,) int64 array
        Columns of the observation.
    edges : (n_terms, N_BINS - 1) float32 array
        Ascending, padded with infinity.
    """

    features: NDArray[np.int64]
    edges: Float32Array

    @classmethod
    def fit(
        cls, observations: Float32Array, names: Sequence[str], given: Mapping[str, Sequence[float]] | None = None
    ) -> Binning:
        """Cut each named feature at the cuts given for it, else at its quantiles; features of few values at those values."""
        edges = np.full((len(names), N_BINS - 1), np.inf, dtype=np.float32)
        for row, name in enumerate(names):
            values = observations[:, column(name)]
            if given is not None and name in given:
                wanted = np.array(given[name], dtype=np.float64)
            else:
                places = np.arange(1, N_BINS) / N_BINS
                wanted = np.quantile(values, places, method="lower") if values.size else np.zeros(1)
            cuts = np.unique(wanted.astype(np.float32))
            cuts = cuts[cuts < values.max(initial=-np.inf)]
            edges[row, : cuts.size] = cuts
        return cls(features=np.array([column(name) for name in names], dtype=np.int64), edges=edges)

    @classmethod
    def even(cls, cuts: Mapping[str, Sequence[float]]) -> Binning:
        """Cut each named feature at the given values (at most `N_BINS` - 1)."""
        edges = np.full((len(cuts), N_BINS - 1), np.inf, dtype=np.float32)
        for row, values in enumerate(cuts.values()):
            edges[row, : len(values)] = values
        return cls(features=np.array([column(name) for name in cuts], dtype=np.int64), edges=edges)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(FEATURE_NAMES[k] for k in self.features)

    def bins(self, observations: Float32Array) -> _BinArray:
        """Return the (n, n_terms) bins of (n, N_FEATURES) observations."""
        bins = np.empty((observations.shape[0], self.features.size), dtype=np.uint8)
        for term, feature in enumerate(self.features):
            bins[:, term] = np.searchsorted(self.edges[term], observations[:, feature], side="left")
        return bins


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditiveHead:
    """One behaviour as an additive model; see the module's docstring.

    Attributes
    ----------
    scores : (n_terms, N_BINS) float64 array
        On the scale of the link; a term's mean over the fitting rows is 0.
    penalties : (n_terms,) float64 array
        Smoothing found for each term; a large one means a flat curve.
    """

    binning: Binning
    scores: FloatArray
    intercept: float
    penalties: FloatArray
    link: Literal["logit", "identity"]

    @classmethod
    def from_curves(
        cls,
        binning: Binning,
        intercept: float,
        curves: Mapping[str, Callable[[FloatArray], FloatArray]],
        link: Literal["logit", "identity"],
    ) -> AdditiveHead:
        """Set a head by hand: each curve is evaluated in the middle of the bins (the last at its edge)."""
        scores = np.zeros((binning.features.size, N_BINS), dtype=np.float64)
        for term, name in enumerate(binning.names):
            if name in curves:
                edges = binning.edges[term][np.isfinite(binning.edges[term])].astype(np.float64)
                low = np.concatenate([[FEATURES[column(name)].low], edges])
                middles = (low + np.concatenate([edges, edges[-1:]])) / 2.0
                scores[term, : middles.size] = curves[name](middles)
                scores[term, middles.size :] = scores[term, middles.size - 1]
        return cls(binning=binning, scores=scores, intercept=intercept, penalties=np.zeros(binning.features.size), link=link)

    def linear(self, bins: _BinArray) -> FloatArray:
        """Return the (n,) scores on the link's scale, from `Binning.bins`."""
        return self.intercept + _sum_scores(bins, self.scores)

    def predict(self, observations: Float32Array) -> FloatArray:
        """Return the (n,) expected values: probabilities for a logit head, means for an identity one."""
        linear = self.linear(self.binning.bins(observations))
        return 1.0 / (1.0 + np.exp(-linear)) if self.link == "logit" else linear

    def curve(self, feature: str) -> tuple[FloatArray, FloatArray]:
        """Return the finite edges (k,) of a feature and the scores (k + 1,) between them, for plotting.

        Raises
        ------
        ValueError
            If the head does not read the feature.
        """
        term = self.binning.names.index(feature)
        edges = self.binning.edges[term][np.isfinite(self.binning.edges[term])].astype(np.float64)
        return edges, self.scores[term, : edges.size + 1]


def fit_head(
    binning: Binning,
    bins: _BinArray,
    outcomes: FloatArray,
    *,
    family: Family,
    trials: FloatArray | float = 1.0,
    weights: FloatArray | None = None,
    offset: FloatArray | None = None,
    directions: Mapping[str, int] | None = None,
    start: AdditiveHead | None = None,
    n_rounds: int = 8,
) -> AdditiveHead:
    """Fit one head.

    Parameters
    ----------
    bins : (n, n_terms) array
        From `binning.bins`.
    outcomes : (n,) array
        Successes out of `trials` (may be fractional), or values for a Gaussian head.
    weights, offset : (n,) arrays
        Weight of a row, and what is added to its score beforehand.
    directions : mapping
        +1 for a curve that may only rise, -1 for one that may only fall, by feature name.
    start : AdditiveHead, optional
        Where to begin; its smoothing is kept, which makes a refit cheap.
    n_rounds : int
        Newton steps, each followed by an update of the smoothing where it is free.
    """
    n_terms = bins.shape[1]
    weights = np.ones(outcomes.size) if weights is None else weights
    offset = np.zeros(outcomes.size) if offset is None else offset
    trials = np.broadcast_to(np.asarray(trials, dtype=np.float64), outcomes.shape)
    theta = np.zeros(1 + n_terms * N_BINS)
    penalties: FloatArray = np.full(n_terms, 10.0, dtype=np.float64)
    if start is not None:
        theta[0], theta[1:], penalties = start.intercept, start.scores.ravel(), start.penalties.copy()
    else:
        theta[0] = _first_intercept(outcomes, trials, weights, offset, family)
    signs = np.array([(directions or {}).get(name, 0) for name in binning.names])
    used = [int(np.count_nonzero(np.isfinite(edges))) + 1 for edges in binning.edges]

    binomial = family == "binomial"
    for round_ in range(_MOST_ROUNDS * n_rounds):
        gradient, curvature, dispersion, here = _derivatives(bins, outcomes, trials, weights, offset, theta, binomial)
        precision = curvature + _prior_precision(theta, penalties, signs, used) * dispersion
        pull = curvature @ theta + gradient
        covariance = _inverse(precision) if start is None else None  # whose smoothing is kept needs no more than the step
        step = (_solve(precision, pull) if covariance is None else covariance @ pull) - theta

        def height(
            at: FloatArray, likelihood: float, penalties: FloatArray = penalties, dispersion: float = dispersion
        ) -> float:
            return likelihood - 0.5 * dispersion * _roughness(at, penalties, signs, used)

        def climbed(at: FloatArray) -> float:
            return height(at, _log_likelihood(bins, outcomes, trials, weights, offset, at, binomial))

        before, theta = theta, _climb(climbed, height(theta, here), theta, step)
        if covariance is not None:
            penalties = _smooth(theta, covariance, penalties, used, dispersion)
        if round_ + 1 >= n_rounds and float(np.abs(theta - before).max()) < _SETTLED:
            break
    return _centred(binning, bins, weights, theta, penalties, "logit" if family == "binomial" else "identity", used)


def _inverse(precision: FloatArray) -> FloatArray:
    """Invert a precision; what neither rows nor prior speak of, as where no row has weight, is left where it is."""
    try:
        return np.asarray(np.linalg.inv(precision), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(precision, hermitian=True), dtype=np.float64)


def _solve(precision: FloatArray, pull: FloatArray) -> FloatArray:
    """Return the mean that a precision and a pull give; see `_inverse` of what neither speaks of."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    try:
        return np.asarray(cho_solve(cho_factor(precision, check_finite=False), pull, check_finite=False), dtype=np.float64)
    except LinAlgError:
        return _inverse(precision) @ pull


def _first_intercept(
    outcomes: FloatArray, trials: FloatArray, weights: FloatArray, offset: FloatArray, family: Family
) -> float:
    if family == "gaussian":
        return float(np.average(outcomes - offset, weights=weights)) if weights.sum() > 0 else 0.0
    share = (np.sum(weights * outcomes) + 0.5) / (np.sum(weights * trials) + 1.0)
    return math.log(share / (1.0 - share))


@njit(nogil=True)
def _sum_scores(bins: _BinArray, scores: FloatArray) -> FloatArray:
    total = np.zeros(bins.shape[0], dtype=np.float64)
    for i in range(bins.shape[0]):
        for term in range(bins.shape[1]):
            total[i] += scores[term, bins[i, term]]
    return total


def _climb(height: Callable[[FloatArray], float], here: float, theta: FloatArray, step: FloatArray) -> FloatArray:
    """Go a Newton step, or as much of it as raises the penalised likelihood; stay where even a small part does not."""
    for _ in range(_HALVINGS):
        if height(theta + step) >= here - 1e-9 * abs(here):
            return theta + step
        step = 0.5 * step
    return theta


@njit(nogil=True)
def _log_likelihood(
    bins: _BinArray,
    outcomes: FloatArray,
    trials: FloatArray,
    weights: FloatArray,
    offset: FloatArray,
    theta: FloatArray,
    binomial: bool,
) -> float:
    total = 0.0
    for i in range(bins.shape[0]):
        if weights[i] == 0.0:
            continue
        linear = offset[i] + theta[0]
        for term in range(bins.shape[1]):
            linear += theta[1 + term * N_BINS + bins[i, term]]
        if binomial:
            crowd = max(linear, 0.0) + math.log1p(math.exp(-abs(linear)))  # log(1 + exp(linear))
            total += weights[i] * (outcomes[i] * linear - trials[i] * crowd)
        else:
            total -= 0.5 * weights[i] * (outcomes[i] - linear) ** 2
    return total


@njit(nogil=True)
def _derivatives(
    bins: _BinArray,
    outcomes: FloatArray,
    trials: FloatArray,
    weights: FloatArray,
    offset: FloatArray,
    theta: FloatArray,
    binomial: bool,
) -> tuple[FloatArray, FloatArray, float, float]:
    """Return gradient and Fisher information of the log-likelihood, the dispersion (1 for the binomial), and the likelihood."""
    n_terms = bins.shape[1]
    gradient, curvature = np.zeros(theta.size), np.zeros((theta.size, theta.size))
    places = np.zeros(n_terms + 1, dtype=np.int64)
    squares, mass, likelihood = 0.0, 1e-9, 0.0
    for i in range(bins.shape[0]):
        if weights[i] == 0.0:
            continue
        linear = offset[i] + theta[0]
        for term in range(n_terms):
            places[term + 1] = 1 + term * N_BINS + bins[i, term]
            linear += theta[places[term + 1]]
        if binomial:
            small = math.exp(-abs(linear))
            chance = 1.0 / (1.0 + small) if linear >= 0.0 else small / (1.0 + small)
            likelihood += weights[i] * (outcomes[i] * linear - trials[i] * (max(linear, 0.0) + math.log1p(small)))
            residual = weights[i] * (outcomes[i] - trials[i] * chance)
            information = weights[i] * trials[i] * max(chance * (1.0 - chance), 1e-9)
        else:
            residual = weights[i] * (outcomes[i] - linear)
            information = weights[i]
            squares += weights[i] * (outcomes[i] - linear) ** 2
            mass += weights[i]
        for j in range(n_terms + 1):
            gradient[places[j]] += residual
            for k in range(j, n_terms + 1):
                curvature[places[j], places[k]] += information
    for j in range(theta.size):
        for k in range(j):
            curvature[j, k] = curvature[k, j]
    if binomial:
        return gradient, curvature, 1.0, likelihood
    return gradient, curvature, max(squares / mass, 1e-9), -0.5 * squares


def _differences(used: int) -> FloatArray:
    return np.diff(np.eye(used), axis=0)


def _prior_precision(theta: FloatArray, penalties: FloatArray, signs: NDArray[np.int64], used: Sequence[int]) -> FloatArray:
    precision = np.eye(theta.size) * _RIDGE
    precision[0, 0] = 0.0
    for term, size in enumerate(used):
        if size < 2:
            continue
        first = 1 + term * N_BINS
        steps = _differences(size)
        wrong = signs[term] * np.diff(theta[first : first + size]) < 0.0
        precision[first : first + size, first : first + size] += steps.T @ ((penalties[term] + _STEEP * wrong)[:, None] * steps)
    return precision


def _roughness(theta: FloatArray, penalties: FloatArray, signs: NDArray[np.int64], used: Sequence[int]) -> float:
    """Return ``theta @ _prior_precision(theta, ...) @ theta``, without the matrix."""
    total = _RIDGE * float(theta[1:] @ theta[1:])
    for term, size in enumerate(used):
        jumps = np.diff(theta[1 + term * N_BINS : 1 + term * N_BINS + size])
        total += float((penalties[term] + _STEEP * (signs[term] * jumps < 0.0)) @ jumps**2)
    return total


def _smooth(
    theta: FloatArray, covariance: FloatArray, penalties: FloatArray, used: Sequence[int], dispersion: float
) -> FloatArray:
    """Move each smoothing parameter by the generalised Fellner-Schall step."""
    after = penalties.copy()
    for term, size in enumerate(used):
        if size < 2:
            continue
        first = 1 + term * N_BINS
        steps = _differences(size)
        jumps = steps @ theta[first : first + size]
        spread = np.einsum("ij,jk,ik->", steps, covariance[first : first + size, first : first + size], steps) * dispersion
        gained = max((size - 1) / penalties[term] - spread, 1e-9)
        after[term] = min(max(penalties[term] * gained / max(float(jumps @ jumps), 1e-12), 1e-2), 1e6)
    return after


def _centred(
    binning: Binning,
    bins: _BinArray,
    weights: FloatArray,
    theta: FloatArray,
    penalties: FloatArray,
    link: Literal["logit", "identity"],
    used: Sequence[int],
) -> AdditiveHead:
    scores = theta[1:].reshape(-1, N_BINS).copy()
    intercept = float(theta[0])
    for term, size in enumerate(used):
        mass = np.bincount(bins[:, term], weights=weights, minlength=N_BINS)
        middle = float(np.average(scores[term], weights=mass)) if mass.sum() > 0 else 0.0
        scores[term] -= middle
        scores[term, size:] = scores[term, size - 1]
        intercept += middle
    return AdditiveHead(binning=binning, scores=scores, intercept=intercept, penalties=penalties, link=link)


def shifted(head: AdditiveHead, amount: float) -> AdditiveHead:
    """Return the head with its intercept moved by `amount`."""
    return replace(head, intercept=head.intercept + amount)
