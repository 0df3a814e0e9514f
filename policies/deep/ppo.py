"""A trained actor as a policy: a small network read in plain numpy, so that acting needs no deep-learning library.

The network is the actor of proximal policy optimisation (Schulman et al., 2017, arXiv:1707.06347) with actions that are not
allowed taken out of the softmax (Huang and Ontañón, 2022, FLAIRS 35).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from policies.base import Decision, one_hot, sample
from policies.inputs import log_scaled, row_products
from simulations.arrays import BoolArray, Float32Array, FloatArray
from simulations.randomness import Address, Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOPolicy:
    """An actor network: tanh layers, then one logit an action.

    Attributes
    ----------
    weights : tuple of (n_in, n_out) arrays
        The last maps onto actions.
    biases : tuple of (n_out,) arrays
    steps : int
        User-weeks it was trained on.
    greedy : bool
        Take the likeliest action; else draw one.
    """

    kind: ClassVar[str] = "ppo"
    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    steps: int = 0
    greedy: bool = True

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return "PPO"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the likeliest allowed action, or draw one; users whose logits speak most against `none` come first."""
        logits = self.logits(observation, mask)
        if self.greedy:
            actions = np.argmax(logits, axis=1).astype(np.int16)
            propensities = np.ones(actions.size, dtype=np.float64)
        else:
            actions, propensities = sample(_softmax(logits), draws.uniforms(Channel.POLICY))
        priorities = logits[np.arange(actions.size), actions] - logits[:, 0]
        return Decision(actions=actions, propensities=propensities, priorities=priorities)

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return the masked softmax, or certainty where the policy is greedy."""
        logits = self.logits(observation, mask)
        if self.greedy:
            return one_hot(np.argmax(logits, axis=1).astype(np.int16), mask.shape[1])
        return _softmax(logits)

    def logits(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return (n_users, n_actions) logits, minus infinity where not allowed."""
        hidden = log_scaled(observation)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.tanh(row_products(hidden, weight) + bias)
        return np.where(mask, row_products(hidden, self.weights[-1]) + self.biases[-1], -np.inf)


def _softmax(logits: FloatArray) -> FloatArray:
    odds: FloatArray = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return probabilities
