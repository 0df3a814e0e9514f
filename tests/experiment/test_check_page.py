"""The page of `check` on an experiment: what stands first, what is drawn, and that it needs nothing but itself."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.config import load_config
from decision_engine.experiment.check import check_trial
from decision_engine.experiment.check_page import amounts_frame, outcomes_frame
from tests.experiment.email_test import Changes, write
from tests.product.command_line import decision_engine


def _page(folder, frame: pd.DataFrame, *changes: Changes) -> str:
    page = folder / "page.html"
    assert decision_engine("check", write(folder, frame, *changes), "--page", page).code == 0
    html: str = page.read_text()
    return html


def _plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_mismatch_of_group_sizes_stands_before_everything_else(tmp_path):
    plain = _plain(_page(tmp_path, draw_experiment(6000, seed=1, shares=(0.4, 0.3, 0.3)).frame))
    alarm = plain.index("Sample-ratio mismatch")
    assert alarm < plain.index("rows read")
    assert "Group sizes fit no" in plain
    assert plain.count(" no the group sizes do not fit") == 3  # effects, evaluate, targeting


def test_the_page_shows_groups_outcomes_balance_rows_set_aside_and_suspects(tmp_path):
    frame = draw_experiment(6000, seed=2).frame
    frame.loc[frame.index[-3:], "segment"] = "Postcard"
    frame["history"] = frame["spend"] * 2.0 + 1.0
    html = _page(tmp_path, frame)
    plain = _plain(html)
    for heading in ("What it can support", "Who got what", "What came of it", "Were the groups alike before?"):
        assert heading in plain
    assert "Before anything else" not in plain
    assert "is not among the groups none, mens, womens" in plain
    assert "Leakage: in the control group, history goes with spend" in plain
    described = re.findall(r'<svg[^>]*aria-label="([^"]*)"', html)
    assert any(words.startswith("Users by group: none") and "meant" in words for words in described)
    assert any(words.startswith("Difference from the control group") for words in described)
    assert any(words.startswith("users with any visit") for words in described)
    assert any(words.startswith("Spread of spend") for words in described)
    assert any(words.startswith("Rows set aside") for words in described)
    assert len(html.encode()) < 1_000_000
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)


def test_recorded_probabilities_are_drawn_for_every_action(tmp_path):
    frame = draw_experiment(4000, seed=3).frame.assign(p=1 / 3)
    html = _page(
        tmp_path, frame, ("  shares: {none: 0.3333, mens: 0.3333, womens: 0.3334}\n", ""),
        ("treatment: segment}", "treatment: segment, propensity: p}"),
    )  # fmt: skip
    assert {f"Calibration of {action}" for action in ("none", "mens", "womens")} <= set(
        re.findall(r'aria-label="(Calibration of \w+)', html)
    )


def test_the_page_is_written_into_the_workspace_and_named_in_text_and_json(tmp_path):
    configuration = write(tmp_path, draw_experiment(2000, seed=1).frame)
    document = decision_engine("check", configuration, "-w", tmp_path / "w", "--json").document
    text = decision_engine("check", configuration, "-w", tmp_path / "w").out
    assert document["page"] in text.splitlines()[-1]
    assert document["page"].startswith(str(tmp_path / "w"))
    assert decision_engine("check", configuration, "--page", tmp_path).code == 2


def test_outcomes_by_group_are_those_of_the_file(tmp_path):
    frame = draw_experiment(3000, seed=5).frame
    config = load_config(write(tmp_path, frame))
    trial = check_trial(config).trial
    outcomes = outcomes_frame(trial, 0.9)
    mens = frame[frame["segment"] == "Mens E-Mail"]
    row = outcomes[(outcomes["outcome"] == "spend") & (outcomes["action"] == "mens")].iloc[0]
    assert row["any_share"] == pytest.approx((mens["spend"] > 0).mean())
    assert row["mean"] == pytest.approx(mens["spend"].mean())
    assert row["any_low"] < row["any_share"] < row["any_high"]
    amounts = amounts_frame(trial)
    assert np.isclose(amounts.loc[amounts["action"] == "mens", "share"].sum(), (mens["spend"] > 0).mean())
