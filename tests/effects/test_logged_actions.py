"""What a log says of each action by itself: the arithmetic of small logs, a known truth, and when nothing is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decision_engine.config import Config
from decision_engine.effects.logged_actions import LoggedAction, value_logged_actions
from decision_engine.history import read_history
from tests.history.shop import SHOP, open_shop

N = 3_000
WORTH = {"coupon": 6.0, "call": 2.0}  # what a decision brings in revenue, on average


def _shop(folder: Path, *, chance: float = 0.25, seed: int = 1, probability: str = "p") -> Config:
    """A decision a user; a coupon with the given chance, else a call; an order a day later, worth what the action brings."""
    rng = np.random.default_rng(seed)
    actions = np.where(rng.random(N) < chance, "coupon", "call")
    paid = np.array([WORTH[action] for action in actions]) * rng.gamma(2.0, 0.5, N)
    given = np.where(actions == "coupon", chance, 1 - chance) if probability == "p" else np.full(N, "")
    contacts = ["customer,day,what,p", *(f"u{k},2024-01-03 10:00:00,{actions[k]},{given[k]}" for k in range(N))]
    orders = ["customer,number,day,paid", *(f"u{k},a{k},2024-01-04 09:00:00,{paid[k]:.6f}" for k in range(N))]
    orders += [f"u{k},b{k},2024-01-02 09:00:00,1000" for k in range(0, N, 7)]  # before the contact: no outcome of it
    orders += [f"u{k},c{k},2024-01-27 09:00:00,1000" for k in range(0, N, 5)]  # after the horizon
    people = "customer,may_write,town\n" + "".join(f"u{k},yes,Ulm\n" for k in range(10))
    shop = SHOP.replace("margin_share: 0.3", "margin_share: 0.5\neffect_horizon_weeks: 2\npolicy_horizon_weeks: 2")
    return open_shop(folder, shop, orders="\n".join(orders) + "\n", contacts="\n".join(contacts) + "\n", people=people)


def _values(config: Config) -> dict[str, LoggedAction]:
    return {value.action: value for value in value_logged_actions(read_history(config), config)}


def test_the_value_of_each_action_is_found_within_its_interval(tmp_path: Path) -> None:
    """Half the revenue less the cost of a contact: a coupon brings 6 / 2 - 0.5, a call 2 / 2 - 3."""
    values = _values(_shop(tmp_path))
    for action, truth in (("coupon", 2.5), ("call", -2.0), ("as logged", 0.25 * 2.5 - 0.75 * 2.0)):
        value = values[action]
        assert value.estimate == pytest.approx(truth, abs=0.2)
        assert value.low is not None
        assert value.high is not None
        assert value.low < truth < value.high


def test_the_interval_covers_the_truth_as_often_as_it_says(tmp_path: Path) -> None:
    """30 logs; at 90 % each, fewer than 22 have odds of 0.002."""
    covered = 0
    for seed in range(30):
        folder = tmp_path / str(seed)
        folder.mkdir()
        value = _values(_shop(folder, seed=100 + seed))["coupon"]
        assert value.low is not None
        assert value.high is not None
        covered += value.low < 2.5 < value.high
    assert covered >= 22


def test_without_probabilities_nothing_is_said(tmp_path: Path) -> None:
    assert _values(_shop(tmp_path, probability="")) == {}


def test_an_action_taken_rarely_is_not_valued_and_says_why(tmp_path: Path) -> None:
    rare = _values(_shop(tmp_path, chance=0.02))["coupon"]
    assert rare.estimate is None
    assert "100 are needed" in rare.say("EUR", 0.9)
