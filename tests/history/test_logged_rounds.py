"""What `init` makes of decisions that were logged with their probabilities, and of rows that carry an outcome and no amount."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.leakage import leakage_suspects
from decision_engine.history.starter import Starter

N, USERS = 1_500, 80


def _rounds(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(12)
    plain = {
        "timestamp": pd.date_range("2024-01-01", periods=N, freq="2h").astype(str),
        "user_id": [f"u{k:03d}" for k in rng.integers(0, USERS, N)],
        "action": rng.choice(["mail", "coupon", "none"], N, p=[0.5, 0.3, 0.2]),
        "propensity": rng.choice([0.5, 0.3, 0.2], N),
        "reward": (rng.random(N) < 0.2).astype(int),
    }
    return pd.DataFrame(plain | columns)


def _start(folder: Path, frame: pd.DataFrame) -> tuple[Starter, History]:
    frame.to_parquet(folder / "log.parquet")
    starter = write_starter([str(folder / "log.parquet")], folder / "config.yaml")
    return starter, read_history(load_config(folder / "config.yaml"))


@pytest.mark.parametrize("written", ["number", "word", "flag"])
def test_rounds_that_name_a_user_are_contacts_of_that_user(tmp_path: Path, written: str) -> None:
    came = _rounds()["reward"] > 0
    reward = {"number": came.astype(int), "word": np.where(came, "yes", "no"), "flag": came}[written]
    frame = _rounds(reward=reward)
    starter, history = _start(tmp_path, frame)
    exposures, orders = history.table("exposures"), history.table("orders")
    assert list(exposures["user_id"]) == list(frame["user_id"])
    assert list(exposures["propensity"]) == list(frame["propensity"])
    assert len(orders) == came.sum()
    assert orders["revenue"].sum() == came.sum()
    assert set(orders["user_id"]) <= set(frame["user_id"])
    assert any("each row is a decision" in words for words in starter.taken)
    assert any("what an outcome is worth" in line for line in starter.to_fill_in)
    assert "holdout_share: 0.1" in starter.text  # people come back, so that a plan can be tested on them


def test_money_that_a_round_brought_is_an_order_only_where_there_is_any(tmp_path: Path) -> None:
    paid = np.where(_rounds()["reward"] > 0, np.round(np.random.default_rng(1).gamma(2, 12, N), 2), 0.0)
    _, history = _start(tmp_path, _rounds().drop(columns="reward").assign(revenue=paid))
    assert len(history.table("orders")) == (paid > 0).sum()
    assert history.table("orders")["revenue"].sum() == pytest.approx(paid.sum())
    assert len(history.table("exposures")) == N


@pytest.mark.parametrize("words", [(1, 0), ("Y", "N")])
def test_rows_with_an_outcome_and_no_amount_are_orders_where_it_came_about(
    tmp_path: Path, words: tuple[object, object]
) -> None:
    came = _rounds()["reward"] > 0
    frame = _rounds().drop(columns=["action", "propensity", "reward"]).assign(converted=np.where(came, *map(str, words)))
    starter, history = _start(tmp_path, frame)
    assert len(history.table("orders")) == came.sum()
    assert any(line.startswith("where:") and "whose converted came about" in line for line in starter.to_fill_in)


def test_where_nothing_tells_orders_apart_it_is_said_that_every_row_is_one(tmp_path: Path) -> None:
    starter, history = _start(tmp_path, _rounds()[["timestamp", "user_id"]])
    assert len(history.table("orders")) == N
    assert "every row counts as one order" in starter.text
    assert "where" not in yaml.safe_load(starter.text)["tables"]["items"][0]


def _of_many() -> dict[str, object]:
    """Return users who come seldom, and outcomes that seven rounds in ten have."""
    rng = np.random.default_rng(2)
    return {"user_id": [f"u{k:03d}" for k in rng.integers(0, 600, N)], "reward": (rng.random(N) < 0.7).astype(int)}


def test_decisions_that_carry_their_outcome_are_no_leakage(tmp_path: Path) -> None:
    """Seven rounds in ten bring something, most of them on a day on which, thereby, the user ordered."""
    _start(tmp_path, _rounds(**_of_many()))
    config = load_config(tmp_path / "config.yaml")
    history = read_history(config)
    told = list(leakage_suspects(history, history.panel(config.action_set(), config.calendar()), config))
    assert not told


def test_contacts_that_are_known_of_buyers_alone_stay_a_suspect(tmp_path: Path) -> None:
    _start(tmp_path, _rounds(**_of_many()))
    log = pd.read_parquet(tmp_path / "log.parquet")
    log[log["reward"] == 1].to_parquet(tmp_path / "log.parquet")
    config = load_config(tmp_path / "config.yaml")
    history = read_history(config)
    told = list(leakage_suspects(history, history.panel(config.action_set(), config.calendar()), config))
    assert any("fall on a day on which the user ordered" in words for words in told)
