"""Users who arrive: as many as in the history, like its newcomers, and in nobody's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from policies import FixedAction, evaluate_policies, limits_of
from simulations.arrivals import Arrivals, rollout_with_arrivals
from simulations.errors import HistoryError
from simulations.kernel import CONTACTS, ORDER_DAYS
from simulations.scenarios import draw_world
from simulations.standing_rule import StandingRule
from simulations.state import V, fold


@pytest.fixture(scope="module")
def world():
    return draw_world(2)


@pytest.fixture(scope="module")
def panel(world):
    """1,200 users who begin, one hundred a week, in the last twelve of twenty weeks, and 400 who were there before."""
    lived = world.simulate_history(1600, 20, seed=3, logging="none").panel
    days, revenue = np.zeros_like(lived.order_days), np.zeros_like(lived.revenue)
    ever = lived.order_days > 0
    for user in range(lived.n_users):
        first = int(ever[user].argmax()) if ever[user].any() else 0
        begin = 0 if user < 400 else 8 + user % 12
        n = min(20 - begin, 20 - first)
        days[user, begin : begin + n] = lived.order_days[user, first : first + n]
        revenue[user, begin : begin + n] = lived.revenue[user, first : first + n]
    return replace(lived, order_days=days, revenue=revenue)


def test_as_many_arrive_as_in_the_history_and_each_has_one_active_week(panel):
    arrivals = Arrivals.of(panel, recent_weeks=12)
    began = ((panel.order_days > 0).any(axis=1) & ((panel.order_days > 0).argmax(axis=1) >= 8)).sum()
    assert arrivals.per_week == pytest.approx(began / 12)
    assert (arrivals.first_weeks.values[:, V.TENURE] == 1.0).all()
    assert (arrivals.first_weeks.values[:, V.ACTIVE_WEEKS] == 1.0).all()
    counts = [arrivals.in_week(week, seed=1, first_key=0).n_users for week in range(200)]
    assert np.mean(counts) == pytest.approx(arrivals.per_week, abs=4 * np.sqrt(arrivals.per_week / 200))


def test_who_was_there_lives_on_as_without_newcomers(world, panel):
    states, arrivals = fold(panel), Arrivals.of(panel)
    rule = StandingRule(action=1)
    grown = rollout_with_arrivals(world.simulator, states, arrivals, rule, weeks=6, seed=4, period=20)
    alone = world.simulator.rollout(states, rule, weeks=6, seed=4, period=20)
    n_users = states.n_users
    assert np.array_equal(grown.final.states.values[:n_users], alone.final.states.values)
    assert grown.final.states.n_users == n_users + grown.arrived.sum()
    assert np.unique(grown.final.states.user_keys).size == grown.final.states.n_users
    assert (grown.weekly[:, ORDER_DAYS] >= alone.weekly[:, ORDER_DAYS] + grown.arrived).all()
    assert grown.weekly[1:, CONTACTS].sum() > alone.weekly[1:, CONTACTS].sum()
    assert (grown.final.states.values[n_users:, V.TENURE] >= 1.0).all()


def test_no_newcomers_are_no_newcomers_and_the_same_seed_brings_the_same(world, panel):
    states = fold(panel)
    nobody = rollout_with_arrivals(world.simulator, states, Arrivals.of(panel, per_week=0.0), weeks=3, seed=4, period=20)
    alone = world.simulator.rollout(states, weeks=3, seed=4, period=20)
    assert np.array_equal(nobody.weekly, alone.weekly)
    some, again = (rollout_with_arrivals(world.simulator, states, Arrivals.of(panel), weeks=3, seed=5).weekly for _ in range(2))
    assert np.array_equal(some, again)


def test_sums_by_user_and_by_week_tell_the_same_and_newcomers_come_last(world, panel):
    states = fold(panel)
    grown = rollout_with_arrivals(world.simulator, states, Arrivals.of(panel), weeks=10, seed=5, period=20)
    lived, newcomers = grown.lived, int(grown.arrived.sum())
    assert lived.totals.shape[0] == states.n_users + newcomers == lived.retained.size
    assert np.allclose(lived.totals.sum(axis=0), lived.weekly.sum(axis=0))
    assert (lived.order_days[states.n_users :] >= 1.0).all()
    assert lived.retained[states.n_users + grown.arrived[:2].sum() :].all()  # came within the last eight weeks
    alone = world.simulator.rollout(states, weeks=10, seed=5, period=20)
    assert np.array_equal(lived.retained[: states.n_users], alone.retained)
    assert np.allclose(lived.totals[: states.n_users], alone.totals)


def test_every_policy_meets_the_same_newcomers_and_groups_have_their_own(world, panel):
    states, arrivals = fold(panel), Arrivals.of(panel)
    limits = limits_of([world.simulator], states, budget=40.0)
    action = world.actions.names[1]
    compared = evaluate_policies(
        [FixedAction(action=1, action_name=action)], [world.simulator, replace(world.simulator, member=1)], states, weeks=4,
        limits=limits, seed=3, arrivals=arrivals,
    )  # fmt: skip
    counts = [arrivals.in_week(week, seed=3, first_key=0).n_users for week in range(4)]
    assert compared.n_users == states.n_users + sum(counts)
    nothing, always = compared.outcomes
    assert nothing.value == 0.0
    assert always.contacts > 0.0
    apart = [arrivals.scaled(0.5).in_week(week, seed=3, first_key=0, group=1).n_users for week in range(200)]
    assert np.mean(apart) == pytest.approx(0.5 * arrivals.per_week, rel=0.05)


def test_a_history_without_newcomers_is_told(panel):
    with pytest.raises(HistoryError, match="no first order falls into the last 5 of 20 weeks"):
        Arrivals.of(panel.take(np.arange(50)), recent_weeks=5)
