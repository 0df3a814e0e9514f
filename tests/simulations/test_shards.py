"""Many users, shard after shard: the same users and the same lives, however the shards are cut."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.scenarios import draw_world
from simulations.shards import drawn_users, rollout_in_shards


@pytest.fixture(scope="module")
def world():
    return draw_world(2)


@pytest.fixture(scope="module")
def states(world):
    return world.simulate_history(300, 12, seed=5).states


def test_drawn_users_are_the_same_however_they_are_cut(states):
    (whole,) = drawn_users(states, 500, seed=4, shard_users=500)
    parts = list(drawn_users(states, 500, seed=4, shard_users=170))
    assert [part.n_users for part in parts] == [170, 170, 160]
    assert np.array_equal(np.concatenate([part.user_keys for part in parts]), whole.user_keys)
    assert np.array_equal(np.concatenate([part.values for part in parts]), whole.values)
    assert np.unique(whole.user_keys).size == 500


def test_shards_add_up_to_the_rollout_of_all(world, states):
    (everyone,) = drawn_users(states, 500, seed=4, shard_users=500)
    whole = world.simulator.rollout(everyone, weeks=10, seed=4)
    told = []
    parts = rollout_in_shards(
        world.simulator,
        drawn_users(states, 500, seed=4, shard_users=170),
        weeks=10,
        seed=4,
        on_shard=lambda done, lived: told.append((done, lived.totals)),
    )
    assert [done for done, _ in told] == [170, 340, 500]
    assert np.array_equal(np.concatenate([totals for _, totals in told]), whole.totals)
    assert parts.n_users == 500
    assert parts.retained == np.count_nonzero(whole.retained)
    assert parts.weekly == pytest.approx(whole.weekly)


def test_a_policy_sees_every_shard(world, states):
    sizes = []

    def decide(observation, mask, address):
        sizes.append(len(mask))
        return np.where(mask[:, 1], 1, 0).astype(np.int16)

    parts = rollout_in_shards(world.simulator, drawn_users(states, 250, seed=4, shard_users=200), decide, weeks=3)
    assert sizes == [200] * 3 + [50] * 3
    assert parts.weekly[:, 5].sum() > 0
