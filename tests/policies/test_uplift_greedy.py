"""Uplift-greedy takes what brings most after its cost, and spends a budget where it brings most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from policies.clamp import Limits
from policies.uplift_greedy import UpliftGreedy, best_actions
from simulations.features import observe
from simulations.randomness import Address
from tests.small_world import small_world


@pytest.fixture
def batch():
    small = small_world()
    observation = observe(small.states)
    draws = Address(seed=1, member=0, period=0, user_keys=small.states.user_keys)
    return observation, np.ones((observation.shape[0], 3), dtype=bool), draws


def test_each_user_gets_the_action_of_the_largest_net_increment(batch):
    observation, mask, draws = batch
    policy = UpliftGreedy(ensemble=small_world().ensemble)
    net = policy.increments(observation, draws.user_keys).net
    actions = policy.act(observation, mask, draws).actions
    assert np.array_equal(actions, net.argmax(axis=1))
    assert len(set(actions.tolist())) == 3


def test_a_higher_price_pessimism_or_threshold_contacts_fewer(batch):
    observation, mask, draws = batch
    plain = UpliftGreedy(ensemble=small_world().ensemble)
    contacts = (plain.act(observation, mask, draws).actions > 0).sum()
    for stricter in (replace(plain, price=1.0), replace(plain, pessimism=2.0), replace(plain, min_increment=0.3)):
        assert (stricter.act(observation, mask, draws).actions > 0).sum() < contacts


def test_under_limits_it_spends_on_whoever_brings_most(batch):
    observation, mask, draws = batch
    limits = Limits(costs=np.array([0.0, 0.5, 0.8]), capacities=np.array([-1, -1, 10]), budget=12.0)
    policy = UpliftGreedy(ensemble=small_world().ensemble).under(limits)
    actions = policy.act(observation, mask, draws).actions
    assert limits.costs[actions].sum() <= 12.0 + 1e-9
    assert limits.costs[actions].sum() > 11.0
    assert (actions == 2).sum() <= 10
    net = policy.increments(observation, draws.user_keys).net
    assert net[actions == 1, 1].mean() > net[actions == 0, 1].mean()


def test_a_tie_between_an_action_and_none_goes_to_none():
    worth = np.array([[0.0, 1.0]])
    assert best_actions(worth, worth, np.ones((1, 2), dtype=bool), 0.0).tolist() == [0]
