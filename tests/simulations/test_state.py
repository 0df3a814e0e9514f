"""The fold: what a user's weeks add up to, in both worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.features import observe
from simulations.panel import WeeklyPanel, build_panel
from simulations.scenarios import draw_world, tiny_panel
from simulations.simulated_history import WorldHistory
from simulations.state import ALPHA_4, ALPHA_13, NEVER, V, fold


@pytest.fixture(scope="module")
def history() -> WorldHistory:
    return draw_world(1).simulate_history(400, 20, seed=3)


def fold_one_by_hand(panel: WeeklyPanel, user: int) -> dict[V, float]:
    """Return a user's state from plain Python over the definition of each column."""
    state = dict.fromkeys(V, 0.0)
    for t in range(panel.n_periods):
        days, revenue = int(panel.order_days[user, t]), float(panel.revenue[user, t])
        state[V.CONTACT_STOCK] = 0.75 * state[V.CONTACT_STOCK] + (panel.exposure_bits[user, t] != 0)
        state[V.REDEMPTION_STOCK] = 0.9 * state[V.REDEMPTION_STOCK] + panel.redemptions[user, t]
        state[V.REVENUE] += revenue
        if days == 0 and state[V.ACTIVE_WEEKS] == 0:
            continue
        state[V.TENURE] += 1
        state[V.RATE_4] += ALPHA_4 * (days - state[V.RATE_4])
        state[V.RATE_13] += ALPHA_13 * (days - state[V.RATE_13])
        state[V.REVENUE_13] += ALPHA_13 * (revenue - state[V.REVENUE_13])
        if days == 0:
            state[V.RECENCY] += 1
            continue
        if state[V.ACTIVE_WEEKS] == 0:
            state[V.BASKET] = revenue / days
        else:
            state[V.BASKET] += max(0.1, 1 / (state[V.ACTIVE_WEEKS] + 1)) * (revenue / days - state[V.BASKET])
            gap = state[V.RECENCY] + 1
            state[V.GAP] = gap if state[V.GAP] == 0 else state[V.GAP] + 0.3 * (gap - state[V.GAP])
        state[V.RECENCY] = 0.0
        state[V.ACTIVE_WEEKS] += 1
        state[V.ORDER_DAYS] += days
    return state


def test_fold_agrees_with_plain_python(history):
    states = fold(history.panel)
    for user in range(60):
        by_hand = fold_one_by_hand(history.panel, user)
        assert states.values[user] == pytest.approx([by_hand[column] for column in V], rel=2e-5, abs=1e-5)


def test_fold_remembers_contacts_week_by_week(history):
    panel, states = history.panel, fold(history.panel)
    contacted = panel.exposure_bits != 0
    for user in range(60):
        bits = sum(1 << (panel.n_periods - 1 - t) for t in np.flatnonzero(contacted[user]))
        assert int(states.contact_bits[user]) == bits
        for action in range(1, len(panel.actions)):
            weeks = np.flatnonzero(panel.exposed(action)[user])
            assert states.exposure_counts[user, action] == weeks.size
            assert states.since_action[user, action] == (panel.n_periods - 1 - weeks[-1] if weeks.size else NEVER)


def test_fold_until_a_week_sees_nothing_after_it(history):
    early = fold(history.panel.slice(9))
    late = fold(history.panel, until=9)
    assert np.array_equal(early.values, late.values)


def test_fold_is_the_same_in_both_worlds(history):
    """Simulated events written as tables, read back and folded give the simulator's own states, bit for bit."""
    panel = build_panel(
        history.orders, history.exposures, history.customers, actions=history.panel.actions, calendar=history.panel.calendar
    )
    folded, lived = fold(panel), history.states
    opted_out = lived.values[:, V.OPTED_OUT] > 0  # no order or contact tells of it: customers do, by their consent
    assert not folded.consent[opted_out].any()
    lived.values[:, V.OPTED_OUT] = 0.0
    for name in lived.__slots__:
        assert np.array_equal(getattr(folded, name), getattr(lived, name)), name


def test_first_observation_of_a_new_user_is_finite():
    observation = observe(fold(tiny_panel()))
    assert np.isfinite(observation).all()
    assert math.isclose(observation[1, 0], 0.0)
