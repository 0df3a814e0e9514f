"""Compiled increments: the tree of a user's coming weeks, and every action's shift applied at each of its nodes.

See `simulations.increment` for the model.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from simulations.arrays import Float32Array, FloatArray, IntArray
from simulations.compiled import njit
from simulations.features import N_FEATURES, column, observe_row
from simulations.kernel import (
    ALIVE,
    CHUNK,
    DAYS,
    OFFSET,
    PURCHASE,
    SPEND,
    SPEND_OFFSET,
    SPEND_SPREAD,
    Behaviour,
    StateArrays,
    find_bins,
    head_score,
    residual_quantile,
    spend_shift,
)
from simulations.response import N_BASIS, ResponseArrays, purchase_shift, scaled_term
from simulations.state import (
    CONTACT_MEMORY,
    N_VALUES,
    V,
    begin_period,
    end_period,
)
from simulations.tabulated import MAX_EXTRA_DAYS, binomial_quantile, logistic

TREE_WEEKS = 3  # weeks in which both outcomes are followed
LEAST_WEIGHT = 1e-3  # a purchase less likely than this is not followed
_TENURE, _STOCK = int(V.TENURE), int(V.CONTACT_STOCK)
_MOOD, _OPEN = int(V.SATISFACTION), int(V.OPEN_TICKET)
_RATE = column("order_rate_13")


@njit()
def buying_week_revenue(days_chance: float, spend: float, residual_means: FloatArray) -> float:
    """Return the expected revenue of a week with a purchase, over its number of order-days."""
    mass = (1.0 - days_chance) ** MAX_EXTRA_DAYS
    odds = days_chance / (1.0 - days_chance)
    total = 0.0
    for extra in range(MAX_EXTRA_DAYS + 1):
        total += mass * (extra + 1.0) * residual_means[min(extra, residual_means.size - 1)]
        mass *= odds * (MAX_EXTRA_DAYS - extra) / (extra + 1.0)
    return total * math.exp(spend)


class Course(NamedTuple):
    """How each action's response runs over the weeks after a contact, worked out once for all users; rows are actions.

    Attributes
    ----------
    reach : (n_actions,) int64 array
        Weeks in which the contact makes any difference.
    decay : (n_actions, longest duration) array
        What is left of the shift, 0, 1, ... weeks after the contact.
    spend_factor : (n_actions,) array
        What an order-day's value is multiplied by while the action is at work.
    stock : (n_weeks,) array
        What is left of the contact's own part of the contact stock.
    """

    reach: IntArray
    decay: FloatArray
    spend_factor: FloatArray
    stock: FloatArray


@njit()
def course_of(response: ResponseArrays, weeks: int) -> Course:
    """Return how responses run over `weeks` weeks."""
    n_actions = response.duration.size
    reach = np.zeros(n_actions, dtype=np.int64)
    decay = np.ones((n_actions, max(response.duration.max(), 1)), dtype=np.float64)
    spend_factor, stock = np.ones(n_actions), np.ones(weeks)
    for a in range(1, n_actions):
        duration = response.duration[a]
        reach[a] = min(duration if response.pull_forward[a] == 0.0 else 2 * duration, weeks)
        for since in range(duration):
            decay[a, since] = response.decay[a] ** since
        spend_factor[a] = math.exp(response.spend_lift[a])
    for week in range(weeks):
        stock[week] = CONTACT_MEMORY**week
    return Course(reach, decay, spend_factor, stock)


@njit()
def _shift(full: float, since: int, contact_stock: float, a: int, response: ResponseArrays, course: Course) -> float:
    """Return what `response.action_shift` does, from the full shift at the week of contact."""
    shift = full * _course_of_shift(since, a, response, course)
    return float(shift - response.fatigue[a] * max(contact_stock - 1.0, 0.0)) if since < response.duration[a] else float(shift)


@njit()
def _course_of_shift(since: int, a: int, response: ResponseArrays, course: Course) -> float:
    """Return what is left of the full shift: nearly all at first, paid back in part after its duration, then nothing."""
    duration = response.duration[a]
    if since >= 2 * duration or since >= 254:
        return 0.0
    if since < duration:
        return float(course.decay[a, since])
    return float(-response.pull_forward[a] * course.decay[a, since - duration])


@njit()
def _add_week(
    tree: Tree,
    row: int,
    i: int,
    week: int,
    since_action: NDArray[np.uint8],
    revenue: float,
    scratch: Scratch,
    response: ResponseArrays,
    course: Course,
    later: float,
    margin: FloatArray,
    redeemed: FloatArray,
    gradient: FloatArray,
) -> None:
    """Add a node's week to every action's increment; `later` is what an extra order brings afterwards."""
    score, before, weight = tree.score[row], tree.chance[row], tree.weight[row]
    stock = np.float64(tree.states.values[row, _STOCK])
    terms, habits = scratch.terms, scratch.habits
    for k in range(N_BASIS):
        terms[k] = scaled_term(scratch.observation, 0, k, response)
    for a in range(1, response.duration.size):
        if week >= course.reach[a]:
            continue
        duration = response.duration[a]
        full = 0.0
        for k in range(N_BASIS):
            if response.coefficients[a, k] != 0.0:
                full += response.coefficients[a, k] * terms[k]
        moved = score + _shift(full * habits[0, a], week, stock + course.stock[week], a, response, course)
        old = int(np.int64(since_action[a])) + 1 + week
        running = since_action[a] < 254
        if running:
            moved -= _shift(full * habits[1, a], old, stock, a, response, course)
        after = logistic(moved)
        lifted = week < duration and not (running and old < duration)
        worth = revenue * course.spend_factor[a] if lifted else revenue
        margin[i, a] += weight * ((after - before) * worth * (1.0 + later) + before * (worth - revenue))
        if gradient.shape[0] > 0:
            slope = after * (1.0 - after) * habits[0, a] * _course_of_shift(week, a, response, course)
            if running:
                slope -= before * (1.0 - before) * habits[1, a] * _course_of_shift(old, a, response, course)
            for k in range(N_BASIS):
                gradient[i, a, k] += weight * worth * (1.0 + later) * slope * terms[k]
            if lifted:
                gradient[i, a, N_BASIS] += weight * worth * (after * (1.0 + later) - before * later)
        if week < duration:
            redeemed[i, a] += weight * tree.unredeemed[row, a] * after * response.redemption[a]
            tree.unredeemed[row, a] *= 1.0 - after


class Tree(NamedTuple):
    """The nodes from the root to where the walk is: a row a level.

    Attributes
    ----------
    states : StateArrays
        A user's states.
    weight : (n_levels,) array
        Chance that the node is reached by a user who is still there.
    score, chance : (n_levels,) arrays
        Log-odds and chance of buying in the node's week when nothing is done.
    days_chance, spend : (n_levels,) arrays
        What heads say of further order-days, and of the log of an order-day's value.
    unredeemed : (n_levels, n_actions) array
        Chance that a contact of each action has not been redeemed before.
    """

    states: StateArrays
    weight: FloatArray
    score: FloatArray
    chance: FloatArray
    days_chance: FloatArray
    spend: FloatArray
    unredeemed: FloatArray


class Scratch(NamedTuple):
    """Room that is used again for every node."""

    observation: Float32Array
    bins: IntArray
    terms: FloatArray  # (N_BASIS,) scaled basis terms of the node
    habits: FloatArray  # (2, n_actions): what habituation leaves of a new contact, and of the last one


@njit(parallel=True)
def increments_of(
    start: StateArrays,
    behaviour: Behaviour,
    response: ResponseArrays,
    course: Course,
    residual_means: FloatArray,
    edges: FloatArray,
    carried: FloatArray,
    weeks: int,
    *,
    with_gradient: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (n_users, n_actions) extra revenue and expected redemptions, and the former's gradient where it is asked for.

    The gradient is (n_users, n_actions, N_BASIS + 1): by the action's coefficients, then by its spend lift; else empty.
    """
    n_users, n_actions = start.since_action.shape[0], start.since_action.shape[1]
    margin = np.zeros((n_users, n_actions), dtype=np.float64)
    redeemed = np.zeros((n_users, n_actions), dtype=np.float64)
    gradient = np.zeros((n_users if with_gradient else 0, n_actions, N_BASIS + 1), dtype=np.float64)
    for chunk in numba.prange((n_users + CHUNK - 1) // CHUNK):
        _increments_of_chunk(
            start, chunk, behaviour, response, course, residual_means, edges, carried, weeks, margin, redeemed, gradient
        )
    return margin, redeemed, gradient


@njit()
def _increments_of_chunk(
    start: StateArrays,
    chunk: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    course: Course,
    residual_means: FloatArray,
    edges: FloatArray,
    carried: FloatArray,
    weeks: int,
    margin: FloatArray,
    redeemed: FloatArray,
    gradient: FloatArray,
) -> None:
    n_users, n_actions = start.since_action.shape[0], start.since_action.shape[1]
    depth = max(min(course.reach.max() - 1, TREE_WEEKS), 0)
    tree = _tree(depth + 1, n_actions, start.latents.shape[1])
    scratch = Scratch(
        np.empty((1, N_FEATURES), dtype=np.float32),
        np.empty(behaviour.features.size, dtype=np.int64),
        np.empty(N_BASIS, dtype=np.float64),
        np.ones((2, n_actions), dtype=np.float64),
    )
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n_users)):
        for a in range(1, n_actions):
            earlier = int(np.int64(start.exposure_counts[i, a]))
            scratch.habits[0, a] = math.exp(-response.habituation[a] * max(earlier, 0))
            scratch.habits[1, a] = math.exp(-response.habituation[a] * max(earlier - 1, 0))
        _plant(tree, start, i)
        _walk(
            tree, depth, start, i, weeks, behaviour, response, course, residual_means, edges, carried, scratch,
            margin, redeemed, gradient,
        )  # fmt: skip


