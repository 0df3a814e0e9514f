"""Holidays: what they move is found, carried on to the same and to other holidays, and assumed only where nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.errors import InputError
from simulations.holidays import AFTER_DAYS, LEAD_DAYS, Holiday, holiday_prior, holiday_shares
from simulations.kernel import ACTIVE_WEEKS
from simulations.scenarios import draw_world
from simulations.simulated_history import FIRST_DAY
from simulations.simulator import LifecycleSimulator
from simulations.weeks_ahead import WeeksAhead, week_effects


def _day(week: int, weekday: int) -> date:
    return FIRST_DAY + timedelta(days=7 * week + weekday)


FEASTS = tuple(Holiday(name=f"feast {k}", days=(_day(week, 5),)) for k, week in enumerate((13, 18, 23, 28, 33)))
COMING = Holiday(name="coming", days=(_day(43, 5),))
AGAIN = replace(FEASTS[0], days=(*FEASTS[0].days, _day(46, 5)))


def test_shares_are_counted_day_by_day_and_add_up_to_one_a_holiday():
    holidays = [Holiday(name="one", days=(date(2024, 1, 8), date(2024, 2, 14))), Holiday(name="two", days=(date(2024, 3, 31),))]
    shares = holiday_shares(holidays, date(2024, 1, 1), 0, 20)
    assert shares.sum(axis=0).tolist() == pytest.approx([2.0, 1.0, 3.0])
    lead = [date(2024, 1, 8) - timedelta(days=ago) for ago in range(LEAD_DAYS)]
    assert shares[0, 0] == pytest.approx(np.mean([day < date(2024, 1, 8) for day in lead]))
    after = [date(2024, 1, 8) + timedelta(days=1 + k) for k in range(AFTER_DAYS)]
    assert shares[1, 2] == pytest.approx(np.mean([day < date(2024, 1, 15) for day in after]))
    assert holiday_shares(holidays, date(2024, 1, 1), 5, 3).tolist() == shares[5:8].tolist()


@pytest.fixture(scope="module")
def world():
    """A world in which every holiday moves the log-odds by 0.4 before it and by -0.3 after it."""
    drawn = draw_world(3)
    effects = np.zeros((2, 8))
    effects[0] = [0.4] * 7 + [-0.3]
    ahead = WeeksAhead(
        first_day=FIRST_DAY, holidays=(*FEASTS[1:], AGAIN, COMING, Holiday(name="late", days=(_day(49, 5),))),
        holiday_effects=effects, holiday_doubts=np.zeros((2, 8, 8)), seen=(True,) * 7,
    )  # fmt: skip
    return replace(drawn, simulator=replace(drawn.simulator, fit=replace(drawn.simulator.fit, ahead=ahead)))


@pytest.fixture(scope="module")
def lived(world):
    return world.simulate_history(3000, 40, seed=2, logging="none").panel


def _fit(panel, *holidays):
    known = replace(panel, calendar=replace(panel.calendar, holidays=holidays))
    return fit_behaviour(UserWeeks.of(known), np.ones(panel.n_users))


def test_what_holidays_move_is_found_and_expected_of_one_that_was_never_seen(lived):
    """The five known ones tell of the sixth: less surely, and a little less."""
    ahead = _fit(lived, *FEASTS, COMING).ahead
    rows = ahead.table()
    assert np.mean([row["purchase_lift"] for row in rows[:5]]) == pytest.approx(0.4, abs=0.12)
    assert rows[5]["purchase_lift"] == pytest.approx(0.35, abs=0.12)
    assert ahead.holiday_effects[0, -1] == pytest.approx(-0.3, abs=0.15)
    assert rows[5]["purchase_lift_sd"] > 1.1 * max(row["purchase_lift_sd"] for row in rows[:5])
    assert [row["source"] for row in rows] == ["estimated"] * 5 + ["other holidays"]
    assert max(abs(row["spend_lift"]) for row in rows) < 0.05


def test_a_holiday_of_weeks_that_do_not_count_yet_is_not_called_estimated(lived):
    """States are still filling in a history's first quarter, whose weeks tell of no shock."""
    first = Holiday(name="first", days=(_day(2, 5),))
    (row, *_) = _fit(lived, first, *FEASTS).ahead.table()
    assert row["source"] == "other holidays"


