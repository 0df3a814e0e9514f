from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from simulations.actions import Action, ActionKind, ActionSet
from simulations.baselines import baseline_forecasts, repeat_futures, resampled_futures
from simulations.calibration import brier_score, reliability_bins
from simulations.contact import ContactRules
from simulations.ensemble import SimulatorEnsemble
from simulations.errors import HistoryError
from simulations.forecast import Forecast, Future
from simulations.goodness import compare, judge
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import stream, user_keys
from simulations.response import ActionResponse, Quantity, ResponseSet, response_scale
from simulations.scores import Outcome

COUPON = Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5)
N_FITTING = 26


def world(n_users=240, n_periods=38, seed=1):
    """Users with a rate of their own who buy by chance each week; some are contacted, some never buy."""
    rng = stream(seed, "goodness world")
    rates = np.where(rng.random(n_users) < 0.05, 0.0, rng.gamma(1.5, 0.5, n_users))
    order_days = np.minimum(rng.poisson(rates[:, None], (n_users, n_periods)), 7).astype(np.int16)
    user_ids = np.array([f"u{i:04d}" for i in range(n_users)], dtype=object)
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=order_days,
        revenue=(order_days * rng.gamma(8.0, 3.0, order_days.shape)).astype(np.float32),
        exposure_bits=np.where(rng.random(order_days.shape) < 0.05, 2, 0).astype(np.uint32),
        redemptions=np.zeros(order_days.shape, dtype=np.int16),
        consent=np.ones(n_users, dtype=np.bool_),
        actions=ActionSet.of([COUPON]),
        calendar=Calendar(first_day=date(2024, 1, 1), n_periods=n_periods),
    )


def fitted(panel):
    response = ActionResponse.uniform_shift("coupon", Quantity(mean=0.2, sd=0.1))
    responses = ResponseSet(scale=response_scale(panel), responses=(response,))
    return SimulatorEnsemble.fit(panel, responses=responses, rules=ContactRules(), margin_share=0.3, members=2, seed=1)


@pytest.fixture(scope="module")
def panel():
    return world()


@pytest.fixture(scope="module")
def ensemble(panel):
    return fitted(panel.slice(N_FITTING))


@pytest.fixture(scope="module")
def goodness(panel, ensemble):
    return judge(ensemble, panel, n_fitting_periods=N_FITTING, seed=3, n_draws=20)


def forecast(order_days, model="simulator", horizon_weeks=2):
    """Return a forecast from (n_draws, n_users, n_weeks) order-days, each of which brings 10."""
    futures = [Future(np.asarray(one), 10.0 * np.asarray(one)) for one in order_days]
    return Forecast.collect(model, futures, horizon_weeks=horizon_weeks)


def test_errors_bands_and_chances_agree_with_a_count_by_hand():
    """Three futures of two users over two weeks."""
    own = forecast([[[1, 0], [0, 0]], [[2, 0], [0, 3]], [[3, 3], [0, 0]]])
    result = compare((own,), Outcome(np.array([[1, 0], [0, 2]]), np.array([[8.0, 0.0], [0.0, 20.0]]), 5))
    score = result.simulator
    assert score.mae == (abs(2 - 1) + abs(0 - 2)) / 2  # medians of (1, 2, 6) and (0, 3, 0)
    assert score.rmse == pytest.approx(math.sqrt(((3 - 1) ** 2 + (1 - 2) ** 2) / 2))
    assert score.order_days_error == pytest.approx(4 / 3 - 1)  # 1, 5 and 6 on average, for 3
    assert score.revenue_error == pytest.approx(40 / 28 - 1)
    assert score.user_coverage == 1.0
    assert score.brier == pytest.approx((0.0 + (1 - 1 / 3) ** 2) / 2)
    assert score.brier_of_base_rate == 0.0
    assert score.calibration_error == pytest.approx((2 / 3) / 2)
    assert score.spend_mae == (abs(20 - 8) + abs(0 - 20)) / 2
    assert score.spend_rmse == pytest.approx(math.sqrt(((30 - 8) ** 2 + (10 - 20) ** 2) / 2))
    assert score.rank_correlation == pytest.approx(-1.0)  # most was expected of the one who bought least
    assert score.top_decile_lift == pytest.approx(1 / 1.5)
    assert score.weekly_calibration_error == pytest.approx(2 * abs(1 / 3 - 1 / 2) / 4)  # two of a third, one of whom bought
    weeks = result.weekly.query("quantity == 'order_days'")
    assert weeks["week"].tolist() == [5, 6]
    assert weeks["observed"].tolist() == [1.0, 2.0]
    assert weeks["mean"].tolist() == [2.0, 2.0]
    assert (result.first_week, result.last_week) == (5, 6)