@njit()
def _tree(levels: int, n_actions: int, n_latents: int) -> Tree:
    return Tree(
        StateArrays(
            np.zeros(levels, dtype=np.uint64),
            np.empty((levels, N_VALUES), dtype=np.float32),
            np.empty(levels, dtype=np.uint64),
            np.empty((levels, n_actions), dtype=np.uint8),
            np.empty((levels, n_actions), dtype=np.uint8),
            np.empty((levels, n_latents), dtype=np.float32),
            np.ones(levels, dtype=np.bool_),
        ),
        np.empty(levels, dtype=np.float64),
        np.empty(levels, dtype=np.float64),
        np.empty(levels, dtype=np.float64),
        np.empty(levels, dtype=np.float64),
        np.empty(levels, dtype=np.float64),
        np.ones((levels, n_actions), dtype=np.float64),
    )


@njit()
def _plant(tree: Tree, start: StateArrays, i: int) -> None:
    """Put a user at the root."""
    tree.states.values[0] = start.values[i]
    tree.states.contact_bits[0] = start.contact_bits[i]
    tree.states.since_action[0] = start.since_action[i]
    tree.states.exposure_counts[0] = start.exposure_counts[i]
    tree.states.latents[:] = start.latents[i]
    tree.weight[0] = 1.0
    tree.unredeemed[0] = 1.0


