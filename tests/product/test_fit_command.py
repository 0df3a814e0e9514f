"""`decision-engine fit`: a card of the simulator, made of the stages that a run makes as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulations.ensemble import SimulatorEnsemble
from simulations.fidelity.marginals import MARGINALS
from tests.product.command_line import Answer, decision_engine
from tests.product.conftest import Copy, Done
from tests.product.generated_shop import QUICK, write_shop

MODELS = ["simulator", "BG/NBD", "Pareto/NBD", "repeat-last-period", "resample of history"]


def fit(done: Done, *options: str) -> Answer:
    return decision_engine("fit", done.shop.configuration, "-w", done.workspace, *options)


@pytest.mark.slow
def test_a_card_after_a_run_fits_nothing_again_and_says_what_each_model_is_worth(whole: Done, copy: Copy) -> None:
    done = copy(whole)
    document = fit(done, "--json").document
    assert {stage["name"]: stage["cached"] for stage in document["stages"]} == {
        "check": True, "effects": True, "fit": True, "card": False,
    }  # fmt: skip
    assert [row["model"] for row in document["models"]] == MODELS
    own = document["models"][0]
    judged = whole.document["simulator"]["holdout_errors"]
    assert {name: own[name] for name in judged} == judged
    assert 0.5 < own["ks_mean"] <= 1.0
    assert 0.3 < own["two_sample_auc"] < 1.0
    assert [row["model"] for row in document["reachable"]][-1] == "bootstrap of users"
    assert len(document["marginals"]) == len(MARGINALS) * (len(MODELS) + len(document["reachable"]))
    assert {row["model"] for row in document["transitions"]} >= set(MODELS)
    assert document["bands"] is None
    folder = done.workspace / "reports"
    assert json.loads((folder / "simulator-generated-shop.json").read_text()) == document
    assert "Lives beside lives" in Path(document["page"]).read_text()
    saved = SimulatorEnsemble.load(Path(document["simulator"]["folder"]))
    assert len(saved.members) == document["simulator"]["members"]

    again = fit(done, "--json").document
    assert all(stage["cached"] for stage in again["stages"])
    assert {**again, "stages": []} == {**document, "stages": []}

    rolled = fit(done, "--rolling", "--json").document
    assert [row["model"] for row in rolled["bands"]["models"]] == [name for name in MODELS if name != "repeat-last-period"]
    assert all(row["low"] <= row["coverage"] <= row["high"] for row in rolled["bands"]["models"])
    assert len(rolled["bands"]["origins"]) >= 2
    text = fit(done, "--rolling")
    assert "How alike simulated and real weeks are" in text.out
    assert "over all origins" in text.out


def test_weeks_that_cannot_judge_a_simulator_are_refused_with_the_line_to_mend(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", *QUICK)
    answer = decision_engine("fit", shop.configuration, "-w", tmp_path / "workspace")
    assert answer.code == 2
    assert answer.out == ""
    said = answer.err.splitlines()[-1]
    line = 1 + shop.configuration.read_text()[: shop.configuration.read_text().index("last_fitting_period")].count("\n")
    assert said.startswith("error: ")
    assert f"line {line}" in said
    assert "at least 4 weeks are needed" in said
    assert "Traceback" not in answer.err


def test_an_experiment_has_no_simulator_to_make_a_card_of(tmp_path: Path) -> None:
    table = tmp_path / "test.csv"
    table.write_text("customer,arm,spend\n" + "".join(f"c{k},{'mail' if k % 2 else 'control'},{k % 7}\n" for k in range(400)))
    assert decision_engine("init", table, "--out", tmp_path / "start").code == 0
    (draft,) = (tmp_path / "start").glob("*.yaml")
    answer = decision_engine("fit", draft, "-w", tmp_path / "workspace")
    assert answer.code == 2
    assert "has no history and no simulator" in answer.err
    assert not (tmp_path / "workspace").exists()
