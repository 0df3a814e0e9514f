"""One user, many decisions: whom to contact when, as an episode of weeks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from envs.episodes import Episodes
from envs.worlds import world
from simulations.arrays import BoolArray, Float32Array
from simulations.features import HIGHS, LOWS
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates

_EVERY_SLOT = np.ones(1, dtype=np.bool_)


class RetentionEnv(gymnasium.Env[Float32Array, np.int64]):
    """Contact one user or not, week by week, for margin net of cost.

    Decision
        At the start of a week, which action the user gets, if any. `info["action_mask"]` and `action_masks()` say which the
        contact rules, consent and cool-downs allow; one that is not allowed counts as `none`, and `info["refused"]` says so.

    Observation: `Box`, float32, in this order

        ===== =================== ==================== ========== ===============================================
        index name                unit                 range      meaning
        ===== =================== ==================== ========== ===============================================
        0     recency_weeks       weeks                0 to 260   full weeks without an order since the last one
        1     tenure_weeks        weeks                0 to 520   weeks since the first order, that week included
        2     active_share        share                0 to 1     weeks with an order, of all since the first
        3     order_rate_4        order-days a week    0 to 7     recent rate, about 4 weeks
        4     order_rate_13       order-days a week    0 to 7     rate over about 13 weeks
        5     order_rate_all      order-days a week    0 to 7     rate since the first order
        6     basket_value        currency             0 to 1e6   revenue of an order-day, recent mean
        7     revenue_rate_13     currency a week      0 to 1e6   revenue a week over about 13 weeks
        8     gap_ratio           ratio                0 to 50    present silence over the user's usual gap
        9     contact_stock       contacts             0 to 4     contacts, forgotten by a quarter a week
        10    weeks_since_contact weeks                0 to 64    full weeks since the last contact; 64 for never
        11    redemption_stock    redemptions          0 to 100   redemptions, forgotten by a tenth a week
        12    satisfaction        score                -1 to 1    moved by reviews and service, fading
        13    open_ticket         yes or no            0 or 1     a question or complaint waits for an answer
        ===== =================== ==================== ========== ===============================================

    Actions: `Discrete`, indices into the simulator's action set; 0 is `none` and always allowed.

    Reward
        A name in `envs.rewards.REWARDS`: margin net of action cost of the week, in currency, unless another is asked for.

    Start
        A user drawn from `states`; whether that user is still there, and how they differ from what is observed, is drawn anew
        for each episode. ``reset(seed=s)`` starts a sequence of episodes, ``reset()`` goes on to its next.

    End
        Terminated when the user opts out or, unseen, is gone for good; silence alone ends nothing. Truncated after `weeks`.

    Parameters
    ----------
    simulator : LifecycleSimulator, path or None
        The world; a path names a stored ensemble, None takes a small scenario.
    states : UserStates, optional
        Users with whom episodes begin; needed with a simulator.
    weeks : int
        Horizon.
    reward : str
    cost_price : float
        Counts a unit of cost as one plus this many: the shadow price of a budget.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  Gymnasium declares it so

    def __init__(
        self,
        *,
        simulator: LifecycleSimulator | str | Path | None = None,
        states: UserStates | None = None,
        weeks: int = 13,
        reward: str = "net_margin",
        cost_price: float = 0.0,
    ) -> None:
        truth, users = world(simulator, states)
        self.episodes = Episodes(truth, users, weeks=weeks, n_slots=1, reward=reward, cost_price=cost_price)
        self.observation_space = spaces.Box(LOWS, HIGHS, dtype=np.float32)
        self.action_space = spaces.Discrete(len(truth.actions))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Float32Array, dict[str, Any]]:
        """Begin the next episode, or with a seed the first of a sequence."""
        if seed is None and self._np_random is None:  # never seeded: chance picks the first seed
            seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        super().reset(seed=seed, options=options)
        self.episodes.begin(_EVERY_SLOT, None if seed is None else np.array([seed], dtype=np.int64))
        return self.episodes.observe()[0], self._info(False)

    def step(self, action: np.int64 | int) -> tuple[Float32Array, float, bool, bool, dict[str, Any]]:
        """Live a week."""
        lived = self.episodes.live(np.array([action], dtype=np.int64))
        return (
            self.episodes.observe()[0],
            float(lived.rewards[0]),
            bool(lived.terminated[0]),
            bool(lived.truncated[0]),
            self._info(bool(lived.refused[0])),
        )

    def action_masks(self) -> BoolArray:
        """Return the (n_actions,) mask of the week to come, by the name that maskable learners ask for."""
        mask: BoolArray = self.episodes.mask()[0]
        return mask

    def _info(self, refused: bool) -> dict[str, Any]:
        return {"action_mask": self.action_masks(), "refused": refused}
