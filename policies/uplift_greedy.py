"""Uplift-greedy: to each user the action whose expected increment is largest after its cost, at a price for money.

The value of action a to a user with observation x is

    mean increment(x, a) - pessimism * sd(x, a) - (1 + price) * expected cost(x, a)

with what the point simulator expects, and the spread that comes of not knowing the action's response. Without limits each user
stands alone; with a week's limits the values are allocated under them by their shadow prices (`policies.allocation`).

The point simulator holds the centres of what is estimated and assumed. A mean over a few members would add the noise of their
draws to it, and users would be ranked by that noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.threads import threads_for
from policies.allocation.problem import AllocationProblem
from policies.allocation.solve import allocate
from policies.base import Decision, one_hot
from policies.clamp import Limits
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.ensemble import SimulatorEnsemble
from simulations.increment import Increments, expected_increments
from simulations.randomness import Address

_CLOSE_ENOUGH = 2e-4  # of a week's best value; increments are not known that well, and a life has many weeks
_FREE = 1e-6  # cost below which a contact counts as free when users are ordered by gain per unit of money


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftGreedy:
    """See the module's docstring.

    Attributes
    ----------
    ensemble : SimulatorEnsemble
        Whose increments are believed.
    weeks : int
        Horizon of an increment.
    price : float
        What a unit of money must bring besides itself, at least 0.
    min_increment : float
        Least net value of a contact, in currency.
    pessimism : float
        Standard deviations taken off what the point simulator expects; see `simulations.increment`.
    costs, capacities, budget : arrays and float, or None
        A week's limits, as in `policies.clamp.Limits`; see `under`. With them a decision depends on everybody in the batch.
    """

    kind: ClassVar[str] = "uplift_greedy"
    ensemble: SimulatorEnsemble
    weeks: int = 8
    price: float = 0.0
    min_increment: float = 0.0
    pessimism: float = 0.0
    costs: FloatArray | None = None
    capacities: NDArray[np.int64] | None = None
    budget: float | None = None

    def under(self, limits: Limits) -> UpliftGreedy:
        """Return the policy that spends a week's limits where they bring most."""
        return replace(self, costs=limits.costs, capacities=limits.capacities, budget=limits.budget)

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return "uplift-greedy"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the action of the largest value; users come in the order of what a unit of money brings."""
        worth, cost = self._worth(observation, mask, draws.user_keys)
        actions = self._choose(worth, cost, mask, np.argsort(draws.user_keys, kind="stable"))
        rows = np.arange(actions.size)
        return Decision.certain(actions, worth[rows, actions] / np.maximum(cost[rows, actions], _FREE))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for what `act` chooses; under limits ties go by the order of users."""
        worth, cost = self._worth(observation, mask, np.zeros(mask.shape[0], dtype=np.uint64))
        return one_hot(self._choose(worth, cost, mask, np.arange(mask.shape[0])), mask.shape[1])

    def increments(self, observation: Float32Array, user_keys: KeyArray) -> Increments:
        """Return what is believed of each action; who a user is plays no part, only what is seen of them."""
        with threads_for(4 * observation.shape[0]):
            return expected_increments(
                self.ensemble.point,
                observation,
                weeks=self.weeks,
                unsure=self.ensemble.responses if self.pessimism else None,
            )

    def _worth(self, observation: Float32Array, mask: BoolArray, user_keys: KeyArray) -> tuple[FloatArray, FloatArray]:
        """Return (n_users, n_actions) increments less pessimism, and costs; 0 for users whom nothing may reach this week."""
        reachable = np.flatnonzero(mask[:, 1:].any(axis=1))
        found = self.increments(observation[reachable], user_keys[reachable])
        worth, cost = np.zeros(mask.shape, dtype=np.float64), np.zeros(mask.shape, dtype=np.float64)
        worth[reachable] = found.margin if found.spread is None else found.margin - self.pessimism * found.spread
        cost[reachable] = found.cost
        return worth, cost

    def _choose(self, worth: FloatArray, cost: FloatArray, mask: BoolArray, order: IntArray) -> ActionArray:
        """Return the actions; `order` is that in which users are served where they are worth the same."""
        if self.costs is None or self.capacities is None:
            return best_actions(worth, cost, mask, self.price, self.min_increment)
        values = worth - (1.0 + self.price) * cost - self.min_increment
        values[:, 0] = 0.0
        problem = AllocationProblem(
            values=values[order],
            costs=np.tile(self.costs, (order.size, 1)),
            allowed=mask[order],
            budget=self.budget,
            capacities=self.capacities,
        )
        actions = np.zeros(order.size, dtype=np.int16)
        actions[order] = allocate(problem, precision=_CLOSE_ENOUGH).actions
        return actions

    def save_parts(self, folder: Path) -> frozenset[str]:
        """Write the ensemble beside the settings; return the fields that are taken care of."""
        self.ensemble.save(folder / "ensemble")
        return frozenset({"ensemble"})

    @classmethod
    def load_parts(cls, folder: Path) -> Mapping[str, object]:
        """Read what `save_parts` wrote."""
        return {"ensemble": SimulatorEnsemble.load(folder / "ensemble")}


def best_actions(worth: FloatArray, cost: FloatArray, mask: BoolArray, price: float, smallest: float = 0.0) -> ActionArray:
    """Return each user's allowed action of the largest worth at a price, `none` where it does not exceed `smallest`.

    Parameters
    ----------
    worth, cost : (n_users, n_actions) arrays
        In currency; column 0 is 0.
    price : float
        A unit of cost counts as one plus this many.

    Examples
    --------
    >>> worth, cost = np.array([[0.0, 3.0, 2.5]]), np.array([[0.0, 2.0, 1.0]])
    >>> [int(best_actions(worth, cost, worth >= 0, price)[0]) for price in (0.0, 2.0)]
    [2, 0]
    """
    value = np.where(mask, worth - (1.0 + price) * cost - smallest, -np.inf)
    value[:, 0] = 0.0
    actions: ActionArray = np.argmax(value, axis=1).astype(np.int16)
    return actions
