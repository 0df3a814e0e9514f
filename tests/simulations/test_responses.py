"""What an action does in a simulated life, piece by piece, each alone in a world where nothing else acts.

Shares are judged within four standard errors of a binomial or of a paired mean.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.kernel import COST, ORDER_DAYS
from simulations.response import N_BASIS, ResponseArrays
from simulations.scenarios import World, draw_world
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates

N_USERS = 6000


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(2)


@pytest.fixture(scope="module")
def fresh(world: World) -> UserStates:
    """Return users whom nobody has contacted so far."""
    return world.simulate_history(N_USERS, 16, seed=5, logging="none").states


def alone(world: World, *, shift: float = 0.0, duration: int = 2, **quantities: float) -> LifecycleSimulator:
    """Return the world in which the first action does one thing, and the others nothing."""
    n_actions = len(world.actions)

    def first(value: float) -> np.ndarray:
        return np.array([0.0, value, *[0.0] * (n_actions - 2)])

    names = ("spend_lift", "redemption", "habituation", "fatigue", "pull_forward", "opt_out")
    response = ResponseArrays(
        centre=np.zeros(N_BASIS),
        spread=np.ones(N_BASIS),
        coefficients=np.outer(first(shift), np.eye(N_BASIS)[0]),
        duration=np.full(n_actions, duration, dtype=np.int64),
        decay=np.ones(n_actions),
        **{name: first(quantities.get(name, 0.0)) for name in names},
    )
    return replace(world.simulator, response=response)


def contacts(weeks: int, *at: int) -> np.ndarray:
    schedule = np.zeros((N_USERS, weeks), dtype=np.uint32)
    schedule[:, list(at)] = 1 << 1
    return schedule


def gained(simulator: LifecycleSimulator, states: UserStates, schedule: np.ndarray, *, seed: int = 3) -> np.ndarray:
    """Return by how many order-days more a week has under a schedule, per user; (weeks,)."""
    without, contacted = simulator.twin(states, np.zeros_like(schedule), schedule, seed=seed)
    return (contacted.weekly[:, ORDER_DAYS] - without.weekly[:, ORDER_DAYS]) / states.n_users


def test_a_contact_works_while_it_lasts_and_later_through_what_was_bought_alone(world, fresh):
    found = np.mean([gained(alone(world, shift=1.0), fresh, contacts(8, 0), seed=seed) for seed in range(5)], axis=0)
    assert (found[:2] > 0.1).all()
    assert np.abs(found[2:]).max() < 0.3 * found[:2].min()


def test_what_is_pulled_forward_is_missing_afterwards(world, fresh):
    """A coupon that only moves purchases: what the weeks at work gain, the same number of weeks after them loses in part."""
    lasting, moving = (
        np.mean([gained(alone(world, shift=1.0, pull_forward=share), fresh, contacts(6, 0), seed=s) for s in range(5)], axis=0)
        for share in (0.0, 0.9)
    )
    assert np.array_equal(lasting[:2], moving[:2])
    assert (moving[2:4] < -0.3 * moving[:2].mean()).all()
    assert (moving[2:4] < lasting[2:4]).all()
    assert moving.sum() < 0.6 * lasting.sum()


def test_each_further_contact_does_less_where_people_get_used_to_it(world, fresh):
    at = (0, 4, 8, 12)
    schedule = contacts(14, *at)
    used = np.mean([gained(alone(world, shift=1.0, habituation=0.7), fresh, schedule, seed=s) for s in range(5)], axis=0)
    steady = np.mean([gained(alone(world, shift=1.0), fresh, schedule, seed=s) for s in range(5)], axis=0)
    share = used[list(at)] / steady[list(at)]
    assert share[0] == 1.0
    assert (np.diff(share) < 0.0).all()
    assert share[1] == pytest.approx(np.exp(-0.7), abs=0.15)


def test_contacts_close_together_tire(world, fresh):
    schedule = contacts(4, 0, 1, 2, 3)
    tired = gained(alone(world, shift=0.5, fatigue=0.4), fresh, schedule)
    fine = gained(alone(world, shift=0.5), fresh, schedule)
    assert tired[0] == fine[0]
    assert (np.diff(tired) < 0.0).all()
    assert tired[3] < 0.5 * fine[3]


def test_each_contact_carries_its_risk_of_an_opt_out_which_grows_with_the_contact_stock(world, fresh):
    """Nobody was contacted before: the first contact risks 4 %, a second one a week later 7 % (its stock is 1.75)."""
    risky = alone(world, opt_out=0.04)
    lived = risky.rollout(fresh, weeks=2, seed=3, schedule=contacts(2, 0, 1), keep_weeks=True)
    assert lived.events is not None
    out = lived.events.opted_out
    left = N_USERS - out[:, 0].sum()
    assert out[:, 0].mean() == pytest.approx(0.04, abs=4 * np.sqrt(0.04 * 0.96 / N_USERS))
    assert out[:, 1].sum() / left == pytest.approx(0.07, abs=4 * np.sqrt(0.07 * 0.93 / left))
    assert not (out[:, 0] & out[:, 1]).any()
    assert not risky.mask(lived.final)[lived.opted_out, 1:].any()
    assert not risky.rollout(fresh, weeks=2, seed=3).opted_out.any()


def test_a_redemption_costs_when_the_first_purchase_after_the_contact_redeems(world, fresh):
    simulator, schedule = alone(world, duration=3, redemption=0.4), contacts(5, 0)
    lived = simulator.rollout(fresh, weeks=5, seed=3, schedule=schedule, keep_weeks=True)
    assert lived.events is not None
    bought, redeemed = lived.events.order_days > 0, lived.events.redeemed_bits != 0
    first = np.where(bought[:, :3].any(axis=1), bought[:, :3].argmax(axis=1), -1)
    able = first >= 0
    assert redeemed.sum(axis=1).max() == 1
    assert not redeemed[~able].any()
    assert np.array_equal(redeemed[able].argmax(axis=1)[redeemed[able].any(axis=1)], first[able][redeemed[able].any(axis=1)])
    assert redeemed[able].any(axis=1).mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / able.sum()))
    action = world.actions[1]
    assert lived.totals[:, COST] == pytest.approx(action.cost + redeemed.any(axis=1) * action.cost_on_redemption)


def test_a_lift_of_spend_makes_baskets_dearer_and_no_more_of_them(world, fresh):
    without, contacted = alone(world, spend_lift=0.2).twin(fresh, contacts(2), contacts(2, 0), seed=3)
    assert (
        np.array_equal(without.order_days[:, None], contacted.order_days[:, None]) or world.simulator.fit.purchase.scores.any()
    )
    assert contacted.weekly[0, ORDER_DAYS] == without.weekly[0, ORDER_DAYS]
    assert contacted.weekly[0, 1] / without.weekly[0, 1] == pytest.approx(np.exp(0.2), rel=1e-6)
