"""Largest likelihood of a few positive parameters, and the special functions that the likelihoods need in compiled code."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from simulations.arrays import FloatArray
from simulations.compiled import njit
from simulations.errors import HistoryError

_LOG_LIMIT = 14.0  # of a parameter in units of the data; what goes there is not identified (nobody drops out, say)
_TOLERANCE = 1e-7  # of the mean log-likelihood's gradient in the parameters' logarithms

Objective = Callable[[FloatArray], tuple[float, FloatArray]]


@njit()
def digamma(x: float) -> float:
    """Return the derivative of log gamma for x > 0 (recurrence to 8, then the asymptotic series; error below 1e-12).

    Examples
    --------
    >>> round(digamma(1.0), 12)
    -0.577215664902
    """
    shift = 0.0
    while x < 8.0:
        shift -= 1.0 / x
        x += 1.0
    s = 1.0 / (x * x)
    series = s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * 691.0 / 32760)))))
    return shift + math.log(x) - 0.5 / x - series


def maximise(log_likelihood: Objective, start: FloatArray, n_users: int, model: str) -> tuple[FloatArray, float]:
    """Return the positive parameters of largest likelihood, and the log-likelihood there.

    Works on the parameters' logarithms by L-BFGS (Byrd, Lu, Nocedal and Zhu, 1995, SIAM J. Scientific Computing 16(5)).

    Parameters
    ----------
    log_likelihood : callable
        Parameters to (log-likelihood of all users, its gradient).
    start : (n_parameters,) array
        Where to begin, positive.

    Raises
    ------
    HistoryError
        If the likelihood has no finite maximum that can be found.
    """
    from scipy.optimize import minimize

    def objective(logs: FloatArray) -> tuple[float, FloatArray]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value / n_users, -gradient * parameters / n_users

    found = minimize(
        objective,
        np.log(start),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LOG_LIMIT, _LOG_LIMIT)] * start.size,
        options={"maxiter": 1000, "gtol": _TOLERANCE, "ftol": 1e-13},
    )
    if not np.isfinite(found.fun) or found.status == 1:
        raise HistoryError(f"{model}: no largest likelihood was found for {n_users:,} users ({found.message}).")
    return np.exp(found.x), -float(found.fun) * n_users
