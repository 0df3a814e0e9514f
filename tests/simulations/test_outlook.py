"""What is assumed of the weeks to come moves what it says, when it says, for every policy alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.errors import InputError
from simulations.outlook import Outlook, Span
from simulations.scenarios import World, draw_world
from simulations.simulated_history import WorldHistory
from simulations.simulator import LifecycleSimulator
from simulations.standing_rule import StandingRule


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(4)


@pytest.fixture(scope="module")
def history(world: World) -> WorldHistory:
    return world.simulate_history(1500, 16, seed=5)


def by_week(simulator: LifecycleSimulator, history: WorldHistory, weeks: int = 6, start: int = 16) -> np.ndarray:
    return simulator.rollout(history.states, weeks=weeks, seed=3, period=start).weekly


def test_a_promotion_moves_its_own_weeks_and_hardly_those_before(world, history):
    promoted = world.simulator.with_outlook(Outlook(start=16, spans=(Span(first=2, last=3, buying=0.5, spending=0.1),)))
    usual, moved = by_week(world.simulator, history), by_week(promoted, history)
    assert np.array_equal(usual[:2], moved[:2])
    assert (moved[2:4, 3] > 1.15 * usual[2:4, 3]).all()
    assert (moved[2:4, 1] / moved[2:4, 3] > usual[2:4, 1] / usual[2:4, 3]).all()


def test_a_trend_adds_up(world, history):
    rising = by_week(world.simulator.with_outlook(Outlook(start=16, trend=0.05)), history, weeks=20)
    usual = by_week(world.simulator, history, weeks=20)
    gain = rising[:, 3] / usual[:, 3]
    assert gain[0] == 1.0
    assert gain[-5:].mean() > gain[5:10].mean() > 1.0


def test_nothing_is_moved_before_the_outlook_begins(world, history):
    later = world.simulator.with_outlook(Outlook(start=100, trend=0.5, drift=0.5, spans=(Span(first=0, last=9, buying=1.0),)))
    assert np.array_equal(by_week(later, history), by_week(world.simulator, history))


def test_drift_moves_what_actions_do_and_nothing_else(world, history):
    drifting, still = world.simulator.with_outlook(Outlook(start=16, drift=0.2)), world.simulator
    fresh = replace(history.states, since_action=np.full_like(history.states.since_action, 255))
    assert np.array_equal(
        drifting.rollout(fresh, weeks=6, seed=3, period=16).totals, still.rollout(fresh, weeks=6, seed=3, period=16).totals
    )
    rule = StandingRule(action=1)
    contacted = drifting.rollout(fresh, rule, weeks=12, seed=3, period=16)
    assert not np.array_equal(contacted.totals, still.rollout(fresh, rule, weeks=12, seed=3, period=16).totals)


def test_a_drifting_world_is_the_same_wherever_a_rollout_begins_and_for_every_policy(world, history):
    drifting = world.simulator.with_outlook(Outlook(start=16, drift=0.2))
    rule = StandingRule(action=1)
    whole = drifting.rollout(history.states, rule, weeks=9, seed=3, period=16, keep_weeks=True)
    called = drifting.rollout(history.states, rule.__call__, weeks=9, seed=3, period=16, keep_weeks=True)
    first = drifting.rollout(history.states, rule, weeks=4, seed=3, period=16)
    rest = drifting.rollout(first.final, rule, weeks=5)
    assert np.array_equal(whole.totals, called.totals)
    assert np.array_equal(whole.final.states.values, rest.final.states.values)
    assert np.array_equal(whole.retained, called.retained)
    replayed = drifting.rollout(
        history.states, weeks=9, seed=3, period=16, schedule=np.zeros((history.states.n_users, 9), dtype=np.uint32)
    )
    assert np.array_equal(replayed.totals, drifting.rollout(history.states, weeks=9, seed=3, period=16).totals)


def test_the_order_of_actions_changes_under_drift(world):
    """Thirty weeks of steps of 0.1: the action that was best is so no longer in some of twenty worlds, not in all."""
    outlook, best = Outlook(drift=0.1), int(np.argmax(world.simulator.response.coefficients[1:, 0]))
    later = [
        int(np.argmax(outlook.drifted(world.simulator.response, seed=s, member=0, period=30).coefficients[1:, 0]))
        for s in range(20)
    ]
    assert 0 < np.count_nonzero(np.array(later) == best) < 20


def test_spans_that_end_before_they_begin_are_refused_in_words():
    with pytest.raises(InputError, match="weeks 3 to 2 are no span"):
        Span(first=3, last=2)
    with pytest.raises(InputError, match="no size of a step"):
        Outlook(drift=-0.1)


def test_an_outlook_is_saved_with_its_simulator(world, tmp_path):
    outlook = Outlook(start=3, trend=0.01, spans=(Span(first=1, last=2, buying=0.1),), drift=0.05)
    world.simulator.with_outlook(outlook).save(tmp_path)
    assert LifecycleSimulator.load(tmp_path).outlook == outlook
