"""Rewards: what a week was worth, by name.

`net_margin` is margin less action costs. `increment` subtracts what the user's twin brought who was left alone under the same
luck since the episode began: the twin does not depend on the actions, so the best policy stays the best, and most of the noise
goes (a control variate). `retention` counts weeks in which the user had bought within the last eight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from simulations.arrays import FloatArray
from simulations.errors import ConfigError
from simulations.rollout import PeriodEvents
from simulations.simulator import RETENTION_WEEKS
from simulations.state import UserStates, V


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a reward may look at.

    Attributes
    ----------
    events : PeriodEvents
        What the users did.
    twins : PeriodEvents or None
        What their twins did who were left alone; None unless the reward asks for them.
    after : UserStates
        States at the end of the week.
    cost_price : float
        How much dearer than its price a unit of cost counts: the shadow price of a budget.
    """

    events: PeriodEvents
    twins: PeriodEvents | None
    after: UserStates
    cost_price: float


Reward = Callable[[Week], FloatArray]


def net_margin(week: Week) -> FloatArray:
    """Return margin less (one plus price) times cost, in currency."""
    return _net(week.events, week.cost_price)


def increment(week: Week) -> FloatArray:
    """Return `net_margin` less that of the twins left alone, in currency."""
    if week.twins is None:
        raise ConfigError("reward increment: the week was lived without twins; ask for them by naming this reward.")
    return _net(week.events, week.cost_price) - _net(week.twins, week.cost_price)


def _net(events: PeriodEvents, cost_price: float) -> FloatArray:
    return events.margin - (1.0 + cost_price) * events.cost


def retention(week: Week) -> FloatArray:
    """Return 1 where the user bought within the last eight weeks, else 0."""
    values = week.after.values
    return ((values[:, V.ACTIVE_WEEKS] > 0) & (values[:, V.RECENCY] < RETENTION_WEEKS)).astype(np.float64)


REWARDS: Mapping[str, Reward] = MappingProxyType({"net_margin": net_margin, "increment": increment, "retention": retention})


def reward_named(name: str) -> Reward:
    """Return the reward called `name`.

    Raises
    ------
    ConfigError
        If there is none of that name; the message lists those there are.
    """
    if name not in REWARDS:
        raise ConfigError(f"reward {name!r} is unknown; the known ones are {', '.join(REWARDS)}.")
    return REWARDS[name]