def test_an_assumption_stands_where_nothing_is_known_and_gives_way_where_something_is(lived):
    assumed = (0.9, 0.3)
    known = replace(FEASTS[0], lifts=(assumed, None))
    coming = replace(COMING, lifts=(assumed, None))
    rows = _fit(lived, known, *FEASTS[1:], coming).ahead.table()
    assert rows[0]["purchase_lift"] < 0.65
    assert rows[5]["purchase_lift"] == pytest.approx(0.9)
    assert rows[5]["purchase_lift_sd"] == pytest.approx(0.3)
    assert (rows[0]["source"], rows[5]["source"]) == ("estimated", "assumed")


def test_a_holiday_of_last_year_tells_of_this_year(lived, world):
    """Known once and moved by 0.4; the week that holds it again is foreseen to be fuller than those about it."""
    fit = _fit(lived, AGAIN, *FEASTS[1:])
    simulator = replace(world.simulator, fit=replace(fit, week_spread=np.zeros_like(fit.week_spread)))
    states = world.simulate_history(3000, 40, seed=2, logging="none").states
    active = np.mean([simulator.rollout(states, weeks=9, seed=s, period=40).weekly[:, ACTIVE_WEEKS] for s in range(8)], axis=0)
    assert active[6] > 1.05 * active[4]
    assert active[7] < 0.98 * active[4]


def test_what_is_unsure_of_a_holiday_differs_from_world_to_world_and_not_from_rollout_to_rollout(lived):
    ahead = _fit(lived, COMING).ahead
    drawn = np.array([ahead.shifts(40, 6, seed=seed, member=1)[:, 0] for seed in range(400)])
    mean = ahead.shifts(40, 6)[:, 0]
    assert drawn[:, 3].std() == pytest.approx(ahead.table()[0]["purchase_lift_sd"], rel=0.15)
    assert np.abs(drawn[:, 3].mean() - mean[3]) < 0.03
    assert np.ptp(drawn[:, :3], axis=0).max() == 0.0
    again = np.concatenate([ahead.shifts(40, 4, seed=7, member=1), ahead.shifts(44, 2, seed=7, member=1)])
    assert again.tolist() == ahead.shifts(40, 6, seed=7, member=1).tolist()


def test_the_posterior_is_that_of_the_whole_covariance_worked_out_by_hand():
    """Against a regression in which the weeks' mean has a variance of a million instead of a flat prior."""
    rng = np.random.default_rng(5)
    weeks = np.repeat(np.arange(30), 40)
    shares = holiday_shares(FEASTS[:3], FIRST_DAY, 0, 30)
    mean, covariance = holiday_prior((replace(FEASTS[0], lifts=((0.2, 0.1), None)), *FEASTS[1:3]), 0)
    rows = rng.normal(0.3, 1.0, weeks.size) + (shares @ np.array([0.5, 0.1, 0.2, -0.2]))[weeks]
    found, left = week_effects(rows, np.ones(weeks.size), weeks, 30, np.array([0.1, 0.0, 0.0]), shares, (mean, covariance))
    late = np.arange(8, 30)  # a quarter of the weeks settles
    sums = np.bincount(weeks, weights=rows)[late] / 40.0
    columns, noise = np.column_stack([np.ones(late.size), shares[late]]), 0.1**2 + 1.0 / 40.0
    prior = np.block([[np.full((1, 1), 1e6), np.zeros((1, 4))], [np.zeros((4, 1)), covariance]])
    at = np.concatenate([[0.0], mean])
    gain = prior @ columns.T @ np.linalg.inv(columns @ prior @ columns.T + noise * np.eye(late.size))
    assert found.tolist() == pytest.approx((at + gain @ (sums - columns @ at))[1:].tolist(), abs=1e-5)
    assert left.ravel().tolist() == pytest.approx((prior - gain @ columns @ prior)[1:, 1:].ravel().tolist(), abs=1e-5)


def test_a_saved_simulator_knows_its_holidays(lived, world, tmp_path):
    fit = _fit(lived, *FEASTS, replace(COMING, lifts=((0.2, 0.1), None)))
    replace(world.simulator, fit=fit).save(tmp_path)
    loaded = LifecycleSimulator.load(tmp_path)
    assert loaded.fit.ahead.table() == fit.ahead.table()
    assert loaded.week_shifts(1, 40, 9).tolist() == replace(world.simulator, fit=fit).week_shifts(1, 40, 9).tolist()
    assert "coming +0.20 (assumed)" in loaded.describe()


def test_a_holiday_without_a_day_is_refused():
    with pytest.raises(InputError, match="no day"):
        Holiday(name="someday", days=())
