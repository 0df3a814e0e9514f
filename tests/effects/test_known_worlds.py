"""Effects in worlds whose truth is known: found where the log allows, refused where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from decision_engine.effects import ActionEffect, EffectModel, UserWeeks, Verdict, estimate_effects, estimate_shifts
from decision_engine.effects.agreement import Agreement
from decision_engine.effects.doubly_robust import Average
from decision_engine.effects.weekly_shift import contact_strength, shrunk
from tests.effects.logged_worlds import SCALE, LoggedWorld, logged_world, response

HELPS = [[0.6, 0.3, 0.0, 0.0]]


def _estimate(world: LoggedWorld, seed: int = 1) -> EffectModel:
    return estimate_effects(
        world.panel,
        world.exposures,
        actions=world.actions,
        which=world.actions.names[1:],
        responses=world.responses,
        scale=SCALE,
        horizon_weeks=8,
        margin_share=0.25,
        level=0.9,
        seed=seed,
    )


@pytest.fixture(scope="module")
def lottery() -> ActionEffect:
    world = logged_world(HELPS, n_users=2500, n_weeks=30, seed=1, contacted=0.25, n_waves=5)
    return _estimate(world).effect("action_1")


@pytest.fixture(scope="module")
def confounded() -> ActionEffect:
    world = logged_world(HELPS, n_users=2500, n_weeks=30, seed=2, logging="confounded", contacted=0.25, n_waves=5, strength=0.6)
    return _estimate(world).effect("action_1")


def test_a_recorded_lottery_identifies_an_effect(lottery):
    assert lottery.verdict is Verdict.IDENTIFIED
    assert lottery.mode == "recorded"
    assert lottery.low > 0.0
    assert lottery.auc == pytest.approx(0.5, abs=0.03)


def test_a_confounded_log_with_overlap_identifies_the_same_effect(lottery, confounded):
    """Three standard errors of the difference; the chance of a false alarm is about one in four hundred."""
    assert confounded.verdict is Verdict.IDENTIFIED
    assert confounded.mode == "estimated"
    assert confounded.auc > 0.6
    errors = [(effect.high - effect.low) / (2 * 1.645) for effect in (lottery, confounded)]
    assert abs(lottery.estimate - confounded.estimate) < 3 * np.hypot(*errors)


def test_econml_and_the_doubly_robust_estimate_agree(lottery, confounded):
    for effect in (lottery, confounded):
        assert abs(effect.econml_estimate - effect.estimate) < (effect.high - effect.low) / 2


def test_contact_by_rule_is_not_identified_and_an_experiment_is_proposed():
    world = logged_world(HELPS, n_users=1000, n_weeks=30, seed=3, logging="rule", contacted=0.3, n_waves=4)
    effect = _estimate(world).effect("action_1")
    assert effect.verdict is Verdict.NOT_IDENTIFIED
    assert "almost by rule" in effect.reasons[0]
    assert effect.auc > 0.9
    assert effect.experiment is not None


def test_few_contacts_are_weak():
    world = logged_world(HELPS, n_users=400, n_weeks=30, seed=4, contacted=0.05, n_waves=3)
    effect = _estimate(world).effect("action_1")
    assert effect.verdict is Verdict.WEAK
    assert any("are needed" in reason for reason in effect.reasons)


def test_an_action_that_nobody_was_given_is_not_identified():
    world = logged_world(HELPS, n_users=100, n_weeks=20, seed=5, n_waves=0)
    effect = _estimate(world).effect("action_1")
    assert effect.verdict is Verdict.NOT_IDENTIFIED
    assert effect.estimate is None
    assert effect.shift_mean is None


def test_no_effect_is_found_where_there_is_none():
    """One confounded log without any effect; at 0.99 this fails by chance once in a hundred seeds."""
    world = logged_world(
        [[0.0] * 4], n_users=2000, n_weeks=30, seed=6, logging="confounded", contacted=0.25, n_waves=4, strength=0.6
    )
    effect = _estimate(world).effect("action_1")
    assert effect.estimate is not None
    assert effect.low is not None
    assert abs(effect.estimate) < 2.576 * (effect.estimate - effect.low) / 1.645


def test_the_weekly_shift_recovers_the_true_coefficients():
    """Two actions, eight coefficients; within four standard errors and a tenth for what weekly averaging blurs."""
    truth = [[0.3, 0.5, 0.0, -0.3], [-0.2, -0.4, 0.2, 0.0]]
    world = logged_world(truth, n_users=3000, n_weeks=26, seed=7)
    shifts = estimate_shifts(UserWeeks.of(world.panel), {one.action: one for one in world.responses}, SCALE, seed=1)
    for name, wanted in zip(("action_1", "action_2"), truth, strict=True):
        errors = np.sqrt(np.diag(shifts[name].raw_covariance))
        assert (np.abs(shifts[name].mean - wanted) < 4 * errors + 0.1 * np.abs(wanted)).all()
        assert errors.max() < 0.1


def test_recorded_chances_keep_a_hidden_reason_out_of_the_shift():
    """Who is contacted hangs on a trait that behaviour shows in part, and the contacts do nothing.

    Four standard errors; without the record the estimate lies nine of them away.
    """
    world = logged_world([[0.0, 0.0, 0.0, 0.0]], n_users=1500, n_weeks=30, seed=5, logging="hidden", contacted=0.25)
    responses = {one.action: one for one in world.responses}
    shift = estimate_shifts(UserWeeks.of(world.panel, world.exposures), responses, SCALE, seed=1)["action_1"]
    assert abs(shift.raw_mean[0]) < 4 * np.sqrt(shift.raw_covariance[0, 0])
    blind = world.exposures[world.exposures["action"] != "none"].drop(columns="propensity")
    confounded = estimate_shifts(UserWeeks.of(world.panel, blind), responses, SCALE, seed=1)["action_1"]
    assert confounded.raw_mean[0] > 5 * np.sqrt(confounded.raw_covariance[0, 0])


@pytest.fixture(scope="module")
def held_out() -> ActionEffect:
    """A third of the users held out week after week, the others contacted every fifth week or so."""
    world = logged_world(HELPS, n_users=3000, n_weeks=40, seed=4, logging="holdout", contacted=0.08)
    return _estimate(world).effect("action_1")


def test_weekly_plans_with_one_holdout_identify_the_effect(held_out):
    assert held_out.verdict is Verdict.IDENTIFIED, held_out.reasons
    assert held_out.mode == "recorded"
    assert held_out.low > 0.0
    assert "had not been for 8 weeks" in held_out.population
    assert held_out.left_out["contacted, or held out from it, within the horizon before"] > 0
    error = np.sqrt(held_out.shift_covariance[0, 0])
    assert abs(held_out.shift_mean[0] - HELPS[0][0]) < 4 * error


def test_the_average_and_the_weekly_shift_tell_the_same(lottery, confounded, held_out):
    for effect in (lottery, confounded, held_out):
        (check,) = (check for check in effect.checks if check.name == "average and weekly shift")
        assert check.passed


def test_what_another_course_would_make_of_an_identified_effect_is_told(lottery):
    """Contacts work for three weeks. Two find most of that; six look for it in weeks where nothing is, and dilute it."""
    assert [other.duration_weeks for other in lottery.courses] == [2, 6]
    assert 0.6 < lottery.courses[0].ratio < 1.0
    assert 0.7 < lottery.courses[1].ratio < 1.6
    assert lottery.course.startswith("its course in time is assumed (3 weeks, 0.7 left each week): 2 weeks make it")


def test_a_shift_that_the_average_contradicts_is_noticed():
    average = Average(estimate=0.4, standard_error=0.05)
    gaps = [
        Agreement(average=average, implied=Average(estimate=one, standard_error=0.05)).gap for one in (2.0, -0.5, 0.3, 0.79)
    ]
    assert gaps[0] < -6.0
    assert gaps[1] > 6.0
    assert max(abs(gap) for gap in gaps[2:]) < 0.5


def test_shrinkage_takes_noise_away_and_leaves_what_is_clear():
    noise = 0.1**2 * np.eye(4)
    assert shrunk(np.array([0.3, 0.05, -0.05, 0.02]), noise).mean.tolist() == [0.3, 0.0, 0.0, 0.0]
    clear = shrunk(np.array([0.3, 0.9, -0.8, 0.7]), noise)
    assert np.abs(clear.mean - [0.3, 0.9, -0.8, 0.7]).max() < 0.03
    assert (np.linalg.eigvalsh(clear.covariance) > 0).all()


def test_the_strength_of_a_contact_is_that_of_the_response():
    world = logged_world(HELPS, n_users=50, n_weeks=20, seed=8, contacted=0.3, n_waves=1)
    strength = contact_strength(UserWeeks.of(world.panel), 1, response("action_1", duration_weeks=3, decay=0.5))
    user, week = np.argwhere(world.panel.exposed(1))[0]
    assert strength[user, week - 1 : week + 4].tolist() == [0.0, 1.0, 0.5, 0.25, 0.0]


def test_estimates_are_the_same_each_time_and_leave_their_input_alone():
    world = logged_world(HELPS, n_users=300, n_weeks=24, seed=9, contacted=0.3, n_waves=3)
    before = world.exposures.copy()
    first, second = (_estimate(world).to_frame() for _ in range(2))
    assert first.equals(second)
    assert world.exposures.equals(before)


def test_an_assumed_effect_passes_through():
    assumed = ActionEffect.assumed("care", estimate=1.0, low=-1.0, high=3.0, estimate_orders=0.1, horizon_weeks=8, level=0.9)
    model = EffectModel(effects=()).with_effects([assumed])
    assert model.effect("care").verdict == "assumed"
    assert model.to_frame()["estimate"].tolist() == [1.0]
    assert "care: assumed, +1.00" in model.summary()
