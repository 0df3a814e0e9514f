"""Who is first seen late comes seldom: found where a history begins in the middle of lives, and not where all lives begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.entry import entry_step, entry_waits
from simulations.scenarios import draw_world


def test_waits_are_counted_from_the_first_week_and_end_with_who_begins_now():
    known = np.zeros((4, 10), dtype=bool)
    known[0, 1:] = known[1, 4:] = known[2, 9:] = True
    assert entry_waits(known) == pytest.approx(np.log([1, 4, 9, 10]) - np.log(10))


@pytest.fixture(scope="module")
def truncated():
    """A shop in its sixtieth week, of which the last thirty are on file: who comes seldom is first seen late."""
    world = draw_world(3)
    fit = world.simulator.fit
    latents = replace(fit.latents, prior_sd=np.array([1.2, 0.3, 0.0]))
    world = replace(world, simulator=replace(world.simulator, fit=replace(fit, latents=latents)))
    panel = world.simulate_history(3000, 60, seed=4, logging="none").panel
    late = replace(
        panel,
        order_days=panel.order_days[:, 30:],
        revenue=panel.revenue[:, 30:],
        exposure_bits=panel.exposure_bits[:, 30:],
        redemptions=panel.redemptions[:, 30:],
        calendar=replace(panel.calendar, n_periods=30),
    )
    return panel.slice(30), late.take(np.flatnonzero((late.order_days > 0).any(axis=1)))


def test_where_a_history_begins_amid_lives_a_late_first_order_tells_of_a_rare_buyer(truncated):
    fit = fit_behaviour(UserWeeks.of(truncated[1]), np.ones(truncated[1].n_users))
    assert fit.entry < -0.1
    waits = entry_waits(np.cumsum(truncated[1].order_days > 0, axis=1) > 0)
    keys, offsets = truncated[1].user_keys, fit.latents.moments(truncated[1].user_keys)[0][:, 0]
    assert keys.size == offsets.size
    early, late = np.quantile(waits, [0.2, 0.9])
    assert offsets[waits <= early].mean() > offsets[waits >= late].mean() + 0.1


def test_where_everybody_truly_begins_little_is_expected_of_a_wait():
    panel = draw_world(3).simulate_history(3000, 30, seed=4, logging="none").panel
    fit = fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users))
    assert abs(fit.entry) < 0.1


def test_a_slope_that_explains_the_scores_moves_no_further():
    """With normal scores a step from nothing solves the equation; a second one from there is small."""
    rng = np.random.default_rng(3)
    waits, information = rng.uniform(-3.0, 0.0, 4000), rng.uniform(1.0, 5.0, 4000)
    truth = -0.3 * waits + rng.normal(0.0, 0.2, 4000)
    scores = information * truth + np.sqrt(information) * rng.normal(size=4000)
    step = entry_step(scores, information, np.ones(4000), waits, 0.04, 0.0)
    assert step == pytest.approx(-0.3, abs=0.03)
    again = entry_step(scores - information * step * waits, information, np.ones(4000), waits, 0.04, step)
    assert abs(again) < 1e-9
