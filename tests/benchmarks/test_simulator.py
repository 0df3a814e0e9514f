"""The benchmark of simulating: its peer in numpy lives the very lives that the kernel lives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.numpy_simulator import live_in_numpy
from benchmarks.old_peers import Peer, measured_there
from benchmarks.simulator import digest_of, drawn_simulator, read_states, write_states
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulator")
    states = drawn_simulator(folder)
    return folder, states


def with_everything(simulator: LifecycleSimulator) -> LifecycleSimulator:
    """Return a world in which every part of the work makes a difference: spreads of baskets, shocks, lifts of spend."""
    fit = simulator.fit
    latents = replace(fit.latents, prior_sd=np.array([0.6, 0.45, 0.4]))
    lifts = np.linspace(0.0, 0.2, simulator.response.spend_lift.size)
    return replace(
        simulator,
        fit=replace(fit, latents=latents, week_spread=np.full_like(fit.week_spread, 0.1)),
        response=simulator.response._replace(spend_lift=lifts),
    )


@pytest.mark.parametrize("action", [0, 1, 3])
@pytest.mark.parametrize("kind", ["as drawn", "all that heads and responses know"])
def test_numpy_lives_the_kernels_lives(saved, action, kind):
    """Equal bit for bit, but for the last digits of exponentials: one user in a thousand may live otherwise for it."""
    folder, states = saved
    simulator = LifecycleSimulator.load(folder)
    if kind != "as drawn":
        simulator = with_everything(simulator)
    start = simulator.population(states, seed=3)
    sums, weekly = live_in_numpy(simulator, start, 20, action=action, block=700)

    def give(observation, mask, address):
        return np.where(mask[:, action], action, 0).astype(np.int16)

    lived = simulator.rollout(start, give if action else None, weeks=20)
    assert (sums == lived.totals).all(axis=1).mean() >= 0.999
    assert weekly.sum(axis=0) == pytest.approx(lived.weekly.sum(axis=0), rel=1e-2)
    assert (lived.totals[:, 5] > 0).any() == (action > 0)


def test_what_is_saved_is_what_is_measured(saved, tmp_path):
    folder, states = saved
    drawn_simulator(tmp_path)
    assert digest_of(folder) == digest_of(tmp_path)
    write_states(states, tmp_path)
    read = read_states(tmp_path)
    assert all(np.array_equal(getattr(read, name), getattr(states, name)) for name in UserStates.__slots__)


@pytest.mark.slow
def test_a_peer_that_cannot_be_had_is_no_figure_but_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found, reason = measured_there(Peer(name="nobody", requirements=("# nothing",), script="raise SystemExit('no such world')"))
    assert found is None
    assert "no such world" in reason
    found, reason = measured_there(Peer(name="absent", requirements=("./absent.whl",), script=""))
    assert found is None
    assert "absent.whl" in reason
