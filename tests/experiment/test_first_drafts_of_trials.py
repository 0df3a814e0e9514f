"""`init` on tests as people export them: doses, flags of who was mailed, long measures, probabilities of the treatment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.calibration import equal_bins

N = 1_500


def _drawn(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(51)
    return pd.DataFrame({"user_id": np.arange(N) + 100_000, "age": rng.integers(18, 80, N)} | columns)


def _spent(seed: int = 52) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(np.where(rng.random(N) < 0.4, rng.gamma(2, 10, N) + 1, 0.0), 2)


def _start(folder: Path, **frames: pd.DataFrame) -> tuple[str, History]:
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    starter = write_starter([str(folder / f"{name}.csv") for name in frames], folder / "config.yaml")
    return starter.text, read_history(load_config(folder / "config.yaml"))


def test_doses_are_arms_and_none_of_it_is_the_control_group(tmp_path: Path) -> None:
    doses = np.random.default_rng(1).choice([0, 5, 10, 20], N)
    text, history = _start(tmp_path, test=_drawn(discount_pct=doses, prior_spend=_spent(2), spend_14d=_spent()))
    users = history.table("experiment")["treatment"].value_counts().to_dict()
    names = {0: "none", 5: "discount_pct_5", 10: "discount_pct_10", 20: "discount_pct_20"}
    assert users == {name: int((doses == dose).sum()) for dose, name in names.items()}
    assert yaml.safe_load(text)["experiment"]["outcomes"] == ["spend_14d"]


def test_who_received_a_mail_is_the_treatment_and_spent_nothing_where_the_amount_is_empty(tmp_path: Path) -> None:
    spent = _spent()
    mailed = np.random.default_rng(3).random(N) < 0.5
    frame = _drawn(received_email=mailed, purchased=spent > 0, purchase_amount=np.where(spent > 0, spent, np.nan))
    text, history = _start(tmp_path, test=frame)
    trial = history.table("experiment")
    assert trial.groupby("treatment")["purchase_amount"].mean().to_dict() == pytest.approx(
        {"none": spent[~mailed].mean(), "treated": spent[mailed].mean()}
    )
    assert "# empty where purchased says no, which counts as 0" in text


def test_measures_in_long_form_are_told_apart(tmp_path: Path) -> None:
    users, spent = _drawn(variant=np.random.default_rng(4).choice(["control", "mail"], N)), _spent()
    told = {"sessions": np.arange(N) % 5, "revenue": spent, "converted": (spent > 0).astype(int)}
    long = pd.concat([pd.DataFrame({"user_id": users["user_id"], "metric": name, "value": v}) for name, v in told.items()])
    text, history = _start(tmp_path, users=users, metrics=long)
    trial = history.table("experiment")
    assert yaml.safe_load(text)["experiment"]["outcomes"][0] == "revenue"
    assert {name: trial[name].sum() for name in told} == pytest.approx({name: values.sum() for name, values in told.items()})


@pytest.mark.parametrize("of_treatment", [True, False])
def test_probabilities_of_the_treatment_become_those_of_what_was_got(tmp_path: Path, of_treatment: bool) -> None:
    rng = np.random.default_rng(6)
    frame = _drawn()
    chance = np.where(frame["age"] > 50, 0.7, 0.3)
    treated = rng.random(N) < chance
    got = np.where(treated, chance, np.round(1 - chance, 2))
    frame = frame.assign(treated=treated.astype(int), p_treat=chance if of_treatment else got, spend=_spent())
    text, history = _start(tmp_path, test=frame)
    assert history.table("experiment")["propensity"].to_numpy() == pytest.approx(got)
    assert yaml.safe_load(text)["tables"]["experiment"]["columns"]["treatment"] == "treated"


def test_a_probability_and_one_less_its_complement_share_a_bin() -> None:
    chances = np.repeat([0.3, 1 - 0.7, 0.7], 60)
    assert equal_bins(chances, 3).tolist() == [0] * 120 + [1] * 60
