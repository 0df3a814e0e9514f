"""Trials with published answers: a job training drawn at random, the same with chosen controls, and a half-made-up trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.experiment.check import check_trial
from decision_engine.experiment.effects import estimate_trial
from tests.product.command_line import decision_engine

BENCHMARK = 1794.34  # USD, the difference in means of the drawn trial (Dehejia and Wahba, 1999, JASA 94(448))
NAIVE = -8497.52  # USD, the trained less the survey's controls
CHOSEN = """\
name: Job training, chosen controls
sources:
  trained: {{file: "{folder}/nsw_dehejia_wahba.csv"}}
  survey: {{file: "{folder}/cps_controls.csv.gz"}}
tables:
  experiment:
    - {{source: trained, where: treat = 1, columns: {{user_id: "concat('t', __row)", treatment: "'training'"}}}}
    - {{source: survey, columns: {{user_id: "concat('s', __row)", treatment: "'none'"}}}}
experiment:
  outcomes: re78
  money: margin
  covariates: [age, educ, black, hisp, marr, nodegree, re74, re75]
  horizon: one year
  ended_on: 1978-12-31
actions:
  - {{name: training, kind: care, cost: 500, effect: estimated}}
campaign: {{budget: 100000}}
"""
HALF_MADE_UP = """\
name: Infants
sources: {trial: {file: trial.csv}}
tables:
  experiment:
    source: trial
    columns: {user_id: __row, treatment: treatment}
    values: {treatment: {"0": none, "1": visits}}
experiment:
  outcomes: y_factual
  money: margin
  covariates: [x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13,
               x14, x15, x16, x17, x18, x19, x20, x21, x22, x23, x24, x25]
  horizon: three years
  ended_on: 1988-12-31
actions:
  - {name: visits, kind: care, cost: 1, effect: estimated}
campaign: {budget: 1000}
"""


def test_the_drawn_trials_interval_holds_the_published_effect(shared_data, checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("LALONDE_DATA", str(shared_data / "lalonde"))
    document = decision_engine("run", checkout / "examples" / "lalonde.yaml", "-w", tmp_path / "w", "--json").document
    effect = document["effects"][0]
    assert document["assignment"]["mode"] == "randomised"
    assert (effect["n_treated"], effect["n_control"]) == (185, 260)
    assert effect["low"] < BENCHMARK < effect["high"]
    assert effect["verdict"] == "identified"
    assert document["choice"]["name"] == "always training"
    assert document["plan"]["cost"] <= 100_000
    assert document["plan"]["actions"] == 200


def test_chosen_controls_are_not_taken_for_a_draw(shared_data, tmp_path):
    path = tmp_path / "chosen.yaml"
    path.write_text(CHOSEN.format(folder=shared_data / "lalonde"))
    document = decision_engine("run", path, "-w", tmp_path / "w", "--json").document
    effect = document["effects"][0]
    assert document["assignment"]["mode"] == "observational"
    assert effect["verdict"] == "not identified"
    assert "almost by rule" in effect["reasons"][0]
    assert abs(effect["estimate"] - BENCHMARK) < 0.25 * abs(NAIVE - BENCHMARK)  # most of the way from the naive comparison
    assert document["plan"]["actions"] == 0


@pytest.mark.parametrize("replicate", [1, 6])
def test_a_half_made_up_trials_effect_is_recovered(shared_data, tmp_path, replicate):
    """747 infants, 139 of them treated and not at random; the effect differs little between them (standard deviation 0.8)."""
    trial = pd.read_csv(shared_data / "ihdp" / "ihdp_npci_1_9.csv.gz").query("replicate == @replicate")
    trial.to_csv(tmp_path / "trial.csv", index=False)
    (tmp_path / "trial.yaml").write_text(HALF_MADE_UP)
    config = load_config(tmp_path / "trial.yaml")
    checked = check_trial(config)
    found = estimate_trial(checked.trial, checked.assignment, config)
    truth = float((trial["mu1"] - trial["mu0"]).mean())
    estimate = found.averages[1]
    assert estimate.estimate == pytest.approx(truth, abs=4 * estimate.standard_error)
    assert estimate.standard_error < 0.5
    assert np.isfinite(found.predicted.mean).all()
