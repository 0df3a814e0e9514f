"""Carry-over: what one more order now brings later, because the state remembers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulations.actions import Action, ActionKind, ActionSet
from simulations.arrays import FloatArray
from simulations.features import column, observe
from simulations.response import N_BASIS, ResponseArrays
from simulations.state import NEVER, UserStates

if TYPE_CHECKING:
    from simulations.simulator import LifecycleSimulator

N_GROUPS = 4  # of users by their order rate, in which carry-over is measured
_RATE = column("order_rate_13")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOver:
    """Later order-days that one more order-day brings, because the state remembers it.

    Attributes
    ----------
    edges : (n_groups - 1,) float64 array
        Cuts of `order_rate_13` between groups of users.
    shares : (n_groups, n_weeks) float64 array
        Order-days 1, 2, ... weeks later for each order-day more.
    """

    edges: FloatArray
    shares: FloatArray


def measure_carry_over(
    simulator: LifecycleSimulator, states: UserStates, *, weeks: int = 26, draws: int = 12, largest: int = 2000, seed: int = 0
) -> CarryOver:
    """Measure what one more order-day brings later, by how often users order.

    Twins with the same luck, of which one is pushed in the first week only (half a unit of log-odds), are lived side by side.

    Parameters
    ----------
    states : UserStates
        Users over whom to average; at most `largest` of them are taken, evenly spaced.
    """
    rows = np.unique(np.linspace(0, states.n_users - 1, min(largest, states.n_users)).astype(np.int64))
    some = states.take(rows)
    push = ActionSet.of([Action(name="push", kind=ActionKind.GIFT)])
    fresh = np.zeros((some.n_users, 2), dtype=np.uint8)
    some = replace(some, since_action=np.full_like(fresh, NEVER), exposure_counts=fresh)
    zero = np.zeros(2)
    response = ResponseArrays(
        centre=np.zeros(N_BASIS),
        spread=np.ones(N_BASIS),
        coefficients=np.vstack([np.zeros(N_BASIS), np.eye(N_BASIS)[0] * 0.5]),
        duration=np.array([0, 1], dtype=np.int64),
        decay=np.ones(2),
        spend_lift=zero,
        redemption=zero,
        habituation=zero,
        fatigue=zero,
        pull_forward=zero,
        opt_out=zero,
    )
    pushed = replace(simulator, actions=push, response=response)
    nothing = np.zeros((some.n_users, weeks), dtype=np.uint32)
    once = nothing.copy()
    once[:, 0] = 2
    rates = observe(some)[:, _RATE].astype(np.float64)
    edges = np.unique(np.quantile(rates, np.arange(1, N_GROUPS) / N_GROUPS))
    group = np.searchsorted(edges, rates)
    gained = np.zeros((edges.size + 1, weeks), dtype=np.float64)
    for draw in range(draws):
        twins = pushed.twin(some, nothing, once, seed=seed + draw, keep_weeks=True)
        without, with_push = (twin.events.order_days.astype(np.float64) for twin in twins if twin.events is not None)
        for k in range(gained.shape[0]):
            gained[k] += (with_push - without)[group == k].sum(axis=0)
    return CarryOver(edges=edges, shares=gained[:, 1:] / np.maximum(gained[:, :1], 1.0))
