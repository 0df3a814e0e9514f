"""Two weeks on one history: what the first plan did is what the second run reads back."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decision_engine.config import load_config
from decision_engine.effects.recorded import recorded_propensities
from decision_engine.planning import Ledger, Plan
from decision_engine.stages.check import Checked, check_history
from tests.product.command_line import Answer, decision_engine
from tests.product.conftest import do
from tests.product.generated_shop import N_WEEKS, QUICK, Shop, live_on

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class TwoWeeks:
    shop: Shop
    workspace: Path
    first: Plan
    second: Plan
    document: dict[str, Any]
    outcomes: Answer
    checked: Checked


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> TwoWeeks:
    """Return a shop that followed its plan for a week and planned the next."""
    done = do(tmp_path_factory.mktemp("weeks"), *QUICK)
    shop, place = done.shop, ("-w", done.workspace)
    approved = decision_engine(
        "plan", "approve", done.document["plan"]["id"], "--by", "a second person", *place, "--json"
    ).document
    assert approved["status"] == "approved"
    exported = decision_engine("plan", "export", "latest", *place, "--json").document
    with Ledger(done.workspace / "ledger.sqlite") as ledger:
        first = ledger.plan("latest")
    live_on(shop, first.rows.to_dict(orient="records"))
    shutil.copy(Path(exported["folder"]) / "exposures.csv", shop.folder / "exported.csv")
    shop.rewrite(*QUICK, (f"last_period: {N_WEEKS}", f"last_period: {N_WEEKS + 1}"))
    outcomes = decision_engine("outcomes", shop.configuration, first.id, *place, "--json")
    document = decision_engine("run", shop.configuration, *place, "--workers", 0, "--json").document
    with Ledger(done.workspace / "ledger.sqlite") as ledger:
        second = ledger.plan("latest")
    return TwoWeeks(
        shop=shop,
        workspace=done.workspace,
        first=first,
        second=second,
        document=document,
        outcomes=outcomes,
        checked=check_history(load_config(shop.configuration)),
    )


def test_the_second_run_accepts_every_contact_and_every_held_out_user(weeks: TwoWeeks) -> None:
    (read,) = (table for table in weeks.document["data"]["tables"] if table["source"] == "exported")
    assert read["accepted"] == read["read"] == len(weeks.first.rows) + len(weeks.first.holdout)
    assert len(weeks.first.rows) > 0
    assert len(weeks.first.holdout) > 0


def test_contacts_reach_the_panel_in_the_week_they_were_planned_for(weeks: TwoWeeks) -> None:
    panel = weeks.checked.panel
    place = {str(user): row for row, user in enumerate(panel.user_ids)}
    expected = np.zeros(panel.n_users, dtype=np.uint32)
    for user, action in zip(weeks.first.rows["user_id"], weeks.first.rows["action"], strict=True):
        expected[place[user]] = 1 << panel.actions.index(action)
    assert panel.n_periods == N_WEEKS + 1
    assert np.array_equal(panel.exposure_bits[:, N_WEEKS], expected)


def test_propensities_are_kept(weeks: TwoWeeks) -> None:
    panel, plan = weeks.checked.panel, weeks.first
    recorded = recorded_propensities(panel, weeks.checked.history.table("exposures"))[:, N_WEEKS]
    place = {str(user): row for row, user in enumerate(panel.user_ids)}
    for frame in (plan.rows, plan.holdout):
        found = recorded[[place[user] for user in frame["user_id"]]]
        assert found == pytest.approx(frame["propensity"].to_numpy())
    assert np.isfinite(recorded).sum() == len(plan.rows) + len(plan.holdout)


def test_the_second_plan_is_for_the_week_after_and_of_the_next_version(weeks: TwoWeeks) -> None:
    assert (weeks.second.settings.starts_on - weeks.first.settings.starts_on).days == 7
    assert (weeks.first.version, weeks.second.version) == (1, 2)
    assert weeks.first.digest != weeks.second.digest


def test_the_holdout_is_the_same_people_in_both_weeks(weeks: TwoWeeks) -> None:
    first, second = (set(plan.holdout["user_id"]) for plan in (weeks.first, weeks.second))
    newcomers = {str(user) for user in weeks.second.holdout["user_id"]} - first
    known = {*weeks.first.rows["user_id"], *weeks.first.holdout["user_id"], *weeks.first.excluded_users["user_id"]}
    assert first <= second
    assert not newcomers & known
    contacted = {*weeks.first.rows["user_id"], *weeks.second.rows["user_id"]}
    assert not contacted & second


def test_the_cool_down_holds_for_held_out_users_as_well(weeks: TwoWeeks) -> None:
    """What the first plan withheld from them counts, or they would be asked for more than the others are given."""
    first, second = (
        {
            user: action
            for user, action in zip(plan.holdout["user_id"], plan.holdout["would_be"], strict=True)
            if action != "none"
        }
        for plan in (weeks.first, weeks.second)
    )
    assert first
    assert second
    assert not [user for user, action in second.items() if first.get(user) == action]


def test_the_cool_down_holds_across_the_two_plans(weeks: TwoWeeks) -> None:
    """Every action of this world rests a full week before it may reach the same user again."""
    first = dict(zip(weeks.first.rows["user_id"], weeks.first.rows["action"], strict=True))
    second = dict(zip(weeks.second.rows["user_id"], weeks.second.rows["action"], strict=True))
    assert not [user for user, action in second.items() if first.get(user) == action]


def test_outcomes_compare_contacted_with_held_out_users_so_far(weeks: TwoWeeks) -> None:
    measured = weeks.outcomes.document
    assert measured["plan_id"] == weeks.first.id
    assert (measured["weeks"], measured["complete"]) == (1, False)
    assert measured["plans"] == [weeks.first.id]
    assert measured["n_contacted"] == len(weeks.first.rows)
    assert measured["n_held_out"] == int((weeks.first.holdout["would_be"] != "none").sum())
    assert measured["realised_low"] <= measured["realised"] <= measured["realised_high"]
    assert measured["predicted"] == pytest.approx(weeks.first.expected.increment)
    shown = decision_engine("plan", "show", weeks.first.id, "-w", weeks.workspace, "--json").document
    assert shown["status"] == "measured"


def test_the_ledger_tells_the_whole_story_in_order(weeks: TwoWeeks) -> None:
    with Ledger(weeks.workspace / "ledger.sqlite") as ledger:
        events = [(str(entry.event), entry.digest) for entry in ledger.entries()]
        assert ledger.verify() == len(events)
    first, second = weeks.first.digest, weeks.second.digest
    assert events == [("made", first), ("approved", first), ("exported", first), ("measured", first), ("made", second)]
