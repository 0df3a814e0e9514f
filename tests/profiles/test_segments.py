from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from decision_engine.profiles.rfm import NO_ORDER, RFM_SEGMENTS, quintile_scores, rfm_segments
from decision_engine.profiles.segments import LIFE_STAGES, life_stages, stage_frame
from decision_engine.profiles.value import recent_margin, value_tiers
from simulations.features import observe
from simulations.state import fold
from tests.profiles.lives import leaving_customers, panel_of


def stages(order_days):
    return life_stages(observe(fold(panel_of(order_days)))).tolist()


def weekly(silence, weeks=30):
    return [1] * (weeks - silence) + [0] * silence


def monthly(silence, weeks=40):
    days = [0] * (weeks - silence)
    days[::-4] = [1] * len(days[::-4])
    return days + [0] * silence


@pytest.mark.parametrize(
    ("silence", "stage"), [(0, "active"), (1, "active"), (2, "cooling"), (4, "lapsing"), (7, "lapsing"), (8, "lost")]
)
def test_a_weekly_shopper_goes_through_the_stages_in_two_four_and_eight_weeks(silence, stage):
    assert stages([weekly(silence)]) == [stage]


@pytest.mark.parametrize(("silence", "stage"), [(7, "active"), (8, "cooling"), (16, "lapsing"), (32, "lost")])
def test_a_monthly_shopper_has_four_times_as_long(silence, stage):
    assert stages([monthly(silence, weeks=60)]) == [stage]


def test_who_never_ordered_is_a_prospect_and_who_just_began_is_new():
    assert stages([[0] * 12, [0] * 9 + [1, 0, 0]]) == ["prospect", "new"]


def test_who_came_once_is_measured_by_the_gaps_of_those_who_came_again():
    once = [0] * 4 + [1] + [0] * 11
    assert stages([once, weekly(0, 16), weekly(0, 16)])[0] == "lost"
    assert stages([once, monthly(0, 16), monthly(0, 16)])[0] == "cooling"
    assert stages([once])[0] == "cooling"


def test_stages_are_counted_in_the_order_of_life():
    users = pd.DataFrame(
        {
            "life_stage": ["lost", "active", "active", "new"],
            "recent_margin": [0.0, 4.0, 8.0, 1.0],
            "p_no_return": [0.9, 0.1, 0.3, 0.5],
        }
    )
    frame = stage_frame(users)
    assert frame["life_stage"].tolist() == ["new", "active", "lost"]
    assert frame["n_users"].tolist() == [1, 2, 1]
    assert frame["mean_margin"].tolist() == [1.0, 6.0, 0.0]
    assert frame["mean_p_no_return"].tolist() == pytest.approx([0.5, 0.2, 0.9])


@given(values=arrays.arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 8).map(float)))
def test_scores_follow_the_values_and_ties_share_theirs(values):
    scores = quintile_scores(values)
    assert set(scores.tolist()) <= {1, 2, 3, 4, 5}
    assert scores[np.argmax(values)] == 5
    order = np.argsort(values, kind="stable")
    assert (np.diff(scores[order]) >= 0).all()
    assert all(len(set(scores[values == value])) == 1 for value in values)


def test_the_best_customer_is_a_champion_and_the_quiet_great_one_must_not_be_lost():
    panel = panel_of(
        [weekly(0), [7] * 20 + [0] * 10, [0] * 29 + [1], [1] * 2 + [0] * 28, [0] * 30, *([monthly(3, 30)] * 6)],
    )
    frame = rfm_segments(fold(panel), panel)
    assert frame["rfm_segment"].tolist()[:5] == ["champions", "must not lose", "recent, small", "least recent, small", NO_ORDER]
    assert frame.loc[4, ["recency_score", "frequency_score", "monetary_score"]].isna().all()


def test_every_segment_and_stage_is_one_of_the_named_ones():
    panel = leaving_customers(n_users=200)
    states = fold(panel)
    assert set(rfm_segments(states, panel)["rfm_segment"]) <= {*RFM_SEGMENTS, NO_ORDER}
    assert set(life_stages(observe(states))) <= set(LIFE_STAGES)


def test_margin_is_that_of_the_last_half_year():
    panel = panel_of([[7] * 4 + [1] * 26])
    assert recent_margin(panel, 0.25).tolist() == [26 * 10 * 0.25]


def test_a_fifth_is_high_the_next_three_tenths_middle():
    tiers = value_tiers(np.arange(11.0))
    assert tiers.value_counts().to_dict() == {"low": 5, "middle": 3, "high": 2, "none": 1}
    assert value_tiers(np.array([-3.0, 0.0])).tolist() == ["none", "none"]
    assert value_tiers(np.array([5.0, 5.0])).tolist() == ["high", "high"]
