"""Values over many periods: exact where every life is written out, near the truth on drawn ones, silent without support."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.ope import (
    Abstention,
    PolicyValue,
    TrajectoryLog,
    fitted_q_value,
    marginalised_value,
    per_decision_value,
    sequential_doubly_robust_value,
)
from policies.ope.sequential import trajectory_scores
from simulations.arrays import FloatArray
from simulations.errors import HistoryError

PERIODS, DISCOUNT = 3, 0.9
START = np.array([0.5, 0.5])
MOVES = np.array([[[0.75, 0.25], [0.25, 0.75]], [[0.5, 0.5], [0.25, 0.75]]])  # state, action -> next state
BRINGS = np.array([[1.0, 4.0], [-2.0, 3.0]])  # state, action
LOGGED = np.array([[0.75, 0.25], [0.5, 0.5]])  # state -> probability of each action
WANTED = np.array([[0.1, 0.9], [0.6, 0.4]])


def exact_values(policy: FloatArray) -> FloatArray:
    """Return (n_periods, n_states, n_actions): what each action and all after it brings, by dynamic programming."""
    values = np.zeros((PERIODS + 1, 2, 2))
    for period in range(PERIODS - 1, -1, -1):
        after = (policy * values[period + 1]).sum(axis=1)
        values[period] = BRINGS + DISCOUNT * MOVES @ after
    return values[:PERIODS]


TRUE = float(START @ (WANTED * exact_values(WANTED)[0]).sum(axis=1))


@dataclass(frozen=True)
class Lives:
    """A log, the states behind it, and the policy's probabilities at each decision."""

    log: TrajectoryLog
    states: np.ndarray
    wanted: FloatArray

    @classmethod
    def of(cls, states: np.ndarray, actions: np.ndarray, rewards: FloatArray | None = None) -> Lives:
        log = TrajectoryLog(
            contexts=states[:, :, None].astype(np.float32), actions=actions.astype(np.int16),
            propensities=LOGGED[states, actions], rewards=BRINGS[states, actions] if rewards is None else rewards,
            going=np.ones(states.shape, dtype=np.bool_), n_actions=2,
        )  # fmt: skip
        return cls(log=log, states=states, wanted=WANTED[states])


def every_life() -> Lives:
    """Write out every life as often as it happens among 2,048 users: all probabilities are multiples of a quarter."""
    states, actions, times = [], [], []
    for path in product(range(2), repeat=2 * PERIODS):
        s, a = path[::2], path[1::2]
        chance = START[s[0]] * np.prod([LOGGED[x, y] for x, y in zip(s, a, strict=True)])
        chance *= np.prod([MOVES[s[t], a[t], s[t + 1]] for t in range(PERIODS - 1)])
        states.append(s)
        actions.append(a)
        times.append(round(chance * 2 * 4 ** (2 * PERIODS - 1)))
    return Lives.of(np.repeat(states, times, axis=0), np.repeat(actions, times, axis=0))


def drawn(rng: np.random.Generator, n: int, *, noise: float = 1.0) -> Lives:
    states, actions = np.zeros((n, PERIODS), dtype=np.int64), np.zeros((n, PERIODS), dtype=np.int64)
    states[:, 0] = rng.random(n) < START[1]
    for period in range(PERIODS):
        here = states[:, period]
        actions[:, period] = rng.random(n) < LOGGED[here, 1]
        if period + 1 < PERIODS:
            states[:, period + 1] = rng.random(n) < MOVES[here, actions[:, period], 1]
    rewards = BRINGS[states, actions] + noise * rng.normal(size=states.shape)
    return Lives.of(states, actions, rewards)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return every_life()


def test_weighted_rewards_of_every_life_are_the_exact_value(lives: Lives) -> None:
    found = per_decision_value(lives.log, lives.wanted, discount=DISCOUNT)
    assert isinstance(found, PolicyValue)
    assert found.estimate == pytest.approx(TRUE, rel=1e-9)
    assert (found.per, found.n_users) == ("user", 2_048)


@given(wrong=st.lists(st.floats(-9.0, 9.0), min_size=12, max_size=12))
def test_doubly_robust_is_exact_whatever_the_model_says(wrong: list[float]) -> None:
    lives = every_life()
    values = np.array(wrong).reshape(PERIODS, 2, 2)[np.arange(PERIODS), lives.states]
    scores = trajectory_scores(lives.log, lives.wanted, values, discount=DISCOUNT)
    assert scores.mean() == pytest.approx(TRUE, rel=1e-9)


def test_a_true_model_leaves_the_luck_of_what_comes_next_alone(lives: Lives) -> None:
    values = exact_values(WANTED)[np.arange(PERIODS), lives.states]
    scores = trajectory_scores(lives.log, lives.wanted, values, discount=DISCOUNT)
    plain = per_decision_value(lives.log, lives.wanted, discount=DISCOUNT)
    robust = sequential_doubly_robust_value(lives.log, lives.wanted, action_values=values, discount=DISCOUNT)
    assert isinstance(plain, PolicyValue)
    assert isinstance(robust, PolicyValue)
    assert scores.mean() == pytest.approx(TRUE, rel=1e-9)
    assert robust.standard_error < 0.6 * plain.standard_error


