"""BG/NBD: customers buy at their own rate and may drop out after any purchase.

While active, a customer buys as a Poisson process of rate lambda ~ Gamma(r, alpha); after each repeat purchase the customer
drops out with a chance p ~ Beta(a, b). Fader, Hardie and Lee (2005), "Counting your customers" the easy way: an alternative to
the Pareto/NBD model, Marketing Science 24(2), whose equation numbers are quoted below.
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

_LARGEST_COUNT = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class BgNbd:
    """A fitted BG/NBD model; times are in the unit of the history that it was fitted on.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the purchase rates; alpha is a time.
    a, b : float
        Shape parameters of the chance to drop out after a repeat purchase.
    log_likelihood : float
        Of all users, at these parameters.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = math.nan

    @classmethod
    def fit(cls, history: RepeatHistory) -> BgNbd:
        """Fit by largest likelihood.

        Raises
        ------
        HistoryError
            If the likelihood has no finite maximum.

        Examples
        --------
        >>> x, age = np.arange(60.0) % 5, np.linspace(8.0, 12.0, 60)
        >>> BgNbd.fit(RepeatHistory.of(frequency=x, last_age=age * x / 6.0, age=age)).n_parameters
        4
        """
        unit = float(history.age.mean()) / 10.0
        rows = DistinctHistory.of(history, unit)

        def log_likelihood(parameters: FloatArray) -> tuple[float, FloatArray]:
            gradient = np.zeros(4)
            r, alpha, a, b = parameters
            return _log_likelihood(r, alpha, a, b, rows.frequency, rows.last_age, rows.age, rows.n_sharing, gradient), gradient

        mean = max(float(history.frequency.mean()), 0.01)
        parameters, best = maximise(log_likelihood, np.array([1.0, 10.0 / mean, 0.5, 2.0]), history.n_users, "BG/NBD")
        r, alpha, a, b = (float(value) for value in parameters)
        # each repeat purchase is a density in time: the likelihood carries the unit to the power of minus their number
        shift = float(history.frequency.sum()) * math.log(unit)
        return cls(r=r, alpha=alpha * unit, a=a, b=b, log_likelihood=best - shift)

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return 4

    def alive(self, history: RepeatHistory) -> FloatArray:
        """Return (n_users,): the probability that a user has not dropped out; 1 before the first repeat purchase."""
        x = history.frequency
        odds = np.log(self.a / (self.b + np.maximum(x, 1.0) - 1.0))
        odds = odds + (self.r + x) * (np.log(self.alpha + history.age) - np.log(self.alpha + history.last_age))
        return np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, 700.0))), 1.0)

    def expected(self, history: RepeatHistory, horizon: float) -> FloatArray:
        """Return (n_users,): expected purchases in the `horizon` after each user's observation (equation 10).

        The paper's hypergeometric function is taken after Euler's transformation, which keeps it near 1 for frequent buyers,
        and with the factor 1 / (a - 1) multiplied out, so that a = 1 is an ordinary point.
        """
        future = _expected_if_alive(self.r, self.alpha, self.a, self.b, history.frequency, history.age, float(horizon))
        return future * self.alive(history)

    def draw(self, history: RepeatHistory, n_periods: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw (n_users, n_periods) future purchases, period by period, given what is known of each user.

        Given that a user is active, the rate is Gamma(r + x, alpha + T) and the drop-out chance Beta(a, b + x), independent.
        A period is one unit of time.
        """
        x = history.frequency
        alive = rng.random(x.size) < self.alive(history)
        rate = rng.gamma(self.r + x) / (self.alpha + history.age)
        drop_out = np.maximum(rng.beta(self.a, self.b + x), 1.0 / _LARGEST_COUNT)
        left = np.where(alive, rng.geometric(drop_out), 0)
        bought = np.minimum(np.cumsum(rng.poisson(rate[:, None], (x.size, n_periods)), axis=1), left[:, None])
        return np.diff(bought, axis=1, prepend=0)


@njit()
def _log_likelihood(
    r: float,
    alpha: float,
    a: float,
    b: float,
    frequency: FloatArray,
    last_age: FloatArray,
    age: FloatArray,
    n_sharing: FloatArray,
    gradient: FloatArray,
) -> float:
    """Equation 6 with its gradient; rows are sorted by frequency, so that gamma functions are needed once a frequency."""
    total = 0.0
    log_alpha = math.log(alpha)
    previous = -1.0
    constant = d_r = d_a = d_b = 0.0
    for i in range(frequency.size):
        x, n = frequency[i], n_sharing[i]
        if x != previous:
            previous = x
            constant = math.lgamma(r + x) - math.lgamma(r) + r * log_alpha
            constant += math.lgamma(a + b) + math.lgamma(b + x) - math.lgamma(b) - math.lgamma(a + b + x)
            both = digamma(a + b) - digamma(a + b + x)
            d_r = digamma(r + x) - digamma(r) + log_alpha
            d_a = both
            d_b = both + digamma(b + x) - digamma(b)
        shape = r + x
        log_end = math.log(alpha + age[i])
        active = -shape * log_end  # log of the term in which the user is still active
        if x == 0.0:
            total += n * (constant + active)
            gradient[0] += n * (d_r - log_end)
            gradient[1] += n * (r / alpha - shape / (alpha + age[i]))
            continue
        log_last = math.log(alpha + last_age[i])
        gone = math.log(a / (b + x - 1.0)) - shape * log_last  # and in which the last purchase was the end
        top = max(active, gone)
        summed = top + math.log(math.exp(active - top) + math.exp(gone - top))
        share = math.exp(gone - summed)
        total += n * (constant + summed)
        gradient[0] += n * (d_r - (1.0 - share) * log_end - share * log_last)
        gradient[1] += n * (r / alpha - shape * ((1.0 - share) / (alpha + age[i]) + share / (alpha + last_age[i])))
        gradient[2] += n * (d_a + share / a)
        gradient[3] += n * (d_b - share / (b + x - 1.0))
    return total


@njit()
def _expected_if_alive(
    r: float, alpha: float, a: float, b: float, frequency: FloatArray, age: FloatArray, horizon: float
) -> FloatArray:
    """Return expected purchases of active users: (a+b+x-1)/(a-1) (1 - (1-z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z))."""
    expected = np.empty(frequency.size)
    excess = a - 1.0
    for i in range(frequency.size):
        z = horizon / (alpha + age[i] + horizon)
        upper, lower = a + b - 1.0 - r, a + b + frequency[i] - 1.0
        log_rest = math.log1p(-z)
        # 2F1 = 1 + excess * series
        term = upper / lower * z
        series = term
        for k in range(1, 100_000):
            term *= (upper + k) * (excess + k) / ((lower + k) * (k + 1.0)) * z
            series += term
            if abs(term) <= 1e-15 * abs(series):
                break
        lost = math.expm1(excess * log_rest) / excess if abs(excess) > 1e-12 else log_rest
        expected[i] = lower * (-lost - math.exp(excess * log_rest) * series)
    return expected
