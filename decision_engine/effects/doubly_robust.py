"""The average effect by doubly robust scores, with standard errors clustered by user.

With tilt h, arm models m0 and m1 and the probability p of what was done,

    effect = sum h (m1 - m0) / sum h  +  sum_treated (h/p) (Y - m1) / sum_treated (h/p)
                                      -  sum_control (h/p) (Y - m0) / sum_control (h/p)

It is right when either the probabilities or the outcome models are (Robins, Rotnitzky and Zhao, 1994, JASA 89(427)). Where the
log records probabilities h = 1: the average over everybody who could have been contacted. Where they are estimated
h = e (1 - e), the overlap weights (Li, Morgan and Zaslavsky, 2018, JASA 113(521)): the average over those who might as well
have been contacted as not, which needs no trimming and never divides by a small number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.effects.nuisances import Nuisances
from policies.ope.intervals import clustered_standard_error
from simulations.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """An average effect with its standard error, in the outcome's unit."""

    estimate: float
    standard_error: float

    @property
    def z(self) -> float:
        """Estimate over standard error; 0 where there is no error to divide by."""
        return self.estimate / self.standard_error if self.standard_error > 0 else 0.0

    def interval(self, level: float) -> tuple[float, float]:
        """Return the normal interval at a level in (0, 1)."""
        from scipy.stats import norm

        half = float(norm.ppf(0.5 + level / 2.0)) * self.standard_error
        return self.estimate - half, self.estimate + half


def overlap_tilt(nuisances: Nuisances) -> FloatArray:
    """Return (n_rows,): h, one where probabilities are recorded, e (1 - e) where they are estimated."""
    if nuisances.mode == "recorded":
        return np.ones(nuisances.taken.size)
    return np.asarray(nuisances.propensities * (1.0 - nuisances.propensities))


def average_effect(
    outcome: FloatArray,
    treated: BoolArray,
    users: IntArray,
    *,
    taken: FloatArray,
    untreated_model: FloatArray,
    treated_model: FloatArray,
    tilt: FloatArray,
) -> Average:
    """Return the tilted average effect; see the module's formula.

    Parameters
    ----------
    outcome, taken, untreated_model, treated_model, tilt : (n_rows,) arrays
        Y, p, m0, m1 and h.
    users : (n_rows,) int64 array
        Clusters: rows of one user count as one piece of evidence.

    Examples
    --------
    >>> flat, half = np.zeros(4), np.full(4, 0.5)
    >>> treated = np.array([True, True, False, False])
    >>> average_effect(
    ...     np.array([3.0, 1.0, 1.0, 0.0]),
    ...     treated,
    ...     np.arange(4),
    ...     taken=half,
    ...     untreated_model=flat,
    ...     treated_model=flat,
    ...     tilt=np.ones(4),
    ... ).estimate
    1.5
    """
    weights = tilt / taken
    with_action, without = np.where(treated, weights, 0.0), np.where(treated, 0.0, weights)
    gain = treated_model - untreated_model
    base = float(tilt @ gain) / tilt.sum()
    up = float(with_action @ (outcome - treated_model)) / with_action.sum()
    down = float(without @ (outcome - untreated_model)) / without.sum()
    scores = tilt * (gain - base) / tilt.sum()
    scores += with_action * (outcome - treated_model - up) / with_action.sum()
    scores -= without * (outcome - untreated_model - down) / without.sum()
    return Average(estimate=float(base + up - down), standard_error=clustered_standard_error(scores, users) * scores.size)


def crude_difference(outcome: FloatArray, treated: BoolArray, weeks: IntArray, users: IntArray) -> Average:
    """Return the difference between treated and control of the same weeks, nothing else held fixed."""
    _, places = np.unique(weeks, return_inverse=True)
    share = (np.bincount(places, weights=treated) / np.bincount(places))[places]
    both = (share > 0.0) & (share < 1.0)
    nothing = np.zeros(int(np.count_nonzero(both)))
    share = share[both]
    return average_effect(
        outcome[both],
        treated[both],
        users[both],
        taken=np.where(treated[both], share, 1.0 - share),
        untreated_model=nothing,
        treated_model=nothing,
        tilt=share * (1.0 - share),
    )
