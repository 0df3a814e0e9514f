"""Plans week after week with one holdout: who is compared stays comparable, and no plan takes credit for another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from decision_engine.planning import Candidates, Plan, make_plan, measure_outcomes
from decision_engine.planning.headline import choosing_members
from decision_engine.planning.holdout import in_holdout
from decision_engine.planning.programme import Programme
from decision_engine.withheld import as_if_contacted
from simulations.actions import Action, ActionKind, ActionSet
from simulations.contact import ContactRules, action_mask, contact_obstacles
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import user_keys
from simulations.state import fold
from tests.planning.conftest import KEY, settings_of

N_USERS, N_WEEKS, SHARE = 3000, 6, 0.2
ACTIONS = ActionSet.of([Action(name="coupon", kind=ActionKind.COUPON, channel="mail", cost=0.5)])
RULES = ContactRules(max_contacts=2, window_weeks=4)


@dataclass(frozen=True, kw_only=True)
class Programmes:
    plans: list[Plan]
    panel: WeeklyPanel


def _empty_panel() -> WeeklyPanel:
    ids = np.array([f"u{k:05d}" for k in range(N_USERS)], dtype=object)
    nothing = np.zeros((N_USERS, 0))
    return WeeklyPanel(
        user_ids=ids,
        user_keys=user_keys(ids),
        order_days=nothing.astype(np.int16),
        revenue=nothing.astype(np.float32),
        exposure_bits=nothing.astype(np.uint32),
        redemptions=nothing.astype(np.int16),
        consent=np.ones(N_USERS, dtype=np.bool_),
        actions=ACTIONS,
        calendar=Calendar(first_day=date(2018, 1, 7), n_periods=0),
    )


def _after_week(panel: WeeklyPanel, plan: Plan) -> WeeklyPanel:
    bits = np.where(np.isin(panel.user_ids, plan.rows["user_id"].to_numpy()), 2, 0)[:, None].astype(np.uint32)
    nothing = np.zeros((N_USERS, 1))
    return replace(
        panel,
        order_days=np.hstack([panel.order_days, nothing.astype(np.int16)]),
        revenue=np.hstack([panel.revenue, nothing.astype(np.float32)]),
        exposure_bits=np.hstack([panel.exposure_bits, bits]),
        redemptions=np.hstack([panel.redemptions, nothing.astype(np.int16)]),
        calendar=replace(panel.calendar, n_periods=panel.n_periods + 1),
    )


def _weekly_plans(*, with_memory: bool) -> Programmes:
    """Plan six weeks in a row, two thirds of the users worth a contact, under a cap of two contacts in four weeks."""
    panel = _empty_panel()
    held = in_holdout(panel.user_keys, SHARE, KEY)
    rng = np.random.default_rng(2)
    withheld = np.zeros((N_USERS, 0), dtype=np.int16)
    plans = []
    for week in range(N_WEEKS):
        states = fold(as_if_contacted(panel, withheld, held) if with_memory else panel)
        allowed = action_mask(states, ACTIONS, RULES)
        margins = np.zeros((4, N_USERS, 2), dtype=np.float32)
        margins[:, :, 1] = np.where(rng.random(N_USERS) < 0.67, 4.0, 0.0)
        plan = make_plan(
            Candidates(
                user_ids=panel.user_ids.tolist(),
                user_keys=panel.user_keys,
                actions=ACTIONS,
                margins=margins,
                costs=np.tile([0.0, 0.5], (N_USERS, 1)),
                allowed=allowed,
                obstacles=contact_obstacles(states, ACTIONS, RULES),
                chosen=np.ones((N_USERS, 2), dtype=np.bool_),
                effect_assumed=np.zeros(2),
            ),
            settings_of(
                starts_on=date(2018, 1, 7) + timedelta(weeks=week), budget=None, capacities={}, holdout_share=SHARE,
                effect_horizon_weeks=4, seed=week,
            ),
            holdout_key=KEY,
            choosing=choosing_members(4),
        )  # fmt: skip
        plans.append(plan)
        asked = plan.holdout.loc[plan.holdout["would_be"] == "coupon", "user_id"].to_numpy()
        withheld = np.hstack([withheld, np.where(np.isin(panel.user_ids, asked), 1, 0)[:, None].astype(np.int16)])
        panel = _after_week(panel, plan)
    return Programmes(plans=plans, panel=panel)


@pytest.fixture(scope="module")
def weekly() -> Programmes:
    return _weekly_plans(with_memory=True)


def _share_asked(plan: Plan) -> float:
    asked = int((plan.holdout["would_be"] == "coupon").sum())
    return asked / (asked + len(plan.rows))


def test_held_out_users_live_under_the_caps_of_those_they_are_compared_with(weekly):
    """The share of held-out users among those asked stays the holdout's: five standard errors at 1,000 users are 0.063."""
    shares = [_share_asked(plan) for plan in weekly.plans]
    assert min(len(plan.rows) for plan in weekly.plans) < 0.6 * len(weekly.plans[0].rows)  # the cap binds
    assert shares == pytest.approx([SHARE] * N_WEEKS, abs=0.063)


