"""Off-policy values: brute force on tiny logs, coverage on many, abstention where the log cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.ope import (
    Abstention,
    InteractionLog,
    PolicyValue,
    direct_value,
    doubly_robust_value,
    importance_weights,
    inverse_propensity_value,
    self_normalised_value,
)
from simulations.errors import HistoryError


def _log(actions, propensities, rewards, *, users=None, contexts=None, n_actions=2) -> InteractionLog:
    n = len(actions)
    return InteractionLog(
        contexts=np.zeros((n, 1), dtype=np.float32) if contexts is None else contexts,
        actions=np.array(actions, dtype=np.int16),
        propensities=None if propensities is None else np.array(propensities, dtype=np.float64),
        rewards=np.array(rewards, dtype=np.float64),
        users=np.arange(n) if users is None else np.array(users),
        n_actions=n_actions,
    )


def _drawn(rng: np.random.Generator, n: int) -> tuple[InteractionLog, np.ndarray, float]:
    """Return a log with three actions, a policy's probabilities and its true value."""
    x = rng.normal(size=n)
    scores = np.column_stack([np.zeros(n), 0.8 * x, -0.5 * x])
    behaviour = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    actions = (behaviour.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1)
    means = np.column_stack([x, 0.5 - x, x**2])
    rewards = means[np.arange(n), actions] + rng.normal(size=n)
    policy = np.tile([0.2, 0.5, 0.3], (n, 1))
    truth = 0.2 * 0.0 + 0.5 * 0.5 + 0.3 * 1.0
    log = _log(actions, behaviour[np.arange(n), actions], rewards, contexts=x.astype(np.float32)[:, None], n_actions=3)
    return log, policy, truth


def test_estimates_agree_with_brute_force_on_three_users_and_two_actions():
    log = _log([0, 1, 1], [0.5, 0.25, 0.5], [1.0, 2.0, 4.0])
    policy = np.array([[0.5, 0.5], [0.0, 1.0], [0.75, 0.25]])
    assert importance_weights(log, policy).tolist() == [1.0, 4.0, 0.5]
    assert inverse_propensity_value(log, policy).estimate == pytest.approx((1 + 8 + 2) / 3)
    assert self_normalised_value(log, policy).estimate == pytest.approx(11 / 5.5)
    values = np.array([[1.0, 3.0], [0.0, 2.0], [1.0, 1.0]])
    assert direct_value(log, policy, action_values=values).estimate == pytest.approx((2 + 2 + 1) / 3)
    robust = doubly_robust_value(log, policy, action_values=values, smallest_size=0.0)
    assert isinstance(robust, PolicyValue)
    assert robust.estimate == pytest.approx((2 + 1 * (1 - 1) + 2 + 4 * (2 - 2) + 1 + 0.5 * (4 - 1)) / 3)


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0.05, 1.0), st.floats(-100, 100), st.floats(0.01, 0.99)),
        min_size=2,
        max_size=20,
    )
)
def test_a_self_normalised_value_stays_within_the_logged_rewards(rows):
    actions, propensities, rewards, chances = zip(*rows, strict=True)
    policy = np.column_stack([1 - np.array(chances), np.array(chances)])
    value = self_normalised_value(_log(actions, propensities, rewards), policy)
    assert min(rewards) - 1e-6 <= value.estimate <= max(rewards) + 1e-6


def test_the_behaviour_policys_own_value_is_the_mean_reward():
    log = _log([0, 1, 1, 0], [0.5, 0.5, 0.5, 0.5], [1.0, 2.0, 4.0, 5.0])
    assert inverse_propensity_value(log, np.full((4, 2), 0.5)).estimate == pytest.approx(3.0)


