"""Simulated values: paired on the same luck, held to the limits, and a gate that says no."""

from __future__ import annotations

import numpy as np
import pytest

from policies.comparison import PolicyComparison, PolicyOutcome, choose
from policies.rollout import evaluate_policies, limits_of, live_under, value_draws
from policies.rules import DoNothing, FixedAction, RecencyRule
from policies.uplift_greedy import UpliftGreedy
from simulations.errors import ConfigError
from tests.small_world import small_world

COUPON = FixedAction(action=1, action_name="coupon")


@pytest.fixture
def limits():
    small = small_world()
    return limits_of(small.ensemble.members, small.states, budget=15.0)


def test_costs_hold_redemptions_and_capacities_come_from_the_actions(limits):
    small = small_world()
    assert limits.capacities.tolist() == [-1, -1, 20]
    assert limits.costs[0] == 0.0
    assert limits.costs[2] == pytest.approx(small.ensemble.actions[2].cost)
    assert small.ensemble.actions[1].cost < limits.costs[1] < small.ensemble.actions[1].cost + 1.0


def test_each_week_keeps_to_budget_and_capacity(limits):
    small = small_world()
    for policy in (COUPON, FixedAction(action=2, action_name="care")):
        lived = live_under(policy, small.ensemble.point, small.states, weeks=6, limits=limits, seed=1)
        contacts = lived.weekly_frame()["contacts"].to_numpy()
        assert (contacts * limits.costs[policy.action] <= 15.0 + 1e-6).all()
        assert contacts.max() > 0
        if policy.action == 2:
            assert contacts.max() <= 20


def test_doing_nothing_is_worth_nothing_exactly_and_comes_first(limits):
    small = small_world()
    comparison = evaluate_policies([COUPON, DoNothing()], small.ensemble.members, small.states, weeks=4, limits=limits, seed=1)
    assert [one.name for one in comparison.outcomes] == ["do nothing", "always coupon"]
    nothing = comparison.outcomes[0]
    assert (nothing.value, nothing.low, nothing.high, nothing.contacts) == (0.0, 0.0, 0.0, 0.0)


def test_a_value_is_the_mean_of_paired_differences(limits):
    small = small_world()
    comparison = evaluate_policies([COUPON], small.ensemble.members, small.states, weeks=4, limits=limits, seed=7)
    by_hand = [
        live_under(COUPON, one, small.states, weeks=4, limits=limits, seed=7).net_margin.mean()
        - live_under(DoNothing(), one, small.states, weeks=4, limits=limits, seed=7).net_margin.mean()
        for one in small.ensemble.members
    ]
    assert comparison.outcome("always coupon").value == pytest.approx(np.mean(by_hand))
    assert comparison.member_values[1] == pytest.approx(by_hand)


def test_a_policy_that_never_acts_differs_from_nothing_in_nobody(limits):
    small = small_world()
    asleep = RecencyRule(action=1, action_name="coupon", shortest=500.0, longest=600.0)
    lived = live_under(asleep, small.ensemble.point, small.states, weeks=5, limits=limits, seed=2)
    nothing = live_under(DoNothing(), small.ensemble.point, small.states, weeks=5, limits=limits, seed=2)
    assert np.array_equal(lived.totals, nothing.totals)


def test_uplift_greedy_does_not_lose_against_one_action_for_all(limits):
    small = small_world()
    greedy = UpliftGreedy(ensemble=small.ensemble).under(limits)
    comparison = evaluate_policies([COUPON, greedy], small.ensemble.members, small.states, weeks=8, limits=limits, seed=3)
    assert comparison.difference("uplift-greedy", "always coupon").estimate > 0.0


def test_the_frame_has_one_row_a_policy_with_paired_differences(limits):
    small = small_world()
    rule = RecencyRule(action=1, action_name="coupon")
    frame = evaluate_policies([COUPON, rule], small.ensemble.members, small.states, weeks=4, limits=limits, seed=1).to_frame()
    assert frame["name"].tolist() == ["do nothing", "always coupon", "recency rule, coupon"]
    assert frame.loc[1, "against_single"] == 0.0
    assert {"value", "low", "high", "retention", "spend", "contacts", "opt_outs", "chance_of_loss"} <= set(frame.columns)


def test_two_policies_of_one_name_are_refused(limits):
    small = small_world()
    with pytest.raises(ConfigError, match="always coupon is compared twice"):
        evaluate_policies([COUPON, COUPON], small.ensemble.members, small.states, weeks=2, limits=limits, seed=1)


