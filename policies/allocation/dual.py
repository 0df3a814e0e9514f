"""Shadow prices: the Lagrangian dual of allocating actions under a budget and capacities.

At a price for money and a surcharge for each limited action, every user takes the action with the largest value minus price
times cost minus surcharge. What users then keep, plus prices times limits, bounds every allocation from above; the prices
sought are those of the smallest bound, which is the optimum of the linear relaxation.

With one price the bound is a convex, piecewise linear function of one number: the crossing of the tangents on both sides
leads to its kink in few steps, bisection guards them. With several prices it is minimised by cutting planes inside a box that
follows the best point (Marsten, Hogan and Blankenship, 1975, Operations Research 23(3), "The boxstep method for large-scale
optimization").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulations.arrays import ActionArray, FloatArray, IntArray
from simulations.compiled import njit

_Convex = Callable[[FloatArray], tuple[float, FloatArray]]
EXACT = 1e-10  # of the bound: closer than this is done
_MAX_STEPS = 400


@njit()
def respond(
    values: FloatArray, costs: FloatArray, price: float, surcharges: FloatArray, choice: ActionArray
) -> tuple[float, float, IntArray]:
    """Let every user choose at the prices; fill `choice` and return (what users keep, spend, users per action).

    Parameters
    ----------
    values : (n_users, n_actions) array
        Currency; minus infinity where an action is shut. Column 0 is 0.
    costs : (n_users, n_actions) array
        Currency.
    price : float
        Price of one unit of budget.
    surcharges : (n_actions,) array
        Price of one place of each action, in currency.
    choice : (n_users,) int16 array
        Overwritten. Of two actions that leave as much, the one with the smaller index is taken.
    """
    n_users, n_actions = values.shape
    counts = np.zeros(n_actions, dtype=np.int64)
    kept = 0.0
    spend = 0.0
    for i in range(n_users):
        best = 0.0
        taken = 0
        for a in range(1, n_actions):
            left = values[i, a] - price * costs[i, a] - surcharges[a]
            if left > best:
                best = left
                taken = a
        choice[i] = taken
        counts[taken] += 1
        kept += best
        spend += costs[i, taken]
    return kept, spend, counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """Prices and the bound they prove.

    Attributes
    ----------
    budget_price : float
        Value of one more unit of budget.
    capacity_prices : (n_actions,) array
        Value of one more place for each action, in currency.
    bound : float
        No allocation is worth more, in currency.
    choice : (n_users,) int16 array
        What users take at the prices; may break limits where users are tied.
    """

    budget_price: float
    capacity_prices: FloatArray
    bound: float
    choice: ActionArray


def shadow_prices(
    values: FloatArray, costs: FloatArray, budget: float, capacities: FloatArray, *, precision: float = EXACT
) -> Prices:
    """Find the prices of the smallest bound.

    Parameters
    ----------
    values : (n_users, n_actions) array
        Minus infinity where an action is shut; column 0 is 0.
    costs : (n_users, n_actions) array
        Not negative.
    budget : float
        Infinity for none.
    capacities : (n_actions,) float array
        Infinity for none.
    precision : float
        Relative distance from the smallest bound at which several prices are close enough; one price alone is always exact.
    """
    choice = np.empty(values.shape[0], dtype=np.int16)
    no_surcharge = np.zeros(values.shape[1])
    kept, spend, counts = respond(values, costs, 0.0, no_surcharge, choice)
    limited = np.flatnonzero(np.isfinite(values[:, 1:]).sum(axis=0) > capacities[1:]) + 1
    if spend <= budget and (counts[limited] <= capacities[limited]).all():
        return Prices(budget_price=0.0, capacity_prices=no_surcharge, bound=kept, choice=choice)
    if limited.size == 0:
        return _one_price(values, costs, budget, kept, spend)
    return _several_prices(values, costs, budget, capacities, limited, precision)


def _highest_price(values: FloatArray, costs: FloatArray) -> float:
    """Return a price at which nobody takes anything that costs."""
    paid = (costs > 0) & np.isfinite(values)
    return float((values[paid] / costs[paid]).max()) * (1.0 + 1e-9) if paid.any() else 0.0


def _one_price(values: FloatArray, costs: FloatArray, budget: float, kept: float, spend: float) -> Prices:
    """Minimise the bound over the price of money alone, given what users keep and spend at price 0."""
    no_surcharge = np.zeros(values.shape[1])
    choice = np.empty(values.shape[0], dtype=np.int16)
    affordable = np.empty_like(choice)
    low, low_bound, low_slope = 0.0, kept, budget - spend
    high = _highest_price(values, costs)
    kept, spend, _ = respond(values, costs, high, no_surcharge, affordable)
    high_bound, high_slope = kept + high * budget, budget - spend
    bisect = False
    for _ in range(_MAX_STEPS):
        width = high - low
        crossing = (high_bound - low_bound + low_slope * low - high_slope * high) / (low_slope - high_slope)
        floor = low_bound + low_slope * (crossing - low)  # the bound cannot be smaller anywhere
        if min(low_bound, high_bound) - floor <= EXACT * abs(floor):
            break
        middle = 0.5 * (low + high) if bisect else crossing
        if not low < middle < high:
            break
        kept, spend, _ = respond(values, costs, middle, no_surcharge, choice)
        bound = kept + middle * budget
        if spend <= budget:
            high, high_bound, high_slope = middle, bound, budget - spend
            affordable[:] = choice
        else:
            low, low_bound, low_slope = middle, bound, budget - spend
        bisect = high - low > 0.5 * width
    price, bound = (high, high_bound) if high_bound <= low_bound else (low, low_bound)
    return Prices(budget_price=price, capacity_prices=no_surcharge, bound=bound, choice=affordable)


def _several_prices(
    values: FloatArray, costs: FloatArray, budget: float, capacities: FloatArray, limited: IntArray, precision: float
) -> Prices:
    """Minimise the bound over the price of money, where there is a budget, and the surcharges of the `limited` actions."""
    has_budget = bool(np.isfinite(budget)) and bool((costs[np.isfinite(values)] > 0).any())
    limits = np.concatenate([[budget], capacities[limited]]) if has_budget else capacities[limited].astype(np.float64)
    best_worth = np.where(np.isfinite(values[:, limited]), values[:, limited], 0.0).max(axis=0)
    scale = np.concatenate([[_highest_price(values, costs)], best_worth]) if has_budget else best_worth
    scale = np.maximum(scale, np.finfo(np.float64).tiny * 1e16)
    choice = np.empty(values.shape[0], dtype=np.int16)

    def split(point: FloatArray) -> tuple[float, FloatArray]:
        surcharges = np.zeros(values.shape[1])
        surcharges[limited] = (point * scale)[1:] if has_budget else point * scale
        return float(point[0] * scale[0]) if has_budget else 0.0, surcharges

    def bound_and_slope(point: FloatArray) -> tuple[float, FloatArray]:
        kept, spend, counts = respond(values, costs, *split(point), choice)
        used = np.concatenate([[spend], counts[limited]]) if has_budget else counts[limited].astype(np.float64)
        return kept + float((point * scale * limits).sum()), (limits - used) * scale

    point, bound = _boxstep(bound_and_slope, n_prices=limits.size, precision=precision)
    price, surcharges = split(point)
    respond(values, costs, price, surcharges, choice)
    return Prices(budget_price=price, capacity_prices=surcharges, bound=bound, choice=choice)


def _boxstep(function: _Convex, *, n_prices: int, precision: float) -> tuple[FloatArray, float]:
    """Minimise a convex function over the unit box; return the best point and its value.

    `function` returns value and slope. Each cut is a tangent; the master problem minimises their maximum inside a smaller box
    around the best point, which grows while steps help and shrinks while they do not.
    """
    from scipy.optimize import linprog

    centre = np.zeros(n_prices)
    best, slope = function(centre)
    slopes, offsets = [slope], [best]  # the cut says: value >= offset + slope . x
    radius = 0.25
    aim = np.zeros(n_prices + 1)
    aim[-1] = 1.0
    for _ in range(_MAX_STEPS):
        unit = max(abs(best), np.finfo(np.float64).tiny * 1e16)
        rows = np.column_stack([np.array(slopes) / unit, -np.ones(len(slopes))])
        low, high = np.maximum(centre - radius, 0.0), np.minimum(centre + radius, 1.0)
        master = linprog(
            aim, A_ub=rows, b_ub=-np.array(offsets) / unit, bounds=[*zip(low, high, strict=True), (None, None)], method="highs"
        )
        if master.x is None:
            break
        point = np.clip(master.x[:-1], low, high)
        promise = best - master.x[-1] * unit
        inside = bool((((point > low) | (low == 0.0)) & ((point < high) | (high == 1.0))).all())
        if promise <= precision * unit:
            if inside:
                break
            radius = min(4.0 * radius, 1.0)
            continue
        value, slope = function(point)
        slopes.append(slope)
        offsets.append(value - float((slope * point).sum()))
        if value < best:
            radius = min(2.0 * radius, 1.0) if best - value > 0.5 * promise else radius
            centre, best = point, value
        else:
            radius *= 0.7
    return centre, best