def test_a_forecast_without_chance_has_no_bands_to_be_judged():
    sure = forecast([[[1, 0], [0, 1]]], model="sure")
    result = compare((sure, sure), Outcome(np.array([[1, 0], [0, 2]]), np.ones((2, 2)), 1))
    assert [score.order_days_coverage for score in result.scores] == [None, None]
    assert result.simulator.user_coverage is None
    assert result.to_frame()["order_days_coverage"].isna().all()
    assert "band" not in result.summary()


def test_the_forecast_that_came_true_has_no_error():
    rng = stream(1, "true")
    came = rng.poisson(0.8, (50, 12))
    result = compare((forecast([came] * 3, horizon_weeks=8),), Outcome(came, 10.0 * came, 1))
    own = result.simulator
    assert (own.mae, own.rmse, own.brier, own.calibration_error) == (0.0, 0.0, 0.0, 0.0)
    assert own.order_days_error == pytest.approx(0.0)
    assert own.revenue_error == pytest.approx(0.0)
    assert own.active_users_coverage == 1.0


def test_bands_of_the_true_process_cover_at_their_level():
    """200 futures against 400 weeks of the same process; four standard errors of a 0.9 share are 0.06."""
    rng = stream(4, "cover")
    rates = rng.gamma(1.0, 1.0, 80)[:, None]
    own = forecast([rng.poisson(rates, (80, 400)) for _ in range(200)])
    result = compare((own,), Outcome(came := rng.poisson(rates, (80, 400)), 10.0 * came, 1))
    assert result.simulator.order_days_coverage == pytest.approx(0.9, abs=0.06)
    assert result.simulator.active_users_coverage == pytest.approx(0.9, abs=0.06)


@given(
    probabilities=arrays.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])),
    seed=st.integers(0, 1000),
)
def test_neither_order_nor_ties_move_the_calibration(probabilities, seed):
    rng = stream(seed, "calibration")
    outcomes = rng.random(probabilities.size) < 0.5
    shuffled = rng.permutation(probabilities.size)
    bins = reliability_bins(probabilities, outcomes)
    again = reliability_bins(probabilities[shuffled], outcomes[shuffled])
    assert again.observed == pytest.approx(bins.observed)
    assert bins.n_users.sum() == probabilities.size
    assert np.ptp(bins.n_users) <= 1
    assert bins.expected_error() == pytest.approx(again.expected_error())
    assert np.average(bins.observed, weights=bins.n_users) == pytest.approx(outcomes.mean())
    assert 0.0 <= bins.expected_error() <= 1.0


def test_chances_that_are_what_they_say_have_a_small_calibration_error():
    """20,000 users in ten bins: the error of a perfect forecast is about 0.008; above 0.02 it is one seed in a billion."""
    rng = stream(6, "calibrated")
    chances = rng.random(20_000)
    came = rng.random(20_000) < chances
    assert reliability_bins(chances, came).expected_error() < 0.02
    assert reliability_bins(np.sqrt(chances), came).expected_error() > 0.1
    assert brier_score(chances, came) < brier_score(float(came.mean()), came)


def test_the_last_weeks_are_repeated_in_their_order_and_a_short_history_over_and_over(panel):
    (last,) = repeat_futures(panel, weeks=12)
    assert np.array_equal(last.order_days, panel.order_days[:, -12:])
    (short,) = repeat_futures(panel.slice(2), weeks=5)
    assert np.array_equal(short.order_days, panel.order_days[:, [0, 1, 0, 1, 0]])


def test_a_resample_repeats_weeks_after_the_first_order_of_the_same_user():
    """A user whose only week is the first has nothing to repeat; 400 draws of three weeks: each comes up 400 times, give or
    take 16, and 100 off would be six standard errors."""
    panel = world(n_users=2, n_periods=4)
    order_days = np.array([[2, 1, 0, 3], [0, 0, 0, 1]], dtype=np.int16)
    names = {name: getattr(panel, name) for name in panel.__slots__}
    panel = WeeklyPanel(**{**names, "order_days": order_days, "revenue": 10.0 * order_days.astype(np.float32)})
    futures = list(resampled_futures(panel, weeks=3, seed=1, n_draws=400))
    drawn = np.concatenate([future.order_days[0] for future in futures])
    assert {k: pytest.approx(400, abs=100) for k in (0, 1, 3)} == dict(zip(*np.unique(drawn, return_counts=True), strict=True))
    assert all((future.order_days[1] == 0).all() and (future.revenue[1] == 0.0).all() for future in futures)
    assert all((future.revenue == 10.0 * future.order_days).all() for future in futures)