@njit()
def _walk(
    tree: Tree,
    depth: int,
    start: StateArrays,
    i: int,
    weeks: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    course: Course,
    residual_means: FloatArray,
    edges: FloatArray,
    carried: FloatArray,
    scratch: Scratch,
    margin: FloatArray,
    redeemed: FloatArray,
    gradient: FloatArray,
) -> None:
    """Visit every node once, leaf after leaf: the bits of a leaf's number, highest first, name the weeks with a purchase.

    From one leaf to the next only the lower bits change, so that the walk goes on from the node where the two part.
    """
    last = course.reach.max() - 1
    group = 0
    leaf = 0
    while leaf < 1 << depth:
        week = 0
        if leaf > 0:
            shared = leaf
            week = depth - 1
            while shared & 1 == 0:
                shared >>= 1
                week -= 1
            if tree.weight[week] * tree.chance[week] < LEAST_WEIGHT:
                leaf += 1 << (depth - 1 - week)
                continue
        is_new = leaf == 0
        while week <= last:
            row = min(week, depth)
            if is_new:
                if week == 0:
                    group = _open_root(tree, behaviour, edges, scratch)
                _open(tree, row, behaviour, response, scratch)
                revenue = buying_week_revenue(tree.days_chance[row], tree.spend[row], residual_means)
                _add_week(
                    tree, row, i, week, start.since_action[i], revenue, scratch, response, course,
                    carried[group, weeks - 1 - week], margin, redeemed, gradient,
                )  # fmt: skip
            if week < last:
                bought = leaf >> (depth - 1 - week) & 1 == 1 if week < depth else _luck(leaf, week) < tree.chance[row]
                _step(tree, row, min(week + 1, depth), bought, behaviour)
            is_new = True
            week += 1
        leaf += 1


