"""Files of experiments as strangers bring them: other languages, signs, letters for arms, ids that come twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.product.command_line import decision_engine

N = 2_400


def _init(folder: Path, frame: pd.DataFrame, name: str = "test.csv", **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration that `init` writes of a file, and what `check` says of it."""
    if name.endswith("parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False, **how)
    said = decision_engine("init", folder / name, "--yes", "-o", folder / "out", "--json").document
    assert said["is_readable"], said
    checked = decision_engine("check", said["config"], "-w", folder / "w", "--json").document
    return yaml.safe_load(Path(said["config"]).read_text()), checked


def _drawn(arms: list[Any], **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    plain = {
        "user_id": [f"C{1_000 + k}" for k in range(N)],
        "arm": rng.choice(np.array(arms), N),
        "age": rng.integers(18, 80, N),
    }
    return pd.DataFrame(plain | {"spend": rng.gamma(2.0, 20.0, N).round(2)} | columns)


def test_spanish_headers_percentages_and_decimal_commas(tmp_path):
    frame = _drawn(["control", "tratamiento"]).rename(columns={"user_id": "id_cliente", "arm": "grupo", "age": "edad"})
    spent = frame.pop("spend")
    rng = np.random.default_rng(2)
    frame["fecha_asignación"] = "05/03/2024"
    frame.loc[::2, "fecha_asignación"] = "28/02/2024"
    frame["tasa_previa"] = [f"{part:.1f}%".replace(".", ",") for part in 100.0 * rng.random(N)]
    frame["gasto"] = [f"{amount:.2f}".replace(".", ",") for amount in spent]
    frame["compró"] = rng.choice(["sí", "no"], N)
    written, checked = _init(tmp_path, frame, sep=";", encoding="cp1252")
    assert written["experiment"]["outcomes"] == ["gasto", "compró"]
    assert written["experiment"]["covariates"] == ["edad", "tasa_previa"]
    assert str(written["experiment"]["ended_on"]) == "2024-03-18"  # two weeks from the last assignment
    assert checked["quarantined"] == 0
    means = {row["action"]: row["mean gasto"] for row in checked["assignment"]["groups"]}
    assert means["tratamiento"] == pytest.approx(spent[frame["grupo"] == "tratamiento"].mean())
    assert {row["covariate"] for row in checked["assignment"]["balance"]} == {"edad", "tasa_previa"}


def test_lettered_arms_keep_their_order(tmp_path):
    written, _ = _init(tmp_path, _drawn(["C", "A", "B"]).rename(columns={"arm": "variant"}))
    assert written["tables"]["experiment"]["values"]["treatment"] == {"A": "none", "B": "b", "C": "c"}


def test_arms_that_differ_by_blanks_and_capitals_alone_are_one(tmp_path):
    written, checked = _init(tmp_path, _drawn(["Control", "control ", " CONTROL", "Treatment", "treatment"]))
    assert set(written["tables"]["experiment"]["values"]["treatment"].values()) == {"none", "treatment"}
    assert checked["accepted"] == N
    assert [row["action"] for row in checked["assignment"]["groups"]] == ["none", "treatment"]


@pytest.mark.parametrize("name", ["test.csv", "test.parquet"])
def test_numbers_with_a_point_are_the_numbers_they_are(tmp_path, name):
    frame = _drawn([0.0, 1.0]).rename(columns={"arm": "treated"}).assign(user_id=1_000.0 + np.arange(N))
    written, checked = _init(tmp_path, frame, name)
    assert set(written["tables"]["experiment"]["values"]["treatment"].values()) == {"none", "treated"}
    users = {row["action"]: row["users"] for row in checked["assignment"]["groups"]}
    assert users == {"none": int((frame["treated"] == 0).sum()), "treated": int((frame["treated"] == 1).sum())}


def test_a_column_of_any_name_with_a_control_group_names_the_arms(tmp_path):
    frame = _drawn(["Control - Sale", "Urgent - Sale", "Question - Sale"]).drop(columns="spend")
    frame = frame.rename(columns={"arm": "subject_line"}).assign(clicked=(np.arange(N) % 19 == 0).astype(int))
    written, _ = _init(tmp_path, frame)
    values = written["tables"]["experiment"]["values"]["treatment"]
    assert values == {"Control - Sale": "none", "Urgent - Sale": "urgent_sale", "Question - Sale": "question_sale"}


def test_users_who_come_twice_in_a_file_without_times_are_set_aside_and_told(tmp_path):
    frame = _drawn(["control", "mail"])
    again = frame.sample(200, random_state=1)
    written, checked = _init(tmp_path, pd.concat([frame, again]).sample(frac=1.0, random_state=2))
    assert "experiment" in written
    assert (checked["accepted"], checked["quarantined"]) == (N, 200)


def test_several_orders_a_user_remain_a_log(tmp_path):
    rng = np.random.default_rng(3)
    frame = _drawn(["control", "mail"]).assign(user_id=[f"C{k}" for k in rng.integers(0, 900, N)])
    frame.to_csv(tmp_path / "test.csv", index=False)
    said = decision_engine("init", tmp_path / "test.csv", "--yes", "-o", tmp_path / "out", "--json").document
    assert "\n  experiment:" not in Path(said["config"]).read_text()


def test_three_hundred_columns_are_looked_at_and_an_empty_arm_is_told(tmp_path):
    rng = np.random.default_rng(4)
    wide = pd.DataFrame(rng.normal(size=(N, 300)).round(3), columns=[f"f{k}" for k in range(300)])
    frame = pd.concat([_drawn(["control", "mail"]), wide], axis=1)
    frame.loc[:2, "arm"] = "sms"
    written, checked = _init(tmp_path, frame)
    assert len(written["experiment"]["covariates"]) == 301
    assert any("only 3 users got sms" in remark["words"] for remark in checked["remarks"])


def test_outcomes_that_half_of_the_users_lack_are_told(tmp_path):
    frame = _drawn(["control", "mail"])
    frame.loc[np.random.default_rng(5).random(N) < 0.5, "spend"] = np.nan
    _, checked = _init(tmp_path, frame)
    assert any("were set aside, most often because spend is empty" in remark["words"] for remark in checked["remarks"])
