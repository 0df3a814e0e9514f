"""From prices to an allocation that holds: mend what breaks a limit, then spend what is left.

At the shadow prices only users who are tied, or nearly so, can be wrong. Whoever loses least moves first: out of actions over
their capacity, then to cheaper actions until the budget holds; at last, what is free is given where it brings most. All three
steps are sequential sorts with ties broken by the order of users, so the result never depends on the number of threads.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import ActionArray, FloatArray, IntArray
from simulations.compiled import njit


@njit()
def total_spend(costs: FloatArray, choice: ActionArray) -> float:
    """Sum the costs of the choices, in the order of users."""
    spend = 0.0
    for i in range(choice.size):
        spend += costs[i, choice[i]]
    return spend


@njit()
def _second_best(
    i: int, taken: int, values: FloatArray, costs: FloatArray, price: float, surcharges: FloatArray, places: FloatArray
) -> tuple[float, int]:
    """Return what user `i` would keep with the best other action that has a place, and which it is."""
    best, other = 0.0, 0
    for a in range(1, values.shape[1]):
        if a != taken and places[a] > 0:
            left = values[i, a] - price * costs[i, a] - surcharges[a]
            if left > best:
                best, other = left, a
    return best, other


@njit()
def fit_capacities(
    values: FloatArray, costs: FloatArray, price: float, surcharges: FloatArray, places: FloatArray, choice: ActionArray
) -> None:
    """Move users out of actions over their capacity, the least loss at the prices first; changes `choice` and `places`.

    `places` is (n_actions,): what is left of each capacity, negative where it is exceeded, infinity where there is none.
    """
    for a in range(1, values.shape[1]):
        if places[a] >= 0:
            continue
        members = np.flatnonzero(choice == a)
        losses = np.empty(members.size)
        for k in range(members.size):
            i = members[k]
            kept = values[i, a] - price * costs[i, a] - surcharges[a]
            losses[k] = kept - _second_best(i, a, values, costs, price, surcharges, places)[0]
        order = np.argsort(losses, kind="mergesort")
        for k in range(int(-places[a])):
            i = members[order[k]]
            other = _second_best(i, a, values, costs, price, surcharges, places)[1]
            choice[i] = other
            places[other] -= 1
            places[a] += 1


@njit()
def fit_budget(values: FloatArray, costs: FloatArray, budget: float, places: FloatArray, choice: ActionArray) -> None:
    """Move users to cheaper actions, the least loss per unit saved first, until the budget holds; changes its arguments."""
    n_users, n_actions = values.shape
    spend = total_spend(costs, choice)
    while spend > budget:
        ratios = np.full(n_users, np.inf)
        targets = np.zeros(n_users, dtype=np.int16)
        for i in range(n_users):
            now = choice[i]
            for a in range(n_actions):
                saved = costs[i, now] - costs[i, a]
                if saved > 0 and values[i, a] > -np.inf and (a == 0 or places[a] > 0):
                    ratio = (values[i, now] - values[i, a]) / saved
                    if ratio < ratios[i]:
                        ratios[i] = ratio
                        targets[i] = a
        order = np.argsort(ratios, kind="mergesort")
        for k in range(n_users):
            i = order[k]
            target = targets[i]
            if spend <= budget or ratios[i] == np.inf:
                break
            if target == 0 or places[target] > 0:
                spend -= costs[i, choice[i]] - costs[i, target]
                places[choice[i]] += 1
                places[target] -= 1
                choice[i] = target
        spend = total_spend(costs, choice)


@njit()
def _moves(
    values: FloatArray,
    costs: FloatArray,
    price: float,
    surcharges: FloatArray,
    free: float,
    places: FloatArray,
    choice: ActionArray,
    out: IntArray,
    scores: FloatArray,
) -> int:
    """Collect the moves that gain and fit; fill `out` (user times actions plus action) and `scores`, return their number."""
    n_users, n_actions = values.shape
    n_moves = 0
    for i in range(n_users):
        now = choice[i]
        for a in range(n_actions):
            gain = values[i, a] - values[i, now]
            dearer = costs[i, a] - costs[i, now]
            if gain > 0 and dearer <= free and (a == 0 or places[a] > 0):
                if n_moves < out.size:
                    out[n_moves] = i * n_actions + a
                    scores[n_moves] = gain - price * dearer - surcharges[a] + surcharges[now]
                n_moves += 1
    return n_moves


@njit()
def improve(
    values: FloatArray,
    costs: FloatArray,
    price: float,
    surcharges: FloatArray,
    budget: float,
    places: FloatArray,
    choice: ActionArray,
) -> None:
    """Make every single move that gains and fits, the best at the prices first, until none is left; changes its arguments.

    Afterwards no user can be given a better action within what is left of budget and capacities.
    """
    n_actions = values.shape[1]
    moves = np.empty(1024, dtype=np.int64)
    scores = np.empty(1024)
    while True:
        free = budget - total_spend(costs, choice)
        n_moves = _moves(values, costs, price, surcharges, free, places, choice, moves, scores)
        if n_moves == 0:
            return
        if n_moves > moves.size:
            moves = np.empty(n_moves, dtype=np.int64)
            scores = np.empty(n_moves)
            continue
        order = np.argsort(-scores[:n_moves], kind="mergesort")
        for k in range(n_moves):
            i, a = moves[order[k]] // n_actions, moves[order[k]] % n_actions
            now = choice[i]
            dearer = costs[i, a] - costs[i, now]
            if values[i, a] > values[i, now] and dearer <= free and (a == 0 or places[a] > 0):
                free -= dearer
                places[now] += 1
                places[a] -= 1
                choice[i] = a


@njit()
def _exits(values: FloatArray, costs: FloatArray, price: float, choice: ActionArray, gains: FloatArray, who: IntArray) -> None:
    """For each pair of actions, find the user whose move from the first to the second gains most at the price."""
    gains[:] = -np.inf
    who[:] = -1
    for i in range(choice.size):
        now = choice[i]
        for a in range(values.shape[1]):
            if a != now:
                gain = values[i, a] - values[i, now] - price * (costs[i, a] - costs[i, now])
                if gain > gains[now, a]:
                    gains[now, a] = gain
                    who[now, a] = i


@njit()
def rotate(
    values: FloatArray, costs: FloatArray, price: float, budget: float, places: FloatArray, choice: ActionArray, rounds: int
) -> bool:
    """Make chains of moves that gain together, each user taking the place that the next one leaves; tell whether any was made.

    The best chain of each round is the longest path over the actions (Bellman, 1958), from any action to one that has a
    place; it is made if it also gains without the price and the budget holds.
    """
    n_actions = values.shape[1]
    gains = np.empty((n_actions, n_actions))
    who = np.empty((n_actions, n_actions), dtype=np.int64)
    changed = False
    for _ in range(rounds):
        _exits(values, costs, price, choice, gains, who)
        best = np.zeros((n_actions, n_actions))  # by number of moves and the action reached
        came = np.full((n_actions, n_actions), -1, dtype=np.int64)
        top, top_length, top_end = 0.0, 0, -1
        for length in range(1, n_actions):
            for end in range(n_actions):
                best[length, end] = -np.inf
                for before in range(n_actions):
                    reached = best[length - 1, before] + gains[before, end]
                    if before != end and who[before, end] >= 0 and reached > best[length, end]:
                        best[length, end] = reached
                        came[length, end] = before
                if (end == 0 or places[end] > 0) and best[length, end] > top:
                    top, top_length, top_end = best[length, end], length, end
        if top_end < 0:
            return changed
        path = np.empty(top_length + 1, dtype=np.int64)
        path[top_length] = top_end
        for k in range(top_length, 0, -1):
            path[k - 1] = came[k, path[k]]
        gain, dearer = 0.0, 0.0
        repeated = False
        for k in range(top_length):
            i = who[path[k], path[k + 1]]
            gain += values[i, path[k + 1]] - values[i, path[k]]
            dearer += costs[i, path[k + 1]] - costs[i, path[k]]
            for j in range(k):
                repeated = repeated or who[path[j], path[j + 1]] == i
        if repeated or gain <= 0 or total_spend(costs, choice) + dearer > budget:
            return changed
        for k in range(top_length):
            choice[who[path[k], path[k + 1]]] = path[k + 1]
        places[path[0]] += 1
        places[top_end] -= 1
        changed = True
    return changed
