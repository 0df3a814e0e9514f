"""Logs of bandits whose truth is known: contexts, rewards, the policy that wrote the log and the one to be valued.

Contexts are six independent standard normals; rewards are drawn from means that are written down here, so that the value of any
policy is an average over contexts. The worlds differ in what an estimator finds hard; their numbers were fixed before any was
measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from policies.ope import InteractionLog
from simulations.arrays import FloatArray, IntArray

N_ACTIONS, N_FEATURES = 8, 6
_TRUTH_ROWS = 1_000_000  # contexts that the true value is averaged over: its error is a thousandth of the spread of values


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditWorld:
    """One world.

    Attributes
    ----------
    means : callable
        (n, n_features) contexts to (n, n_actions) expected rewards.
    noise : float
        Standard deviation of a reward about its mean; 0 draws zeros and ones by the mean as a chance.
    sharpness : float
        Of the logging policy's softmax: 0 is uniform.
    smallest : float
        Logging probability that no action falls below.
    categories : (n_actions,) int array
        What actions have in common.
    """

    name: str
    means: Callable[[FloatArray], FloatArray]
    noise: float
    sharpness: float
    smallest: float
    categories: IntArray

    def behaviour(self, contexts: FloatArray) -> FloatArray:
        """Return (n, n_actions): the logging policy's probabilities, which follow the contexts and not the truth."""
        liked = self.sharpness * contexts @ _LIKING
        return self.smallest + (1.0 - N_ACTIONS * self.smallest) * _softmax(liked)

    def evaluation(self, contexts: FloatArray) -> FloatArray:
        """Return (n, n_actions): a policy that knows something of the truth, and likes other actions than the log's."""
        means = self.means(contexts)
        spread = float(means.std(axis=1).mean())
        return 0.2 / N_ACTIONS + 0.8 * _softmax(2.0 * means / max(spread, 1e-9))

    def draw(self, n: int, seed: int) -> tuple[InteractionLog, FloatArray, FloatArray]:
        """Return a log of n rounds, the evaluation policy's probabilities and the logging policy's."""
        rng = np.random.default_rng([seed, 1])
        contexts = rng.normal(size=(n, N_FEATURES))
        behaviour, means = self.behaviour(contexts), self.means(contexts)
        actions = np.minimum((behaviour.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1), N_ACTIONS - 1)
        own = means[np.arange(n), actions]
        rewards = own + self.noise * rng.normal(size=n) if self.noise else (rng.random(n) < own).astype(np.float64)
        log = InteractionLog(
            contexts=contexts.astype(np.float32),
            actions=actions.astype(np.int16),
            propensities=behaviour[np.arange(n), actions],
            rewards=rewards,
            users=np.arange(n),
            n_actions=N_ACTIONS,
        )
        return log, self.evaluation(contexts), behaviour

    def true_value(self) -> float:
        """Return the evaluation policy's value."""
        contexts = np.random.default_rng([7, 2]).normal(size=(_TRUTH_ROWS, N_FEATURES))
        return float((self.evaluation(contexts) * self.means(contexts)).sum(axis=1).mean())


_LIKING = np.random.default_rng([11, 0]).normal(size=(N_FEATURES, N_ACTIONS)) / np.sqrt(N_FEATURES)
_SLOPES = np.random.default_rng([11, 1]).normal(size=(N_FEATURES, N_ACTIONS)) / np.sqrt(N_FEATURES)
_PLACES = np.random.default_rng([11, 2]).uniform(0.0, 2.0 * np.pi, size=N_ACTIONS)
_EACH_ITS_OWN, _FOUR = np.arange(N_ACTIONS), np.arange(N_ACTIONS) % 4


def _softmax(scores: FloatArray) -> FloatArray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _chance(level: float) -> Callable[[FloatArray], FloatArray]:
    """Return chances of a click around a level: a base by context, and what each action adds to it."""

    def means(contexts: FloatArray) -> FloatArray:
        base = np.log(level / (1.0 - level)) - 0.2 + 0.5 * contexts[:, :1] - 0.3 * np.abs(contexts[:, 1:2])
        return np.asarray(1.0 / (1.0 + np.exp(-(base + 0.6 * contexts @ _SLOPES))))

    return means


def _wavy(contexts: FloatArray) -> FloatArray:
    """Return means that a model learns in part: a strong base, and actions that help in narrow waves of two features."""
    base = 5.0 + 2.0 * contexts[:, :1] + np.abs(contexts[:, 1:2])
    waves = np.sin(4.0 * contexts[:, 2:3] + _PLACES) * np.cos(3.0 * contexts[:, 3:4] - _PLACES)
    return np.asarray(base + 1.5 * waves)


def _additive(contexts: FloatArray) -> FloatArray:
    """Return means that a model learns well: straight lines."""
    return np.asarray(2.0 + contexts[:, :1] + contexts @ _SLOPES)


def _by_category(contexts: FloatArray) -> FloatArray:
    """Return means that depend on an action's category alone."""
    return np.asarray(2.0 + contexts[:, :1] + (contexts @ _SLOPES)[:, _FOUR])


def _world(name: str, means: Callable[[FloatArray], FloatArray], **changed: float | IntArray) -> BanditWorld:
    usual = {"noise": 1.0, "sharpness": 1.5, "smallest": 0.02, "categories": _EACH_ITS_OWN}
    return BanditWorld(name=name, means=means, **(usual | changed))  # type: ignore[arg-type]


CLICKS = _world("clicks at a rate of .2", _chance(0.2), noise=0.0)
RARE_CLICKS = _world("clicks at a rate of .01", _chance(0.01), noise=0.0)
DR_REFERENCE = _world("dr_reference", _wavy, noise=0.5)
WORLDS = (
    DR_REFERENCE,
    _world("uniform logging", _wavy, sharpness=0.0),
    _world("sharp logging", _additive, sharpness=3.0, smallest=0.005),
    _world("a model that fits", _additive, noise=0.5),
    RARE_CLICKS,
    _world("actions that work through categories", _by_category, categories=_FOUR),
)
