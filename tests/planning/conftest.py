"""Plans to test with: small, drawn from a seed, with every reason for an exclusion in them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from decision_engine.planning import Candidates, Plan, PlanSettings, make_plan
from simulations.actions import Action, ActionKind, ActionSet
from simulations.randomness import user_keys

ACTIONS = ActionSet.of(
    [
        Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5, cost_on_redemption=2.0),
        Action(name="call", kind=ActionKind.CARE, channel="phone", cost=3.0, capacity=5),
    ]
)
KEY = "a key of the tests"


def candidates_of(seed: int, n_users: int, n_members: int = 6) -> Candidates:
    """Draw candidates."""
    rng = np.random.default_rng(seed)
    ids = [f"{number:05d}" for number in range(n_users)]
    shape = (n_users, len(ACTIONS))
    margins = rng.normal(1.0, 2.0, (1, *shape)) + rng.normal(0.0, 1.0, (n_members, *shape))
    margins[:, :, 0] = 0.0
    costs = rng.uniform(0.2, 2.0, shape)
    costs[:, 0] = 0.0
    allowed = rng.random(shape) < 0.8
    allowed[:, 0] = True
    blocked = ~allowed[:, 1:].any(axis=1)
    obstacles = np.full(n_users, "", dtype=object)
    obstacles[blocked] = rng.choice(
        np.array(["no consent", "opted out", "contact cap", "cool-down"], dtype=object), blocked.sum()
    )
    return Candidates(
        user_ids=ids,
        user_keys=user_keys(ids),
        actions=ACTIONS,
        margins=margins.astype(np.float32),
        costs=costs,
        allowed=allowed,
        obstacles=obstacles,
        chosen=rng.random(shape) < 0.9,
        effect_assumed=np.array([0.0, 0.0, 1.0]),
        reasons=[("recency: 9 weeks, more than 80% of the audience",)] * n_users,
    )


def settings_of(**changes: object) -> PlanSettings:
    """Return settings with some changed."""
    usual: dict[str, object] = {
        "name": "spring",
        "currency": "USD",
        "policy": "uplift_greedy",
        "starts_on": date(2018, 1, 7),
        "as_of": date(2018, 1, 6),
        "effect_horizon_weeks": 8,
        "interval_level": 0.9,
        "margin_share": 0.25,
        "margin_assumed": True,
        "holdout_share": 0.2,
        "budget": 20.0,
        "capacities": {"call": 5},
        "business_day_starts_at": 5,
    }
    return PlanSettings(**{**usual, **changes})  # type: ignore[arg-type]


def plan_of(seed: int = 1, n_users: int = 120, **changes: object) -> Plan:
    """Make a plan from drawn candidates."""
    return make_plan(candidates_of(seed, n_users), settings_of(**changes), holdout_key=KEY)


@pytest.fixture
def plan() -> Plan:
    return plan_of()