@pytest.mark.parametrize("n_members", [4, 8, 32])
def test_intervals_cover_the_value_in_the_one_true_world(n_members):
    """400 tries; four standard errors of a 0.9 share are 0.06. The truth is one more world, and a population of users."""
    rng = np.random.default_rng(4)
    covered = 0
    for world in range(400):
        truth = rng.normal()
        gains = rng.normal(size=(1, n_members, 1)) + rng.normal(size=(1, 1, 80)) + rng.normal(size=(1, n_members, 80))
        low, high = np.quantile(value_draws(gains, level=0.9, seed=world, n_draws=200)[0], [0.05, 0.95])
        covered += low <= truth <= high
    assert covered / 400 == pytest.approx(0.9, abs=0.06)


def test_more_members_do_not_make_an_interval_narrower_than_what_they_disagree_about():
    rng = np.random.default_rng(5)
    for n_members in (8, 64, 512):
        gains = np.broadcast_to(rng.normal(size=(1, n_members, 1)), (1, n_members, 50))
        low, high = np.quantile(value_draws(gains, level=0.9, seed=1, n_draws=2000)[0], [0.05, 0.95])
        own = np.quantile(gains[0, :, 0], 0.95) - np.quantile(gains[0, :, 0], 0.05)
        assert high - low > 0.9 * own, n_members


def test_a_difference_of_two_policies_is_drawn_in_one_world():
    rng = np.random.default_rng(6)
    world = rng.normal(size=(1, 16, 1)) * np.ones((2, 16, 50))
    world[1] += 0.5  # better by the same in every world
    draws = value_draws(world, level=0.9, seed=1)
    assert draws[1] - draws[0] == pytest.approx(0.5)
    assert draws[0].std() > 0.5


def test_one_member_leaves_the_luck_of_users_alone():
    gains = np.random.default_rng(7).normal(size=(1, 1, 400))
    draws = value_draws(gains, level=0.9, seed=1)[0]
    assert draws.std() == pytest.approx(gains.std() / 20, rel=0.15)


def _outcome(name, kind, value, spread):
    zeros = dict.fromkeys(("retention", "spend", "contacts", "opt_outs", "order_days", "revenue"), 0.0)
    return PolicyOutcome(name=name, kind=kind, value=value, low=value - spread, high=value + spread, **zeros)


def _comparison(*policies, noise=0.1):
    """Policies as (name, kind, value); bootstrap draws with independent noise."""
    rng = np.random.default_rng(0)
    everyone = [("do nothing", "do_nothing", 0.0), *policies]
    values = np.array([one[2] for one in everyone])
    draws = values[:, None] + noise * rng.normal(size=(values.size, 400))
    draws[0] = 0.0
    outcomes = tuple(
        _outcome(name, kind, value, 0.0 if kind == "do_nothing" else 1.7 * noise) for name, kind, value in everyone
    )
    return PolicyComparison(outcomes=outcomes, draws=draws, member_values=values[:, None], level=0.9, weeks=13, n_users=10)


def test_a_learned_policy_that_beats_all_baselines_is_chosen():
    choice = choose(_comparison(("always a", "fixed_action", 0.5), ("rule", "rfm_rule", 1.0), ("greedy", "uplift_greedy", 3.0)))
    assert (choice.name, choice.beats_baselines) == ("greedy", True)
    assert "beats all 3 baselines beyond its error, the closest, 'rule', by 2.00" in choice.reason


def test_a_learned_policy_within_its_error_of_the_rule_is_not_taken():
    choice = choose(_comparison(("rule", "rfm_rule", 1.0), ("PPO", "ppo", 1.05)))
    assert (choice.name, choice.best_learned, choice.beats_baselines) == ("rule", "PPO", False)
    assert "'PPO' does not beat 'rule' beyond its error" in choice.reason


def test_where_nothing_beats_doing_nothing_nothing_is_done():
    choice = choose(_comparison(("rule", "rfm_rule", 0.05), ("PPO", "ppo", -1.0)))
    assert choice.name == "do nothing"
    assert "doing nothing is the choice" in choice.reason
    assert "were it the only one" not in choice.reason


def test_the_luckiest_of_many_that_alone_would_do_is_not_taken_and_is_named():
    many = [(f"always {k}", "fixed_action", 0.18 if k == 3 else 0.0) for k in range(12)]
    choice = choose(_comparison(*many))
    assert choice.name == "do nothing"
    assert "('always 3' would, were it the only one that was tried)" in choice.reason
