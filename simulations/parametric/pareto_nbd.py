"""Pareto/NBD: customers buy at their own rate until they leave, unseen, at their own rate.

While active, a customer buys as a Poisson process of rate lambda ~ Gamma(r, alpha) and leaves after an exponential time of
rate mu ~ Gamma(s, beta). Schmittlein, Morrison and Colombo (1987), Counting your customers: who are they and what will they
do next? Management Science 33(1). The likelihood's integral over the unseen moment of leaving,

    s * integral from t_x to T of (alpha + u)^-(r + x) (beta + u)^-(s + 1) du,

is done by Gauss and Legendre in the logarithm of u + min(alpha, beta), where it is smooth for any parameters, instead of by
the two hypergeometric functions whose difference cancels (Fader and Hardie, 2005, A note on deriving the Pareto/NBD model).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import FloatArray
from simulations.compiled import njit
from simulations.parametric.likelihood import digamma, maximise
from simulations.parametric.repeats import DistinctHistory, RepeatHistory

_NODES, _WEIGHTS = (np.ascontiguousarray(part) for part in np.polynomial.legendre.leggauss(24))
_NEGLIGIBLE = 40.0  # in log: the integrand's tail below exp(-40) of its peak is cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoNbd:
    """A fitted Pareto/NBD model; times are in the unit of the history that it was fitted on.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time.
    s, beta : float
        Shape and rate of the leaving rates; beta is a time.
    log_likelihood : float
        Of all users, at these parameters.
    """

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = math.nan

    @classmethod
    def fit(cls, history: RepeatHistory) -> ParetoNbd:
        """Fit by largest likelihood.

        Raises
        ------
        HistoryError
            If the likelihood has no finite maximum.
        """
        unit = float(history.age.mean()) / 10.0
        rows = DistinctHistory.of(history, unit)

        def log_likelihood(parameters: FloatArray) -> tuple[float, FloatArray]:
            gradient = np.zeros(4)
            r, alpha, s, beta = parameters
            value = _log_likelihood(r, alpha, s, beta, rows.frequency, rows.last_age, rows.age, rows.n_sharing, gradient)
            return value, gradient

        mean = max(float(history.frequency.mean()), 0.01)
        parameters, best = maximise(log_likelihood, np.array([1.0, 10.0 / mean, 0.5, 10.0]), history.n_users, "Pareto/NBD")
        r, alpha, s, beta = (float(value) for value in parameters)
        shift = float(history.frequency.sum()) * math.log(unit)  # as in BG/NBD: densities of time carry its unit
        return cls(r=r, alpha=alpha * unit, s=s, beta=beta * unit, log_likelihood=best - shift)

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return 4

    def alive(self, history: RepeatHistory) -> FloatArray:
        """Return (n_users,): the probability that a user has not left."""
        return _alive(self.r, self.alpha, self.s, self.beta, history.frequency, history.last_age, history.age)

    def expected(self, history: RepeatHistory, horizon: float) -> FloatArray:
        """Return (n_users,): expected purchases in the `horizon` after each user's observation.

        For an active user (r + x) / (alpha + T) * (beta + T) / (s - 1) * (1 - ((beta + T) / (beta + T + horizon))^(s - 1)).
        """
        excess = self.s - 1.0
        log_rest = np.log1p(-horizon / (self.beta + history.age + horizon))
        stay = -np.expm1(excess * log_rest) / excess if abs(excess) > 1e-12 else -log_rest
        rate = (self.r + history.frequency) / (self.alpha + history.age)
        return np.asarray(self.alive(history) * rate * (self.beta + history.age) * stay)

    def draw(self, history: RepeatHistory, n_periods: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw (n_users, n_periods) future purchases, period by period, given what is known of each user.

        Given that a user is active, the rates are Gamma(r + x, alpha + T) and Gamma(s, beta + T), independent. A period is
        one unit of time; in the one in which a user leaves, purchases come only before that.
        """
        x = history.frequency
        alive = rng.random(x.size) < self.alive(history)
        rate = rng.gamma(self.r + x) / (self.alpha + history.age)
        leaving = rng.gamma(self.s, size=x.size) / (self.beta + history.age)
        stay = np.where(alive, rng.exponential(size=x.size) / np.maximum(leaving, 1e-300), 0.0)
        present = np.clip(stay[:, None] - np.arange(n_periods), 0.0, 1.0)
        return rng.poisson(rate[:, None] * present)


