"""The allocation problem: at most one action a user, one budget, a capacity per action.

Maximise the sum of ``values[i, a]`` over the chosen pairs, with at most one action for each user, at most `budget` spent, and
at most ``capacities[a]`` users for action `a`. It is a multiple-choice knapsack (Sinha and Zoltners, 1979, Operations
Research 27(3)) whose choices also share the actions' capacities. Action 0 is `none`: worth nothing, free, always allowed,
without a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulations.arrays import ActionArray, BoolArray, FloatArray, IntArray
from simulations.errors import PlanError

NO_CAPACITY = -1  # in `capacities`: the action may go to any number of users


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllocationProblem:
    """What to choose from, and the limits.

    The order of users matters only where two allocations are worth the same: the earlier user then goes first.

    Attributes
    ----------
    values : (n_users, n_actions) float array
        What each action is worth for each user, in currency; may be negative. Column 0 is `none` and must be 0.
    costs : (n_users, n_actions) float array
        What it takes from the budget, in currency, not negative. Column 0 must be 0.
    allowed : (n_users, n_actions) bool array
        Where False, the action may not be chosen. `none` is allowed whatever it says.
    budget : float or None
        Largest total cost; None for no limit.
    capacities : (n_actions,) integer array
        Largest number of users per action; `NO_CAPACITY` for no limit. `none` has none, whatever it says.

    Raises
    ------
    PlanError
        If a shape, a value, a cost, the budget or a capacity makes no sense.

    Examples
    --------
    >>> problem = AllocationProblem(
    ...     values=np.array([[0.0, 3.0], [0.0, 2.0]]),
    ...     costs=np.array([[0.0, 1.0], [0.0, 1.0]]),
    ...     allowed=np.ones((2, 2), dtype=bool),
    ...     budget=1.0,
    ...     capacities=np.array([-1, -1]),
    ... )
    >>> problem.n_users
    2
    """

    values: FloatArray
    costs: FloatArray
    allowed: BoolArray
    budget: float | None
    capacities: IntArray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] < 1:
            raise PlanError(f"values: shape {self.values.shape}; users by actions, `none` first, is expected.")
        for name in ("costs", "allowed"):
            shape = getattr(self, name).shape
            if shape != self.values.shape:
                raise PlanError(f"{name}: shape {shape} where values has {self.values.shape}; they must agree.")
        if self.capacities.shape != (self.n_actions,):
            raise PlanError(f"capacities: shape {self.capacities.shape}; one for each of {self.n_actions} actions is expected.")
        if not np.isfinite(self.values[self.allowed]).all():
            raise PlanError("values: some allowed action is worth NaN or infinity; forbid it or give it a number.")
        if not (np.isfinite(self.costs) & (self.costs >= 0)).all():
            raise PlanError("costs: some are negative, NaN or infinite; a cost is a number of at least 0.")
        if self.values[:, 0].any() or self.costs[:, 0].any():
            raise PlanError("column 0 is `none`: its values and costs must be 0.")
        if self.budget is not None and not (np.isfinite(self.budget) and self.budget >= 0):
            raise PlanError(f"budget: {self.budget} is no amount of at least 0; leave it out for no limit.")
        if (self.capacities < NO_CAPACITY).any():
            raise PlanError(f"capacities: {int(self.capacities.min())}; at least 0 is expected, or {NO_CAPACITY} for no limit.")

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.values.shape[0])

    @property
    def n_actions(self) -> int:
        """Number of actions, `none` included."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocation:
    """Who gets what, and how far from the best possible it can be at most.

    Attributes
    ----------
    actions : (n_users,) int16 array
        The action of each user; 0 is `none`.
    value, cost : float
        Totals over all users, in currency.
    bound : float
        No allocation within the limits is worth more (the Lagrangian dual, at the prices below).
    gap : float
        ``bound - value``, in currency.
    lp_gap : float
        The same as a share of the bound; 0 says that the allocation is the best one.
    budget_price : float
        Shadow price of the budget: what one more unit of it would bring. 0 where it does not bind.
    capacity_prices : (n_actions,) float array
        Shadow price of one more user for each action, in currency.
    """

    actions: ActionArray
    value: float
    cost: float
    bound: float
    gap: float
    lp_gap: float
    budget_price: float
    capacity_prices: FloatArray

    def summary(self) -> str:
        """Say it in one line."""
        return (
            f"{int((self.actions > 0).sum()):,} of {self.actions.size:,} users, worth {self.value:,.2f} for {self.cost:,.2f}; "
            f"at most {self.lp_gap:.4%} below the best possible"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the totals, unrounded."""
        names = ("value", "cost", "bound", "gap", "lp_gap", "budget_price")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])
