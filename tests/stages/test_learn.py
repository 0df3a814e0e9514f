"""What policies may learn from: everybody, or a sample of users under limits cut in proportion."""

from __future__ import annotations

import numpy as np
import pytest

from decision_engine.config import load_config
from decision_engine.stages.learn import Classroom
from policies.clamp import Limits
from tests.product.generated_shop import QUICK, write_shop
from tests.small_world import small_world


@pytest.fixture
def classroom(tmp_path) -> Classroom:
    small = small_world()
    limits = Limits(costs=np.array([0.0, 0.5, 0.8]), capacities=np.array([-1, -1, 30]), budget=60.0)
    return Classroom(
        panel=small.panel,
        states=small.states,
        ensemble=small.ensemble,
        limits=limits,
        config=load_config(write_shop(tmp_path, *QUICK).configuration),
    )


def test_a_sample_holds_some_users_once_under_their_part_of_the_limits(classroom):
    some = classroom.sample(100)
    assert some.states.n_users == np.unique(some.states.user_keys).size == 100
    assert np.isin(some.states.user_keys, classroom.states.user_keys).all()
    assert some.limits.budget == pytest.approx(20.0)
    assert some.limits.capacities.tolist() == [-1, -1, 10]
    assert np.array_equal(some.states.user_keys, classroom.sample(100).states.user_keys)


def test_nobody_is_left_out_of_a_sample_as_large_as_everybody(classroom):
    assert classroom.sample(classroom.states.n_users) is classroom
