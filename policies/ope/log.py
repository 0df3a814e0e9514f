"""Logged decisions: what was known, what was done, how likely that was, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray
from simulations.errors import HistoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionLog:
    """Decisions of a behaviour policy, a row each.

    Attributes
    ----------
    contexts : (n_decisions, n_features) float32 array
        What was known at decision time.
    actions : (n_decisions,) int16 array
        Indices in [0, n_actions); 0 is `none`.
    propensities : (n_decisions,) array or None
        The behaviour policy's probability of the logged action, in (0, 1]; None where it was never recorded.
    rewards : (n_decisions,) array
        In the outcome's unit.
    users : (n_decisions,) int64 array
        Who; decisions on one user count as one piece of evidence.
    allowed : (n_decisions, n_actions) bool array or None
        What contact rules allowed at decision time, the logged action always among it; None where nobody worked it out.
    is_adaptive : bool
        Whether the behaviour policy learned from what it logged, as a bandit does. Rows then stand in the order of time: models
        of the reward learn from earlier rows alone, and intervals are confidence sequences, since a normal one may not hold.
    """

    contexts: Float32Array
    actions: ActionArray
    propensities: FloatArray | None
    rewards: FloatArray
    users: IntArray
    n_actions: int
    allowed: BoolArray | None = None
    is_adaptive: bool = False

    @property
    def mask(self) -> BoolArray:
        """(n_decisions, n_actions): what an evaluation policy may choose; everything where `allowed` is unknown."""
        return np.ones((self.n_decisions, self.n_actions), dtype=np.bool_) if self.allowed is None else self.allowed

    def __post_init__(self) -> None:
        """Refuse a log that no estimator could read.

        Raises
        ------
        HistoryError
            If columns differ in length, an action lies outside [0, n_actions) or a propensity outside (0, 1].
        """
        n = self.actions.size
        lengths = {"contexts": self.contexts.shape[0], "rewards": self.rewards.size, "users": self.users.size}
        if self.propensities is not None:
            lengths["propensities"] = self.propensities.size
        for name, length in lengths.items():
            if length != n:
                raise HistoryError(f"log: {name} has {length:,} rows, actions {n:,}; each decision needs one of each.")
        wrong = np.flatnonzero((self.actions < 0) | (self.actions >= self.n_actions))
        if wrong.size:
            raise HistoryError(
                f"log.actions: {wrong.size:,} of {n:,} lie outside 0 to {self.n_actions - 1}; first is row {wrong[0]} with "
                f"{self.actions[wrong[0]]}."
            )
        if self.propensities is not None:
            bad = np.flatnonzero(~((self.propensities > 0.0) & (self.propensities <= 1.0)))
            if bad.size:
                raise HistoryError(
                    f"log.propensities: {bad.size:,} of {n:,} rows lie outside (0, 1]; first is row {bad[0]} with "
                    f"{self.propensities[bad[0]]}. Log the behaviour policy's probability of the logged action, or drop them."
                )

    @property
    def n_decisions(self) -> int:
        """Number of decisions."""
        return int(self.actions.size)

    @property
    def n_users(self) -> int:
        """Number of different users."""
        return int(np.unique(self.users).size)
