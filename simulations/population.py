"""Simulated users between two weeks: what a policy may know of them, and what nobody sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, Float32Array
from simulations.randomness import Address
from simulations.state import UserStates


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Simulated users at the start of a week: their states, and what no policy sees.

    Attributes
    ----------
    states : UserStates
    latents : (n_users, N_LATENTS) float32 array
        Offsets of the log-odds to buy and of log spend.
    alive : (n_users,) bool array
        False once a user is lost for good.
    seed, member, period : int
        The address of the week to come.
    """

    states: UserStates
    latents: Float32Array
    alive: BoolArray
    seed: int
    member: int
    period: int

    @property
    def address(self) -> Address:
        """Where this population's random numbers stand."""
        return Address(seed=self.seed, member=self.member, period=self.period, user_keys=self.states.user_keys)

    def copy(self) -> Population:
        """Return a deep copy."""
        return replace(self, states=self.states.copy(), latents=self.latents.copy(), alive=self.alive.copy())

    def take(self, rows: NDArray[np.int64] | BoolArray) -> Population:
        """Return some users, in the order asked."""
        return replace(self, states=self.states.take(rows), latents=self.latents[rows], alive=self.alive[rows])
