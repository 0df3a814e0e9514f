"""What users share within a week, and what past contacts did already, are told apart from the users themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.ensemble import SimulatorEnsemble
from simulations.scenarios import World, draw_world
from simulations.simulated_history import WorldHistory


@pytest.fixture(scope="module")
def world():
    return draw_world(7)


@pytest.fixture(scope="module")
def history(world: World) -> WorldHistory:
    return world.simulate_history(3000, 30, seed=3)


def test_a_shock_of_the_week_is_found_again(world):
    """Forty weeks, spread 0.3: the standard error of a standard deviation from 30 settled weeks is 13 %; three of these."""
    shaken = replace(world.simulator, fit=replace(world.simulator.fit, week_spread=np.array([0.3, 0.0])))
    panel = replace(world, simulator=shaken).simulate_history(3000, 40, seed=5, logging="none").panel
    found = fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users)).week_spread
    assert found[0] == pytest.approx(0.3, rel=0.4)
    assert found[1] < 0.1


def test_weeks_that_share_nothing_show_hardly_any_shock(history):
    found = fit_behaviour(UserWeeks.of(history.panel), np.ones(history.panel.n_users)).week_spread
    assert found[0] < 0.08


def test_a_shock_moves_everybody_and_every_policy_alike(world, history):
    shaken = replace(world.simulator, fit=replace(world.simulator.fit, week_spread=np.array([0.5, 0.2])))
    states = history.states
    whole = shaken.rollout(states, weeks=6, seed=2, keep_weeks=True)
    half = shaken.rollout(states.take(np.arange(100)), weeks=6, seed=2, keep_weeks=True)
    assert np.array_equal(whole.events.order_days[:100], half.events.order_days)
    still = world.simulator.rollout(states, weeks=6, seed=2)
    spread = np.std(whole.weekly_frame()["order_days"] / still.weekly_frame()["order_days"])
    assert spread > 0.05


def test_what_contacts_did_is_not_taken_for_the_users_own_doing(world, history):
    """Half the weeks carry contacts that help on average; a fit that knows the responses expects less of users left alone."""
    stronger = replace(
        world.responses,
        responses=tuple(replace(r, shift_mean=np.array([0.8, 0.0, 0.0, 0.0])) for r in world.responses.responses),
    )
    helpful = replace(world, simulator=world.simulator.with_response(stronger.centre()), responses=stronger)
    past = helpful.simulate_history(3000, 30, seed=3)

    def expected(responses) -> float:
        ensemble = SimulatorEnsemble.fit(
            past.panel, responses=responses, rules=world.rules, margin_share=0.3, members=1, seed=1
        )
        return float(ensemble.point.rollout(past.states, weeks=8, seed=9).order_days.sum())

    blind = replace(stronger, responses=tuple(replace(r, shift_mean=np.zeros(4)) for r in stronger.responses))
    truth = float(helpful.simulator.rollout(past.states, weeks=8, seed=9).order_days.sum())
    assert abs(expected(stronger) / truth - 1.0) < 0.05
    assert expected(blind) / truth > expected(stronger) / truth + 0.03
