"""The ways to decide that a rollout understands: a policy, or a function of what a policy sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulations.arrays import ActionArray, BoolArray, Float32Array
from simulations.randomness import Address

Decide = Callable[[Float32Array, BoolArray, Address], ActionArray]


class Chosen(Protocol):
    """What a policy's decision tells: an action a user."""

    @property
    def actions(self) -> ActionArray:
        """(n_users,) indices into the action set."""
        ...


class Acts(Protocol):
    """A policy, as `policies.base` defines it: observation, mask and address of a week in, a decision out."""

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Chosen:
        """Choose one action a user."""
        ...
