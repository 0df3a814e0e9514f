from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decision_engine.history import assess, read_history, sample_users, split_periods, user_folds
from simulations.errors import HistoryError
from simulations.randomness import user_keys
from tests.history.shop import CONTACTS, open_shop

KEYS = user_keys(str(number) for number in range(20_000))


def test_quality_says_what_is_there(tmp_path: Path) -> None:
    quality = assess(read_history(open_shop(tmp_path, contacts=CONTACTS + "anna,2024-01-08,call,\nzoe,2024-01-08,call,\n")))
    assert quality.n_users == 2
    assert quality.users_without_orders == 1
    assert quality.repeated_exposures == 1
    assert quality.propensity_share == 0.25
    assert quality.actions.set_index("action")["exposures"].to_dict() == {"call": 3, "coupon": 1}
    assert quality.summary() == (
        "2 orders of 2 users from 2024-01-02 to 2024-01-09; the median user ordered 1 times. "
        "4 exposures to 2 actions, 25% with a propensity."
    )
    assert quality.to_frame().shape == (1, 8)


def test_landmarks_keep_their_horizon_on_one_side_of_the_cut(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    panel = read_history(config).panel(config.action_set(), config.calendar())
    split = split_periods(panel, config.n_fitting_periods)
    assert (split.fitting.n_periods, split.judging_periods) == (3, range(3, 4))
    assert split.landmarks(2) == range(0, 2)
    assert split.landmarks(1, judging=True) == range(3, 4)
    assert len(split.landmarks(2, judging=True)) == 0
    with pytest.raises(HistoryError, match="right are 1 to 3"):
        split_periods(panel, 4)


def test_folds_are_even_and_do_not_move_when_others_join() -> None:
    """20,000 users in 5 folds: three standard errors of a share of 0.2 are 0.0085."""
    folds = user_folds(KEYS, 5, "heads", seed=3)
    assert np.bincount(folds, minlength=5) / KEYS.size == pytest.approx(np.full(5, 0.2), abs=0.0085)
    assert (user_folds(KEYS[100:200], 5, "heads", seed=3) == folds[100:200]).all()
    assert (user_folds(KEYS, 5, "effects", seed=3) != folds).any()


def test_a_larger_share_only_adds_users() -> None:
    small, large = sample_users(KEYS, 0.1, "sample"), sample_users(KEYS, 0.3, "sample")
    assert (large | ~small).all()
    assert large.mean() == pytest.approx(0.3, abs=0.01)  # three standard errors of the share of 20,000
