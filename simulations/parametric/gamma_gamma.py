"""Gamma-Gamma: what a customer spends at a purchase.

A purchase's value is Gamma(p, nu) with a customer's own nu ~ Gamma(q, v), independent of how often the customer buys. Fader and
Hardie (2013), The Gamma-Gamma model of monetary value; Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for
customer base analysis, Journal of Marketing Research 42(4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import FloatArray
from simulations.compiled import njit
from simulations.errors import HistoryError
from simulations.parametric.likelihood import digamma, maximise


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaGamma:
    """A fitted Gamma-Gamma model.

    Attributes
    ----------
    p : float
        Shape of the values of one customer's purchases.
    q, v : float
        Shape and rate of the customers' own rates; v is in currency.
    log_likelihood : float
        Of all users with a purchase, at these parameters.
    """

    p: float
    q: float
    v: float
    log_likelihood: float = math.nan

    @classmethod
    def fit(cls, n_purchases: FloatArray, mean_value: FloatArray) -> GammaGamma:
        """Fit by largest likelihood; users without a purchase or with a mean value of 0 or less tell nothing and are left out.

        Parameters
        ----------
        n_purchases, mean_value : (n_users,) arrays
            Purchases, and their mean value in currency.

        Raises
        ------
        HistoryError
            If fewer than two users have a purchase with a value above 0.
        """
        known = (n_purchases > 0) & (mean_value > 0)
        n_users = int(known.sum())
        if n_users < 2:
            raise HistoryError(f"Gamma-Gamma: {n_users} users have a purchase with a value above 0; two are needed at least.")
        unit = float(mean_value[known].mean())
        x, z = n_purchases[known].astype(np.float64), mean_value[known].astype(np.float64) / unit
        order = np.argsort(x, kind="stable")
        x, z = x[order], z[order]

        def log_likelihood(parameters: FloatArray) -> tuple[float, FloatArray]:
            gradient = np.zeros(3)
            p, q, v = parameters
            return _log_likelihood(p, q, v, x, z, gradient), gradient

        parameters, best = maximise(log_likelihood, np.array([2.0, 3.0, 1.0]), n_users, "Gamma-Gamma")
        p, q, v = (float(value) for value in parameters)
        return cls(p=p, q=q, v=v * unit, log_likelihood=best - n_users * math.log(unit))

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return 3

    def expected(self, n_purchases: FloatArray, mean_value: FloatArray) -> FloatArray:
        """Return (n_users,): the expected value of a user's next purchase, in currency.

        It is p (v + x z) / (p x + q - 1): the customer's own mean, pulled towards everyone's the fewer purchases there are.
        Where q <= 1 everyone's mean is infinite, and so is what a user without a purchase is expected to spend.
        """
        x = n_purchases.astype(np.float64)
        spent = np.where(x > 0, x * np.maximum(mean_value, 0.0), 0.0)
        pull = self.p * x + self.q - 1.0
        return np.where(pull > 0, self.p * (self.v + spent) / np.maximum(pull, 1e-300), np.inf)

    def draw(
        self, n_purchases: FloatArray, mean_value: FloatArray, coming: NDArray[Any], rng: np.random.Generator
    ) -> FloatArray:
        """Draw what some users' coming purchases bring, in currency: one rate a user, one gamma amount a week.

        A purchase is gamma with shape p and the user's own rate; given x purchases of mean z that rate is gamma with shape
        q + p x and rate v + x z, and a week of several purchases is gamma with shape p times their number.

        Parameters
        ----------
        coming : (n_users, n_weeks) int array
            Purchases of each week.
        """
        x = n_purchases.astype(np.float64)
        spent = np.where(x > 0, x * np.maximum(mean_value, 0.0), 0.0)
        rate = rng.gamma(self.q + self.p * x) / (self.v + spent)
        amounts = rng.standard_gamma(self.p * coming.astype(np.float64))
        return np.asarray(amounts / np.maximum(rate, 1e-300)[:, None])


@njit()
def _log_likelihood(
    p: float, q: float, v: float, n_purchases: FloatArray, mean_value: FloatArray, gradient: FloatArray
) -> float:
    """Log-likelihood of the mean values with its gradient; rows are sorted by the number of purchases."""
    total = 0.0
    log_v = math.log(v)
    previous = -1.0
    constant = d_p = d_q = 0.0
    for i in range(n_purchases.size):
        x, z = n_purchases[i], mean_value[i]
        shape = p * x
        if x != previous:
            previous = x
            constant = math.lgamma(shape + q) - math.lgamma(shape) - math.lgamma(q) + q * log_v + shape * math.log(x)
            both = digamma(shape + q)
            d_p = x * (both - digamma(shape) + math.log(x))
            d_q = both - digamma(q) + log_v
        log_z, log_sum = math.log(z), math.log(v + x * z)
        total += constant + (shape - 1.0) * log_z - (shape + q) * log_sum
        gradient[0] += d_p + x * (log_z - log_sum)
        gradient[1] += d_q - log_sum
        gradient[2] += q / v - (shape + q) / (v + x * z)
    return total
