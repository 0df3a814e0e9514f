"""Randomisation: whether the recorded probabilities agree with what was done.

If an action was given with recorded probability p, the sum of 1/p over those who got it estimates the number of decisions in
which it could be given; a gap beyond chance is a sample-ratio mismatch, and says that the record is not what happened (Fabijan
et al., 2019, KDD). The comparison is made with the same sum over those left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from simulations.arrays import BoolArray, FloatArray, IntArray

MISMATCH = 0.001  # a p-value below this is a mismatch; small, because every run looks


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Decisions counted twice: through those who got the action, and through those left alone."""

    through_treated: float
    through_control: float
    p_value: float

    @property
    def matches(self) -> bool:
        """Whether the two counts agree within chance."""
        return self.p_value >= MISMATCH

    def summary(self) -> str:
        """Return a sentence."""
        verdict = "agree" if self.matches else "disagree: the recorded probabilities are not those used"
        return (
            f"{self.through_treated:,.0f} decisions counted through the treated, {self.through_control:,.0f} through the "
            f"controls; they {verdict} (p = {self.p_value:.3g})"
        )


def sample_ratio(treated: BoolArray, taken: FloatArray, users: IntArray) -> SampleRatio:
    """Compare the two counts, rows of one user as one piece of evidence.

    Parameters
    ----------
    treated : (n_rows,) bool array
    taken : (n_rows,) array
        Recorded probability of what was done, in (0, 1].

    Examples
    --------
    >>> treated = np.arange(400) % 4 == 0
    >>> sample_ratio(treated, np.where(treated, 0.25, 0.75), np.arange(400)).matches
    True
    >>> sample_ratio(treated, np.full(400, 0.5), np.arange(400)).matches
    False
    """
    weights = 1.0 / taken
    with_action, without = np.where(treated, weights, 0.0), np.where(treated, 0.0, weights)
    gaps = np.bincount(users, weights=with_action - without)
    spread = float(np.sqrt(gaps @ gaps))
    z = float(gaps.sum()) / spread if spread > 0 else 0.0
    return SampleRatio(
        through_treated=float(with_action.sum()), through_control=float(without.sum()), p_value=float(2.0 * norm.sf(abs(z)))
    )
