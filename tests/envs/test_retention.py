"""The retention environments: they pass the checkers, agree with each other, and do what their specification says."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs
from envs.episodes import Episodes
from envs.rewards import REWARDS
from simulations.errors import ConfigError
from simulations.features import FEATURES
from simulations.state import V
from tests.small_world import small_world

ID = "decision_engine/Retention-v0"


@pytest.fixture
def world():
    small = small_world()
    return {"simulator": small.ensemble.point, "states": small.states}


def _live(env: Any, actions: list[int], seed: int) -> list[tuple[Any, ...]]:
    observation, info = env.reset(seed=seed)
    lived: list[tuple[Any, ...]] = [(observation, info["action_mask"])]
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        lived.append((observation, reward, terminated, truncated, info["action_mask"]))
        if terminated or truncated:
            break
    return lived


def test_it_is_made_by_name_and_passes_gymnasiums_checker(world):
    env = gymnasium.make(ID, **world)
    check_env(env.unwrapped)


def test_it_is_made_by_module_and_name(world):
    assert isinstance(gymnasium.make(f"envs:{ID}", **world).unwrapped, envs.RetentionEnv)


def test_without_a_simulator_it_runs_in_a_small_scenario():
    env: Any = gymnasium.make(ID)
    lived = _live(env, [0, 1, 0], seed=1)
    assert len(lived) > 1
    assert env.unwrapped.episodes.states.n_users == 500


def test_a_stored_ensemble_is_a_world(tmp_path, world):
    small_world().ensemble.save(tmp_path / "ensemble")
    stored = gymnasium.make(ID, simulator=tmp_path / "ensemble", states=world["states"])
    for ours, theirs in zip(_live(gymnasium.make(ID, **world), [1, 0], 3), _live(stored, [1, 0], 3), strict=True):
        assert np.array_equal(ours[0], theirs[0])


def test_it_passes_the_checker_of_stable_baselines(world):
    from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

    check_for_stable_baselines(gymnasium.make(ID, **world).unwrapped)


def test_one_vector_of_six_lives_as_six_single_environments_through_many_episodes(world):
    singles = gymnasium.make_vec(ID, num_envs=6, vectorization_mode="sync", weeks=4, **world)
    vector = gymnasium.make_vec(ID, num_envs=6, weeks=4, **world)
    assert isinstance(vector, envs.RetentionVectorEnv)
    assert np.array_equal(np.asarray(singles.reset(seed=11)[0]), vector.reset(seed=11)[0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(0, 3, 6)
        left, right = singles.step(actions), vector.step(actions)
        for ours, theirs in zip(left[:4], right[:4], strict=True):
            assert np.array_equal(np.asarray(ours), np.asarray(theirs))
        for key in ("action_mask", "refused"):
            assert np.array_equal(left[4][key], right[4][key])


def test_the_size_of_a_vector_moves_none_of_its_slots(world):
    small, large = (envs.RetentionVectorEnv(n, **world) for n in (3, 50))
    assert np.array_equal(small.reset(seed=2)[0], large.reset(seed=2)[0][:3])
    for _ in range(20):
        a, b = small.step(np.ones(3, dtype=np.int64)), large.step(np.ones(50, dtype=np.int64))
        assert np.array_equal(a[0], b[0][:3])
        assert np.array_equal(a[1], b[1][:3])


def test_a_reset_mask_begins_anew_only_where_it_is_true(world):
    env = envs.RetentionVectorEnv(4, **world)
    env.reset(seed=1)
    before = env.step(np.zeros(4, dtype=np.int64))[0]
    after, _ = env.reset(options={"reset_mask": np.array([True, False, False, True])})
    assert np.array_equal(before[1:3], after[1:3])
    assert env.episodes.elapsed.tolist() == [0, 1, 1, 0]


def test_an_action_that_is_not_allowed_counts_as_none_and_is_reported(world):
    env: Any = gymnasium.make(ID, **world).unwrapped
    for seed in range(20):
        env.reset(seed=seed)
        env.step(1)
        if not env.action_masks()[1]:
            *_, info = env.step(1)
            assert info["refused"]
            assert env.episodes._now.states.contact_bits[0] & np.uint64(1) == 0
            return
    pytest.fail("twenty users, and none was refused a second coupon in a row")


def test_an_episode_is_truncated_at_its_horizon_and_terminated_by_opt_out_or_death():
    small = small_world()
    episodes = Episodes(small.ensemble.point, small.states, weeks=6, n_slots=400)
    episodes.begin(np.ones(400, dtype=bool), np.arange(400))
    ended = np.zeros(400, dtype=bool)
    for week in range(6):
        lived = episodes.live(np.ones(400, dtype=np.int64))
        gone = ~episodes._now.alive | (episodes._now.states.values[:, V.OPTED_OUT] > 0)
        assert np.array_equal(lived.terminated, gone)
        assert np.array_equal(lived.truncated, ~gone & (week == 5))
        ended |= lived.terminated
    assert 0 < ended.sum() < 400


def test_the_increment_of_doing_nothing_is_zero():
    small = small_world()
    episodes = Episodes(small.ensemble.point, small.states, n_slots=50, reward="increment")
    episodes.begin(np.ones(50, dtype=bool), np.arange(50))
    for _ in range(5):
        assert not episodes.live(np.zeros(50, dtype=np.int64)).rewards.any()


def test_the_net_margin_is_margin_less_cost_and_a_price_makes_cost_dearer():
    small = small_world()
    rewards = {}
    for price in (0.0, 1.0):
        episodes = Episodes(small.ensemble.point, small.states, n_slots=60, cost_price=price)
        episodes.begin(np.ones(60, dtype=bool), np.arange(60))
        lived = episodes.live(np.ones(60, dtype=np.int64))
        assert lived.rewards == pytest.approx(lived.events.margin - (1.0 + price) * lived.events.cost)
        rewards[price] = lived.rewards
    assert (rewards[1.0] <= rewards[0.0]).all()
    assert (rewards[1.0] < rewards[0.0]).any()


def test_the_specification_names_every_feature_in_its_order():
    lines = (envs.RetentionEnv.__doc__ or "").splitlines()
    rows = [line.split()[:2] for line in lines if line.split()[:1] and line.split()[0].isdigit()]
    assert rows == [[str(place), feature.name] for place, feature in enumerate(FEATURES)]


def test_an_unknown_reward_is_refused_with_those_there_are(world):
    with pytest.raises(ConfigError, match=r"'profit' is unknown; the known ones are net_margin"):
        envs.RetentionEnv(reward="profit", **world)
    assert set(REWARDS) == {"net_margin", "increment", "retention"}


def test_a_simulator_without_users_is_refused(world):
    with pytest.raises(ConfigError, match="needs users to begin with"):
        envs.RetentionEnv(simulator=world["simulator"])


def test_the_same_seed_lives_the_same_and_another_does_not(world):
    env = gymnasium.make(ID, **world)
    first, again, other = (_live(env, [1, 0, 2, 0, 1], seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a[0], b[0]) and a[1:3] == b[1:3] for a, b in zip(first[1:], again[1:], strict=True))
    assert not np.array_equal(first[0][0], other[0][0])
