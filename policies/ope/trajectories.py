"""Logged trajectories: users on whom a behaviour policy decided period after period, each decision moving what came later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, FloatArray
from simulations.errors import HistoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryLog:
    """Decisions of a behaviour policy, a row a user, a column a period.

    Attributes
    ----------
    contexts : (n_users, n_periods, n_features) float32 array
        What was known at each decision.
    actions : (n_users, n_periods) int16 array
        Indices in [0, n_actions); 0 is `none`.
    propensities : (n_users, n_periods) array
        The behaviour policy's probability of the logged action, in (0, 1].
    rewards : (n_users, n_periods) array
        What each period brought, in the outcome's unit.
    going : (n_users, n_periods) bool array
        Whether the user was still there when the period began: once False it stays so. Whatever stands in later periods of
        such a user counts for nothing.
    """

    contexts: NDArray[np.float32]
    actions: NDArray[np.int16]
    propensities: FloatArray
    rewards: FloatArray
    going: BoolArray
    n_actions: int

    def __post_init__(self) -> None:
        """Refuse a log that no estimator could read.

        Raises
        ------
        HistoryError
            If shapes differ, somebody comes back after the end, an action lies outside [0, n_actions) or a propensity outside
            (0, 1] while the user was there.
        """
        shape = self.actions.shape
        shapes = {
            "contexts": self.contexts.shape[:2], "propensities": self.propensities.shape, "rewards": self.rewards.shape,
            "going": self.going.shape,
        }  # fmt: skip
        for name, found in shapes.items():
            if found != shape or len(shape) != 2:
                raise HistoryError(f"trajectories: {name} has shape {found}, actions {shape}; each user and period needs one.")
        if (self.going[:, 1:] & ~self.going[:, :-1]).any():
            user = int(np.flatnonzero((self.going[:, 1:] & ~self.going[:, :-1]).any(axis=1))[0])
            raise HistoryError(f"trajectories.going: user in row {user} is there again after having left.")
        wrong = {
            "actions": (self.actions < 0) | (self.actions >= self.n_actions),
            "propensities": ~((self.propensities > 0.0) & (self.propensities <= 1.0)),
        }
        limits = {"actions": f"0 to {self.n_actions - 1}", "propensities": "(0, 1]"}
        for name, bad in wrong.items():
            users, periods = np.nonzero(bad & self.going)
            if users.size:
                raise HistoryError(
                    f"trajectories.{name}: {users.size:,} lie outside {limits[name]}; first is user in row {users[0]}, "
                    f"period {periods[0]}, with {getattr(self, name)[users[0], periods[0]]}."
                )

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.actions.shape[0])

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return int(self.actions.shape[1])

    def of_logged(self, by_action: FloatArray) -> FloatArray:
        """Return (n_users, n_periods): of numbers by action, those of the logged one; of `none` once a user has left."""
        actions = np.where(self.going, self.actions, 0).astype(np.int64)
        return np.take_along_axis(by_action, actions[:, :, None], axis=2)[:, :, 0]

    def discounted_rewards(self, discount: float) -> FloatArray:
        """Return (n_users, n_periods): rewards while the user was there, each further period's counting less."""
        return np.asarray(np.where(self.going, self.rewards, 0.0) * discount ** np.arange(self.n_periods))


def check_trajectory_probabilities(log: TrajectoryLog, evaluation_probabilities: FloatArray) -> None:
    """Refuse probabilities that are none.

    Raises
    ------
    HistoryError
        If the shape is wrong, a number lies below zero, or a row of a user who is there does not sum to one.
    """
    wanted = (log.n_users, log.n_periods, log.n_actions)
    if evaluation_probabilities.shape != wanted:
        raise HistoryError(f"evaluation_probabilities: shape {evaluation_probabilities.shape}, the trajectories need {wanted}.")
    totals = evaluation_probabilities.sum(axis=2)
    bad = ((np.abs(totals - 1.0) > 1e-6) | (evaluation_probabilities < 0.0).any(axis=2)) & log.going
    users, periods = np.nonzero(bad)
    if users.size:
        raise HistoryError(
            f"evaluation_probabilities: {users.size:,} rows are no distribution; first is user in row {users[0]}, period "
            f"{periods[0]}, which sums to {totals[users[0], periods[0]]}."
        )
