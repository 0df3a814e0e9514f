"""Overlap, balance, sample ratios, experiments and the question: each on cases small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.effects.design import design_experiment
from decision_engine.effects.overlap import mean_differences, preferences, within_week_auc
from decision_engine.effects.question import causal_graph, state_question
from decision_engine.effects.randomisation import sample_ratio
from decision_engine.effects.refutation import shuffled_within_weeks
from policies.ope.intervals import effective_sample_size


def test_a_calendar_is_no_confounding():
    """Everybody of week 2 is likelier to be contacted, nobody within a week: the pooled area is large, ours is a half."""
    propensities = np.array([0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
    treated = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    weeks = np.repeat([1, 2], 4)
    assert within_week_auc(propensities, treated, weeks) == 0.5
    assert preferences(np.where(weeks == 1, 0.25, 0.75), treated, weeks) == pytest.approx(np.full(8, 0.5))


def test_the_area_under_the_curve_agrees_with_counting_pairs():
    rng = np.random.default_rng(1)
    propensities, treated, weeks = rng.integers(0, 5, 60) / 5.0, rng.random(60) < 0.4, rng.integers(0, 3, 60)
    wins = pairs = 0.0
    for i in np.flatnonzero(treated):
        for j in np.flatnonzero(~treated & (weeks == weeks[i])):
            pairs += 1
            wins += 1.0 if propensities[i] > propensities[j] else 0.5 if propensities[i] == propensities[j] else 0.0
    assert within_week_auc(propensities, treated, weeks) == pytest.approx(wins / pairs)


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30))
def test_an_effective_sample_is_never_larger_than_the_sample(weights):
    assert 1.0 - 1e-9 <= effective_sample_size(np.array(weights)) <= len(weights) + 1e-9


def test_weights_that_undo_the_choice_balance_the_arms():
    covariates = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [0.0]], dtype=np.float32)
    treated = np.array([True, False, True, True, False, False])
    share = np.where(covariates[:, 0] > 0, 2 / 3, 1 / 3)
    assert mean_differences(covariates, treated, np.ones(6))[0] > 0.5
    assert mean_differences(covariates, treated, 1 / np.where(treated, share, 1 - share))[0] == pytest.approx(0.0)


def test_honest_records_match_as_often_as_the_limit_promises():
    """1,000 honest logs at a limit of 0.001: six or more mismatches happen once in two thousand times."""
    rng = np.random.default_rng(2)
    mismatches = 0
    for _ in range(1000):
        chance = rng.uniform(0.2, 0.8, 300)
        treated = rng.random(300) < chance
        mismatches += not sample_ratio(treated, np.where(treated, chance, 1 - chance), np.arange(300)).matches
    assert mismatches < 6


def test_a_record_that_is_not_what_happened_is_a_mismatch():
    treated = np.random.default_rng(3).random(3000) < 0.4
    ratio = sample_ratio(treated, np.where(treated, 0.5, 0.5), np.arange(3000))
    assert not ratio.matches
    assert "disagree" in ratio.summary()


def test_shuffling_keeps_each_weeks_number_of_treated():
    rng = np.random.default_rng(4)
    treated, weeks = rng.random(200) < 0.3, rng.integers(0, 4, 200)
    dealt = shuffled_within_weeks(treated, weeks, rng)
    assert (dealt != treated).any()
    assert np.bincount(weeks[dealt], minlength=4).tolist() == np.bincount(weeks[treated], minlength=4).tolist()


def test_an_experiment_of_its_own_size_finds_its_effect_as_often_as_it_says():
    """1,500 experiments at power 0.8; three standard errors are 0.031."""
    rng = np.random.default_rng(5)
    design = design_experiment(standard_deviation=2.0, smallest_effect=0.5, n_users=10_000, horizon_weeks=8, level=0.9)
    n = design.n_per_arm
    found = 0
    for _ in range(1500):
        gap = rng.normal(0.5, 2.0, n).mean() - rng.normal(0.0, 2.0, n).mean()
        found += abs(gap) > 1.645 * 2.0 * np.sqrt(2.0 / n)
    assert found / 1500 == pytest.approx(0.8, abs=0.031)


def test_an_experiment_larger_than_the_house_says_so():
    design = design_experiment(standard_deviation=100.0, smallest_effect=1.0, n_users=500, horizon_weeks=8)
    assert "more than the 500 users" in design.summary()
    # with everybody in it, half an arm each, the smallest effect found is the one of that size of arm
    again = design_experiment(
        standard_deviation=100.0, smallest_effect=design.detectable_with_all, n_users=500, horizon_weeks=8
    )
    assert again.n_per_arm in (250, 251)


def test_a_graph_with_an_unrecorded_reason_identifies_nothing_by_itself():
    question = state_question("coupon", horizon_weeks=8, recorded=False, attributes=True)
    assert not question.identified
    assert "nothing unrecorded" in question.assumption
    assert question.adjust_for == ("behaviour_so_far", "customer_attributes", "earlier_contacts", "week")
    assert "unrecorded_reason" in causal_graph("coupon", "margin", recorded=False, attributes=False)


def test_recorded_probabilities_make_the_graph_identify():
    question = state_question("coupon", horizon_weeks=8, recorded=True, attributes=False)
    assert question.identified
    assert question.assumption == ""
    assert "margin_of_8_weeks" in question.estimand
