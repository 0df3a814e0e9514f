"""The average effect: right on paper, right in repeated samples, and honest about people seen twice."""

from __future__ import annotations

import numpy as np
import pytest

from decision_engine.effects.doubly_robust import average_effect, crude_difference


def _log(rng: np.random.Generator, n: int, effect: float):
    x = rng.normal(size=n)
    chance = 1.0 / (1.0 + np.exp(-x))
    treated = rng.random(n) < chance
    outcome = x + effect * treated + rng.normal(size=n)
    return x, chance, treated, outcome


def _estimate(x, chance, treated, outcome, *, model, tilt=None, propensity=None):
    propensity = chance if propensity is None else propensity
    return average_effect(
        outcome,
        treated,
        np.arange(x.size),
        taken=np.where(treated, propensity, 1.0 - propensity),
        untreated_model=model,
        treated_model=model,
        tilt=np.ones(x.size) if tilt is None else tilt,
    )


def test_the_average_agrees_with_a_brute_force_sum_on_six_rows():
    rng = np.random.default_rng(1)
    treated = np.array([True, False, True, False, True, False])
    y, p, m0, m1, h = (
        rng.normal(size=6),
        rng.uniform(0.2, 0.8, 6),
        rng.normal(size=6),
        rng.normal(size=6),
        rng.uniform(0.1, 1, 6),
    )
    up = sum(h[i] / p[i] * (y[i] - m1[i]) for i in range(6) if treated[i]) / sum(h[i] / p[i] for i in range(6) if treated[i])
    down = sum(h[i] / p[i] * (y[i] - m0[i]) for i in range(6) if not treated[i])
    down /= sum(h[i] / p[i] for i in range(6) if not treated[i])
    by_hand = sum(h[i] * (m1[i] - m0[i]) for i in range(6)) / h.sum() + up - down
    found = average_effect(y, treated, np.arange(6), taken=p, untreated_model=m0, treated_model=m1, tilt=h)
    assert found.estimate == pytest.approx(by_hand)


@pytest.mark.parametrize("overlap_weighted", [False, True])
def test_the_interval_covers_the_true_effect_at_its_stated_level(overlap_weighted):
    """400 logs of 500 rows; three standard errors of a 0.9 share are 0.045."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        x, chance, treated, outcome = _log(rng, 500, effect=0.5)
        tilt = chance * (1 - chance) if overlap_weighted else None
        low, high = _estimate(x, chance, treated, outcome, model=np.zeros(500), tilt=tilt).interval(0.9)
        covered += low <= 0.5 <= high
    assert covered / 400 == pytest.approx(0.9, abs=0.045)


def test_either_right_probabilities_or_a_right_model_is_enough():
    """One log of 40,000 rows: five standard errors are about 0.06, the crude difference is off by about 0.8."""
    x, chance, treated, outcome = _log(np.random.default_rng(3), 40_000, effect=0.5)
    nothing, flat = np.zeros(x.size), np.full(x.size, 0.5)
    assert _estimate(x, chance, treated, outcome, model=nothing).estimate == pytest.approx(0.5, abs=0.06)
    assert _estimate(x, chance, treated, outcome, model=x, propensity=flat).estimate == pytest.approx(0.5, abs=0.06)
    assert _estimate(x, chance, treated, outcome, model=nothing, propensity=flat).estimate > 1.0


def test_rows_of_one_user_count_as_one_piece_of_evidence():
    """Every row thrice: the estimate stays, and so does its error; only the count of users carries evidence."""
    x, chance, treated, outcome = _log(np.random.default_rng(4), 1000, effect=0.5)
    once = _estimate(x, chance, treated, outcome, model=x)
    thrice = average_effect(
        np.tile(outcome, 3),
        np.tile(treated, 3),
        np.tile(np.arange(1000), 3),
        taken=np.tile(np.where(treated, chance, 1 - chance), 3),
        untreated_model=np.tile(x, 3),
        treated_model=np.tile(x, 3),
        tilt=np.ones(3000),
    )
    assert thrice.estimate == pytest.approx(once.estimate)
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_the_crude_difference_compares_within_weeks_only():
    """Week 2 has higher outcomes and more contacts; within either week contact changes nothing."""
    treated = np.array([True, False, False, False, True, True, True, False])
    outcome = np.array([1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0])
    weeks = np.repeat([1, 2], 4)
    # the overlap weights of both weeks are equal, so each arm's mean is the middle of the two weeks
    assert crude_difference(outcome, treated, weeks, np.arange(8)).estimate == pytest.approx(0.0)
