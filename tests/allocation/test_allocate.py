"""Allocation: against an exact solver on small random instances, and on cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

from policies.allocation import NO_CAPACITY, Allocation, AllocationProblem, allocate, budget_curve, usage
from simulations.errors import PlanError


def exact(problem: AllocationProblem, *, whole: bool) -> float:
    """Solve by HiGHS: the best total with whole users, or with users that may be split."""
    n, m = problem.values.shape
    rows, limits = lil_matrix((n + 1 + m, n * m)), np.full(n + 1 + m, np.inf)
    for i in range(n):
        rows[i, i * m : (i + 1) * m] = 1
    limits[:n] = 1
    rows[n] = problem.costs.ravel()
    limits[n] = np.inf if problem.budget is None else problem.budget
    for a in range(1, m):
        rows[n + 1 + a, a::m] = 1
        limits[n + 1 + a] = np.inf if problem.capacities[a] == NO_CAPACITY else problem.capacities[a]
    found = milp(
        -problem.values.ravel(),
        constraints=LinearConstraint(rows.tocsr(), -np.inf, limits),
        integrality=np.full(n * m, int(whole)),
        bounds=Bounds(0, problem.allowed.ravel().astype(float)),
        options={"mip_rel_gap": 0.0},
    )
    return float(-found.fun)


def random_problem(seed: int, *, max_users: int = 25) -> AllocationProblem:
    """Draw an instance; half of them have many ties."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, max_users)), int(rng.integers(2, 6))
    values, costs = rng.normal(1.0, 2.0, (n, m)), rng.uniform(0.0, 2.0, (n, m))
    if seed % 2:
        values, costs = np.round(values), np.round(2.0 * costs) / 2.0
    values[:, 0] = costs[:, 0] = 0.0
    return AllocationProblem(
        values=values,
        costs=costs,
        allowed=rng.random((n, m)) < 0.8,
        budget=None if seed % 3 == 0 else float(rng.uniform(0.0, n / 2.0)),
        capacities=np.where(rng.random(m) < 0.5, rng.integers(0, n + 1, m) // 2, NO_CAPACITY),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_no_limit_is_broken_and_the_best_possible_lies_between_value_and_bound(seed):
    problem = random_problem(seed)
    found = allocate(problem)
    best, split = exact(problem, whole=True), exact(problem, whole=False)
    assert usage(problem, found.actions).violations == ()
    assert found.value <= best + 1e-7
    assert best <= found.bound + 1e-7
    assert found.bound <= split + 1e-6 * (1.0 + split)  # the prices are those of the linear relaxation
    assert found.gap == pytest.approx(found.bound - found.value)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_with_capacities_alone_the_allocation_is_the_best_one(seed):
    problem = replace(random_problem(seed), budget=None)
    assert allocate(problem).value == pytest.approx(exact(problem, whole=True), abs=1e-7)


def test_with_a_budget_alone_at_most_one_users_worth_is_lost():
    """Sinha and Zoltners (1979): the linear relaxation splits one user at most."""
    for seed in range(30):
        problem = random_problem(seed)
        if problem.budget is None:
            continue
        problem = replace(problem, capacities=np.full(problem.n_actions, NO_CAPACITY))
        assert allocate(problem).gap <= problem.values.max() + 1e-7


def of(values: list[list[float]], costs: list[list[float]], budget: float | None, capacities: list[int]) -> Allocation:
    table = np.array(values)
    return allocate(
        AllocationProblem(
            values=table,
            costs=np.array(costs),
            allowed=np.ones(table.shape, dtype=bool),
            budget=budget,
            capacities=np.array(capacities),
        )
    )


def test_a_budget_buys_the_most_value_for_money_first():
    found = of([[0, 4.0], [0, 3.0], [0, 2.0]], [[0, 4.0], [0, 1.0], [0, 1.0]], 4.0, [-1, -1])
    assert found.actions.tolist() == [0, 1, 1]
    assert (found.value, found.cost) == (5.0, 2.0)
    assert found.budget_price == pytest.approx(1.0)


def test_a_capacity_goes_to_the_users_for_whom_the_alternative_is_worst():
    found = of([[0, 5.0, 4.9], [0, 4.0, 1.0]], [[0, 0, 0], [0, 0, 0]], None, [-1, 1, -1])
    assert found.actions.tolist() == [2, 1]
    assert found.lp_gap == pytest.approx(0.0, abs=1e-9)


def test_ties_go_to_the_earlier_user():
    found = of([[0, 1.0]] * 4, [[0, 1.0]] * 4, 2.0, [-1, -1])
    assert found.actions.tolist() == [1, 1, 0, 0]


def test_what_is_worth_less_than_nothing_is_never_chosen():
    found = of([[0, -1.0], [0, 0.0]], [[0, 0.0], [0, 0.0]], None, [-1, -1])
    assert found.actions.tolist() == [0, 0]
    assert (found.value, found.bound, found.lp_gap) == (0.0, 0.0, 0.0)


def test_a_budget_of_nothing_still_allows_what_is_free():
    found = of([[0, 3.0, 1.0]], [[0, 2.0, 0.0]], 0.0, [-1, -1, -1])
    assert found.actions.tolist() == [2]


def test_a_budget_that_the_costs_fill_exactly_is_used_up_despite_binary_rounding():
    found = of([[0, 1.0]] * 3, [[0, 0.1]] * 3, 0.3, [-1, -1])
    assert found.actions.tolist() == [1, 1, 1]
    assert found.cost <= 0.3


def test_the_gap_vanishes_as_users_grow_many():
    rng = np.random.default_rng(5)
    values, costs = rng.normal(1.0, 2.0, (20_000, 5)), rng.uniform(0.2, 2.0, (20_000, 5))
    values[:, 0] = costs[:, 0] = 0.0
    problem = AllocationProblem(
        values=values,
        costs=costs,
        allowed=np.ones(values.shape, dtype=bool),
        budget=3000.0,
        capacities=np.array([-1, 500, -1, 800, -1]),
    )
    assert allocate(problem).lp_gap < 1e-3


def test_the_same_problem_gives_the_same_allocation_and_stays_unchanged():
    problem = random_problem(7)
    before = (problem.values.copy(), problem.costs.copy(), problem.allowed.copy())
    first, second = allocate(problem), allocate(problem)
    assert (first.actions == second.actions).all()
    assert first.bound == second.bound
    for kept, array in zip(before, (problem.values, problem.costs, problem.allowed), strict=True):
        assert (kept == array).all()


def test_nobody_to_choose_for_gives_an_empty_allocation():
    empty = np.zeros((0, 3))
    problem = AllocationProblem(
        values=empty, costs=empty, allowed=empty.astype(bool), budget=1.0, capacities=np.array([-1, -1, -1])
    )
    assert allocate(problem).actions.size == 0


def test_the_budget_curve_rises_and_bends_down():
    problem = replace(random_problem(4, max_users=200), budget=3.0)
    curve = budget_curve(problem)
    assert 3.0 in curve.budgets
    assert (np.diff(curve.bounds) >= -1e-7).all()
    slopes = np.diff(curve.bounds) / np.diff(curve.budgets)
    assert (np.diff(slopes) <= 1e-6).all()
    assert (curve.values <= curve.bounds + 1e-9).all()
    assert (curve.costs <= curve.budgets).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": -1.0}, "budget: -1.0 is no amount"),
        ({"capacities": np.array([-1, -2])}, "capacities: -2"),
        ({"costs": np.array([[0.0, -1.0]])}, "costs: some are negative"),
        ({"values": np.array([[1.0, 1.0]])}, "column 0 is `none`"),
        ({"values": np.array([[0.0, np.nan]])}, "NaN"),
        ({"allowed": np.ones((2, 2), dtype=bool)}, "allowed: shape"),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused_in_words(change, words):
    problem = AllocationProblem(
        values=np.array([[0.0, 1.0]]),
        costs=np.array([[0.0, 1.0]]),
        allowed=np.ones((1, 2), dtype=bool),
        budget=1.0,
        capacities=np.array([-1, -1]),
    )
    with pytest.raises(PlanError, match=words):
        replace(problem, **change)
