"""The simulator: same address, same life; an action reaches only whom it is given to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.contact import action_mask
from simulations.errors import ArtifactError, InputError
from simulations.features import observe
from simulations.heterogeneity import Latents
from simulations.increment import expected_increments, states_from_observations
from simulations.response import ResponseSet
from simulations.scenarios import World, draw_world
from simulations.simulated_history import WorldHistory
from simulations.simulator import LifecycleSimulator
from simulations.standing_rule import StandingRule


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(2)


@pytest.fixture(scope="module")
def history(world: World) -> WorldHistory:
    return world.simulate_history(1500, 16, seed=5)


def one_contact(n_users: int, weeks: int, action: int, rows: slice = slice(None)) -> np.ndarray:
    schedule = np.zeros((n_users, weeks), dtype=np.uint32)
    schedule[rows, 0] = 1 << action
    return schedule


def test_same_seed_lives_the_same_life(world, history):
    first = world.simulator.rollout(history.states, weeks=6, seed=9)
    again = world.simulator.rollout(history.states, weeks=6, seed=9)
    other = world.simulator.rollout(history.states, weeks=6, seed=10)
    assert np.array_equal(first.totals, again.totals)
    assert not np.array_equal(first.totals, other.totals)


def test_order_and_batching_of_users_move_nothing(world, history):
    whole = world.simulator.rollout(history.states, weeks=6, seed=9)
    shuffled = np.random.default_rng(0).permutation(history.states.n_users)
    parts = [world.simulator.rollout(history.states.take(rows), weeks=6, seed=9).totals for rows in np.array_split(shuffled, 3)]
    assert np.array_equal(np.concatenate(parts), whole.totals[shuffled])


def test_steps_add_up_to_a_rollout(world, history):
    population = world.simulator.population(history.states, seed=9)
    margin = np.zeros(history.states.n_users)
    for _ in range(5):
        population, events = world.simulator.step(population, np.zeros(margin.size, dtype=np.int16))
        margin += events.margin
    assert np.array_equal(margin, world.simulator.rollout(history.states, weeks=5, seed=9).margin)


def test_a_policy_that_never_acts_equals_no_policy(world, history):
    nothing = world.simulator.rollout(history.states, weeks=4, seed=9, keep_weeks=True)
    idle = world.simulator.rollout(
        history.states, lambda observation, mask, address: np.zeros(len(mask), dtype=np.int16), weeks=4, seed=9, keep_weeks=True
    )
    assert np.array_equal(nothing.totals, idle.totals)
    assert np.array_equal(nothing.weekly, idle.weekly)
    assert np.array_equal(nothing.retained, idle.retained)
    assert np.array_equal(nothing.events.revenue, idle.events.revenue)


@pytest.mark.parametrize("bounds", [{}, {"recency_weeks": (2.0, 9.0), "order_rate_13": (0.0, 0.4)}])
def test_a_standing_rule_lives_the_same_lives_compiled_and_called(world, history, bounds):
    consent = np.arange(history.states.n_users) % 7 > 0
    states, rule = replace(history.states, consent=consent), StandingRule(action=2, bounds=bounds)
    compiled = world.simulator.rollout(states, rule, weeks=9, seed=9, keep_weeks=True)
    called = world.simulator.rollout(states, rule.__call__, weeks=9, seed=9, keep_weeks=True)
    assert np.array_equal(compiled.totals, called.totals)
    assert np.array_equal(compiled.retained, called.retained)
    assert compiled.weekly == pytest.approx(called.weekly)
    assert all(np.array_equal(*pair) for pair in zip(compiled.events, called.events, strict=True))
    for name in states.__slots__:
        assert np.array_equal(getattr(compiled.final.states, name), getattr(called.final.states, name)), name
    assert 0.0 < compiled.contacts[consent].mean() < 9.0
    assert compiled.contacts[~consent].max() == 0.0


def test_step_leaves_its_input_as_it_was(world, history):
    population = world.simulator.population(history.states, seed=9)
    before = population.copy()
    world.simulator.step(population, np.zeros(population.alive.size, dtype=np.int16))
    assert np.array_equal(population.states.values, before.states.values)
    assert np.array_equal(population.alive, before.alive)


def test_twins_differ_only_where_the_action_reaches(world, history):
    n_users = history.states.n_users
    reached = slice(0, 700)
    without, with_contact = world.simulator.twin(
        history.states, np.zeros((n_users, 6), dtype=np.uint32), one_contact(n_users, 6, 1, reached), seed=9
    )
    assert np.array_equal(without.totals[700:], with_contact.totals[700:])
    assert not np.array_equal(without.margin[reached], with_contact.margin[reached])


def test_a_larger_chance_never_loses_this_weeks_purchase(world, history):
    """The same luck under a response that only pushes: who buys without it buys with it, in the week of contact."""
    response = world.simulator.response
    pushing = replace(world.simulator, response=response._replace(coefficients=np.abs(response.coefficients) * np.eye(4)[0]))
    n_users = history.states.n_users
    states = replace(history.states, since_action=np.full_like(history.states.since_action, 255))
    without, with_push = pushing.twin(
        states, np.zeros((n_users, 1), dtype=np.uint32), one_contact(n_users, 1, 1), seed=9, keep_weeks=True
    )
    calm = states.values[:, 10] < 0.5  # little contact stock, so that fatigue takes nothing back
    assert (with_push.events.order_days >= without.events.order_days)[calm].all()


def test_an_action_the_rules_forbid_is_refused_in_words(world, history):
    refusing = replace(history.states, consent=np.zeros(history.states.n_users, dtype=bool))
    population = world.simulator.population(refusing, seed=1)
    actions = np.zeros(population.alive.size, dtype=np.int16)
    actions[3] = 1
    with pytest.raises(InputError, match="for user row 3"):
        world.simulator.step(population, actions)


def test_logging_obeys_the_mask(world):
    seen = []

    def decide(observation, mask, address):
        chosen = np.where(mask[:, 1], 1, 0).astype(np.int16)
        seen.append(mask[np.arange(len(chosen)), chosen].all())
        return chosen

    history = world.simulate_history(300, 8, seed=1, logging="none")
    final = world.simulator.rollout(history.states, decide, weeks=8, seed=4).final
    assert all(seen)
    assert (final.states.contact_bits & np.uint64(0b1111)).astype(np.uint64).max() < 16
    assert action_mask(final.states, world.actions, world.rules)[:, 0].all()


def test_logged_propensities_sum_to_one_and_are_those_of_the_rows(world):
    history = world.simulate_history(300, 8, seed=1)
    assert history.propensities.sum(axis=2) == pytest.approx(1.0, abs=1e-5)
    assert (history.exposures["propensity"] > 0).all()
    assert len(history.exposures) == 300 * 8


def test_cost_is_that_of_contacts_and_redemptions(world, history):
    n_users = history.states.n_users
    lived = world.simulator.rollout(history.states, weeks=3, seed=2, schedule=one_contact(n_users, 3, 1), keep_weeks=True)
    redeemed = lived.events.redeemed_bits
    expected = np.full(n_users, world.actions.costs[1])
    for action in range(1, len(world.actions)):
        expected = expected + ((redeemed >> np.uint32(action)) & 1).sum(axis=1) * world.actions.redemption_costs[action]
    assert lived.cost == pytest.approx(expected, rel=1e-6)


def test_save_and_load_change_nothing(world, history, tmp_path):
    world.simulator.save(tmp_path / "truth")
    loaded = LifecycleSimulator.load(tmp_path / "truth")
    assert loaded.rules == world.simulator.rules
    assert loaded.actions == world.simulator.actions
    first = world.simulator.rollout(history.states, weeks=4, seed=3, schedule=one_contact(1500, 4, 1))
    second = loaded.rollout(history.states, weeks=4, seed=3, schedule=one_contact(1500, 4, 1))
    assert np.array_equal(first.totals, second.totals)


def test_a_damaged_file_is_named(world, tmp_path):
    world.simulator.save(tmp_path)
    (tmp_path / "simulator.npz").write_bytes(b"not an archive")
    with pytest.raises(ArtifactError, match="cannot be read"):
        LifecycleSimulator.load(tmp_path)


def test_states_rebuilt_from_observations_show_the_same_observation(history):
    seen = observe(history.states)
    rebuilt = observe(states_from_observations(seen, len(history.panel.actions)))
    bought = seen[:, 1] > 0
    assert rebuilt[bought] == pytest.approx(seen[bought], rel=1e-3, abs=1e-3)


def test_increments_do_not_depend_on_who_stands_beside(world, history):
    seen = observe(history.states)
    whole = expected_increments(world.simulator, seen, weeks=8)
    part = expected_increments(world.simulator, seen[500:700][::-1], weeks=8)
    assert np.array_equal(whole.margin[500:700][::-1], part.margin)
    assert np.array_equal(whole.cost[500:700][::-1], part.cost)


def test_the_spread_of_increments_is_that_of_members_who_differ_in_the_response_alone(world, history):
    """400 draws of the responses: their standard deviation has a relative error of 0.035, four of which are 0.14."""
    simulator = world.simulator
    responses = ResponseSet(
        scale=world.responses.scale,
        responses=tuple(
            replace(
                response,
                shift_covariance=np.diag([0.06, 0.03, 0.02, 0.0]) ** 2,
                spend_lift=replace(response.spend_lift, sd=0.01),
            )
            for response in world.responses.responses
        ),
    )
    seen = observe(history.states)[:40]
    centre = replace(simulator, response=responses.centre())
    found = expected_increments(centre, seen, weeks=8, unsure=responses)
    drawn = np.stack(
        [
            expected_increments(replace(simulator, response=responses.draw(1, member)), seen, weeks=8).margin
            for member in range(400)
        ]
    ).std(axis=0)
    assert found.spread is not None
    assert found.spread[:, 0].max() == 0.0
    assert found.spread[:, 1:] == pytest.approx(drawn[:, 1:], rel=0.2, abs=1e-3)
    assert np.array_equal(found.margin, expected_increments(centre, seen, weeks=8).margin)


def test_increments_agree_with_twins(world, history):
    """Users without latents, eight groups by predicted increment, 60 twins each.

    Slopes lie within 0.15 of one, costs within 3 %, and the mean over all users within a tenth of the spread between groups:
    an error shared by everybody would move who is worth a contact at all.
    """
    simulator = world.simulator
    states = replace(
        history.states,
        since_action=np.full_like(history.states.since_action, 255),
        exposure_counts=np.zeros_like(history.states.exposure_counts),
    )
    n_users, draws = states.n_users, 60
    simulator = replace(simulator, fit=replace(simulator.fit, latents=Latents.prior(np.zeros(3))))
    predicted = expected_increments(simulator, states, weeks=8)
    slopes = []
    for action in range(1, len(world.actions)):
        gained, cost = np.zeros(n_users), np.zeros(n_users)
        for draw in range(draws):
            without, with_contact = simulator.twin(
                states, np.zeros((n_users, 8), dtype=np.uint32), one_contact(n_users, 8, action), seed=100 + draw
            )
            gained += (with_contact.margin - without.margin) / draws
            cost += with_contact.cost / draws
        order = np.argsort(predicted.margin[:, action])
        x = np.array([predicted.margin[rows, action].mean() for rows in np.array_split(order, 8)])
        y = np.array([gained[rows].mean() for rows in np.array_split(order, 8)])
        slopes.append((x @ y) / (x @ x))
        assert x.mean() == pytest.approx(y.mean(), abs=0.1 * float(np.ptp(y)))
        assert predicted.cost[:, action].mean() == pytest.approx(cost.mean(), rel=0.03)
    assert slopes == pytest.approx([1.0] * len(slopes), abs=0.15)
