"""Allocation: who gets which action when budget and capacities cannot serve everybody."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.allocation.curve import BudgetCurve, budget_curve
    from policies.allocation.limits import Usage, usage
    from policies.allocation.problem import NO_CAPACITY, Allocation, AllocationProblem
    from policies.allocation.solve import allocate

_HOME = {
    "NO_CAPACITY": "policies.allocation.problem",
    "Allocation": "policies.allocation.problem",
    "AllocationProblem": "policies.allocation.problem",
    "BudgetCurve": "policies.allocation.curve",
    "Usage": "policies.allocation.limits",
    "allocate": "policies.allocation.solve",
    "budget_curve": "policies.allocation.curve",
    "usage": "policies.allocation.limits",
}
__all__ = [
    "NO_CAPACITY",
    "Allocation",
    "AllocationProblem",
    "BudgetCurve",
    "Usage",
    "allocate",
    "budget_curve",
    "usage",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
