"""Experiments in which whole stores or households were drawn: told as such, and their errors count clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.experiment.check import check_trial
from decision_engine.experiment.expected import average_gain, gains_over_none
from tests.experiment.email_test import changed
from tests.product.command_line import decision_engine

CONFIG = """\
name: Stores
sources: {test: {file: test.csv}}
tables:
  experiment:
    source: test
    columns: {user_id: user, treatment: arm, cluster: store}
    values: {treatment: {control: none}}
experiment: {outcomes: [spend], covariates: [age], horizon: two weeks, ended_on: 2024-03-31}
margin_share: 0.5
actions: [{name: poster, kind: recommendation, cost: 0.1, effect: estimated}]
campaign: {budget: 100}
"""


def _drawn(n_clusters: int, size: int, *, seed: int, spread: float = 8.0, effect: float = 0.0) -> pd.DataFrame:
    """Return users of stores that differ by themselves; whole stores get the poster."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(n_clusters), size)
    treated = rng.permutation(n_clusters) % 2 == 0
    spend = 40.0 + spread * rng.normal(size=n_clusters)[store] + 20.0 * rng.normal(size=store.size) + effect * treated[store]
    return pd.DataFrame(
        {
            "user": [f"u{k}" for k in range(store.size)],
            "store": [f"S{k:03d}" for k in store],
            "age": rng.integers(18, 80, store.size),
            "arm": np.where(treated[store], "poster", "control"),
            "spend": spend.round(2),
        }
    ).sample(frac=1.0, random_state=seed)


def _write(folder: Path, frame: pd.DataFrame, *changes: tuple[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "test.csv", index=False)
    (folder / "config.yaml").write_text(changed(*changes, text=CONFIG))
    return folder / "config.yaml"


def test_an_interval_that_counts_clusters_covers_and_one_that_counts_users_does_not():
    """400 draws of 40 stores of 50 users; three standard errors of a share of 0.9 are 0.045."""
    inside = {"clusters": 0, "users": 0}
    for seed in range(400):
        frame = _drawn(40, 50, seed=seed)
        treatments = (frame["arm"] == "poster").to_numpy().astype(np.int16)
        level, half = np.full((len(frame), 2), 40.0), np.full(len(frame), 0.5)
        gains = gains_over_none(treatments, frame["spend"].to_numpy(), half, level)[:, 1]
        stores = pd.factorize(frame["store"])[0].astype(np.int64)
        for name, average in (("clusters", average_gain(gains, stores)), ("users", average_gain(gains))):
            low, high = average.interval(0.9)
            inside[name] += low <= 0.0 <= high
    assert inside["clusters"] / 400 == pytest.approx(0.9, abs=0.05)
    assert inside["users"] / 400 < 0.6


@pytest.mark.parametrize("how", ["mapped", "found"])
def test_stores_that_were_drawn_as_a_whole_are_told_and_counted(tmp_path, how):
    changes = [] if how == "mapped" else [(", cluster: store", ""), ("[age]", "[age, store]")]
    checked = check_trial(load_config(_write(tmp_path, _drawn(60, 40, seed=1), *changes)))
    assert checked.assignment.mode == "clustered"
    assert checked.trial.clusters is not None
    assert (checked.trial.clusters.name, checked.trial.clusters.n) == ("store", 60)
    assert checked.groups["clusters"].tolist() == [30, 30]
    assert checked.trial.covariate_names == ("age",)
    words = checked.assignment.words()
    assert "All users of one store got the same" in words
    assert "Of 60, 30 got none, 30 got poster; errors count them, and not users." in words
    assert ("map `cluster` to say so" in words) is (how == "found")
    assert [remark.kind for remark in checked.remarks].count("clusters") == 1
    assert abs(checked.balance["z"]).max() < 4.0


def test_group_sizes_are_counted_in_clusters(tmp_path):
    shares = ("horizon: two", "shares: {none: 0.5, poster: 0.5}, horizon: two")
    frame = _drawn(60, 40, seed=2)
    few_users = frame[(frame["arm"] == "control") | (frame.groupby("store").cumcount() < 30)]  # smaller stores, as many
    assert check_trial(load_config(_write(tmp_path / "sizes", few_users, shares))).assignment.sizes.fits
    lost = frame[(frame["arm"] == "control") | frame["store"].isin(sorted(frame["store"].unique())[:12])]
    told = check_trial(load_config(_write(tmp_path / "lost", lost, shares))).assignment.sizes
    assert not told.fits
    assert "declared shares, in clusters" in told.words


def test_few_clusters_make_no_effect_sure(tmp_path):
    frame = _drawn(8, 400, seed=3, spread=0.5, effect=20.0)
    answer = decision_engine("run", _write(tmp_path, frame), "-w", tmp_path / "w", "--json")
    (effect,) = answer.document["effects"]
    assert effect["verdict"] == "weak"
    assert "the smaller group has 4 clusters; 20 are needed, or intervals are too narrow" in effect["reasons"]
    assert answer.document["assignment"]["clusters"] == {"name": "store", "count": 8, "drawn": True}


def test_a_run_on_clusters_is_less_sure_than_one_on_as_many_users(tmp_path):
    widths = {}
    for name, changes in (("clusters", ()), ("users", ((", cluster: store", ""),))):
        path = _write(tmp_path / name, _drawn(60, 60, seed=4, effect=6.0), *changes)
        (effect,) = decision_engine("run", path, "-w", tmp_path / name / "w", "--json").document["effects"]
        widths[name] = effect["high"] - effect["low"]
    assert widths["clusters"] > 2.0 * widths["users"]


def test_clusters_whose_users_got_different_treatments_are_told_and_still_counted(tmp_path):
    frame = _drawn(60, 40, seed=5)
    frame["arm"] = np.random.default_rng(5).choice(["control", "poster"], len(frame))
    checked = check_trial(load_config(_write(tmp_path, frame)))
    assert checked.assignment.mode == "randomised"
    assert any("users of one store got different treatments" in remark.words for remark in checked.remarks)


def test_init_finds_what_was_drawn_as_a_whole(tmp_path):
    for name, frame in {"stores": _drawn(60, 40, seed=6), "households": _drawn(900, 2, seed=7)}.items():
        _write(tmp_path / name, frame)
        said = decision_engine("init", tmp_path / name / "test.csv", "-y", "-o", tmp_path / name / "out", "--json").document
        text = Path(said["config"]).read_text()
        assert "cluster: store # all of one got the same: drawn as a whole" in text
        assert "covariates: [age]" in text
        told = decision_engine("check", said["config"], "-w", tmp_path / "w").out
        assert "All users of one store got the same" in told
        assert "treated as drawn at random" not in told


def test_columns_that_only_happen_to_be_alike_are_no_clusters(tmp_path):
    frame = _drawn(60, 40, seed=8)
    rng = np.random.default_rng(8)
    frame["arm"] = rng.choice(["control", "poster"], len(frame))
    frame["store"] = [f"S{k}" for k in range(len(frame) - 8)] + [f"T{k // 2}" for k in range(8)]  # four pairs
    said = decision_engine(
        "init", *[(_write(tmp_path, frame).parent / "test.csv")], "-y", "-o", tmp_path / "out", "--json"
    ).document
    assert "cluster:" not in Path(said["config"]).read_text()
    subjects = frame.assign(store=np.where(frame["arm"] == "control", "nothing", rng.choice(["red", "blue"], len(frame))))
    checked = check_trial(load_config(_write(tmp_path / "s", subjects, (", cluster: store", ""), ("[age]", "[age, store]"))))
    assert checked.trial.clusters is None
