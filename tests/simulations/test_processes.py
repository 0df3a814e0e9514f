"""The same lives bit for bit: in one process, in two, on Ray's workers, with one core or two, in whatever order users stand."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numba
import numpy as np
import pytest

from simulations.ensemble import SimulatorEnsemble
from simulations.simulator import LifecycleSimulator
from simulations.standing_rule import StandingRule
from simulations.state import UserStates
from tests.conftest import CHECKOUT
from tests.small_world import small_world

WEEKS, SEED, PERIOD = 9, 7, 30
Life = tuple[np.ndarray, ...]


def live(folder: str, rows: np.ndarray, member: int) -> Life:
    """Live some users of a saved ensemble's member, each part of what is kept of them user by user."""
    world, states = SimulatorEnsemble.load(Path(folder)).members[member], small_world().states.take(rows)
    return kept(world, states)


def kept(world: LifecycleSimulator, states: UserStates) -> Life:
    rule = StandingRule(action=1, bounds={"recency_weeks": (1.0, 20.0)})
    lived = world.rollout(states, rule, weeks=WEEKS, seed=SEED, period=PERIOD, keep_weeks=True)
    assert lived.events is not None
    after = lived.final
    return (
        lived.totals, lived.retained, after.alive, after.states.values, after.states.contact_bits, after.states.since_action,
        after.states.exposure_counts, *lived.events,
    )  # fmt: skip


def together(parts: list[Life]) -> Life:
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def same(one: Life, other: Life) -> bool:
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("ensemble")
    small_world().ensemble.save(place)
    return str(place)


@pytest.fixture(scope="module")
def here(folder: str) -> list[Life]:
    everybody = np.arange(small_world().states.n_users)
    return [live(folder, everybody, member) for member in range(2)]


def cuts() -> list[np.ndarray]:
    return np.array_split(np.arange(small_world().states.n_users), 2)


def test_permuting_users_permutes_their_lives_to_the_last_bit(here):
    small = small_world()
    order = np.random.default_rng(4).permutation(small.states.n_users)
    moved = kept(small.ensemble.members[0], small.states.take(order))
    assert same(moved, tuple(array[order] for array in here[0]))


def test_one_core_and_two_agree_to_the_last_bit(here):
    small, before = small_world(), numba.get_num_threads()
    try:
        for n_threads in {1, before}:
            numba.set_num_threads(n_threads)
            assert same(kept(small.ensemble.members[0], small.states), here[0])
    finally:
        numba.set_num_threads(before)


@pytest.mark.slow
def test_two_processes_agree_with_one_to_the_last_bit(folder, here):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for member in range(2):
            parts = list(pool.map(live, [folder] * 2, cuts(), [member] * 2))
            assert same(together(parts), here[member])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_agrees_with_one_process_to_the_last_bit(folder, here):
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error",
        runtime_env={"env_vars": {"PYTHONPATH": str(CHECKOUT)}},
    )  # fmt: skip
    try:
        remote = ray.remote(live)
        asked = {member: [remote.remote(folder, rows, member) for rows in cuts()] for member in range(2)}
        for member, parts in asked.items():
            assert same(together(ray.get(parts)), here[member])
    finally:
        ray.shutdown()
    assert "ray" in sys.modules
