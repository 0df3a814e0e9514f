"""What a policy is: observations and masks in, one decision a user out.

A policy sees an observation (`simulations.features`) and a mask of allowed actions (`simulations.contact`), nothing else of a
user. Its decision names an action, the probability with which it was taken, and a priority that orders users when a budget or a
capacity cannot serve them all; `policies.clamp` cuts the list the same way for every policy. What is random in a decision is
addressed (`simulations.randomness.Address`), so that neither the order of users nor the size of a batch moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray
from simulations.randomness import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One week's choice for some users.

    Attributes
    ----------
    actions : (n_users,) int16 array
        Indices into the action set; 0 is `none`.
    propensities : (n_users,) array
        Probability, in (0, 1], with which the policy took that action.
    priorities : (n_users,) array
        Users with larger numbers are served first where not all can be.
    """

    actions: ActionArray
    propensities: FloatArray
    priorities: FloatArray

    @classmethod
    def certain(cls, actions: NDArray[np.integer], priorities: FloatArray | None = None) -> Decision:
        """Return a decision taken with probability one; equal priorities unless some are given.

        Examples
        --------
        >>> Decision.certain(np.array([0, 2])).propensities.tolist()
        [1.0, 1.0]
        """
        return cls(
            actions=actions.astype(np.int16),
            propensities=np.ones(actions.size, dtype=np.float64),
            priorities=np.zeros(actions.size, dtype=np.float64) if priorities is None else priorities.astype(np.float64),
        )


@runtime_checkable
class Policy(Protocol):
    """A way to choose actions.

    Attributes
    ----------
    kind : str
        The family, by which a stored policy is found again.
    name : str
        What reports call it.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        ...

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose one action a user.

        Parameters
        ----------
        observation : (n_users, N_FEATURES) float32 array
        mask : (n_users, n_actions) bool array
            True where the action is allowed; column 0 (`none`) always is.
        draws : Address
            Where the users stand; only what is random in the policy reads it.
        """
        ...

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return (n_users, n_actions): the probability of each action; rows sum to one, 0 where not allowed."""
        ...


def one_hot(actions: ActionArray, n_actions: int) -> FloatArray:
    """Return the probabilities of a choice that leaves nothing to chance.

    Examples
    --------
    >>> one_hot(np.array([1, 0], dtype=np.int16), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    chosen: FloatArray = (actions[:, None] == np.arange(n_actions)).astype(np.float64)
    return chosen


def sample(probabilities: FloatArray, uniforms: FloatArray) -> tuple[ActionArray, FloatArray]:
    """Draw one action a row by inverting the distribution; return actions and their probabilities.

    Parameters
    ----------
    probabilities : (n, n_actions) array
        Rows sum to one up to rounding.
    uniforms : (n,) array
        Numbers in (0, 1).

    Examples
    --------
    >>> actions, propensities = sample(np.array([[0.25, 0.0, 0.75]]), np.array([0.5]))
    >>> actions.tolist(), propensities.tolist()
    ([2], [0.75])
    """
    cumulative = np.cumsum(probabilities, axis=1)
    places = (cumulative <= uniforms[:, None] * cumulative[:, -1:]).sum(axis=1)
    # rounding may leave the last place empty; then the last action that has any probability is meant
    last = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0.0, axis=1)
    actions = np.minimum(places, last)
    return actions.astype(np.int16), np.take_along_axis(probabilities, actions[:, None], axis=1)[:, 0]


def where_allowed(probabilities: FloatArray, mask: BoolArray) -> FloatArray:
    """Move the probability of actions that are not allowed to `none`.

    Examples
    --------
    >>> where_allowed(np.array([[0.5, 0.5]]), np.array([[True, False]])).tolist()
    [[1.0, 0.0]]
    """
    allowed = np.where(mask, probabilities, 0.0)
    allowed[:, 0] = 0.0
    allowed[:, 0] = np.maximum(1.0 - allowed.sum(axis=1), 0.0)
    return allowed
