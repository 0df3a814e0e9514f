"""The warm-up of the set-up goes the whole road."""

from __future__ import annotations

import pytest

from decision_engine.planning import Ledger
from decision_engine.warm_up import N_USERS, warm_up


@pytest.mark.slow
def test_the_warm_up_ends_in_a_plan_for_its_users(tmp_path):
    plan_id = warm_up(tmp_path)
    with Ledger(tmp_path / "workspace" / "ledger.sqlite") as ledger:
        plan = ledger.plan(plan_id)
    assert 0 < plan.audience <= N_USERS