def test_marginalised_weights_are_exact_where_the_states_hold_all(lives: Lives) -> None:
    found = marginalised_value(lives.log, lives.wanted, lives.states, discount=DISCOUNT)
    assert isinstance(found, PolicyValue)
    assert found.estimate == pytest.approx(TRUE, rel=1e-9)
    plain = per_decision_value(lives.log, lives.wanted, discount=DISCOUNT)
    assert isinstance(plain, PolicyValue)
    assert found.standard_error < plain.standard_error


def test_fitted_q_finds_the_value_and_its_scores_are_doubly_robust() -> None:
    """Standard error about 0.03; a miss by 5 of them happens once in two million."""
    lives = drawn(np.random.default_rng(3), 20_000)
    direct = fitted_q_value(lives.log, lives.wanted, discount=DISCOUNT)
    robust = sequential_doubly_robust_value(lives.log, lives.wanted, discount=DISCOUNT)
    assert isinstance(robust, PolicyValue)
    assert direct.estimate == pytest.approx(TRUE, abs=0.25)
    assert abs(robust.estimate - TRUE) < 5.0 * robust.standard_error < 0.25


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """200 logs of 1,000 users at 90 %: fewer than 164 hits of a true 90 % happen once in two thousand."""
    rng = np.random.default_rng(4)
    hits = {"plain": 0, "self-normalised": 0, "robust": 0}
    model = exact_values(WANTED) + 0.5
    for _ in range(200):
        lives = drawn(rng, 1_000)
        values = model[np.arange(PERIODS), lives.states]
        for name, found in (
            ("plain", per_decision_value(lives.log, lives.wanted, discount=DISCOUNT)),
            ("self-normalised", per_decision_value(lives.log, lives.wanted, discount=DISCOUNT, self_normalised=True)),
            ("robust", sequential_doubly_robust_value(lives.log, lives.wanted, action_values=values, discount=DISCOUNT)),
        ):
            assert isinstance(found, PolicyValue)
            hits[name] += found.low <= TRUE <= found.high
    assert min(hits.values()) >= 164


@pytest.mark.parametrize("self_normalised", [False, True])
def test_the_policy_that_wrote_the_log_is_worth_what_the_log_says(lives: Lives, *, self_normalised: bool) -> None:
    found = per_decision_value(lives.log, LOGGED[lives.states], self_normalised=self_normalised)
    assert isinstance(found, PolicyValue)
    assert found.estimate == pytest.approx(lives.log.rewards.sum(axis=1).mean())
    assert found.effective_sample_size == pytest.approx(lives.log.n_users)


def test_what_stands_behind_the_end_of_a_life_counts_for_nothing(lives: Lives) -> None:
    going = lives.log.going.copy()
    going[::2, 1:] = False
    ended = replace(lives.log, going=going)
    odd = replace(
        ended,
        rewards=np.where(going, ended.rewards, 1e9),
        actions=np.where(going, ended.actions, 7).astype(np.int16),
        propensities=np.where(going, ended.propensities, np.nan),
    )
    for estimate in (per_decision_value, sequential_doubly_robust_value):
        one, other = estimate(ended, lives.wanted), estimate(odd, lives.wanted)
        assert isinstance(one, PolicyValue)
        assert isinstance(other, PolicyValue)
        assert one.estimate == other.estimate
    pairs = [marginalised_value(log, lives.wanted, lives.states, discount=DISCOUNT) for log in (ended, odd)]
    assert pairs[0] == pairs[1]


def test_too_few_users_who_lived_as_the_policy_would_have_them_are_an_abstention() -> None:
    lives = drawn(np.random.default_rng(5), 120)
    for found in (
        per_decision_value(lives.log, lives.wanted),
        sequential_doubly_robust_value(lives.log, lives.wanted),
        marginalised_value(lives.log, lives.wanted, lives.states),
    ):
        assert isinstance(found, Abstention)
        assert "100 are needed" in found.reason


def test_an_action_that_nobody_took_is_an_abstention(lives: Lives) -> None:
    log = replace(lives.log, n_actions=3)
    wanted = np.concatenate([0.5 * lives.wanted, np.full((*lives.states.shape, 1), 0.5)], axis=2)
    found = per_decision_value(log, wanted)
    assert isinstance(found, Abstention)
    assert "50% of the policy's choices are actions that the log never took" in found.reason


def test_logs_and_probabilities_that_are_none_are_refused_by_row_and_period(lives: Lives) -> None:
    back = lives.log.going.copy()
    back[4, 1] = False
    propensities = lives.log.propensities.copy()
    propensities[6, 2] = 0.0
    for change, said in (
        ({"going": back}, "row 4 is there again"),
        ({"propensities": propensities}, "row 6, period 2, with 0.0"),
        ({"rewards": lives.log.rewards[:, :2]}, "rewards has shape"),
    ):
        with pytest.raises(HistoryError, match=said):
            replace(lives.log, **change)
    wanted = lives.wanted.copy()
    wanted[3, 1] = 0.7
    with pytest.raises(HistoryError, match=r"row 3, period 1, which sums to 1\.4"):
        per_decision_value(lives.log, wanted)
    with pytest.raises(HistoryError, match="states"):
        marginalised_value(lives.log, lives.wanted, lives.states[:, :2])
