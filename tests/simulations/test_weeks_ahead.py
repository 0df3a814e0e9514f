"""What is foreseen of coming weeks: the first days of a month are found, told from noise, and carried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.panel import Calendar
from simulations.scenarios import draw_world
from simulations.simulated_history import FIRST_DAY
from simulations.simulator import LifecycleSimulator
from simulations.weeks_ahead import WeeksAhead, first_days_share, foreseen_prior, week_effects


def test_shares_are_counted_day_by_day_and_add_up_to_nothing_over_the_years():
    first = date(2023, 12, 25)
    shares = first_days_share(first, 0, 52 * 28)
    assert abs(shares.mean()) < 1e-3
    days = [first + timedelta(days=7 * 5 + day) for day in range(7)]
    by_hand = np.mean([day.day <= 7 for day in days]) - 84 / 365.25
    assert shares[5] == pytest.approx(by_hand)
    assert first_days_share(first, 5, 1)[0] == shares[5]


@pytest.fixture(scope="module")
def moved_world():
    """A world in which a week of first days moves the log-odds by 0.5, and nothing else is common to weeks."""
    world = draw_world(3)
    ahead = WeeksAhead(first_day=FIRST_DAY, first_days=np.array([0.5, 0.0]))
    return replace(world, simulator=replace(world.simulator, fit=replace(world.simulator.fit, ahead=ahead)))


def test_first_days_that_move_buying_are_found_and_carried_on(moved_world):
    """3,000 users, 40 weeks: the effect's standard error is some 0.05, and it is shrunk by a tenth."""
    history = moved_world.simulate_history(3000, 40, seed=2, logging="none")
    fit = fit_behaviour(UserWeeks.of(history.panel), np.ones(history.panel.n_users))
    assert fit.ahead.first_days[0] == pytest.approx(0.45, abs=0.15)
    assert abs(fit.ahead.first_days[1]) < 0.05
    simulator = replace(moved_world.simulator, fit=fit)
    days = np.mean([simulator.rollout(history.states, weeks=12, seed=s, period=40).weekly[:, 3] for s in range(10)], axis=0)
    shares = first_days_share(FIRST_DAY, 40, 12)
    assert days[shares > 0.4].mean() > 1.1 * days[shares < -0.2].mean()


def test_where_nothing_is_to_be_found_little_is(moved_world):
    still = replace(
        moved_world, simulator=replace(moved_world.simulator, fit=replace(moved_world.simulator.fit, ahead=WeeksAhead()))
    )
    panel = still.simulate_history(3000, 40, seed=2, logging="none").panel
    assert np.abs(fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users)).ahead.first_days).max() < 0.1


def test_weeks_that_shake_leave_less_to_first_days():
    """The same rows under the belief that single weeks move a great deal: the effect is held to be mostly their doing."""
    weeks = np.repeat(np.arange(30), 200)
    shares = first_days_share(date(2024, 1, 1), 0, 30)
    rows = 0.3 * shares[weeks]
    prior = (np.zeros(1), np.full((1, 1), 0.04))
    ((sure,), _), ((unsure,), _) = (
        week_effects(rows, np.ones(weeks.size), weeks, 30, np.array([week, 0.0, 0.0]), shares[:, None], prior)
        for week in (0.0, 0.5)
    )
    assert sure == pytest.approx(0.3, abs=0.05)
    assert 0.0 < unsure < 0.5 * sure


def test_too_few_months_tell_nothing():
    weeks = np.repeat(np.arange(8), 200)
    shares, prior = foreseen_prior(Calendar(first_day=date(2024, 1, 1), n_periods=8), 8, np.arange(2, 8), 0)
    moved, covariance = week_effects(shares[weeks, 0], np.ones(weeks.size), weeks, 8, np.zeros(3), shares, prior)
    assert moved[0] == covariance[0, 0] == 0.0


def test_a_saved_simulator_knows_its_calendar(moved_world, tmp_path):
    moved_world.simulator.save(tmp_path)
    ahead = LifecycleSimulator.load(tmp_path).fit.ahead
    assert ahead.first_day == FIRST_DAY
    assert ahead.first_days.tolist() == [0.5, 0.0]
