"""What the plan takes from the policy: what it chose, and whom only a cool-down kept from it."""

from __future__ import annotations

import numpy as np
import pytest

from decision_engine.config import Config, load_config
from decision_engine.stages.plan import _choice, _choosing
from policies.rules import FixedAction
from simulations.features import observe
from tests.product.generated_shop import QUICK, write_shop
from tests.small_world import small_world

ALWAYS = FixedAction(action=1, action_name="coupon")


@pytest.fixture
def config(tmp_path) -> Config:
    return load_config(write_shop(tmp_path, *QUICK).configuration)


def test_whom_a_cool_down_keeps_from_the_policys_action_is_told_apart_from_whom_it_leaves_alone(config):
    small = small_world()
    allowed = np.ones((small.states.n_users, 3), dtype=np.bool_)
    allowed[:10, 1] = False  # the policy's action rests, the other does not
    allowed[10:15, 1:] = False
    obstacles = np.full(small.states.n_users, "", dtype=object)
    obstacles[10:15] = "no consent"
    chosen = _choice(ALWAYS, observe(small.states), allowed, obstacles, small.panel, config)
    assert (obstacles[:10] == "cool-down").all()
    assert (obstacles[10:15] == "no consent").all()
    assert (obstacles[15:] == "").all()
    assert not chosen[:15, 1:].any()
    assert chosen[15:, 1].all()


@pytest.mark.parametrize(("n_members", "n_training"), [(32, 4), (6, 4), (3, 1), (40, 30)])
def test_whoever_the_policy_learned_on_does_not_judge_and_two_are_left(n_members, n_training):
    choosing = _choosing(n_members, n_training)
    assert choosing[:n_training].all()
    assert (~choosing).sum() >= 2
