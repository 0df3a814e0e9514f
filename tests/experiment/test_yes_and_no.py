"""Outcomes that are yes or no: told as shares of users, worth something in money only where somebody says what one is worth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.experiment.check import check_trial
from simulations.errors import ConfigError
from tests.experiment.email_test import changed
from tests.product.command_line import Answer, decision_engine
from tests.reports.page import Page

CONFIG = """\
name: A test of yes and no
sources: {test: {file: test.csv}}
tables:
  experiment:
    source: test
    columns: {user_id: user, treatment: arm}
    values: {treatment: {control: none}}
experiment:
  {outcomes: [converted, opened], covariates: [age], money: cases, worth: 10, horizon: two weeks, ended_on: 2024-03-31}
actions: [{name: push, kind: recommendation, cost: 0.1, effect: estimated}]
campaign: {budget: 100000}
"""


def _frame(n: int, lift: float, *, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.choice(["control", "push"], n)
    frame = pd.DataFrame({"user": [f"u{k}" for k in range(n)], "arm": arm, "age": rng.integers(18, 80, n)})
    frame["converted"] = (rng.random(n) < np.where(arm == "push", 0.12 + lift, 0.12)).astype(int)
    frame["opened"] = (rng.random(n) < 0.3).astype(int)
    return frame


def _write(folder: Path, frame: pd.DataFrame, *changes: tuple[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "test.csv", index=False)
    (folder / "config.yaml").write_text(changed(*changes, text=CONFIG))
    return folder / "config.yaml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("cases")
    path = _write(folder, _frame(12_000, 0.02, seed=1))
    return decision_engine("run", path, "-w", folder / "w"), decision_engine("run", path, "-w", folder / "w", "--json").document


def test_an_effect_on_yes_and_no_is_told_in_percentage_points(ran):
    said, document = ran
    (effect,) = document["effects"]
    points = 100.0 * effect["estimate"] / 10.0
    assert points == pytest.approx(2.0, abs=2.0)
    assert "percentage points of users" in said.out
    assert f" {points:.2f} (" in said.out
    assert "extra margin, USD" not in said.out
    assert re.search(
        r"opened after push: [+−][\d.]+ percentage points \(.* to .*\); 30% of the control group", " ".join(said.out.split())
    )


def test_the_page_tells_cases_in_a_thousand_and_what_one_is_worth(ran):
    _, document = ran
    page = Page(Path(document["report"]).read_text()).text
    assert "more cases of converted per 1,000 treated users" in page
    assert "One brings 10.00 USD of margin" in page
    assert "Extra margin (interval)" not in page
    assert "10 USD for each converted" in page
    assert "100% of revenue" not in page


def test_a_check_speaks_of_shares_and_of_no_outliers(tmp_path):
    rare = _frame(4_000, 0.0, seed=2)
    rare["converted"] = (np.arange(4_000) % 400 == 0).astype(int)  # ten of 4,000 hold it all
    path = _write(tmp_path, rare)
    said = decision_engine("check", path, "-w", tmp_path / "w")
    assert "Converted, share" in said.out
    assert "hold" not in " ".join(remark.words for remark in check_trial(load_config(path)).remarks if remark.kind == "outlier")
    page = Page(next((tmp_path / "w" / "reports").glob("*.html")).read_text()).text
    assert "USD" not in page


def test_yes_and_no_taken_for_money_are_told(tmp_path):
    path = _write(
        tmp_path, _frame(2_000, 0.0, seed=3), ("money: cases, worth: 10, ", ""), ("actions:", "margin_share: 0.5\nactions:")
    )
    (told,) = [remark.words for remark in check_trial(load_config(path)).remarks if remark.kind == "money"]
    assert "converted is yes or no, and counts as an amount of money" in told
    assert "`money: cases`" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(", worth: 10", "")], "nothing says what one is worth"),
        ([("money: cases, ", "")], "`worth` goes with `money: cases`"),
        ([("actions:", "margin_share: 0.5\nactions:")], "a share of it makes no sense"),
    ],
)
def test_what_one_case_is_worth_is_asked_for(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        load_config(_write(tmp_path, _frame(100, 0.0, seed=4), *changes))


def test_init_asks_what_one_case_is_worth(tmp_path):
    _write(tmp_path, _frame(2_000, 0.0, seed=5))
    said = decision_engine("init", tmp_path / "test.csv", "-y", "-o", tmp_path / "out", "--json").document
    assert any(line.startswith("worth: 10 # FILL IN") for line in said["to_fill_in"])
    assert not any(line.startswith("margin_share") for line in said["to_fill_in"])
    assert "\n  money: cases" in Path(said["config"]).read_text()


def test_an_effect_that_is_real_and_wide_says_how_many_users_would_narrow_it(tmp_path):
    path = _write(tmp_path, _frame(9_000, 0.017, seed=11))
    (effect,) = decision_engine("run", path, "-w", tmp_path / "w", "--json").document["effects"]
    assert effect["verdict"] == "identified"
    half, size = (effect["high"] - effect["low"]) / 2.0, abs(effect["estimate"])
    assert size > half > size / 2.0  # the case this is about
    told = re.search(r"it can be known, and is not known precisely yet: about ([\d,]+) users a group", effect["reasons"][-1])
    assert told is not None
    smaller = min(effect["n_treated"], effect["n_control"])
    assert float(told[1].replace(",", "")) == pytest.approx(smaller * (half / (0.5 * size)) ** 2, rel=0.1)
    assert "it can be known, and is not known precisely yet" in decision_engine("run", path, "-w", tmp_path / "w").out


def test_an_effect_that_is_only_imprecise_says_that_it_can_be_known(tmp_path):
    path = _write(tmp_path, _frame(600, 0.0, seed=10))
    (effect,) = decision_engine("run", path, "-w", tmp_path / "w", "--json").document["effects"]
    assert effect["verdict"] == "weak"
    assert "it can be known, and is not known precisely yet" in effect["reasons"][0]
    assert "tell an effect of 5% of the control group's mean from nothing" in effect["reasons"][0]
