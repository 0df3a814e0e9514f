"""LinUCB is its paper's algorithm, and learns what pays."""

from __future__ import annotations

import numpy as np
import pytest

from policies.bandits.linucb import LinUCB, random_actions, warm_start
from simulations.features import observe
from simulations.randomness import Address, user_keys
from tests.small_world import small_world


def _address(n_users):
    return Address(seed=1, member=0, period=0, user_keys=user_keys(str(number) for number in range(n_users)))


def test_scores_are_the_papers_formula():
    observation = observe(small_world().states)[:40]
    bandit = LinUCB.fresh(observation, 3, alpha=0.7, ridge=2.0, reward_scale=5.0)
    rng = np.random.default_rng(0)
    actions, rewards = rng.integers(0, 3, 40).astype(np.int16), rng.normal(size=40)
    bandit = bandit.update(observation, actions, rewards)
    contexts = bandit.contexts(observation)
    for arm in range(3):
        seen = contexts[actions == arm]
        precision = 2.0 * np.eye(contexts.shape[1]) + seen.T @ seen
        theta = np.linalg.solve(precision, seen.T @ (rewards[actions == arm] / 5.0))
        width = [np.sqrt(x @ np.linalg.solve(precision, x)) for x in contexts]
        assert bandit.scores(observation)[:, arm] == pytest.approx(5.0 * (contexts @ theta + 0.7 * np.array(width)))


def test_two_updates_are_one_update_of_both():
    observation = observe(small_world().states)[:40]
    actions, rewards = (np.arange(40) % 3).astype(np.int16), np.arange(40.0)
    fresh = LinUCB.fresh(observation, 3)
    whole = fresh.update(observation, actions, rewards)
    parts = fresh.update(observation[:15], actions[:15], rewards[:15]).update(observation[15:], actions[15:], rewards[15:])
    assert parts.precisions == pytest.approx(whole.precisions)
    assert parts.moments == pytest.approx(whole.moments)


def test_it_finds_the_arm_that_pays_for_each_context():
    """Rewards are linear in the contexts with noise of one; after 9,000 of them nine in ten choices are the best ones."""
    observation = observe(small_world().states)
    mask = np.ones((observation.shape[0], 3), dtype=bool)
    bandit = LinUCB.fresh(observation, 3, alpha=1.0)
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(3, bandit.contexts(observation).shape[1]))
    worth = bandit.contexts(observation) @ truth.T
    for _ in range(30):
        actions = bandit.act(observation, mask, _address(mask.shape[0])).actions
        rewards = worth[np.arange(actions.size), actions] + rng.normal(size=actions.size)
        bandit = bandit.update(observation, actions, rewards)
    assert (bandit.greedy().act(observation, mask, _address(mask.shape[0])).actions == worth.argmax(axis=1)).mean() > 0.9


def test_a_warm_start_learns_the_same_twice_and_prefers_what_it_saw_pay():
    small = small_world()
    first, again = (warm_start(small.ensemble.members[:2], small.states, rounds=4, weeks=3, seed=8) for _ in range(2))
    assert np.array_equal(first.precisions, again.precisions)
    assert np.array_equal(first.moments, again.moments)
    assert not first.moments[0].any()  # nobody gains on a twin by doing what the twin does
    assert first.moments[1:].any()


def test_random_actions_are_allowed_ones_and_all_alike():
    """6,000 users with three allowed actions; four standard errors of a share are 0.025."""
    mask = np.ones((6000, 4), dtype=bool)
    mask[:, 2] = False
    actions = random_actions(mask, _address(6000))
    assert np.bincount(actions, minlength=4) / 6000 == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3], abs=0.025)
