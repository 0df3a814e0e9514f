"""The adapter for Stable-Baselines3: resets inside the step, masks, several simulators side by side."""

from __future__ import annotations

import numpy as np
import pytest

from envs.episodes import Episodes
from envs.sb3 import sb3_vec_env
from tests.small_world import small_world


@pytest.fixture
def adapter():
    small = small_world()
    return sb3_vec_env(small.ensemble.members, small.states, weeks=3, n_slots=30, seed=9)


def test_slots_spread_over_all_members(adapter):
    assert [core.n_slots for core in adapter.cores] == [10, 10, 10]
    assert len({core.simulator.member for core in adapter.cores}) == 3


def test_masks_are_those_of_the_week_to_come(adapter):
    adapter.reset()
    assert adapter.has_attr("action_masks")
    masks = np.stack(adapter.env_method("action_masks"))
    assert masks.shape == (30, 3)
    assert masks[:, 0].all()
    assert np.array_equal(masks[[2, 5]], np.stack(adapter.env_method("action_masks", indices=[2, 5])))


def test_an_episode_that_ends_leaves_its_last_observation_and_the_next_begins_at_once(adapter):
    observations = adapter.reset()
    for week in range(3):
        observations, _, over, infos = adapter.step(np.zeros(30, dtype=np.int64))
        for slot in np.flatnonzero(over):
            assert adapter.observation_space.contains(infos[slot]["terminal_observation"])
            if week == 2 and infos[slot]["TimeLimit.truncated"]:
                assert not np.array_equal(infos[slot]["terminal_observation"], observations[slot])
        assert all(infos[slot] == {} for slot in np.flatnonzero(~over))
    assert over.all() or week == 2
    assert sum(core.elapsed.max() for core in adapter.cores) <= 6


def test_it_lives_as_the_core_does(adapter):
    small = small_world()
    core = Episodes(small.ensemble.members[0], small.states, weeks=3, n_slots=10)
    core.begin(np.ones(10, dtype=bool), 9 + np.arange(10))
    assert np.array_equal(adapter.reset()[:10], core.observe())
    _, rewards, _, _ = adapter.step(np.ones(30, dtype=np.int64))
    assert rewards[:10] == pytest.approx(core.live(np.ones(10, dtype=np.int64)).rewards.astype(np.float32))


def test_inputs_can_be_mapped_for_the_learner():
    from policies.inputs import log_scaled

    small = small_world()
    adapter = sb3_vec_env(small.ensemble.members[:1], small.states, n_slots=20, inputs=log_scaled)
    observations = np.asarray(adapter.reset())
    assert np.abs(observations).max() <= 1.0
    assert adapter.observation_space.contains(observations[0])