def test_baselines_forecast_the_order_days_of_users_who_never_change(panel):
    """Twelve weeks of 200 Poisson users: the sum's standard error is about 2.5 %; 12 % off is beyond one seed in 100,000."""
    known = panel.take((panel.slice(N_FITTING).order_days > 0).any(axis=1))
    came = known.order_days[:, N_FITTING:].sum()
    for one in baseline_forecasts(known.slice(N_FITTING), weeks=12, horizon_weeks=8, seed=1, n_draws=20):
        if one.model == "repeat-last-period":
            continue
        assert one.weekly_order_days.sum(axis=1).mean() == pytest.approx(came, rel=0.12)


def test_every_model_is_scored_on_the_same_users_and_weeks(goodness, panel):
    assert [score.model for score in goodness.scores] == [
        "simulator",
        "BG/NBD",
        "Pareto/NBD",
        "repeat-last-period",
        "resample of history",
    ]
    n_known = int((panel.slice(N_FITTING).order_days > 0).any(axis=1).sum())
    assert (goodness.n_users, goodness.n_users + goodness.n_unknown) == (n_known, panel.n_users)
    assert (goodness.first_week, goodness.last_week) == (27, 38)
    assert goodness.weekly.groupby(["model", "quantity"])["week"].count().unique().tolist() == [12]
    observed = goodness.weekly.groupby(["quantity", "week"])["observed"].nunique()
    assert observed.eq(1).all()
    assert goodness.calibration.groupby("model")["n_users"].sum().eq(n_known).all()
    assert goodness.simulator.mae_excess == 0.0
    assert goodness.to_frame().shape[0] == 5
    assert goodness.summary().startswith("Over weeks 27 to 38, seen by no fit, the simulator misses a user's order-days by ")


def test_no_judged_week_reaches_a_forecast(goodness, panel):
    """Everything bought in the judged weeks is replaced; fits and forecasts are those of before, only the errors are not."""
    rng = stream(9, "other judged weeks")
    order_days, revenue, redemptions = panel.order_days.copy(), panel.revenue.copy(), panel.redemptions.copy()
    order_days[:, N_FITTING:] = rng.integers(0, 8, order_days[:, N_FITTING:].shape)
    revenue[:, N_FITTING:] = 1000.0 * order_days[:, N_FITTING:]
    redemptions[:, N_FITTING:] = 1
    names = {name: getattr(panel, name) for name in panel.__slots__}
    other = WeeklyPanel(**{**names, "order_days": order_days, "revenue": revenue, "redemptions": redemptions})
    again = judge(fitted(other.slice(N_FITTING)), other, n_fitting_periods=N_FITTING, seed=3, n_draws=20)
    columns = ["model", "quantity", "week", "mean", "low", "high"]
    assert again.weekly[columns].equals(goodness.weekly[columns])
    assert again.calibration["predicted"].equals(goodness.calibration["predicted"])
    assert again.simulator.mae > goodness.simulator.mae


def test_the_same_seed_judges_the_same(goodness, panel, ensemble):
    again = judge(ensemble, panel, n_fitting_periods=N_FITTING, seed=3, n_draws=20)
    assert again.to_frame().equals(goodness.to_frame())
    assert again.weekly.equals(goodness.weekly)


def test_too_few_judged_weeks_are_refused_in_words(panel, ensemble):
    with pytest.raises(HistoryError, match="3 of 38 weeks follow the 35 fitting weeks, too few"):
        judge(ensemble, panel, n_fitting_periods=35, seed=1)


def test_weeks_without_any_order_cannot_be_judged():
    with pytest.raises(HistoryError, match="nobody bought in the 2 weeks from week 5"):
        compare((forecast([[[1, 0]]]),), Outcome(np.zeros((1, 2)), np.zeros((1, 2)), 5))


def test_a_forecast_shorter_than_its_horizon_is_refused():
    with pytest.raises(HistoryError, match="2 weeks are too few to see 8 weeks ahead"):
        forecast([[[1, 0]]], horizon_weeks=8)
