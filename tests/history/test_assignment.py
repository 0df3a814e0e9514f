"""Logged decisions against their logged probabilities: what is right passes, what is wrong is told first and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decision_engine.history.assignment import Assignment, judge_assignment
from decision_engine.history.calibration import CHANCE

N = 4_000


def _exposures(actions: np.ndarray, propensities: np.ndarray) -> pd.DataFrame:
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(actions)) % 28, unit="D")
    return pd.DataFrame({"user_id": np.arange(len(actions)).astype(str), "exposed_at": when, "action": actions,
                         "propensity": propensities})  # fmt: skip


def _drawn(seed: int, chances: np.ndarray) -> pd.DataFrame:
    """One action against `none`, drawn with the chances that are logged."""
    given = np.random.default_rng(seed).random(chances.size) < chances
    return _exposures(np.where(given, "coupon", "none"), np.where(given, chances, 1 - chances))


def test_fixed_shares_that_held_pass_and_a_lost_arm_is_a_mismatch():
    arms = np.random.default_rng(1).choice(["a", "b", "none"], N, p=[0.5, 0.3, 0.2])
    shares = np.select([arms == "a", arms == "b"], [0.5, 0.3], 0.2)
    judged = judge_assignment(_exposures(arms, shares))
    assert (judged.method, judged.mismatch) == ("shares", False)
    assert judged.shares.set_index("action")["expected"].to_dict() == pytest.approx({"a": 2000, "b": 1200, "none": 800})
    kept = ~((arms == "b") & (np.arange(N) % 5 == 0))  # a fifth of one arm never reached the log
    lost = judge_assignment(_exposures(arms[kept], shares[kept]))
    assert lost.mismatch
    assert lost.say()[0].startswith("Sample-ratio mismatch: b happened ")
    assert lost.to_json()["sample_ratio_mismatch"] is True


def test_the_chi_square_of_two_shares_is_the_one_of_the_textbook():
    """120 of 200 at a share of one half: (20 / sqrt(50)) squared is 8, with one degree of freedom 0.00468."""
    arms = np.array(["a"] * 120 + ["none"] * 80)
    judged = judge_assignment(_exposures(arms, np.full(200, 0.5)))
    assert judged.p_value == pytest.approx(0.004678, abs=1e-6)


def test_one_action_against_none_is_judged_in_bins_of_its_probability():
    chances = np.random.default_rng(2).uniform(0.05, 0.9, N)
    judged = judge_assignment(_drawn(3, chances))
    assert (judged.method, judged.mismatch, judged.miscalibrated) == ("bins", False, False)
    assert len(judged.bins) == 10
    assert judged.bins["predicted"].is_monotonic_increasing
    assert judged.bins["observed"].between(judged.bins["low"], judged.bins["high"]).all()


def test_probabilities_that_are_right_on_average_and_wrong_in_bins_are_miscalibrated():
    chances = np.random.default_rng(4).uniform(0.1, 0.9, N)
    frame = _drawn(5, chances)
    told = 1 - chances  # the log swapped high and low
    frame["propensity"] = np.where(frame["action"] == "coupon", told, 1 - told)
    judged = judge_assignment(frame)
    assert not judged.mismatch
    assert judged.miscalibrated
    assert any("Miscalibrated" in said for said in judged.say())


def test_false_alarms_are_as_rare_as_stated():
    """300 right logs; at 0.001 each, three or more alarms have odds of 0.004."""
    rng = np.random.default_rng(6)
    alarms = 0
    for k in range(300):
        judged = judge_assignment(_drawn(1000 + k, rng.uniform(0.05, 0.95, 500)))
        alarms += judged.mismatch or judged.miscalibrated
    assert CHANCE == 0.001
    assert alarms <= 4


def test_several_actions_with_probabilities_of_their_own_are_weighed():
    rng = np.random.default_rng(7)
    whole = rng.dirichlet([3.0, 3.0, 3.0], N)
    picked = (rng.random(N)[:, None] > whole.cumsum(axis=1)).sum(axis=1)
    names, chances = np.array(["a", "b", "none"])[picked], whole[np.arange(N), picked]
    judged = judge_assignment(_exposures(names, chances))
    assert (judged.method, judged.mismatch) == ("weights", False)
    halved = judge_assignment(_exposures(names, chances / 2))
    assert halved.mismatch
    assert "stand for" in halved.say()[0]


def test_an_action_that_few_could_have_had_is_no_mismatch():
    rng = np.random.default_rng(8)
    chances = rng.uniform(0.2, 0.6, N)
    given = rng.random(N) < chances
    possible = np.where(np.arange(N) % 4 == 0, "gift", "coupon")  # each user could have had one of the two
    frame = _exposures(np.where(given, possible, "none"), np.where(given, chances, 1 - chances))
    assert (judge_assignment(frame).method, judge_assignment(frame).mismatch) == ("weights", False)
    without_a_third_of_none = frame[(frame["action"] != "none") | (np.arange(N) % 3 > 0)]
    assert judge_assignment(without_a_third_of_none).mismatch


def test_too_little_to_judge_is_said_and_no_probability_says_nothing():
    few = _drawn(9, np.full(20, 0.5))
    assert judge_assignment(few).say() == ["20 logged decisions carry a probability below one; 50 are needed to judge them."]
    assert judge_assignment(few.drop(columns="propensity")).say() == []
    assert judge_assignment(few.head(0)).to_json() == Assignment().to_json()
