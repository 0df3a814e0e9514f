"""LinUCB with disjoint arms: each arm a ridge regression of its reward, chosen by estimate plus width.

The score of arm a for context x is ``theta_a . x + alpha * sqrt(x' A_a^-1 x)`` with ``A_a = ridge I + sum x x'`` and
``theta_a = A_a^-1 sum r x`` (Li, Chu, Langford and Schapire, 2010, WWW; algorithm 1). A batch of users is scored with what was
known before it, and the rewards of the batch are taken in afterwards. Rewards are divided by their spread, so that `alpha` is
in units of noise whatever the currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.linalg import cho_solve, cholesky

from envs.threads import threads_for
from policies.base import Decision, one_hot
from policies.inputs import log_scaled, row_products
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray
from simulations.features import N_FEATURES
from simulations.population import Population
from simulations.randomness import Address, Channel
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates


@dataclass(frozen=True, slots=True, kw_only=True)
class LinUCB:
    """A bandit's knowledge, and the policy that acts on it.

    Attributes
    ----------
    centre, spread : (N_FEATURES,) arrays
        Standardise the log-scaled observation.
    precisions : (n_arms, d, d) array
        `A_a`, with d = N_FEATURES + 1 for the constant.
    moments : (n_arms, d) array
        Sums of reward times context.
    reward_scale : float
        Currency of one unit of reward.
    alpha : float
        Width of the bonus for what is uncertain; 0 acts on estimates alone.
    """

    kind: ClassVar[str] = "linucb"
    centre: FloatArray
    spread: FloatArray
    precisions: FloatArray
    moments: FloatArray
    reward_scale: float = 1.0
    alpha: float = 1.0

    @classmethod
    def fresh(
        cls, observation: Float32Array, n_arms: int, *, alpha: float = 1.0, ridge: float = 1.0, reward_scale: float = 1.0
    ) -> LinUCB:
        """Return a bandit that knows nothing, with contexts standardised on some users' observations."""
        inputs = log_scaled(observation)
        spread = inputs.std(axis=0)
        size = N_FEATURES + 1
        return cls(
            centre=inputs.mean(axis=0),
            spread=np.where(spread > 1e-9, spread, 1.0),
            precisions=np.tile(ridge * np.eye(size), (n_arms, 1, 1)),
            moments=np.zeros((n_arms, size)),
            reward_scale=reward_scale,
            alpha=alpha,
        )

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return "LinUCB"

    @property
    def coefficients(self) -> FloatArray:
        """(n_arms, d) ridge estimates, in units of reward."""
        factors = (cholesky(precision, lower=True) for precision in self.precisions)
        return np.stack([cho_solve((factor, True), moment) for factor, moment in zip(factors, self.moments, strict=True)])

    def contexts(self, observation: Float32Array) -> FloatArray:
        """Return (n, d): a constant and the standardised features, clipped to five spreads."""
        scaled = np.clip((log_scaled(observation) - self.centre) / self.spread, -5.0, 5.0)
        return np.hstack([np.ones((scaled.shape[0], 1)), scaled])

    def scores(self, observation: Float32Array) -> FloatArray:
        """Return (n, n_arms) upper confidence bounds, in currency."""
        contexts = self.contexts(observation)
        scores = row_products(contexts, np.ascontiguousarray(self.coefficients.T))
        if self.alpha > 0.0:
            identity = np.eye(contexts.shape[1])
            for arm, precision in enumerate(self.precisions):
                inverse = cho_solve((cholesky(precision, lower=True), True), identity)
                squares = (row_products(contexts, inverse) * contexts).sum(axis=1)
                scores[:, arm] += self.alpha * np.sqrt(np.maximum(squares, 0.0))
        return scores * self.reward_scale

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the allowed arm of the largest bound; users with most to gain over `none` come first."""
        scores = np.where(mask, self.scores(observation), -np.inf)
        actions = np.argmax(scores, axis=1)
        return Decision.certain(actions, scores[np.arange(actions.size), actions] - scores[:, 0])

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for what `act` chooses."""
        actions = np.argmax(np.where(mask, self.scores(observation), -np.inf), axis=1).astype(np.int16)
        return one_hot(actions, mask.shape[1])

    def greedy(self) -> LinUCB:
        """Return the policy that acts on estimates alone: what a plan uses, where exploring is the holdout's task."""
        return replace(self, alpha=0.0)

    def update(self, observation: Float32Array, actions: ActionArray, rewards: FloatArray) -> LinUCB:
        """Return the bandit that has also seen a batch of outcomes.

        Parameters
        ----------
        observation : (n, N_FEATURES) float32 array
            At the time of the decision.
        actions : (n,) int16 array
        rewards : (n,) array
            Margin net of action cost, in currency.
        """
        contexts = self.contexts(observation)
        precisions, moments = self.precisions.copy(), self.moments.copy()
        for arm in range(moments.shape[0]):
            seen = contexts[actions == arm]
            precisions[arm] += seen.T @ seen
            moments[arm] += seen.T @ (rewards[actions == arm] / self.reward_scale)
        return replace(self, precisions=precisions, moments=moments)


