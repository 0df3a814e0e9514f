"""Satisfaction and service: reviews and tickets set a user's state, and what that does to buying is found and lived on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.contact import ContactRules
from simulations.ensemble import SimulatorEnsemble
from simulations.features import column, observe
from simulations.increment import expected_increments
from simulations.kernel import ORDER_DAYS
from simulations.panel import Calendar
from simulations.response import ResponseSet
from simulations.scenarios import draw_world
from simulations.service import NO_SERVICE, MoodPrior, Service, ServiceModel
from simulations.service_weeks import service_weeks
from simulations.simulator import LifecycleSimulator
from simulations.state import V, fold

MOODS = np.array([0.8, -0.7])
SERVICE = Service(
    active=True, ticket_chance=0.15, review_chance=0.2, resolution=0.4, drop=0.5, relief=0.3, review_weight=0.5,
    review_scores=np.array([-1.0, -0.5, 0.5, 1.0, 1.0]),
)  # fmt: skip


def _served(world):
    simulator = world.simulator
    return replace(world, simulator=replace(simulator, fit=replace(simulator.fit, moods=MOODS), service=SERVICE))


@pytest.fixture(scope="module")
def world():
    return _served(draw_world(3))


@pytest.fixture(scope="module")
def history(world):
    return world.simulate_history(3000, 40, seed=5, logging="none")


def test_a_history_folded_is_the_state_that_the_simulator_lived_to(history):
    folded = fold(history.panel).values
    assert folded.tolist() == history.states.values.tolist()
    assert 0.0 < folded[:, V.OPEN_TICKET].mean() < 0.3
    assert folded[:, V.SATISFACTION].std() > 0.1
    assert observe(history.states)[:, column("open_ticket")].tolist() == folded[:, V.OPEN_TICKET].tolist()


def test_what_moods_do_to_buying_is_found_and_how_tickets_come_about_too(history):
    """3,000 users over 40 weeks: standard errors of some 0.03 and 0.04 in log-odds."""
    prior = MoodPrior(np.zeros(2), np.full(2, 0.5))
    fit = fit_behaviour(UserWeeks.of(history.panel), np.ones(3000), mood=prior)
    assert fit.moods.tolist() == pytest.approx(MOODS.tolist(), abs=0.12)
    assert (np.abs(fit.moods - MOODS) < 4.0 * fit.mood_sds).all()
    assert (fit.mood_sds < 0.1).all()
    rates = ServiceModel().rates(history.panel)
    assert rates.active
    assert rates.ticket_chance == pytest.approx(0.15, abs=0.03)
    assert rates.resolution == pytest.approx(0.4, abs=0.03)


def test_moods_that_do_nothing_are_found_to_do_little():
    idle = draw_world(3)
    idle = replace(idle, simulator=replace(idle.simulator, service=SERVICE))
    panel = idle.simulate_history(3000, 40, seed=5, logging="none").panel
    fit = fit_behaviour(UserWeeks.of(panel), np.ones(3000), mood=MoodPrior(np.zeros(2), np.full(2, 0.5)))
    assert np.abs(fit.moods).max() < 0.12


def test_without_reviews_and_tickets_the_assumption_stands_and_members_differ_as_it_does():
    world = draw_world(3)
    panel = world.simulate_history(300, 20, seed=5, logging="none").panel
    model = ServiceModel(per_satisfaction=(0.4, 0.2), per_open_ticket=(-0.3, 0.0), tickets_per_order_day=0.1)
    ensemble = SimulatorEnsemble.fit(
        panel, responses=ResponseSet(scale=world.responses.scale, responses=world.responses.responses), rules=ContactRules(),
        margin_share=0.3, members=40, seed=1, service=model,
    )  # fmt: skip
    assert ensemble.point.fit.moods.tolist() == [0.4, -0.3]
    moods = np.array([member.fit.moods for member in ensemble.members])
    assert moods[:, 0].std() == pytest.approx(0.2, abs=0.07)
    assert moods[:, 0].mean() == pytest.approx(0.4, abs=0.1)
    assert (moods[:, 1] == -0.3).all()
    assert ensemble.point.service.ticket_chance == 0.1
    lived = ensemble.point.rollout(fold(panel), weeks=20, seed=2)
    assert lived.final.states.values[:, V.OPEN_TICKET].any()
    assert "an open ticket by -0.30 (sd 0.00)" in ensemble.point.describe()


def test_tables_are_counted_by_user_and_week():
    """Anna complains in week 1, is answered in week 3, and praises in week 2; Bert's ticket was never resolved."""
    reviews = pd.DataFrame(
        {
            "user_id": ["anna", "anna", "carl"],
            "at": pd.to_datetime(["2024-01-09", "2024-01-10", "2024-01-10"]),
            "rating": [5.0, np.nan, 1.0],
        }
    )
    tickets = pd.DataFrame(
        {
            "user_id": ["anna", "bert", "bert"],
            "at": pd.to_datetime(["2024-01-02", "2024-01-16", "2025-01-01"]),
            "resolved_at": pd.Series([pd.Timestamp("2024-01-17"), pd.NaT, pd.NaT]),
        }
    )
    users, calendar = np.array(["anna", "bert"], dtype=object), Calendar(first_day=date(2024, 1, 1), n_periods=4)
    model = ServiceModel(drop=0.25, relief=0.125, review_weight=0.5)
    lived = service_weeks(reviews, tickets, users, calendar, model)
    assert lived.opened.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert lived.open_after.tolist() == [[True, True, False, False], [False, False, True, True]]
    assert lived.shocks.tolist() == [[-0.25, 0.5, 0.125, 0.0], [0.0, 0.0, -0.25, 0.0]]
    assert lived.reviewed.sum() == 1
    assert service_weeks(reviews, tickets.drop(columns="resolved_at"), users, calendar, model).open_after.sum() == 0
    early = lived.slice(2).take(np.array([0]))
    assert early.open_after.tolist() == [[True, True]]


