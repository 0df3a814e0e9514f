"""What a budget buys: the best value at each of several budgets, and the most that any allocation could bring there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from policies.allocation.problem import AllocationProblem
from policies.allocation.solve import allocate
from simulations.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BudgetCurve:
    """Value against budget; every array is (n_budgets,), in rising order of budget, money in currency.

    Attributes
    ----------
    budgets, values, bounds, costs : float arrays
        What may be spent; what the allocation is worth; the most any allocation could be worth; what is spent.
    prices : float array
        Shadow price of the budget: value of the next unit.
    contacts : integer array
        Users who get an action.
    """

    budgets: FloatArray
    values: FloatArray
    bounds: FloatArray
    costs: FloatArray
    prices: FloatArray
    contacts: IntArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a budget."""
        return pd.DataFrame(
            {
                "budget": self.budgets,
                "value": self.values,
                "bound": self.bounds,
                "cost": self.costs,
                "price": self.prices,
                "contacts": self.contacts,
            }
        )


def budget_curve(problem: AllocationProblem, budgets: Sequence[float] | None = None, *, n_budgets: int = 12) -> BudgetCurve:
    """Allocate at each budget, all else unchanged.

    Parameters
    ----------
    budgets : sequence of float, optional
        In currency. Left out, `n_budgets` equal steps lead from 0 to what would be spent with no budget at all, and the
        problem's own budget is among them.

    Examples
    --------
    >>> problem = AllocationProblem(
    ...     values=np.array([[0.0, 3.0], [0.0, 2.0]]),
    ...     costs=np.array([[0.0, 1.0], [0.0, 1.0]]),
    ...     allowed=np.ones((2, 2), dtype=bool),
    ...     budget=None,
    ...     capacities=np.array([-1, -1]),
    ... )
    >>> budget_curve(problem, [2.0, 0.0, 1.0]).values.tolist()
    [0.0, 3.0, 5.0]
    """
    if budgets is None:
        most = allocate(replace(problem, budget=None)).cost
        own = [] if problem.budget is None else [problem.budget]
        budgets = [*np.linspace(0.0, most, n_budgets).tolist(), *own]
    steps = sorted({float(budget) for budget in budgets})
    found = [allocate(replace(problem, budget=budget)) for budget in steps]
    return BudgetCurve(
        budgets=np.array(steps),
        values=np.array([allocation.value for allocation in found]),
        bounds=np.array([allocation.bound for allocation in found]),
        costs=np.array([allocation.cost for allocation in found]),
        prices=np.array([allocation.budget_price for allocation in found]),
        contacts=np.array([int((allocation.actions > 0).sum()) for allocation in found], dtype=np.int64),
    )