@njit()
def _log_density(r: float, alpha: float, s: float, beta: float, x: float, u: float) -> float:
    return -(r + x) * math.log(alpha + u) - (s + 1.0) * math.log(beta + u)


@njit()
def _gone(r: float, alpha: float, s: float, beta: float, x: float, t: float, end: float, slopes: FloatArray) -> float:
    """Return the log of the likelihood's part in which the user left between `t` and `end`; -inf where there is no time.

    `slopes` receives its derivatives in r, alpha, s and beta.
    """
    slopes[:] = 0.0
    small = min(alpha, beta)
    decay = (r + x) * (small + t) / (alpha + t) + (s + 1.0) * (small + t) / (beta + t) - 1.0
    width = math.log((small + end) / (small + t))
    if decay > 0.0:
        width = min(width, _NEGLIGIBLE / decay)
    if width <= 0.0:
        return -math.inf
    peak = _log_density(r, alpha, s, beta, x, t)
    mass = 0.0
    for k in range(_NODES.size):
        u = (small + t) * math.exp(0.5 * width * (_NODES[k] + 1.0)) - small
        log_alpha, log_beta = math.log(alpha + u), math.log(beta + u)
        part = math.exp(-(r + x) * log_alpha - (s + 1.0) * log_beta - peak) * (small + u) * _WEIGHTS[k]
        mass += part
        slopes[0] -= part * log_alpha
        slopes[1] -= part * (r + x) / (alpha + u)
        slopes[2] -= part * log_beta
        slopes[3] -= part * (s + 1.0) / (beta + u)
    for j in range(4):
        slopes[j] /= mass
    slopes[2] += 1.0 / s
    return math.log(s) + peak + math.log(0.5 * width * mass)


@njit()
def _log_likelihood(
    r: float,
    alpha: float,
    s: float,
    beta: float,
    frequency: FloatArray,
    last_age: FloatArray,
    age: FloatArray,
    n_sharing: FloatArray,
    gradient: FloatArray,
) -> float:
    total = 0.0
    log_alpha, log_beta = math.log(alpha), math.log(beta)
    slopes = np.zeros(4)
    previous = -1.0
    constant = d_r = 0.0
    for i in range(frequency.size):
        x, end, n = frequency[i], age[i], n_sharing[i]
        if x != previous:
            previous = x
            constant = math.lgamma(r + x) - math.lgamma(r) + r * log_alpha + s * log_beta
            d_r = digamma(r + x) - digamma(r) + log_alpha
        log_alpha_end, log_beta_end = math.log(alpha + end), math.log(beta + end)
        active = -(r + x) * log_alpha_end - s * log_beta_end
        gone = _gone(r, alpha, s, beta, x, last_age[i], end, slopes)
        top = max(active, gone)
        summed = top + math.log(math.exp(active - top) + math.exp(gone - top))
        share = math.exp(gone - summed)
        stay = 1.0 - share
        total += n * (constant + summed)
        gradient[0] += n * (d_r - stay * log_alpha_end + share * slopes[0])
        gradient[1] += n * (r / alpha - stay * (r + x) / (alpha + end) + share * slopes[1])
        gradient[2] += n * (log_beta - stay * log_beta_end + share * slopes[2])
        gradient[3] += n * (s / beta - stay * s / (beta + end) + share * slopes[3])
    return total


@njit()
def _alive(
    r: float, alpha: float, s: float, beta: float, frequency: FloatArray, last_age: FloatArray, age: FloatArray
) -> FloatArray:
    alive = np.empty(frequency.size)
    slopes = np.zeros(4)
    for i in range(frequency.size):
        x, end = frequency[i], age[i]
        active = -(r + x) * math.log(alpha + end) - s * math.log(beta + end)
        gone = _gone(r, alpha, s, beta, x, last_age[i], end, slopes)
        alive[i] = 1.0 / (1.0 + math.exp(min(gone - active, 700.0)))
    return alive
