"""Training: maskable PPO on simulated users, for a stated number of user-weeks.

The reward is the increment over a twin left alone under the same luck, which leaves the best policy as it is and takes most of
the noise; it is divided by its own spread, found on a short pilot under random actions. Slots spread over all members given, so
that the actor learns what holds across the ensemble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.episodes import Episodes
from envs.sb3 import sb3_vec_env
from policies.deep.ppo import PPOPolicy
from policies.inputs import log_scaled
from simulations.arrays import FloatArray
from simulations.errors import ConfigError, MissingExtraError
from simulations.randomness import stream
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates


@dataclass(frozen=True, slots=True, kw_only=True)
class PPOSettings:
    """What PPO is trained with.

    Attributes
    ----------
    steps : int
        User-weeks, at least one rollout's worth.
    n_slots, rollout_weeks : int
        Users side by side, and weeks between two updates.
    hidden : tuple of int
        Widths of the tanh layers.
    cost_price : float
        Counts a unit of cost as one plus this many: the shadow price of a weekly budget.
    """

    steps: int = 60_000
    n_slots: int = 256
    rollout_weeks: int = 26
    hidden: tuple[int, ...] = (32, 32)
    learning_rate: float = 1e-3
    epochs: int = 6
    batch_size: int = 1024
    entropy: float = 0.003
    gamma: float = 0.97
    cost_price: float = 0.0


def train_ppo(
    simulators: Sequence[LifecycleSimulator],
    states: UserStates,
    *,
    weeks: int,
    seed: int,
    settings: PPOSettings | None = None,
) -> PPOPolicy:
    """Train an actor and return it as a policy.

    Parameters
    ----------
    simulators : sequence of LifecycleSimulator
        Members to learn on; judge on others.
    weeks : int
        Length of an episode.

    Raises
    ------
    MissingExtraError
        If the learner's library is not installed.
    ConfigError
        If the steps are fewer than one.
    """
    chosen = PPOSettings() if settings is None else settings
    if chosen.steps < 1:
        raise ConfigError(f"policies.ppo_steps: {chosen.steps} user-weeks; at least 1 is needed, or leave PPO out.")
    try:
        import torch
        from sb3_contrib import MaskablePPO
    except ImportError as missing:
        raise MissingExtraError("PPO needs sb3-contrib and torch: pip install sb3-contrib") from missing

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order, so that a seed means one policy
    try:
        learner = MaskablePPO(
            "MlpPolicy",
            sb3_vec_env(
                simulators,
                states,
                weeks=weeks,
                n_slots=chosen.n_slots,
                reward="increment",
                cost_price=chosen.cost_price,
                reward_scale=reward_spread(simulators[0], states, weeks=weeks, cost_price=chosen.cost_price, seed=seed),
                inputs=log_scaled,
                seed=seed,
            ),
            n_steps=chosen.rollout_weeks,
            batch_size=chosen.batch_size,
            n_epochs=chosen.epochs,
            learning_rate=chosen.learning_rate,
            ent_coef=chosen.entropy,
            gamma=chosen.gamma,
            policy_kwargs={"net_arch": list(chosen.hidden)},
            seed=seed,
            device="cpu",
        )
        learner.learn(total_timesteps=chosen.steps)
    finally:
        torch.set_num_threads(threads)
    weights, biases = _layers(learner)
    return PPOPolicy(weights=weights, biases=biases, steps=int(learner.num_timesteps))


def reward_spread(simulator: LifecycleSimulator, states: UserStates, *, weeks: int, cost_price: float, seed: int) -> float:
    """Return the standard deviation of a week's increment under random actions, in currency; at least a cent."""
    pilot = Episodes(simulator, states, weeks=weeks, n_slots=512, reward="increment", cost_price=cost_price)
    pilot.begin(np.ones(512, dtype=np.bool_), seed + np.arange(512, dtype=np.int64))
    rng = stream(seed, "reward spread")
    n_actions = len(simulator.actions)
    rewards = [pilot.live(rng.integers(0, n_actions, 512)).rewards for _ in range(min(weeks, 8))]
    return max(float(np.concatenate(rewards).std()), 0.01)


def _layers(learner: Any) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """Return the actor's weights, (n_in, n_out) each, and biases."""
    network = [layer for layer in learner.policy.mlp_extractor.policy_net if hasattr(layer, "weight")]
    layers = [*network, learner.policy.action_net]
    weights = tuple(np.ascontiguousarray(layer.weight.detach().numpy().T, dtype=np.float64) for layer in layers)
    return weights, tuple(layer.bias.detach().numpy().astype(np.float64) for layer in layers)
