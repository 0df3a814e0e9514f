"""What every policy promises: legal actions, honest propensities, decisions that belong to the user and not to the batch."""

from __future__ import annotations

import numpy as np
import pytest

from policies.bandits.linucb import LinUCB
from policies.base import Policy
from policies.clamp import Limits
from policies.deep.ppo import PPOPolicy
from policies.rules import DoNothing, FixedAction, HistoryPolicy, RecencyRule, RfmRule
from policies.stored import load_policy, save_policy
from policies.uplift_greedy import UpliftGreedy
from simulations.contact import action_mask
from simulations.errors import ArtifactError
from simulations.features import N_FEATURES, observe
from simulations.randomness import Address
from tests.small_world import small_world

N_ACTIONS = 3


def _linucb() -> LinUCB:
    observation = observe(small_world().states)
    rng = np.random.default_rng(2)
    actions = np.asarray(rng.integers(0, N_ACTIONS, observation.shape[0]), dtype=np.int16)
    return LinUCB.fresh(observation, N_ACTIONS, alpha=0.3).update(observation, actions, rng.normal(size=actions.size))


def _ppo(greedy: bool) -> PPOPolicy:
    rng = np.random.default_rng(1)
    return PPOPolicy(
        weights=(rng.normal(size=(N_FEATURES, 8)), 4.0 * rng.normal(size=(8, N_ACTIONS))),
        biases=(rng.normal(size=8), rng.normal(size=N_ACTIONS)),
        greedy=greedy,
    )


def _policies() -> dict[str, Policy]:
    small = small_world()
    greedy = UpliftGreedy(ensemble=small.ensemble, pessimism=0.5)
    limits = Limits(costs=np.array([0.0, 0.5, 0.8]), capacities=np.array([-1, -1, 10]), budget=20.0)
    return {
        "nothing": DoNothing(),
        "fixed": FixedAction(action=1, action_name="coupon"),
        "recency": RecencyRule(action=2, action_name="care", shortest=1.0),
        "lapse": RfmRule.fit(observe(small.states), action=1, action_name="coupon", worth_quantile=0.2),
        "history": HistoryPolicy.fit(small.panel, 0, small.panel.n_periods),
        "greedy": greedy,
        "greedy under limits": greedy.under(limits),
        "linucb": _linucb(),
        "ppo": _ppo(greedy=True),
        "ppo that draws": _ppo(greedy=False),
    }


NAMES = (
    "nothing", "fixed", "recency", "lapse", "history", "greedy", "greedy under limits", "linucb", "ppo", "ppo that draws",
)  # fmt: skip


@pytest.fixture(scope="module")
def policies():
    return _policies()


@pytest.fixture
def batch():
    small = small_world()
    mask = action_mask(small.states, small.ensemble.actions, small.ensemble.rules)
    draws = Address(seed=4, member=1, period=9, user_keys=small.states.user_keys)
    return observe(small.states), mask, draws


def test_every_policy_is_here(policies):
    assert tuple(policies) == NAMES
    assert all(isinstance(policy, Policy) for policy in policies.values())


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_allowed_and_propensities_are_those_of_the_action(policies, batch, name):
    observation, mask, draws = batch
    decision = policies[name].act(observation, mask, draws)
    rows = np.arange(mask.shape[0])
    assert decision.actions.dtype == np.int16
    assert mask[rows, decision.actions].all()
    assert ((decision.propensities > 0) & (decision.propensities <= 1)).all()
    assert np.isfinite(decision.priorities).all()
    probabilities = policies[name].action_probabilities(observation, mask)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(mask.shape[0]))
    assert not probabilities[~mask].any()
    assert probabilities[rows, decision.actions] == pytest.approx(decision.propensities)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_contacted_where_only_none_is_allowed(policies, batch, name):
    observation, mask, draws = batch
    nobody = np.zeros_like(mask)
    nobody[:, 0] = True
    decision = policies[name].act(observation, nobody, draws)
    assert not decision.actions.any()
    assert (decision.propensities == 1.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_address_decides_the_same_and_inputs_stay_as_they_are(policies, batch, name):
    observation, mask, draws = batch
    kept = observation.copy(), mask.copy(), draws.user_keys.copy()
    first, again = (policies[name].act(observation, mask, draws) for _ in range(2))
    for field in ("actions", "propensities", "priorities"):
        assert np.array_equal(getattr(first, field), getattr(again, field))
    assert np.array_equal(kept[0], observation)
    assert np.array_equal(kept[1], mask)
    assert np.array_equal(kept[2], draws.user_keys)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_users_permutes_decisions(policies, batch, name):
    observation, mask, draws = batch
    order = np.random.default_rng(0).permutation(mask.shape[0])
    moved = Address(seed=draws.seed, member=draws.member, period=draws.period, user_keys=draws.user_keys[order])
    straight = policies[name].act(observation, mask, draws)
    shuffled = policies[name].act(observation[order], mask[order], moved)
    for field in ("actions", "propensities", "priorities"):
        assert np.array_equal(getattr(straight, field)[order], getattr(shuffled, field)), field


@pytest.mark.parametrize("name", [name for name in NAMES if name != "greedy under limits"])
def test_a_user_alone_is_decided_as_among_others(policies, batch, name):
    """Under limits a user competes with the rest of the batch; everywhere else the batch plays no part."""
    observation, mask, draws = batch
    together = policies[name].act(observation, mask, draws)
    for row in (0, 17, 123):
        alone = Address(seed=draws.seed, member=draws.member, period=draws.period, user_keys=draws.user_keys[row : row + 1])
        decision = policies[name].act(observation[row : row + 1], mask[row : row + 1], alone)
        assert decision.actions[0] == together.actions[row]
        assert decision.propensities[0] == together.propensities[row]


@pytest.mark.parametrize("name", NAMES)
def test_saving_and_loading_changes_nothing(policies, batch, name, tmp_path):
    policy = policies[name]
    save_policy(policy, tmp_path / "policy")
    again = load_policy(tmp_path / "policy")
    assert (type(again), again.name) == (type(policy), policy.name)
    first, second = policy.act(*batch), again.act(*batch)
    for field in ("actions", "propensities", "priorities"):
        assert np.array_equal(getattr(first, field), getattr(second, field))


def test_a_folder_without_a_policy_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="no policy is stored here"):
        load_policy(tmp_path)