def test_without_a_memory_of_what_was_withheld_they_would_not():
    assert max(_share_asked(plan) for plan in _weekly_plans(with_memory=False).plans) > SHARE + 0.1


def _orders(weekly: Programmes, effect: float, seed: int) -> pd.DataFrame:
    """Draw what users spend from three weeks before to nine after; a contact adds `effect` in its week and in the next."""
    rng = np.random.default_rng(seed)
    usual = rng.gamma(4.0, 10.0, N_USERS)
    contacted = weekly.panel.exposure_bits != 0
    frames = []
    for week in range(-8, 9):
        at_work = np.zeros(N_USERS)
        for past in (week, week - 1):
            at_work += contacted[:, past] if 0 <= past < N_WEEKS else 0
        frames.append(
            pd.DataFrame(
                {
                    "user_id": weekly.panel.user_ids,
                    "ordered_at": pd.Timestamp("2018-01-08 12:00") + pd.Timedelta(weeks=week),
                    "revenue": usual + rng.normal(0.0, 5.0, N_USERS) + effect * at_work,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_a_programme_is_credited_with_what_it_brought_once(weekly):
    """Its standard error is near 400 a margin of some 25,000; a plan alone would be credited with the others' effects."""
    effect, until = 8.0, date(2018, 3, 10)
    contacts = sum(len(plan.rows) for plan in weekly.plans)
    truth = contacts * effect * 2 * 0.25 - sum(plan.cost for plan in weekly.plans)
    orders = _orders(weekly, effect, seed=1)
    together = measure_outcomes(weekly.plans[2], orders, observed_until=until, others=weekly.plans)
    assert together.plans == tuple(plan.id for plan in weekly.plans)
    assert together.starts_on == "2018-01-07"
    assert together.realised_low < truth < together.realised_high
    assert together.realised == pytest.approx(truth, rel=0.1)
    assert together.trusted
    assert together.predicted == pytest.approx(sum(plan.expected.increment for plan in weekly.plans))
    assert "cannot be told apart" in together.summary()
    alone = measure_outcomes(weekly.plans[0], orders, observed_until=until)
    own = len(weekly.plans[0].rows) * effect * 2 * 0.25 - weekly.plans[0].cost
    assert alone.realised > 1.3 * own


def test_the_interval_of_a_programme_covers_no_effect_at_its_level(weekly):
    """60 draws; three standard errors of a share of 0.9 are 0.116."""
    covered = 0
    for seed in range(60):
        found = measure_outcomes(
            weekly.plans[0], _orders(weekly, 0.0, seed), observed_until=date(2018, 3, 10), others=weekly.plans
        ).differences[1]
        covered += found.low <= 0.0 <= found.high
    assert covered / 60 == pytest.approx(0.9, abs=0.116)


def test_what_was_spent_before_takes_noise_away(weekly):
    """Users differ by a standard deviation of 20 a week, weeks by 5: what was spent before tells nearly all of it."""
    orders = _orders(weekly, 0.0, seed=3)
    until = date(2018, 3, 10)
    whole = measure_outcomes(weekly.plans[0], orders, observed_until=until, others=weekly.plans).differences[1]
    after = orders[orders["ordered_at"] >= "2018-01-07"]
    blind = measure_outcomes(weekly.plans[0], after, observed_until=until, others=weekly.plans).differences[1]
    assert whole.high - whole.low < 0.5 * (blind.high - blind.low)


def test_only_plans_whose_horizons_overlap_belong_together(weekly):
    first, second = weekly.plans[:2]
    far = replace(second, settings=replace(second.settings, starts_on=first.settings.starts_on + timedelta(weeks=4))).sealed()
    other = replace(second, settings=replace(second.settings, holdout_key_digest="another")).sealed()
    late = date(2018, 6, 1)
    assert [plan.digest for plan in Programme.around(first, [far, other], until=late).plans] == [first.digest]
    near = replace(far, settings=replace(far.settings, starts_on=first.settings.starts_on + timedelta(weeks=3))).sealed()
    assert Programme.around(first, [near, far], until=late).plans == (first, near, far)  # the near one links the far one
    assert Programme.around(first, [near], until=date(2018, 1, 20)).plans == (first,)  # not yet begun
    assert Programme.around(first, [first], until=late).plans == (first,)
