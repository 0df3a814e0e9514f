"""Estimators between the direct method and the doubly robust one: how much of each importance weight to believe.

    value = mean of  sum over a of pi(a | x) q(x, a)  +  v (r - q(x, a_logged))

With v = w this is doubly robust, with v = 0 it is the direct method. In between, *switch* believes weights up to a threshold
and no larger one (Wang, Agarwal and Dudík, 2017, ICML), and *optimistic shrinkage* pulls all of them down, the large ones most:
v = s w / (w² + s) (Su, Dimakopoulou, Krishnamurthy and Dudík, 2020, ICML). Less weight means less variance, and more of the
model's bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulations.arrays import FloatArray

Family = Literal["switch", "shrinkage"]


def _switch(weights: FloatArray, threshold: float) -> FloatArray:
    return np.where(weights <= threshold, weights, 0.0)


def _shrink(weights: FloatArray, strength: float) -> FloatArray:
    if strength == 0.0:
        return np.zeros_like(weights)
    with np.errstate(over="ignore"):  # what is shrunk beyond measure is 0
        return np.asarray(weights / (1.0 + weights * (weights / strength)))


_FAMILIES: dict[str, Callable[[FloatArray, float], FloatArray]] = {"switch": _switch, "shrinkage": _shrink}


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """A rule for how much of each weight to believe; `strength` is the threshold, or s: infinite believes all, 0 nothing."""

    family: Family
    strength: float

    def __post_init__(self) -> None:
        """Refuse a strength that is none.

        Raises
        ------
        ValueError
            If it lies below zero.
        """
        if not self.strength >= 0.0:
            raise ValueError(f"strength: {self.strength} is none; right are numbers from 0 (the model alone) to infinity.")

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return (n_decisions,) weights as far as they are believed.

        Examples
        --------
        >>> Believed(family="switch", strength=2.0)(np.array([1.0, 3.0])).tolist()
        [1.0, 0.0]
        >>> Believed(family="shrinkage", strength=1.0)(np.array([1.0, 3.0])).tolist()
        [0.5, 0.3]
        """
        return _FAMILIES[self.family](weights, self.strength)

    def share_clipped(self, weights: FloatArray) -> float:
        """Return the share of the weights' sum that is not believed, in [0, 1]."""
        total = float(weights.sum())
        return 1.0 - float(self(weights).sum()) / total if total > 0.0 else 0.0

    def say(self) -> str:
        """Say what is believed."""
        if np.isinf(self.strength):
            return "every weight believed"
        if self.strength == 0.0:
            return "no weight believed"
        return (
            f"weights above {self.strength:.3g} left out"
            if self.family == "switch"
            else f"weights shrunk by {self.strength:.3g}"
        )


WHOLE = Believed(family="shrinkage", strength=np.inf)


_TOP_SHARES = np.array([0.0, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3])  # of weights, above a step


def ladder(weights: FloatArray) -> list[Believed]:
    """Return rules of both families that a choice may be made of, from believing every weight to believing none.

    Strengths follow the weights' own quantiles, so that they mean the same on every log; steps are small at the top, where a
    few weights may hold most of the variance.
    """
    positive = weights[weights > 0.0]
    rules = [WHOLE]
    if positive.size:
        levels = np.unique(np.quantile(positive, 1.0 - _TOP_SHARES))[::-1]
        rules += [Believed(family="shrinkage", strength=float(level) ** 2) for level in levels]
        rules += [Believed(family="switch", strength=float(level)) for level in levels[1:]]
    return [*rules, Believed(family="switch", strength=0.0)]