@pytest.mark.parametrize("estimator", [inverse_propensity_value, self_normalised_value])
def test_the_interval_covers_the_true_value_at_its_stated_level(estimator):
    """400 logs; three standard errors of a 0.9 share are 0.045."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        log, policy, truth = _drawn(rng, 600)
        value = estimator(log, policy)
        covered += value.low <= truth <= value.high
    assert covered / 400 == pytest.approx(0.9, abs=0.045)


def test_the_doubly_robust_interval_covers_too_and_is_narrower():
    """60 logs with fitted models; three standard errors of a 0.9 share are 0.116."""
    rng = np.random.default_rng(2)
    covered, narrower = 0, 0
    for _ in range(60):
        log, policy, truth = _drawn(rng, 1500)
        robust, plain = doubly_robust_value(log, policy), inverse_propensity_value(log, policy)
        assert isinstance(robust, PolicyValue)
        covered += robust.low <= truth <= robust.high
        narrower += robust.standard_error < plain.standard_error
    assert covered / 60 == pytest.approx(0.9, abs=0.116)
    assert narrower > 50


def test_decisions_on_one_user_count_as_one_piece_of_evidence():
    log, policy, _ = _drawn(np.random.default_rng(3), 300)
    once = inverse_propensity_value(log, policy)
    assert log.propensities is not None
    tripled = InteractionLog(
        contexts=np.tile(log.contexts, (3, 1)),
        actions=np.tile(log.actions, 3),
        propensities=np.tile(log.propensities, 3),
        rewards=np.tile(log.rewards, 3),
        users=np.tile(log.users, 3),
        n_actions=3,
    )
    again = inverse_propensity_value(tripled, np.tile(policy, (3, 1)))
    assert again.standard_error == pytest.approx(once.standard_error)


def test_without_propensities_the_answer_is_an_abstention():
    answer = doubly_robust_value(_log([0, 1], None, [1.0, 2.0]), np.full((2, 2), 0.5))
    assert isinstance(answer, Abstention)
    assert "how likely each action was" in answer.summary()
    with pytest.raises(HistoryError, match="no propensities were recorded"):
        importance_weights(_log([0, 1], None, [1.0, 2.0]), np.full((2, 2), 0.5))


def test_a_policy_that_the_log_never_followed_gets_an_abstention():
    log = _log([0] * 500, [0.9] * 500, [1.0] * 500, n_actions=3)
    answer = doubly_robust_value(log, np.tile([0.1, 0.9, 0.0], (500, 1)))
    assert isinstance(answer, Abstention)
    assert "never took" in answer.reason
    few = doubly_robust_value(_log([0, 1] * 20, [0.5] * 40, [1.0] * 40), np.full((40, 2), 0.5))
    assert isinstance(few, Abstention)
    assert "are needed" in few.reason


def test_choices_outside_what_the_log_could_do_get_an_abstention():
    """Half of the contexts were always left alone; a policy that contacts them cannot be judged."""
    rng = np.random.default_rng(4)
    free = np.arange(4000) % 2 == 0
    actions = np.where(free, rng.random(4000) < 0.5, False).astype(int)
    log = _log(actions, np.where(free, 0.5, 1.0), rng.normal(size=4000))
    answer = doubly_robust_value(log, np.tile([0.0, 1.0], (4000, 1)))
    assert isinstance(answer, Abstention)
    assert "lie where the log never made them" in answer.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"propensities": [0.5, 0.0]}, r"1 of 2 rows lie outside \(0, 1\]; first is row 1"),
        ({"actions": [0, 2]}, "lie outside 0 to 1; first is row 1 with 2"),
        ({"rewards": [1.0]}, "rewards has 1 rows, actions 2"),
    ],
)
def test_a_log_that_breaks_its_contract_is_refused_in_words(change, words):
    given_log = {"actions": [0, 1], "propensities": [0.5, 0.5], "rewards": [1.0, 2.0], **change}
    with pytest.raises(HistoryError, match=words):
        _log(**given_log)


def test_probabilities_that_are_none_are_refused_in_words():
    log = _log([0, 1], [0.5, 0.5], [1.0, 2.0])
    with pytest.raises(HistoryError, match="no distribution; first is row 1"):
        doubly_robust_value(log, np.array([[0.5, 0.5], [0.5, 0.6]]))
    with pytest.raises(HistoryError, match="shape"):
        doubly_robust_value(log, np.full((2, 3), 1 / 3))
