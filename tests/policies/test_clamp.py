"""The cut to a week's limits: it never overspends, serves by priority, and leaves alone what fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from policies.base import Decision
from policies.clamp import Limits, clamp
from simulations.errors import ConfigError

N_ACTIONS = 4
wishes = st.integers(0, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.int16, n, elements=st.integers(0, N_ACTIONS - 1)),
        arrays(np.float64, n, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    )
)
all_limits = st.builds(
    Limits,
    costs=arrays(np.float64, N_ACTIONS, elements=st.sampled_from([0.0, 0.1, 0.3, 1.0])),
    capacities=arrays(np.int64, N_ACTIONS, elements=st.integers(-1, 5)),
    budget=st.one_of(st.none(), st.floats(0, 10)),
)


@given(wish=wishes, limits=all_limits)
def test_no_limit_is_broken_and_nothing_is_swapped(wish, limits):
    actions, priorities = wish
    before = actions.copy()
    kept = clamp(Decision.certain(actions, priorities), limits).actions
    assert np.array_equal(actions, before)
    assert ((kept == actions) | (kept == 0)).all()
    counts = np.bincount(kept, minlength=N_ACTIONS)
    for action in range(1, N_ACTIONS):
        assert limits.capacities[action] < 0 or counts[action] <= limits.capacities[action]
    if limits.budget is not None:
        assert limits.costs[kept[kept > 0]].sum() <= limits.budget * (1 + 1e-6) + 1e-12


@given(wish=wishes, limits=all_limits)
def test_nobody_is_dropped_for_someone_of_lower_priority_with_the_same_action(wish, limits):
    actions, priorities = wish
    kept = clamp(Decision.certain(actions, priorities), limits).actions
    for action in range(1, N_ACTIONS):
        served = priorities[kept == action]
        dropped = priorities[(actions == action) & (kept == 0)]
        if served.size and dropped.size:
            assert served.min() >= dropped.max()


@given(wish=wishes, limits=all_limits, seed=st.integers(0, 9))
def test_with_user_keys_the_order_of_users_does_not_matter(wish, limits, seed):
    actions, priorities = wish
    keys = np.arange(actions.size, dtype=np.uint64) * np.uint64(7919)
    order = np.random.default_rng(seed).permutation(actions.size)
    straight = clamp(Decision.certain(actions, priorities), limits, user_keys=keys).actions
    shuffled = clamp(Decision.certain(actions[order], priorities[order]), limits, user_keys=keys[order]).actions
    assert np.array_equal(straight[order], shuffled)


def test_three_contacts_at_a_tenth_fit_into_a_budget_of_three_tenths():
    limits = Limits(costs=np.array([0.0, 0.1]), capacities=np.array([-1, -1]), budget=0.3)
    assert clamp(Decision.certain(np.ones(4, dtype=np.int16)), limits).actions.sum() == 3


def test_a_negative_budget_is_refused():
    with pytest.raises(ConfigError, match="must not be negative"):
        Limits(costs=np.zeros(2), capacities=np.array([-1, -1]), budget=-1.0)


@pytest.mark.parametrize("digits", [9, 1])
def test_the_order_of_service_is_that_of_sorting_by_priority_and_then_by_key(digits):
    rng = np.random.default_rng(3)
    n_users = 400
    priorities, keys = rng.random(n_users).round(digits), rng.permutation(n_users).astype(np.uint64)
    limits = Limits(costs=np.array([0.0, 1.0]), capacities=np.array([-1, -1]), budget=150.0)
    kept = clamp(Decision.certain(np.ones(n_users, dtype=np.int16), priorities), limits, user_keys=keys).actions > 0
    served = sorted(range(n_users), key=lambda user: (-priorities[user], keys[user]))[:150]
    assert sorted(np.flatnonzero(kept).tolist()) == sorted(served)
