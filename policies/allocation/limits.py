"""The limits of an allocation: what it uses of the budget and of each capacity, and whether that is within them.

A sum of many costs is compared with the budget to one part in 10¹⁰, because 0.1 + 0.1 + 0.1 is more than 0.3 in binary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.allocation.problem import NO_CAPACITY, AllocationProblem
from simulations.arrays import ActionArray, IntArray

_ROUNDING = 1e-10


def spend_limit(budget: float | None) -> float:
    """Return the largest sum of costs that counts as within the budget; infinity where there is none.

    Examples
    --------
    >>> 0.1 + 0.1 + 0.1 <= 0.3, 0.1 + 0.1 + 0.1 <= spend_limit(0.3)
    (False, True)
    """
    return math.inf if budget is None else budget * (1.0 + _ROUNDING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Usage:
    """What an allocation uses.

    Attributes
    ----------
    spend : float
        Total cost, in currency; at most the budget where the allocation holds to it.
    counts : (n_actions,) integer array
        Users per action, `none` included.
    violations : tuple of str
        One sentence per broken limit; empty where all hold.
    """

    spend: float
    counts: IntArray
    violations: tuple[str, ...]


def usage(problem: AllocationProblem, actions: ActionArray) -> Usage:
    """Add up what `actions`, a (n_users,) array, use of the problem's limits."""
    rows = np.arange(problem.n_users)
    spend = math.fsum(problem.costs[rows, actions])
    counts = np.bincount(actions, minlength=problem.n_actions).astype(np.int64)
    broken: list[str] = []
    if spend > spend_limit(problem.budget):
        broken.append(f"the budget of {problem.budget} is overspent: {spend}")
    for action in range(1, problem.n_actions):
        capacity = int(problem.capacities[action])
        if capacity != NO_CAPACITY and counts[action] > capacity:
            broken.append(f"action {action} goes to {counts[action]:,} users, its capacity is {capacity:,}")
    shut = int((~problem.allowed[rows, actions] & (actions != 0)).sum())
    if shut:
        broken.append(f"{shut:,} users get an action that is not allowed for them")
    if problem.budget is not None and not broken:
        spend = min(spend, problem.budget)
    return Usage(spend=spend, counts=counts, violations=tuple(broken))
