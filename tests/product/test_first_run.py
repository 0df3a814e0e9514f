"""From files to a plan: `init`, then `check`, then `run`, with no edit but the lines that `init` marked."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.first_runs import SETS, SMALL, vouch
from tests.product.command_line import decision_engine
from tests.product.generated_shop import lived


def fill_in(config: Path) -> int:
    """Vouch for every placeholder. Return how many there were."""
    text, n = vouch(config.read_text(encoding="utf-8"))
    config.write_text(text + SMALL, encoding="utf-8")
    return n


def first_run(folder: Path, *files: Path) -> tuple[dict[str, Any], dict[str, Any] | str]:
    """Return the documents of `check` and `run`; instead of the latter the message where it refuses."""
    config = folder / "new" / "config.yaml"
    started = decision_engine("init", *files, "--out", config.parent, "--yes", "--json")
    assert started.code == 0, started.err
    assert fill_in(config) == len(started.document["to_fill_in"])
    checked = decision_engine("check", config, "-w", folder / "workspace", "--json")
    assert checked.code == 0, checked.err
    assert checked.document["to_fill_in"] == []
    assert Path(str(checked.document["page"])).stat().st_size < 1_000_000
    done = decision_engine("run", config, "-w", folder / "workspace", "--workers", 0, "--json")
    assert done.code in (0, 2), done.err
    assert "Traceback" not in done.err
    return checked.document, done.document if done.code == 0 else done.err.splitlines()[-1]


def _orders(folder: Path) -> pd.DataFrame:
    orders: pd.DataFrame = lived().orders.rename(
        columns={"user_id": "customer_id", "ordered_at": "order_date", "revenue": "total"}
    )
    return orders


def test_orders_alone_lead_to_a_plan_that_rests_on_assumptions(tmp_path: Path) -> None:
    _orders(tmp_path).drop(columns="order_id").to_csv(tmp_path / "purchases.csv.gz", index=False)
    checked, done = first_run(tmp_path, tmp_path / "purchases.csv.gz")
    assert isinstance(done, dict)
    assert done["plan"]["audience"] == checked["users"]
    assert {effect["verdict"] for effect in done["effects"]} == {"assumed"}


@pytest.mark.slow
def test_orders_contacts_and_people_lead_to_measured_effects(tmp_path: Path) -> None:
    _orders(tmp_path).to_csv(tmp_path / "orders.csv", index=False)
    shown = {"user_id": "customer_id", "exposed_at": "sent_at", "action": "campaign"}
    lived().exposures.rename(columns=shown).to_csv(tmp_path / "contacts.csv", index=False)
    lived().customers.rename(columns={"user_id": "customer_id"}).to_csv(tmp_path / "people.csv", index=False)
    checked, done = first_run(tmp_path, *(tmp_path / f"{name}.csv" for name in ("orders", "contacts", "people")))
    assert isinstance(done, dict)
    assert checked["stages"]["off-policy evaluation"]["supported"]
    assert checked["assignment"]["sample_ratio_mismatch"] is False
    assert {effect["verdict"] for effect in done["effects"]} - {"assumed"}


def test_logged_rounds_are_valued_by_check_and_refused_by_run_in_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    item = rng.integers(0, 4, 4_000)
    log = pd.DataFrame({"timestamp": pd.date_range("2024-01-01", periods=4_000, freq="2min").astype(str), "item_id": item,
                        "click": (rng.random(4_000) < 0.02 + 0.04 * item).astype(int), "propensity_score": 0.25})  # fmt: skip
    log.to_parquet(tmp_path / "log.parquet")
    checked, done = first_run(tmp_path, tmp_path / "log.parquet")
    values = {row["action"]: row["estimate"] for row in checked["logged_actions"]}
    assert values["action_3"] == pytest.approx(0.14, abs=0.03)
    assert values["action_0"] == pytest.approx(0.02, abs=0.02)
    assert str(done).startswith("error: config.yaml")
    assert "so that there are no lives to learn from and no plan can be made" in str(done)


# The column that names a user, and every so-manieth user that is taken; `benchmarks/first_runs.py` takes them all.
PARTS = {"cdnow_master.csv.gz": ("customer_id", 10), "transcript.parquet": ("person", 5), "profile.csv.gz": ("id", 5)}


def _part(path: Path, folder: Path) -> tuple[Path, pd.DataFrame]:
    """Return a file of some users, and its rows; a small file as it is."""
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    if path.name not in PARTS:
        return path, frame
    user, every = PARTS[path.name]
    frame = frame[[zlib.crc32(value.encode()) % every == 0 for value in frame[user]]]
    part = folder / path.name
    if path.suffix == ".parquet":
        frame.to_parquet(part)
    else:
        frame.to_csv(part, index=False)
    return part, frame


def _rows(name: str, frames: list[pd.DataFrame]) -> int:
    """Return how many rows `init` should map: of the offers' log, those that were sent and what was bought."""
    if name == "starbucks_offers":
        log, people, _ = frames
        return int(log["event"].isin(["offer received", "transaction"]).sum()) + len(people)
    return {"olist_sample": 8_824, "open_bandit": 10_046}.get(name, len(frames[0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cdnow", "starbucks_offers", "olist_sample", "open_bandit"])
def test_a_shared_set_runs_with_no_edit_but_the_marked_lines(shared_data: Path, tmp_path: Path, name: str) -> None:
    parts = [_part(shared_data / name / file, tmp_path) for file in SETS[name]]
    n_rows = _rows(name, [frame for _, frame in parts])
    checked, done = first_run(tmp_path, *(file for file, _ in parts))
    assert checked["rows_read"] == n_rows
    assert checked["quarantined"] == 0
    if name == "open_bandit":
        assert "so that there are no lives to learn from and no plan can be made" in str(done)
        assert len(checked["logged_actions"]) == 3
        return
    assert isinstance(done, dict), done
    assert done["data"]["rows_read"] == n_rows
    assert json.dumps(done["plan"])
