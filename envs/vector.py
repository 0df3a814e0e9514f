"""Many users at once: the retention environment, natively vectorised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.episodes import Episodes
from envs.worlds import world
from simulations.arrays import BoolArray, Float32Array, FloatArray
from simulations.features import HIGHS, LOWS
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates


class RetentionVectorEnv(VectorEnv[Float32Array, NDArray[np.int64], NDArray[Any]]):
    """`num_envs` copies of `envs.retention.RetentionEnv`, lived in one compiled batch.

    Decision, observation, actions, mask, reward, starting state and end of episode are those of `RetentionEnv`; slot `i` of an
    environment reset with seed `s` lives exactly as a single environment reset with seed ``s + i``.

    Autoreset is *next step*: the step after the last of an episode begins the slot's next one; its action is not used and its
    reward is 0. ``options={"reset_mask": ...}``, a boolean array, resets some slots only.

    ``info["action_mask"]`` is the (num_envs, n_actions) mask of the week to come, ``info["refused"]`` tells where an action was
    not allowed and `none` was taken instead.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  Gymnasium declares it so

    def __init__(
        self,
        num_envs: int = 1,
        *,
        simulator: LifecycleSimulator | str | Path | None = None,
        states: UserStates | None = None,
        weeks: int = 13,
        reward: str = "net_margin",
        cost_price: float = 0.0,
    ) -> None:
        truth, users = world(simulator, states)
        self.episodes = Episodes(truth, users, weeks=weeks, n_slots=num_envs, reward=reward, cost_price=cost_price)
        self.num_envs = num_envs
        self.single_observation_space = spaces.Box(LOWS, HIGHS, dtype=np.float32)
        self.single_action_space = spaces.Discrete(len(truth.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32Array, dict[str, Any]]:
        """Begin episodes in all slots, or in those of ``options["reset_mask"]``."""
        slots = np.ones(self.num_envs, dtype=np.bool_)
        if options is not None and "reset_mask" in options:
            slots = np.asarray(options["reset_mask"], dtype=np.bool_)
        self._begin(slots, seed)
        self._over[slots] = False
        return self.episodes.observe(), self._info(np.zeros(self.num_envs, dtype=np.bool_))

    def step(self, actions: NDArray[np.int64]) -> tuple[Float32Array, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Live a week in every slot; slots whose episode is over begin their next one instead."""
        chosen = np.where(self._over, 0, np.asarray(actions))
        lived = self.episodes.live(chosen)
        fresh = self._over
        if fresh.any():
            self.episodes.begin(fresh)
        terminated, truncated = lived.terminated & ~fresh, lived.truncated & ~fresh
        self._over = terminated | truncated
        rewards = np.where(fresh, 0.0, lived.rewards)
        return self.episodes.observe(), rewards, terminated, truncated, self._info(lived.refused & ~fresh)

    def action_masks(self) -> BoolArray:
        """Return the (num_envs, n_actions) mask of the week to come."""
        return self.episodes.mask()

    def _begin(self, slots: BoolArray, seed: int | list[int | None] | None) -> None:
        if isinstance(seed, list):
            given = np.array([one is not None for one in seed])
            self.episodes.begin(slots & given, np.array([one or 0 for one in seed], dtype=np.int64))
            self.episodes.begin(slots & ~given)
            return
        if seed is None and self._np_random is None:  # never seeded: chance picks the first seed
            seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        if seed is not None:
            super().reset(seed=seed)
            self.episodes.begin(slots, seed + np.arange(self.num_envs, dtype=np.int64))
        else:
            self.episodes.begin(slots)

    def _info(self, refused: BoolArray) -> dict[str, Any]:
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        return {
            "action_mask": self.episodes.mask(),
            "_action_mask": everyone,
            "refused": refused,
            "_refused": everyone,
        }
