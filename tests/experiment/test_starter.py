"""`init` on files of one row a user, from the file to the plan."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.known_experiment import draw_experiment
from decision_engine.config import load_config
from decision_engine.history import write_starter
from tests.product.command_line import decision_engine


def test_a_file_of_one_row_a_user_becomes_a_configuration_that_checks_and_runs(tmp_path):
    draw_experiment(4000, seed=3, lift=2.0).write(tmp_path / "test.csv")
    started = decision_engine("init", tmp_path / "test.csv", "-o", tmp_path / "new", "--json").document
    path = Path(started["config"])
    text = path.read_text()
    assert "treatment: segment #" in text
    assert '"No E-Mail": none' in text
    assert re.search(r"    - spend # 0.\d\d\n    - conversion # 0.\d\d\n    - visit # 0.\d\d\n", text)
    assert "covariates: [recency, history_segment, history, mens, womens, zip_code, newbie, channel]" in text
    marked = {line.split(":")[0] for line in started["to_fill_in"]}
    assert marked == {"currency", "shares", "horizon", "ended_on", "margin_share", "kind", "channel", "cost", "budget"}
    assert decision_engine("check", path).code == 0
    document = decision_engine("run", path, "-w", tmp_path / "w", "--json").document
    assert document["plan"]["audience"] == 4000
    assert document["assignment"]["mode"] == "randomised"


def test_a_file_without_ids_names_users_by_their_rows(tmp_path):
    frame = draw_experiment(500, seed=3).frame.drop(columns="customer")
    frame["segment"] = frame["segment"].map({"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 1})
    frame.rename(columns={"segment": "treat", "spend": "y2"}).to_csv(tmp_path / "test.csv", index=False)
    starter = write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    assert "user_id: __row + 1 # no column names the user" in starter.text
    assert '"1": treated' in starter.text
    assert any(line.startswith("- y2 # FILL IN") for line in starter.to_fill_in)


def test_sizes_that_look_like_simple_shares_are_held_against_them(tmp_path):
    shares = {"equal": (1 / 3, 1 / 3, 1 / 3), "held out": (0.1, 0.45, 0.45), "odd": (0.44, 0.33, 0.23)}
    texts = {}
    for name, share in shares.items():
        draw_experiment(8000, seed=4, shares=share).write(tmp_path / f"{name}.csv")
        texts[name] = write_starter([str(tmp_path / f"{name}.csv")], tmp_path / f"{name}.yaml").text
    assert re.search(
        r"\n  shares: \{none: 0.333[34], .*\} # 0.90; FILL IN: are these the shares that were meant", texts["equal"]
    )
    assert re.search(r"\n  shares: \{none: 0.1, \S+ 0.45, \S+ 0.45\} # 0.70; FILL IN", texts["held out"])
    assert "\n  # shares: {" in texts["odd"]
    told = decision_engine("check", tmp_path / "equal.yaml", "-w", tmp_path / "w").out
    assert "is not tested: `experiment.shares` was guessed from these sizes" in " ".join(told.split())
    vouched = re.sub(r"(\n  shares: \{.*?\}) #.*", r"\1", texts["equal"])
    (tmp_path / "equal.yaml").write_text(vouched)
    told = decision_engine("check", tmp_path / "equal.yaml", "-w", tmp_path / "w").out
    assert told.startswith("The group sizes fit the declared shares")


def test_users_lost_from_one_group_are_found_out_by_guessed_shares(tmp_path):
    frame = draw_experiment(60_000, seed=4).frame
    lost = (frame["segment"] == "No E-Mail") & (np.arange(len(frame)) % 25 == 0)
    frame[~lost].to_csv(tmp_path / "test.csv", index=False)
    assert " # 0.50; FILL IN" in write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml").text
    told = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w").out
    assert told.startswith("Sample-ratio mismatch")


def test_variants_without_a_control_group_ask_which_it_is(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"user": [f"u{k}" for k in range(400)], "variant": rng.choice(["A", "B"], 400, p=[0.6, 0.4])})
    frame["revenue"] = np.round(rng.gamma(1.0, 20.0, 400), 2)
    frame.to_csv(tmp_path / "test.csv", index=False)
    starter = write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    assert '"A": none # FILL IN: is this the control group?' in starter.text
    assert '"B": b' in starter.text


def test_a_log_of_orders_with_a_campaign_is_no_experiment(tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"customer": rng.integers(1, 60, 400), "campaign": rng.choice(["none", "spring"], 400)})
    frame["order_id"], frame["amount"] = [f"o{k}" for k in range(400)], np.round(rng.gamma(2, 12, 400), 2)
    frame["order_date"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, 400), unit="D")).astype(str)
    frame.to_csv(tmp_path / "sales.csv", index=False)
    assert "  orders:" in write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml").text


@pytest.mark.parametrize(
    ("file", "outcome"), [("lalonde/nsw_dehejia_wahba.csv", "re78"), ("ihdp/ihdp_npci_1_9.csv.gz", "y_factual")]
)
def test_shared_trials_are_recognised(shared_data, tmp_path, file, outcome):
    starter = write_starter([str(shared_data / file)], tmp_path / "config.yaml")
    assert f"    - {outcome} # FILL IN" in starter.text
    assert decision_engine("check", tmp_path / "config.yaml").code == 0


def test_a_few_ids_that_come_twice_make_no_log_of_an_experiment(tmp_path):
    frame = draw_experiment(1000, seed=3).frame
    pd.concat([frame, frame.head(5)]).to_csv(tmp_path / "test.csv", index=False)
    started = decision_engine("init", tmp_path / "test.csv", "-o", tmp_path / "new", "--json").document
    assert "\n  experiment:\n" in Path(started["config"]).read_text()
    said = " ".join(decision_engine("check", started["config"], "-w", tmp_path / "w").out.split())
    assert "1,005 rows read, 1,000 accepted, 5 quarantined" in said
    assert "already named an earlier row" in said


def test_columns_that_only_a_simulation_knows_are_left_out(tmp_path):
    frame = draw_experiment(500, seed=3).frame.assign(mu0=1.5, y_cfactual=lambda f: f["spend"] + 1, replicate=7)
    frame["mu0"] = np.arange(500) / 7
    frame.to_csv(tmp_path / "test.csv", index=False)
    text = write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml").text
    (covariates,) = re.findall(r"covariates: \[.*\]", text)
    assert not {"mu0", "y_cfactual", "replicate"} & set(re.findall(r"\w+", covariates))
    assert "mu0, y_cfactual" in text
    assert "known only where outcomes were simulated" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arms", "control", "is_marked"),
    [
        (("B", "A"), "A", True),
        (("variant_2", "variant_1"), "variant_1", True),
        (("new", "baseline"), "baseline", False),
        (("Newsletter", "kein Newsletter"), "kein Newsletter", False),
    ],
)
def test_the_control_group_is_told_by_its_name_or_marked(
    tmp_path: Path, arms: tuple[str, str], control: str, is_marked: bool
) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "customer": [f"C{k}" for k in range(900)],
            "variant": rng.choice(arms, 900, p=(0.6, 0.4)),
            "spend": rng.gamma(2, 9, 900),
        }
    )
    frame.round(2).to_csv(tmp_path / "test.csv", index=False)
    starter = write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    mappings = load_config(tmp_path / "config.yaml").tables.experiment
    assert mappings is not None
    (mapping,) = mappings
    assert [raw for raw, action in mapping.values["treatment"].items() if action == "none"] == [control]
    assert any("is this the control group" in line for line in starter.to_fill_in) is is_marked
