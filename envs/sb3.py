"""The retention environment as Stable-Baselines3 wants it: a `VecEnv` that resets inside the step, with action masks.

The library is loaded when an adapter is made. Several simulators can stand side by side, so that a learner meets the whole
ensemble and not one member's errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.episodes import Episodes
from simulations.arrays import BoolArray, FloatArray
from simulations.features import HIGHS, LOWS
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

Inputs = Callable[[NDArray[np.float32]], FloatArray]


def sb3_vec_env(
    simulators: Sequence[LifecycleSimulator],
    states: UserStates,
    *,
    weeks: int = 13,
    n_slots: int = 64,
    reward: str = "net_margin",
    cost_price: float = 0.0,
    reward_scale: float = 1.0,
    inputs: Inputs | None = None,
    seed: int = 0,
) -> VecEnv:
    """Return a `VecEnv` over the slots of one or several simulators.

    Parameters
    ----------
    n_slots : int
        Slots in all, spread over the simulators; at least one each.
    reward_scale : float
        Currency of one unit of reward: rewards are divided by it.
    inputs : callable, optional
        Maps (n, N_FEATURES) observations onto what the learner reads, within [-1, 1]; without it observations as they are.
    seed : int
        Slot `i` starts its sequence of episodes from ``seed + i``.
    """
    shares = np.diff(np.linspace(0, max(n_slots, len(simulators)), len(simulators) + 1).astype(int))
    cores = [
        Episodes(simulator, states, weeks=weeks, n_slots=int(share), reward=reward, cost_price=cost_price)
        for simulator, share in zip(simulators, shares, strict=True)
    ]
    if inputs is None:
        box = spaces.Box(LOWS, HIGHS, dtype=np.float32)
    else:
        box = spaces.Box(-1.0, 1.0, shape=LOWS.shape, dtype=np.float32)
    adapter: VecEnv = _adapter()(cores, box, inputs, reward_scale, seed)
    return adapter


class _Slots:
    """What the adapter does, without the library's base class."""

    num_envs: int
    _seeds: list[int | None]

    def __init__(self, cores: list[Episodes], box: spaces.Box, inputs: Inputs | None, reward_scale: float, seed: int) -> None:
        self.cores = cores
        self.reward_scale = reward_scale
        self._inputs = inputs
        self._first_seed: int | None = seed
        self._actions: NDArray[np.integer[Any]] = np.zeros(0, dtype=np.int64)
        self._bounds = np.cumsum([0, *(core.n_slots for core in cores)])
        n_actions = len(cores[0].simulator.actions)
        super().__init__(int(self._bounds[-1]), box, spaces.Discrete(n_actions))  # type: ignore[call-arg]

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Start slot `i` from ``seed + i`` at the next reset; None goes on as it is."""
        self._first_seed = seed
        return [None if seed is None else seed + place for place in range(self.num_envs)]

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every slot."""
        for core, start in zip(self.cores, self._bounds[:-1], strict=True):
            seeds = None if self._first_seed is None else self._first_seed + start + np.arange(core.n_slots, dtype=np.int64)
            core.begin(np.ones(core.n_slots, dtype=np.bool_), seeds)
        self._first_seed = None
        return self._observe()

    def step_async(self, actions: NDArray[np.integer[Any]]) -> None:
        """Take the actions of the coming step."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], BoolArray, list[dict[str, Any]]]:
        """Live a week; slots whose episode ended begin their next, with the last observation in their info."""
        lived = [
            core.live(self._actions[start:stop])
            for core, start, stop in zip(self.cores, self._bounds[:-1], self._bounds[1:], strict=True)
        ]
        rewards = np.concatenate([one.rewards for one in lived]) / self.reward_scale
        terminated = np.concatenate([one.terminated for one in lived])
        truncated = np.concatenate([one.truncated for one in lived])
        over = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if over.any():
            last = self._observe()
            for slot in np.flatnonzero(over):
                infos[slot] = {"terminal_observation": last[slot], "TimeLimit.truncated": bool(truncated[slot])}
            for core, start, stop in zip(self.cores, self._bounds[:-1], self._bounds[1:], strict=True):
                core.begin(over[start:stop])
        return self._observe(), rewards.astype(np.float32), over, infos

    def action_masks(self) -> BoolArray:
        """Return the (num_envs, n_actions) mask of the week to come."""
        return np.concatenate([core.mask() for core in self.cores])

    def close(self) -> None:
        """Close nothing: no process, no window."""

    def has_attr(self, attr_name: str) -> bool:
        """Tell whether slots have an attribute; the masks' method is one."""
        return attr_name == "action_masks" or hasattr(self.cores[0], attr_name)

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Return an attribute, the same for every slot but for `action_masks`."""
        if attr_name == "render_mode":
            return [None for _ in self._slots(indices)]
        core_of = np.searchsorted(self._bounds, np.arange(self.num_envs), side="right") - 1
        return [getattr(self.cores[core_of[slot]], attr_name) for slot in self._slots(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Set an attribute of every simulator's slots."""
        for core in self.cores:
            setattr(core, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: int | Iterable[int] | None = None, **kwargs: Any) -> list[Any]:
        """Call `action_masks`, the one method that slots have of their own."""
        if method_name != "action_masks":
            raise AttributeError(f"slots have no method {method_name!r}; the one they have is 'action_masks'.")
        masks = self.action_masks()
        return [masks[slot] for slot in self._slots(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None) -> list[bool]:
        """Return False for each slot: nothing is wrapped."""
        return [False for _ in self._slots(indices)]

    def _slots(self, indices: int | Iterable[int] | None) -> list[int]:
        if indices is None:
            return list(range(self.num_envs))
        return [indices] if isinstance(indices, int) else list(indices)

    def _observe(self) -> NDArray[np.float32]:
        observation = np.concatenate([core.observe() for core in self.cores])
        return observation if self._inputs is None else self._inputs(observation).astype(np.float32)


@cache
def _adapter() -> type[Any]:
    from stable_baselines3.common.vec_env import VecEnv

    return type("RetentionVecEnv", (_Slots, VecEnv), {"__doc__": _Slots.__doc__})
