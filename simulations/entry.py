"""When a user was first seen, and what that lets expect: who is first seen late was there before, and comes seldom.

A history begins somewhere in the life of a shop. Frequent buyers are seen in its first weeks, rare ones when they happen to
come: the first order that is on file is no beginning. What is observed of a user starts there, so that a rare buyer looks for a
while like a frequent one who has just begun. The users' intercepts are therefore expected to fall with the log of the weeks
until the first order (a prior mean; Mundlak, 1978, Econometrica 46(1), puts what goes with a random effect into its mean), by a
slope that the data decide on; where everybody truly begins, as in a cohort, it is small.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import BoolArray, FloatArray

_PRIOR_SD = 0.3  # of the slope: log-odds to buy for a wait longer by a factor of e


def entry_waits(known: BoolArray) -> FloatArray:
    """Return (n_users,): log of the weeks until the first order, less that of one who begins now; 0 for who has not.

    Parameters
    ----------
    known : (n_users, n_weeks) bool array
        Weeks after a user's first order.

    Examples
    --------
    >>> entry_waits(np.array([[False, True, True], [False, False, False]])).round(2).tolist()
    [-1.1, 0.0]
    """
    n_weeks = known.shape[1]
    waited = np.where(known.any(axis=1), np.argmax(known, axis=1) - 1, n_weeks - 1)
    return np.asarray(np.log1p(np.maximum(waited, 0)) - np.log1p(n_weeks - 1), dtype=np.float64)


def entry_step(
    scores: FloatArray, information: FloatArray, weights: FloatArray, waits: FloatArray, variance: float, slope: float
) -> float:
    """Return by how much a Newton step moves the slope, with the users' own deviations integrated out.

    Parameters
    ----------
    scores, information : (n_users,) arrays
        Of each user's intercept, about what the slope expects so far.
    weights : (n_users,) array
        How often a user counts.
    variance : float
        Of the users' deviations from what is expected.

    Examples
    --------
    >>> waits = np.array([-2.0, -1.0, 0.0])
    >>> round(entry_step(-0.5 * 100.0 * waits, np.full(3, 100.0), np.ones(3), waits, 0.01, 0.0), 2)
    -0.48
    """
    shrunk = weights / (1.0 + variance * information)
    gradient = (shrunk * scores) @ waits - slope / _PRIOR_SD**2
    return float(gradient / ((shrunk * information) @ waits**2 + _PRIOR_SD**-2))
