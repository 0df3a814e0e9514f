"""Allocate: prices first, then the mending, and a bound that says how good the result is."""

from __future__ import annotations

import numpy as np

from policies.allocation.dual import EXACT, shadow_prices
from policies.allocation.limits import spend_limit, usage
from policies.allocation.problem import NO_CAPACITY, Allocation, AllocationProblem
from policies.allocation.repair import fit_budget, fit_capacities, improve, rotate
from simulations.arrays import ActionArray

_TINY = 1e-12  # currency; below this a bound counts as nothing
_ROUNDS = 200  # chains of moves tried


def allocate(problem: AllocationProblem, *, precision: float = EXACT) -> Allocation:
    """Choose at most one action for each user, worth as much as can be found within budget and capacities.

    The allocation always holds to the limits. `Allocation.lp_gap` bounds what a better one could add: with one budget it is at
    most one user's worth, so it vanishes as users grow many (Sinha and Zoltners, 1979).

    Examples
    --------
    >>> problem = AllocationProblem(
    ...     values=np.array([[0.0, 3.0], [0.0, 2.0]]),
    ...     costs=np.array([[0.0, 1.0], [0.0, 1.0]]),
    ...     allowed=np.ones((2, 2), dtype=bool),
    ...     budget=1.0,
    ...     capacities=np.array([-1, -1]),
    ... )
    >>> allocation = allocate(problem)
    >>> allocation.actions.tolist(), allocation.value, allocation.lp_gap
    ([1, 0], 3.0, 0.0)
    """
    limit = spend_limit(problem.budget)
    useful = problem.allowed & (problem.values > 0) & (problem.costs <= limit)
    values = np.where(useful, problem.values, -np.inf).astype(np.float64)
    values[:, 0] = 0.0
    someone = np.flatnonzero(useful[:, 1:].any(axis=1))
    values, costs = np.ascontiguousarray(values[someone]), np.ascontiguousarray(problem.costs[someone], dtype=np.float64)
    capacities = np.where(problem.capacities == NO_CAPACITY, np.inf, problem.capacities).astype(np.float64)
    capacities[0] = np.inf

    prices = shadow_prices(values, costs, np.inf if problem.budget is None else problem.budget, capacities, precision=precision)
    choice: ActionArray = prices.choice.copy()
    places = capacities - np.bincount(choice, minlength=problem.n_actions)
    price, surcharges = prices.budget_price, prices.capacity_prices
    fit_capacities(values, costs, price, surcharges, places, choice)
    fit_budget(values, costs, limit, places, choice)
    improve(values, costs, price, surcharges, limit, places, choice)
    if np.isfinite(capacities).any() and rotate(values, costs, price, limit, places, choice, _ROUNDS):
        improve(values, costs, price, surcharges, limit, places, choice)

    actions = np.zeros(problem.n_users, dtype=np.int16)
    actions[someone] = choice
    value = float(problem.values[np.arange(problem.n_users), actions].sum())
    bound = max(prices.bound, value)
    return Allocation(
        actions=actions,
        value=value,
        cost=usage(problem, actions).spend,
        bound=bound,
        gap=bound - value,
        lp_gap=(bound - value) / max(abs(bound), _TINY),
        budget_price=price,
        capacity_prices=surcharges,
    )