def warm_start(
    simulators: Sequence[LifecycleSimulator],
    states: UserStates,
    *,
    rounds: int,
    weeks: int,
    seed: int,
    alpha: float = 1.0,
    ridge: float = 1.0,
) -> LinUCB:
    """Let a bandit learn on simulated users before it meets a real one.

    Each round is a week: users are scored, contacted, and the population lives on. The reward of a contact is the margin net
    of cost over `weeks` weeks from it, less that of the same user's twin who was left alone under the same luck; it has the
    mean that a randomised comparison would show, and a far smaller variance. The first round contacts at random. Rounds take
    turns on the simulators.

    Parameters
    ----------
    rounds : int
        Simulated weeks, at least one.
    weeks : int
        Horizon of a reward.
    """
    with threads_for(states.n_users):
        return _learn(simulators, states, rounds=rounds, weeks=weeks, seed=seed, alpha=alpha, ridge=ridge)


def _learn(
    simulators: Sequence[LifecycleSimulator],
    states: UserStates,
    *,
    rounds: int,
    weeks: int,
    seed: int,
    alpha: float,
    ridge: float,
) -> LinUCB:
    first = simulators[0]
    bandit = LinUCB.fresh(first.observe(first.population(states, seed=seed)), len(first.actions), alpha=alpha, ridge=ridge)
    populations = [simulator.population(states, seed=seed) for simulator in simulators]
    for turn in range(rounds):
        place = turn % len(simulators)
        simulator, population = simulators[place], populations[place]
        observation, mask = simulator.observe(population), simulator.mask(population)
        draws = Address(seed=seed, member=simulator.member, period=population.period, user_keys=states.user_keys)
        actions = random_actions(mask, draws) if turn == 0 else bandit.act(observation, mask, draws).actions
        rewards = _twin_rewards(simulator, population, actions, weeks)
        if turn == 0:
            bandit = replace(bandit, reward_scale=max(float(rewards[actions > 0].std()) if (actions > 0).any() else 0.0, 1e-6))
        bandit = bandit.update(observation, actions, rewards)
        populations[place], _ = simulator.step(population, actions)
    return bandit


def random_actions(mask: BoolArray, draws: Address) -> ActionArray:
    """Return an allowed action for each user, all equally likely."""
    cumulative = np.cumsum(mask, axis=1)
    wanted = np.floor(draws.uniforms(Channel.EXPLORATION) * cumulative[:, -1]) + 1.0
    actions: ActionArray = np.argmax(cumulative >= wanted[:, None], axis=1).astype(np.int16)
    return actions


def _twin_rewards(simulator: LifecycleSimulator, population: Population, actions: ActionArray, weeks: int) -> FloatArray:
    """Return (n,) margin net of cost over `weeks` after one contact, less that of no contact under the same luck."""
    rewards = np.zeros(actions.size, dtype=np.float64)
    nothing = np.zeros_like(actions)
    contacted = left_alone = population
    for week in range(weeks):
        contacted, ours = simulator.step(contacted, actions if week == 0 else nothing)
        left_alone, twins = simulator.step(left_alone, nothing)
        gained = ours.revenue.astype(np.float64) - twins.revenue
        rewards += simulator.margin_share * gained - (ours.cost.astype(np.float64) - twins.cost)
    return rewards
