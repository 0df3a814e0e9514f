"""PPO: the network read in numpy is the one that was trained, and training is a function of its seed."""

from __future__ import annotations

import numpy as np
import pytest

from policies.deep.ppo import PPOPolicy
from policies.deep.training import PPOSettings, train_ppo
from simulations.errors import ConfigError
from simulations.features import N_FEATURES, observe
from simulations.randomness import Address
from tests.small_world import small_world

SHORT = PPOSettings(steps=400, n_slots=40, rollout_weeks=5, hidden=(8,), epochs=2, batch_size=100)


def _policy(greedy: bool) -> PPOPolicy:
    rng = np.random.default_rng(0)
    return PPOPolicy(
        weights=(rng.normal(size=(N_FEATURES, 6)), 3.0 * rng.normal(size=(6, 3))),
        biases=(rng.normal(size=6), rng.normal(size=3)),
        greedy=greedy,
    )


def test_the_actor_in_numpy_is_the_network_in_torch():
    import torch

    policy = _policy(greedy=False)
    small = small_world()
    observation = observe(small.states)
    mask = np.ones((observation.shape[0], 3), dtype=bool)
    mask[::2, 1] = False
    from policies.inputs import log_scaled

    hidden = torch.tanh(torch.tensor(log_scaled(observation) @ policy.weights[0] + policy.biases[0]))
    logits = hidden @ torch.tensor(policy.weights[1]) + torch.tensor(policy.biases[1])
    logits = torch.where(torch.tensor(mask), logits, torch.tensor(-torch.inf, dtype=torch.float64))
    expected = torch.softmax(logits, dim=1).numpy()
    assert policy.action_probabilities(observation, mask) == pytest.approx(expected)
    greedy = _policy(greedy=True)
    draws = Address(seed=0, member=0, period=0, user_keys=small.states.user_keys)
    assert np.array_equal(greedy.act(observation, mask, draws).actions, expected.argmax(axis=1))


@pytest.mark.slow
def test_training_twice_from_one_seed_gives_one_policy():
    small = small_world()
    first, again = (train_ppo(small.ensemble.members[:2], small.states, weeks=5, seed=3, settings=SHORT) for _ in range(2))
    assert first.steps == 400
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, again.weights, strict=True))
    assert [weight.shape for weight in first.weights] == [(N_FEATURES, 8), (8, 3)]


def test_no_steps_are_refused():
    small = small_world()
    with pytest.raises(ConfigError, match="0 user-weeks; at least 1 is needed"):
        train_ppo(small.ensemble.members, small.states, weeks=5, seed=3, settings=PPOSettings(steps=0))
