"""What users share within a week, and what past contacts did already, are told apart from the users themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.ensemble import SimulatorEnsemble
from simulations.scenarios import World, draw_world
from simulations.simulated_history import WorldHistory
from simulations.state import fold
from simulations.week_shocks import (
    LEVEL,
    LEVEL_MEMORY,
    PASSING,
    PASSING_MEMORY,
    WEEK,
    level_at_the_end,
    week_shocks,
    week_spread,
)


@pytest.fixture(scope="module")
def world():
    return draw_world(7)


@pytest.fixture(scope="module")
def history(world: World) -> WorldHistory:
    return world.simulate_history(3000, 30, seed=3)


def spreads(buying=(0.0, 0.0, 0.0), spending=(0.0, 0.0, 0.0)):
    """Return a spread: of the week alone, of the level and of what passes, for buying and for spending."""
    return np.array([buying, spending], dtype=np.float64)


def shaken(world, spread):
    return replace(world.simulator, fit=replace(world.simulator.fit, week_spread=spread))


def test_a_shock_of_the_week_is_found_again(world):
    """Forty weeks, spread 0.3: the standard error of a standard deviation from 30 settled weeks is 13 %; three of these.

    So few weeks hardly tell what ends with its week from what passes soon after: both together have the size.
    """
    moved = replace(world, simulator=shaken(world, spreads(buying=(0.3, 0.0, 0.0))))
    panel = moved.simulate_history(3000, 40, seed=5, logging="none").panel
    found = fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users)).week_spread
    assert np.hypot(found[0, WEEK], found[0, PASSING]) == pytest.approx(0.3, rel=0.4)
    assert found[1].max() < 0.1


def test_a_level_is_told_from_single_weeks():
    """Two hundred weeks of 400 rows: twenty levels' worth, so that a level of 0.3 shows as more than 0.15 in all but one seed
    of a thousand, and is not taken for shocks of single weeks."""
    weeks = np.repeat(np.arange(200), 400)
    rng = np.random.default_rng(4)
    level = 0.3 * week_shocks(3, 0, 0, 200, spreads(buying=(0.0, 1.0, 0.0)))[:, 0]
    found = week_spread(level[weeks] + rng.normal(size=weeks.size), np.ones(weeks.size), weeks, 200)
    assert found[LEVEL] > 0.15
    assert found[WEEK] < 0.06


def test_what_passes_is_found_and_not_carried_on():
    """Two lively weeks at the end of a history in which such weeks came and went: hardly any of it is held to stay."""
    rows = np.ones(400 * 60)
    weeks = np.repeat(np.arange(60), 400)
    came = np.zeros(60)
    for first in (17, 24, 33, 41, 50, 58):
        came[first : first + 2] = (0.5, 0.3)
    found = week_spread(came[weeks], rows, weeks, 60)
    assert found[PASSING] > found[LEVEL]
    stays = level_at_the_end(came[weeks], rows, weeks, 60, found) - came.mean()
    taken_for_lasting = level_at_the_end(came[weeks], rows, weeks, 60, np.array([0.05, 0.2, 0.0])) - came.mean()
    assert 0.0 < stays < 0.5 * taken_for_lasting


def test_weeks_that_share_nothing_show_hardly_any_shock(history):
    found = fit_behaviour(UserWeeks.of(history.panel), np.ones(history.panel.n_users)).week_spread
    assert found[0].max() < 0.1


def test_sizes_of_a_few_weeks_are_not_held_to_be_nothing():
    """Eight weeks without any common shock do not show that there is none."""
    weeks = np.repeat(np.arange(8), 4000)
    found = week_spread(np.random.default_rng(1).normal(size=weeks.size), np.ones(weeks.size), weeks, 8)
    assert (found > 0.005).all()
    assert week_spread(np.zeros(4), np.ones(4), np.arange(4), 4).tolist() == [0.0, 0.0, 0.0]


def test_shocks_have_their_size_and_a_level_its_memory():
    """4,000 weeks: the level's standard deviation has a standard error of about 7 %, the shock's of 1 %."""
    alone = week_shocks(1, 0, 0, 4000, spreads(buying=(0.2, 0.0, 0.0)))[:, 0]
    level = week_shocks(1, 0, 0, 4000, spreads(buying=(0.0, 0.2, 0.0)))[:, 0]
    passing = week_shocks(1, 0, 0, 4000, spreads(buying=(0.0, 0.0, 0.2)))[:, 0]
    assert passing.std() == pytest.approx(0.2, rel=0.1)
    assert np.corrcoef(passing[1:], passing[:-1])[0, 1] == pytest.approx(PASSING_MEMORY, abs=0.05)
    assert alone.std() == pytest.approx(0.2, rel=0.05)
    assert level.std() == pytest.approx(0.2, rel=0.3)
    assert abs(np.corrcoef(alone[1:], alone[:-1])[0, 1]) < 0.06
    assert np.corrcoef(level[1:], level[:-1])[0, 1] == pytest.approx(LEVEL_MEMORY, abs=0.03)


def test_a_week_is_the_same_wherever_a_rollout_begins(world, history):
    whole = week_shocks(5, 2, 10, 12, spreads((0.1, 0.2, 0.1), (0.05, 0.1, 0.05)))
    parts = [week_shocks(5, 2, 10 + k, 1, spreads((0.1, 0.2, 0.1), (0.05, 0.1, 0.05)))[0] for k in range(12)]
    assert np.array_equal(whole, np.stack(parts))
    simulator = shaken(world, spreads((0.1, 0.2, 0.1), (0.05, 0.1, 0.05)))
    once = simulator.rollout(history.states, weeks=6, seed=2)
    first = simulator.rollout(history.states, weeks=2, seed=2)
    rest = simulator.rollout(first.final, weeks=4)
    assert np.array_equal(once.final.states.values, rest.final.states.values)


def test_what_comes_goes_on_from_the_level_at_the_end(world):
    """Everybody buys less from week 24 on; a forecast from week 30 knows, and misses by less than half of the change."""
    fit = world.simulator.fit
    less = replace(world.simulator, fit=replace(fit, purchase=replace(fit.purchase, intercept=fit.purchase.intercept - 0.5)))
    before = world.simulate_history(3000, 24, seed=3, logging="none")
    events = less.rollout(before.population, weeks=18, keep_weeks=True).events
    names = {name: getattr(before.panel, name) for name in before.panel.__slots__}
    panel = type(before.panel)(
        **{
            **names,
            "order_days": np.concatenate([before.panel.order_days, events.order_days[:, :6]], axis=1),
            "revenue": np.concatenate([before.panel.revenue, events.revenue[:, :6]], axis=1),
            "exposure_bits": np.pad(before.panel.exposure_bits, ((0, 0), (0, 6))),
            "redemptions": np.pad(before.panel.redemptions, ((0, 0), (0, 6))),
            "calendar": replace(before.panel.calendar, n_periods=30),
        }
    )
    came = float(events.order_days[:, 6:].sum())
    fitted = replace(world.simulator, fit=fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users)))
    foretold = np.mean([fitted.rollout(fold(panel), weeks=12, seed=seed).order_days.sum() for seed in range(20)])
    unchanged = np.mean([world.simulator.rollout(fold(panel), weeks=12, seed=seed).order_days.sum() for seed in range(5)])
    assert unchanged / came > 1.15
    assert abs(foretold / came - 1.0) < 0.5 * (unchanged / came - 1.0)


def test_a_shock_moves_everybody_and_every_policy_alike(world, history):
    moved = shaken(world, spreads((0.5, 0.3, 0.2), (0.2, 0.1, 0.0)))
    states = history.states
    whole = moved.rollout(states, weeks=6, seed=2, keep_weeks=True)
    half = moved.rollout(states.take(np.arange(100)), weeks=6, seed=2, keep_weeks=True)
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

    def lived(simulator, begin=lambda seed: past.states) -> float:
        """Return order-days on average over twelve lives: weeks shake all users at once, so that one life tells little."""
        return float(np.mean([simulator.rollout(begin(seed), weeks=8, seed=seed).order_days.sum() for seed in range(12)]))

    def expected(responses) -> float:
        ensemble = SimulatorEnsemble.fit(
            past.panel, responses=responses, rules=world.rules, margin_share=0.3, members=1, seed=1
        )
        return lived(ensemble.point)

    blind = replace(stronger, responses=tuple(replace(r, shift_mean=np.zeros(4)) for r in stronger.responses))
    truth = lived(helpful.simulator, lambda seed: replace(past.population, seed=seed))  # who is gone is gone
    assert abs(expected(stronger) / truth - 1.0) < 0.05
    assert expected(blind) / truth > expected(stronger) / truth + 0.03
