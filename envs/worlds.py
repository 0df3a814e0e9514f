"""Which world an environment runs in: a simulator that the caller gives, one stored in a folder, or a small drawn scenario."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from simulations.ensemble import SimulatorEnsemble
from simulations.errors import ConfigError
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates

_SCENARIO_SEED, _SCENARIO_USERS, _SCENARIO_WEEKS = 0, 500, 26


def world(
    simulator: LifecycleSimulator | str | Path | None, states: UserStates | None
) -> tuple[LifecycleSimulator, UserStates]:
    """Return the simulator and the users with whom episodes begin.

    Parameters
    ----------
    simulator : LifecycleSimulator, path or None
        A path names a folder that `SimulatorEnsemble.save` wrote; its point simulator is taken. None takes a small scenario.
    states : UserStates or None
        Needed with a simulator; the scenario brings its own.

    Raises
    ------
    ConfigError
        If a simulator comes without states.
    """
    if simulator is None:
        scenario, users = _scenario()
        return scenario, users if states is None else states
    if states is None:
        raise ConfigError("environment: a simulator needs users to begin with; give states=fold(panel).")
    if isinstance(simulator, str | Path):
        return SimulatorEnsemble.load(Path(simulator)).point, states
    return simulator, states


@lru_cache(maxsize=1)
def _scenario() -> tuple[LifecycleSimulator, UserStates]:
    from simulations.scenarios import draw_world  # needed where nobody gives a world of their own

    drawn = draw_world(_SCENARIO_SEED)
    history = drawn.simulate_history(_SCENARIO_USERS, _SCENARIO_WEEKS, seed=_SCENARIO_SEED)
    return drawn.simulator, history.states
