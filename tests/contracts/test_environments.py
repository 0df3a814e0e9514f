"""What every environment promises: seeds repeat, observations lie in their space, masks are obeyed, inputs stay as they are."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import gymnasium
import numpy as np
import pytest

from envs.registration import register
from simulations.state import UserStates
from tests.small_world import small_world

IDS = sorted(name for name in gymnasium.registry if name.startswith("decision_engine/"))


def _make(name, num_envs, **settings):
    small = small_world()
    return gymnasium.make_vec(name, num_envs=num_envs, simulator=small.ensemble.point, states=small.states, **settings)


def _allowed(mask, rng):
    return np.argmax(rng.random(mask.shape) * mask, axis=1)


def _rollout(name, seed, **settings):
    env = _make(name, 25, **settings)
    rng = np.random.default_rng(0)
    observation, info = env.reset(seed=seed)
    steps = []
    for _ in range(20):
        actions = _allowed(info["action_mask"], rng)
        observation, rewards, terminated, truncated, info = env.step(actions)
        steps.append((observation, rewards, terminated, truncated, info["action_mask"], info["refused"]))
    return env, steps


def test_there_is_an_environment_to_test():
    assert "decision_engine/Retention-v0" in IDS
    register()  # a second time changes nothing
    assert sorted(name for name in gymnasium.registry if name.startswith("decision_engine/")) == IDS


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("reward", ["net_margin", "increment", "retention"])
def test_the_same_seed_lives_the_same(name, reward):
    (_, first), (_, again) = _rollout(name, 6, reward=reward), _rollout(name, 6, reward=reward)
    for ours, theirs in zip(first, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    _, other = _rollout(name, 60, reward=reward)
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", IDS)
def test_observations_lie_in_their_space_and_masks_allow_none(name):
    env, steps = _rollout(name, 3)
    for observation, rewards, _, _, mask, refused in steps:
        assert env.observation_space.contains(observation)
        assert np.isfinite(rewards).all()
        assert mask.shape == (25, env.single_action_space.n)
        assert mask[:, 0].all()
        assert not refused.any()  # what the mask allows is taken


@pytest.mark.parametrize("name", IDS)
def test_an_episode_ends_one_way_and_the_step_after_it_earns_nothing(name):
    _, steps = _rollout(name, 8, weeks=4)
    for before, after in pairwise(steps):
        over = before[2] | before[3]
        assert not (before[2] & before[3]).any()
        assert not after[1][over].any()
        assert not (after[2] | after[3])[over].any()


@pytest.mark.parametrize("name", IDS)
def test_the_users_given_stay_as_they_are(name):
    states = small_world().states
    kept = states.copy()
    _rollout(name, 5)
    for field in fields(UserStates):
        assert np.array_equal(getattr(states, field.name), getattr(kept, field.name))