def test_service_that_moves_nobody_leaves_every_order_as_it_was(world):
    """Its random numbers have a channel of their own."""
    quiet = replace(world.simulator, fit=replace(world.simulator.fit, moods=np.zeros(2)))
    silent = replace(quiet, service=NO_SERVICE)
    states = draw_world(3).simulate_history(400, 20, seed=5).states
    one, two = (simulator.rollout(states, weeks=12, seed=3) for simulator in (quiet, silent))
    assert one.totals.tolist() == two.totals.tolist()
    assert two.final.states.values[:, V.OPEN_TICKET].sum() == 0.0


def test_unhappy_users_buy_less_and_bring_less(world):
    states = draw_world(3).simulate_history(2000, 20, seed=5).states
    happy, unhappy = (
        replace(states, values=states.values.copy()) for _ in range(2)
    )  # fmt: skip
    happy.values[:, V.SATISFACTION], unhappy.values[:, V.SATISFACTION] = 0.8, -0.8
    unhappy.values[:, V.OPEN_TICKET] = 1.0
    more, less = (world.simulator.rollout(some, weeks=4, seed=1).weekly[:, ORDER_DAYS].sum() for some in (happy, unhappy))
    assert less < 0.6 * more
    gains = [expected_increments(world.simulator, some, weeks=4).margin[:, 1] for some in (happy, unhappy)]
    assert not np.allclose(gains[0], gains[1])


def test_users_live_alike_alone_and_among_others(world, history):
    states = history.states
    together = world.simulator.rollout(states, weeks=6, seed=4)
    rows = np.array([17, 5, 900])
    apart = world.simulator.rollout(states.take(rows), weeks=6, seed=4)
    assert together.final.states.values[rows].tolist() == apart.final.states.values.tolist()
    two = world.simulator.rollout(world.simulator.rollout(states, weeks=3, seed=4).final, weeks=3)
    assert two.final.states.values.tolist() == together.final.states.values.tolist()


def test_a_saved_simulator_knows_its_service(world, tmp_path):
    world.simulator.save(tmp_path)
    loaded = LifecycleSimulator.load(tmp_path)
    assert loaded.fit.moods.tolist() == MOODS.tolist()
    assert loaded.service[:-1] == SERVICE[:-1]
    assert loaded.service.review_scores.tolist() == SERVICE.review_scores.tolist()