@njit()
def _open_root(tree: Tree, behaviour: Behaviour, edges: FloatArray, scratch: Scratch) -> int:
    """Weigh the root by the user's chance to be still there; return the user's carry-over group."""
    states = tree.states
    observe_row(states.values, states.contact_bits, 0, scratch.observation, 0)
    if states.values[0, _TENURE] == 0.0:
        return 0
    find_bins(scratch.observation, 0, behaviour, scratch.bins)
    tree.weight[0] = logistic(head_score(behaviour, ALIVE, scratch.bins))
    return int(np.searchsorted(edges, np.float64(scratch.observation[0, _RATE])))


@njit()
def _open(tree: Tree, row: int, behaviour: Behaviour, response: ResponseArrays, scratch: Scratch) -> None:
    """Begin a week of doing nothing at a node: its observation, its chance of buying, what an order would be worth."""
    states, bins = tree.states, scratch.bins
    observe_row(states.values, states.contact_bits, row, scratch.observation, 0)
    find_bins(scratch.observation, 0, behaviour, bins)
    newcomer = states.values[row, _TENURE] == 0.0
    begin_period(states.values, states.contact_bits, states.since_action, states.exposure_counts, row, 0)
    stock = np.float64(states.values[row, _STOCK])
    score = behaviour.newcomer if newcomer else head_score(behaviour, PURCHASE, bins)
    score += states.latents[row, OFFSET]
    score += behaviour.moods[0] * np.float64(states.values[row, _MOOD])
    score += behaviour.moods[1] * np.float64(states.values[row, _OPEN])
    score += purchase_shift(scratch.observation, 0, states.since_action, states.exposure_counts, row, stock, response)
    tree.score[row] = score
    tree.chance[row] = logistic(score)
    tree.days_chance[row] = logistic(head_score(behaviour, DAYS, bins))
    tree.spend[row] = (
        head_score(behaviour, SPEND, bins) + states.latents[row, SPEND_OFFSET] + spend_shift(states.since_action, row, response)
    )


@njit()
def _step(tree: Tree, row: int, below: int, bought: bool, behaviour: Behaviour) -> None:
    """End a node's week with or without a purchase; while the tree still branches, the outcome's node lies one row below."""
    states = tree.states
    weight = tree.weight[row] * (1.0 - behaviour.hazard)
    if below > row:
        weight *= tree.chance[row] if bought else 1.0 - tree.chance[row]
        states.values[below] = states.values[row]
        states.contact_bits[below] = states.contact_bits[row]
        states.since_action[below] = states.since_action[row]
        states.exposure_counts[below] = states.exposure_counts[row]
        tree.unredeemed[below] = tree.unredeemed[row]
    tree.weight[below] = weight
    order_days, paid = 0, 0.0
    if bought:
        order_days = 1 + binomial_quantile(0.5, MAX_EXTRA_DAYS, tree.days_chance[row])
        residual = residual_quantile(0.5, order_days, behaviour)
        spend = tree.spend[row] + math.exp(np.float64(states.latents[row, SPEND_SPREAD])) * residual
        paid = np.float64(np.float32(order_days * math.exp(spend)))
    end_period(states.values, below, order_days, paid, 0, 0.0)


@njit()
def _luck(leaf: int, week: int) -> float:
    """Return a number in [0, 1), spread evenly over leaves and over weeks (additive recurrence with the golden ratio)."""
    place = (leaf + 0.5) * 0.6180339887498949 + week * 0.7548776662466927
    return place - math.floor(place)
