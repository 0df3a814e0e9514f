"""Rules do what their sentence says."""

from __future__ import annotations

import numpy as np
import pytest

from policies.base import sample, where_allowed
from policies.rules import FixedAction, HistoryPolicy, RecencyRule, RfmRule, weekly_worth
from simulations.features import FEATURES, LOWS, column, fold_observations
from simulations.randomness import Address, user_keys
from simulations.scenarios import tiny_panel
from tests.small_world import small_world


def _users(**features):
    n_users = len(next(iter(features.values())))
    observation = np.tile(LOWS, (n_users, 1))
    for name, values in features.items():
        observation[:, column(name)] = values
    return observation


def _address(n_users):
    return Address(seed=1, member=0, period=0, user_keys=user_keys(str(number) for number in range(n_users)))


def test_the_lapse_rule_contacts_valuable_users_who_lapse_and_nobody_else():
    observation = _users(
        gap_ratio=[1.0, 2.0, 2.0, 9.0], basket_value=[20.0, 20.0, 1.0, 20.0], order_rate_all=[1.0, 1.0, 1.0, 1.0]
    )
    rule = RfmRule(action=1, action_name="coupon", gap_low=1.5, gap_high=6.0, smallest_worth=10.0)
    assert rule.act(observation, np.ones((4, 2), dtype=bool), _address(4)).actions.tolist() == [0, 1, 0, 0]


def test_the_lapse_rule_takes_its_threshold_from_users_who_ever_ordered():
    observation = _users(basket_value=[0.0, 0.0, 10.0, 30.0], order_rate_all=[0.0, 0.0, 1.0, 1.0])
    assert RfmRule.fit(observation, action=1, action_name="coupon", worth_quantile=0.5).smallest_worth == pytest.approx(20.0)


def test_the_recency_rule_serves_the_most_valuable_first():
    observation = _users(recency_weeks=[4, 5, 1], basket_value=[10.0, 30.0, 99.0], order_rate_all=[1.0, 1.0, 1.0])
    decision = RecencyRule(action=1, action_name="coupon").act(observation, np.ones((3, 2), dtype=bool), _address(3))
    assert decision.actions.tolist() == [1, 1, 0]
    assert decision.priorities[1] > decision.priorities[0]
    assert np.array_equal(decision.priorities, weekly_worth(observation))


def test_one_action_for_all_is_given_where_it_is_allowed():
    mask = np.array([[True, True], [True, False]])
    decision = FixedAction(action=1, action_name="coupon").act(_users(recency_weeks=[0, 0]), mask, _address(2))
    assert decision.actions.tolist() == [1, 0]


def test_history_is_cloned_with_its_rates():
    """9,000 user-weeks of a coupon sent with chance 0.08; five standard errors of the mean rate are 0.014."""
    small = small_world()
    policy = HistoryPolicy.fit(small.panel, 0, small.panel.n_periods)
    assert policy.rates.sum(axis=1) == pytest.approx(np.ones(12))
    assert policy.rates[:, 2] == pytest.approx(np.zeros(12))
    observed = fold_observations(small.panel, 0, small.panel.n_periods).reshape(-1, len(FEATURES))
    mask = np.ones((observed.shape[0], 3), dtype=bool)
    assert policy.action_probabilities(observed, mask)[:, 1].mean() == pytest.approx(0.08, abs=0.014)
    decision = policy.act(observed, mask, _address(mask.shape[0]))
    assert (decision.actions == 1).mean() == pytest.approx(0.08, abs=0.014)


def test_history_may_be_tiny():
    policy = HistoryPolicy.fit(tiny_panel(), 0, 4)
    assert np.isfinite(policy.rates).all()


def test_a_sample_has_the_probabilities_it_was_drawn_with():
    """20,000 draws; four standard errors of a share are 0.014."""
    probabilities = np.tile([0.2, 0.0, 0.5, 0.3], (20_000, 1))
    actions, propensities = sample(probabilities, _address(20_000).uniforms(6))
    assert np.bincount(actions, minlength=4) / 20_000 == pytest.approx([0.2, 0.0, 0.5, 0.3], abs=0.014)
    assert np.array_equal(propensities, probabilities[0, actions])


def test_what_is_not_allowed_becomes_none():
    moved = where_allowed(np.array([[0.1, 0.4, 0.5]]), np.array([[True, True, False]]))
    assert moved.tolist() == [[0.6, 0.4, 0.0]]
