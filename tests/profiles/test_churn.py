from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from decision_engine.profiles.churn import fit_churn, return_rows
from decision_engine.profiles.churn_judgement import area_under_curve, judge_churn
from simulations.errors import HistoryError
from simulations.features import column, fold_observations
from tests.profiles.lives import leaving_customers, panel_of

N_FITTING = 32


@pytest.fixture(scope="module")
def panel():
    return leaving_customers()


@pytest.fixture(scope="module")
def model(panel):
    return fit_churn(panel, N_FITTING, horizon_weeks=6, seed=1)


@pytest.fixture(scope="module")
def judgement(model, panel):
    return judge_churn(model, panel)


def test_rows_look_ahead_exactly_as_far_as_the_horizon():
    panel = panel_of([[1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]])
    rows = return_rows(panel, range(1, 3), horizon_weeks=3)
    assert rows.users.tolist() == [0, 1, 0, 1]
    assert rows.landmarks.tolist() == [1, 1, 2, 2]
    assert rows.stayed_away.tolist() == [False, True, False, False]


def test_a_row_sees_what_was_known_at_its_landmark(panel):
    rows = return_rows(panel, range(5, 12, 3), horizon_weeks=6)
    for landmark in (5, 8, 11):
        here = rows.landmarks == landmark
        known = fold_observations(panel, landmark, landmark + 1)[:, 0]
        np.testing.assert_array_equal(rows.observations[here], known[rows.users[here]])


def test_who_never_ordered_is_in_no_row():
    rows = return_rows(panel_of([[0, 0, 0, 1], [1, 0, 0, 0]]), range(1, 3), horizon_weeks=1)
    assert set(rows.users.tolist()) == {1}


def test_an_outcome_beyond_the_history_is_refused(panel):
    with pytest.raises(HistoryError, match="cannot look 6 weeks ahead"):
        return_rows(panel, range(38, 41), horizon_weeks=6)


def test_judged_weeks_never_reach_the_fit(panel, model):
    later = np.arange(panel.n_periods) >= N_FITTING
    scrambled = replace(
        panel,
        order_days=np.where(later, 7 - panel.order_days, panel.order_days).astype(np.int16),
        revenue=np.where(later, 999.0, panel.revenue).astype(np.float32),
        exposure_bits=np.where(later, 2, panel.exposure_bits).astype(np.uint32),
    )
    assert fit_churn(scrambled, N_FITTING, horizon_weeks=6, seed=1) == model


def test_every_outcome_window_ends_inside_the_fitting_weeks(model):
    assert max(model.landmarks) + model.horizon_weeks == N_FITTING


def test_fitting_twice_gives_the_same_model_and_another_order_of_users_the_same_chances(panel, model):
    assert fit_churn(panel, N_FITTING, horizon_weeks=6, seed=1) == model
    observations = fold_observations(panel, 40, 41)[:, 0]
    chance = model.chance(observations, panel.user_keys)
    np.testing.assert_array_equal(model.chance(observations[::-1], panel.user_keys[::-1]), chance[::-1])


def test_a_stored_model_gives_the_same_chances(panel, model):
    observations = fold_observations(panel, 40, 41)[:, 0]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.chance(observations), model.chance(observations))


def test_a_user_is_judged_by_trees_that_never_saw_the_user(panel, model):
    """Changing one user's outcomes moves the chances of others, not that user's own before calibration."""
    changed = panel.order_days.copy()
    changed[0, 10:N_FITTING] = 1 - changed[0, 10:N_FITTING]
    other = fit_churn(replace(panel, order_days=changed), N_FITTING, horizon_weeks=6, seed=1)
    same = [a == b for a, b in zip(model.trees, other.trees, strict=True)]
    assert sum(same) == 1


def test_the_chance_beats_the_base_rate_and_means_what_it_says(judgement):
    """About 3,000 judged rows of 400 users still known: two standard errors of a share near one half are about 0.05."""
    assert judgement.beats_base_rate
    assert judgement.auc > 0.8
    assert judgement.calibration_error < 0.06
    assert "better than the base rate's" in judgement.summary()


def test_longer_silence_never_lowers_the_chance(panel, model):
    observations = np.repeat(fold_observations(panel, 20, 21)[:40, 0], 12, axis=0)
    silence = np.tile(np.arange(12), 40)
    observations[:, column("recency_weeks")] = silence
    assert (np.diff(model.chance(observations).reshape(40, 12), axis=1) >= 0).all()


def test_with_too_few_cases_everyone_has_the_share():
    model = fit_churn(panel_of(np.ones((30, 20))), 20, horizon_weeks=4)
    assert model.trees == ()
    assert model.chance(np.zeros((3, 13), dtype=np.float32)).tolist() == [0.0, 0.0, 0.0]


def test_a_history_too_short_is_refused_in_words(panel):
    with pytest.raises(HistoryError, match="at least 7 are needed"):
        fit_churn(panel, 6, horizon_weeks=6)
    with pytest.raises(HistoryError, match="fit on fewer weeks"):
        judge_churn(fit_churn(panel, 40, horizon_weeks=6), panel)


@given(
    scores=arrays.arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    outcomes=arrays.arrays(np.bool_, 12),
)
def test_the_area_under_the_curve_agrees_with_counting_pairs(scores, outcomes):
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[outcomes] for b in scores[~outcomes]]
    area = area_under_curve(scores, outcomes)
    assert math.isnan(area) if not pairs else area == pytest.approx(np.mean(pairs))


def test_figures_become_one_row_and_the_bins_a_chart(judgement):
    assert judgement.to_frame().loc[0, "n_rows"] == judgement.n_rows
    assert judgement.bins.n_users.sum() == judgement.n_rows
    assert judgement.plot().get_xlabel() == "predicted chance not to return"
