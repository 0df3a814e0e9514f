"""Making plans: the accounting identity, the holdout, the reasons, and what the totals mean."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_engine.planning import Plan, in_holdout, make_plan
from decision_engine.planning.exclusions import exclusion_reasons
from simulations.errors import PlanError
from simulations.randomness import user_keys
from tests.planning.conftest import KEY, candidates_of, plan_of, settings_of


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    n_users=st.integers(0, 80),
    share=st.floats(0.0, 0.9),
    budget=st.none() | st.floats(0.0, 60.0),
    capacity=st.none() | st.integers(0, 20),
)
def test_the_audience_is_actions_plus_holdout_plus_one_reason_each(seed, n_users, share, budget, capacity):
    plan = plan_of(seed, n_users, holdout_share=share, budget=budget, capacities={"call": capacity})
    assert plan.audience == n_users == len(plan.rows) + len(plan.holdout) + sum(plan.excluded.values())
    everybody = [*plan.rows["user_id"], *plan.holdout["user_id"], *plan.excluded_users["user_id"]]
    assert sorted(everybody) == [f"{number:05d}" for number in range(n_users)]
    assert budget is None or plan.cost <= budget
    assert capacity is None or plan.action_counts.get("call", 0) <= capacity


def test_totals_are_the_sums_of_the_rows(plan):
    assert plan.expected.increment == pytest.approx(plan.rows["increment"].sum())
    assert plan.cost == pytest.approx(plan.rows["cost"].sum())
    assert plan.increment_margin == pytest.approx(plan.rows["increment"].sum() + plan.cost)
    assert plan.expected.low <= plan.expected.increment <= plan.expected.high
    assert (plan.rows["low"] <= plan.rows["increment"]).all()


def test_nobody_is_contacted_against_the_rules_or_the_policy():
    candidates = candidates_of(3, 200)
    plan = make_plan(candidates, settings_of(), holdout_key=KEY)
    for user, action in zip(plan.rows["user_id"], plan.rows["action"], strict=True):
        i, a = int(user), candidates.actions.index(action)
        assert candidates.allowed[i, a]
        assert candidates.chosen[i, a]


def test_users_whom_every_action_costs_more_than_it_brings_have_no_gain():
    candidates = candidates_of(3, 100)
    poor = replace(candidates, margins=np.minimum(candidates.margins, candidates.costs.astype(np.float32) * 0.9))
    plan = make_plan(poor, settings_of(holdout_share=0.0), holdout_key=KEY)
    assert len(plan.rows) == 0
    assert plan.excluded["no gain"] == poor.allowed[:, 1:].any(axis=1).sum()
    assert (plan.expected.increment, plan.cost, plan.effect_assumed_share) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"budget": 0.0}, "budget"), ({"budget": None, "capacities": {"call": 0, "coupon": 0}}, "capacity")],
)
def test_what_a_limit_cuts_is_put_down_to_that_limit(changes, reason):
    plan = plan_of(holdout_share=0.0, **changes)
    assert len(plan.rows) == 0
    assert plan.excluded[reason] > 0


def test_users_for_whom_the_policy_chooses_nothing_are_put_down_to_the_policy():
    candidates = candidates_of(3, 100)
    idle = replace(candidates, chosen=np.zeros_like(candidates.chosen))
    plan = make_plan(idle, settings_of(), holdout_key=KEY)
    assert plan.excluded["policy: none chosen"] > 0
    assert (plan.holdout["would_be"] == "none").all()


def test_a_growing_holdout_only_adds_users_and_does_not_depend_on_who_else_is_there():
    users = user_keys(str(number) for number in range(5000))
    small, large = in_holdout(users, 0.1, KEY), in_holdout(users, 0.3, KEY)
    assert not (small & ~large).any()
    assert (in_holdout(users[::-1], 0.1, KEY)[::-1] == small).all()
    assert (in_holdout(users, 0.1, "another key") != small).any()
    assert small.mean() == pytest.approx(0.1, abs=3 * (0.09 / 5000) ** 0.5)  # three standard errors


def test_held_out_users_are_asked_what_they_would_have_got(plan):
    would_be = plan.holdout["would_be"] != "none"
    assert 0 < would_be.sum() < len(plan.holdout)
    assert (plan.holdout.loc[would_be, "propensity"] == 0.2).all()
    assert (plan.holdout.loc[~would_be, "propensity"] == 1.0).all()  # nobody would have contacted them
    assert plan.rows["propensity"].to_numpy() == pytest.approx(0.8)


def test_probabilities_count_as_many_users_through_the_contacted_as_through_the_held_out():
    """A policy that draws: its log weighs up, as `1 / p` of either arm estimates how many users drew an action.

    About 1,000 users of 2,500 draw one; the difference has a standard error near 56, four of which are 220.
    """
    candidates = candidates_of(1, 2500)
    drew = np.random.default_rng(2).random(2500) < 0.5
    chosen = candidates.chosen & drew[:, None]
    chosen[:, 0] = True
    plan = make_plan(
        replace(candidates, chosen=chosen), settings_of(budget=None, capacities={}, holdout_share=0.2), holdout_key=KEY
    )
    asked = plan.holdout[plan.holdout["would_be"] != "none"]
    contacted, held_out = (float((1.0 / frame["propensity"]).sum()) for frame in (plan.rows, asked))
    assert contacted > 500
    assert contacted == pytest.approx(held_out, abs=220)


def test_whom_a_cool_down_keeps_from_the_policys_choice_is_not_said_to_be_left_alone_by_it():
    candidates = candidates_of(3, 100)
    chosen = np.zeros_like(candidates.chosen)
    chosen[:, 0] = True
    obstacles = candidates.obstacles.copy()
    obstacles[obstacles == ""] = "cool-down"
    plan = make_plan(replace(candidates, chosen=chosen, obstacles=obstacles), settings_of(), holdout_key=KEY)
    assert "policy: none chosen" not in plan.excluded
    assert plan.excluded["cool-down"] > 0


def test_a_choice_that_is_not_worth_its_cost_is_no_gain():
    one = np.array([[True, True, False]])
    reasons = exclusion_reasons(
        actions=np.zeros(1, dtype=np.int16),
        obstacles=np.array([""], dtype=object),
        allowed=np.ones((1, 3), dtype=np.bool_),
        chosen=one,
        nets=np.array([[0.0, -1.0, 2.0]]),
        capacities=np.array([-1, -1, -1]),
    )
    assert reasons.tolist() == ["no gain"]


def test_the_share_assumed_weighs_rows_by_what_they_bring(plan):
    weights = plan.rows["increment_margin"].abs()
    assumed = plan.rows["source"] == "assumed"
    assert plan.effect_assumed_share == pytest.approx(weights[assumed].sum() / weights.sum())
    assert set(plan.rows.loc[assumed, "action"]) == {"call"}
    assert plan.margin_assumed_share == 1.0


def test_the_optimisers_own_sum_flatters_where_there_is_only_noise():
    """300 users without any effect: the choosing members see a gain, the judging members see none.

    The judges' total has mean 0 before cost; its standard error is that of about 150 means of 4 standard normals.
    """
    rng = np.random.default_rng(8)
    candidates = candidates_of(1, 300, n_members=8)
    noise = rng.normal(0.0, 1.0, candidates.margins.shape).astype(np.float32)
    noise[:, :, 0] = 0.0
    nothing = replace(candidates, margins=noise, costs=np.zeros_like(candidates.costs))
    plan = make_plan(nothing, settings_of(budget=None, capacities={}), holdout_key=KEY)
    assert plan.optimiser_increment > 40.0
    assert abs(plan.expected.increment) < 3 * (len(plan.rows) / 4) ** 0.5
    assert plan.expected.chance_of_loss > 0.0


def test_the_same_inputs_give_the_same_digest_and_any_change_another(plan):
    assert plan_of().digest == plan.digest
    for other in (plan_of(seed=2), plan_of(budget=19.0), plan_of(policy="rule"), plan_of(holdout_share=0.21)):
        assert other.digest != plan.digest


def test_the_order_in_which_users_are_listed_moves_no_decision(plan):
    candidates = candidates_of(1, 120)
    turned = replace(
        candidates,
        user_ids=candidates.user_ids[::-1],
        user_keys=candidates.user_keys[::-1].copy(),
        margins=candidates.margins[:, ::-1].copy(),
        costs=candidates.costs[::-1].copy(),
        allowed=candidates.allowed[::-1].copy(),
        obstacles=candidates.obstacles[::-1].copy(),
        chosen=candidates.chosen[::-1].copy(),
    )
    other = make_plan(turned, settings_of(), holdout_key=KEY)
    assert dict(zip(other.rows["user_id"], other.rows["action"], strict=True)) == dict(
        zip(plan.rows["user_id"], plan.rows["action"], strict=True)
    )


def test_a_plan_survives_json_and_an_altered_document_is_refused(plan):
    text = json.dumps(plan.to_json(), allow_nan=False)
    back = Plan.from_json(json.loads(text))
    assert back.digest == plan.digest == back.sealed().digest
    assert back.to_json() == plan.to_json()
    altered = json.loads(text)
    altered["rows"][0]["action"] = "none"
    with pytest.raises(PlanError, match="do not match the digest"):
        Plan.from_json(altered)
    del altered["rows"]
    with pytest.raises(PlanError, match="lacks or garbles 'rows'"):
        Plan.from_json(altered)


def test_whole_numbers_in_settings_make_the_same_plan_as_their_decimals():
    assert plan_of(budget=20).digest == plan_of(budget=20.0).digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": -5.0}, "budget: -5.0"),
        ({"holdout_share": 1.0}, "campaign.holdout_share: 1.0"),
        ({"capacities": {"cuopon": 3}}, "cuopon is no declared action; those are none, coupon, call"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(change, words):
    with pytest.raises(PlanError, match=words):
        plan_of(**change)


def test_a_user_listed_twice_is_refused():
    candidates = candidates_of(1, 3)
    with pytest.raises(PlanError, match="listed twice"):
        replace(candidates, user_ids=["a", "a", "b"])


def test_a_block_without_a_known_reason_is_refused():
    candidates = candidates_of(1, 30)
    shut = np.zeros_like(candidates.allowed)
    with pytest.raises(PlanError, match="'' given for users without an allowed action"):
        make_plan(replace(candidates, allowed=shut), settings_of(), holdout_key=KEY)
