"""The rows of the question: who is in, who is out and why, and what is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from decision_engine.effects import UserWeeks, collect_landmarks, interaction_log
from decision_engine.effects.recorded import recorded_propensities
from simulations.actions import Action, ActionKind, ActionSet
from simulations.contact import ContactRules
from simulations.panel import Calendar, WeeklyPanel
from simulations.randomness import user_keys


def _panel() -> WeeklyPanel:
    """Four users, six weeks; action 1 in weeks 2 and 5, action 2 in week 2."""
    ids = np.array(["a", "b", "c", "d"], dtype=object)
    bits = np.zeros((4, 6), dtype=np.uint32)
    bits[0, 2], bits[1, 2], bits[3, 5] = 2, 4, 2
    order_days = np.array([[1, 0, 1, 1, 0, 0], [1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 2, 0], [0, 0, 0, 1, 0, 1]], dtype=np.int16)
    actions = ActionSet.of([Action(name=name, kind=ActionKind.COUPON, cost=1.0) for name in ("coupon", "gift")])
    return WeeklyPanel(
        user_ids=ids,
        user_keys=user_keys(ids),
        order_days=order_days,
        revenue=(order_days * 10).astype(np.float32),
        exposure_bits=bits,
        redemptions=np.zeros((4, 6), dtype=np.int16),
        consent=np.ones(4, dtype=np.bool_),
        actions=actions,
        calendar=Calendar(first_day=date(2024, 1, 1), n_periods=6),
    )


def _exposures(rows: list[tuple[str, int, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user_id", "week", "action", "propensity"])
    frame["exposed_at"] = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(7 * frame["week"], unit="D")
    return frame


def test_rows_are_users_known_before_and_left_alone_or_given_just_this_action():
    rows = collect_landmarks(UserWeeks.of(_panel()), 1, horizon_weeks=3, margin_share=0.5)
    assert rows.users.tolist() == [0, 2]  # b got another action that week, d had not bought yet
    assert rows.treated.tolist() == [True, False]
    assert rows.outcomes.tolist() == [[2.0, 10.0, 1.0], [2.0, 10.0, 1.0]]
    assert rows.left_out == {
        "window crosses the end of the data": 1,
        "no order before": 1,
        "another action in the same week": 1,
        "could not be given the action that week": 0,
        "not part of the recorded decision": 0,
    }


def test_covariates_hold_nothing_of_the_week_itself():
    """Changing all that happens from the landmark week on changes no covariate."""
    panel = _panel()
    later = np.array(panel.order_days)
    later[:, 2:] = 7
    changed = replace(panel, order_days=later)
    before = collect_landmarks(UserWeeks.of(panel), 1, horizon_weeks=3, margin_share=0.5)
    after = collect_landmarks(UserWeeks.of(changed), 1, horizon_weeks=3, margin_share=0.5)
    np.testing.assert_array_equal(before.covariates, after.covariates)


def test_recorded_probabilities_are_found_by_user_and_week():
    exposures = _exposures([("a", 2, "coupon", 0.25), ("c", 2, "none", 0.75), ("z", 2, "none", 0.5), ("a", 9, "coupon", 0.5)])
    recorded = recorded_propensities(_panel(), exposures)
    assert recorded[0, 2] == 0.25
    assert recorded[2, 2] == 0.75
    assert np.isfinite(recorded).sum() == 2


def test_where_the_log_records_who_was_left_alone_others_are_no_controls():
    exposures = _exposures([("a", 2, "coupon", 0.25), ("b", 2, "gift", 0.25), ("d", 2, "none", 0.5)])
    rows = collect_landmarks(UserWeeks.of(_panel(), exposures), 1, horizon_weeks=3, margin_share=0.5)
    assert rows.users.tolist() == [0]
    assert rows.left_out["not part of the recorded decision"] == 1


def test_a_control_that_could_not_have_been_contacted_is_none():
    exposures = _exposures([("a", 2, "coupon", 0.25), ("c", 2, "none", 1.0)])
    rows = collect_landmarks(UserWeeks.of(_panel(), exposures), 1, horizon_weeks=3, margin_share=0.5)
    assert rows.users.tolist() == [0]
    assert rows.left_out["could not be given the action that week"] == 1


def test_attributes_become_covariates_by_user():
    customers = pd.DataFrame({"user_id": ["c", "a"], "age": ["19-24", "65+"], "children": ["2", "0"]})
    history = UserWeeks.of(_panel(), None, customers)
    assert history.attribute_names == ("age", "children")
    np.testing.assert_array_equal(history.attributes[[0, 2]], [[1.0, 0.0], [0.0, 2.0]])
    assert np.isnan(history.attributes[[1, 3]]).all()


def test_an_interaction_log_has_propensities_only_where_every_contact_has_one():
    panel = _panel()
    silent = interaction_log(panel, None, horizon_weeks=3, margin_share=0.5)
    assert silent.propensities is None
    told = interaction_log(
        panel,
        _exposures([("a", 2, "coupon", 0.25), ("b", 2, "gift", 0.25), ("c", 2, "none", 0.5), ("d", 5, "coupon", 0.5)]),
        horizon_weeks=3,
        margin_share=0.5,
    )
    assert told.propensities is not None
    assert told.propensities.tolist() == [0.25, 0.25, 0.5]
    assert told.actions.tolist() == [1, 2, 0]
    assert told.rewards.tolist() == [9.0, 4.0, 10.0]  # margin of three weeks less the contact's cost


def test_a_week_whose_contacts_lack_propensities_is_dropped_whole_and_no_other():
    recorded = [("a", 2, "coupon", 0.25), ("b", 2, "gift", np.nan), ("c", 2, "none", 0.5), ("c", 3, "none", 0.4)]
    log = interaction_log(_panel(), _exposures(recorded), horizon_weeks=3, margin_share=0.5)
    assert log.propensities is not None
    assert log.propensities.tolist() == [0.4]


def test_an_interaction_log_knows_what_contact_rules_allowed_then():
    panel = _panel()
    rules = ContactRules(max_contacts=1, window_weeks=2)
    told = [("a", 2, "coupon", 0.25), ("b", 2, "gift", 0.25), ("a", 3, "none", 1.0)]
    log = interaction_log(panel, _exposures(told), horizon_weeks=3, margin_share=0.5, rules=rules)
    assert log.allowed is not None
    assert log.allowed[:, 0].all()
    assert log.allowed[np.arange(log.n_decisions), log.actions].all()
    (after,) = np.flatnonzero(log.propensities == 1.0)
    assert log.allowed[after].tolist() == [True, False, False]
