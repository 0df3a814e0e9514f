"""What one contact now is worth to each user: expected extra margin over the coming weeks, for every action at once.

For each user a few do-nothing weeks are lived along fixed luck; at each of them every action's shift is applied to the chance
of buying in closed form, so that no purchase needs to be drawn twice:

    direct(a, s) = [p(score + shift(a, s)) * exp(spend lift) - p(score)] * expected revenue of a buying week

An extra order also makes later ones likelier, because the state remembers it. How much so is measured once a simulator by
twins (`measure_carry_over`) and multiplies what a shifted chance brings. The result is a function of the observation (or of
the state): the same for the same user, whatever stands beside it. What a contact costs later by opt-out is left to policies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numba
import numpy as np

from simulations.actions import Action, ActionKind, ActionSet
from simulations.arrays import Float32Array, FloatArray, IntArray
from simulations.behaviour import mean_exponential
from simulations.compiled import njit
from simulations.features import N_FEATURES, column, observe, observe_row
from simulations.kernel import (
    ALIVE,
    CHUNK,
    DAYS,
    MAX_EXTRA_DAYS,
    OFFSET,
    PURCHASE,
    SPEND,
    SPEND_OFFSET,
    Behaviour,
    StateArrays,
    binomial_quantile,
    find_bins,
    head_score,
    logistic,
    residual_quantile,
    spend_shift,
)
from simulations.randomness import Channel, uniform_at, user_base
from simulations.response import N_BASIS, ResponseArrays, purchase_shift, scaled_term
from simulations.simulator import CarryOver, LifecycleSimulator
from simulations.state import (
    ALPHA_4,
    ALPHA_13,
    CONTACT_MEMORY,
    N_VALUES,
    NEVER,
    UserStates,
    V,
    begin_period,
    end_period,
    new_users,
)

N_GROUPS = 4  # of users by their order rate, in which carry-over is measured
N_PATHS = 4  # do-nothing lives a user, in antithetic pairs
_PATH_SEED = 20_011
_C_PURCHASE, _C_DAYS, _C_SPEND = int(Channel.PURCHASE), int(Channel.ORDER_DAYS), int(Channel.SPEND)
_TENURE, _STOCK = int(V.TENURE), int(V.CONTACT_STOCK)
_RATE = column("order_rate_13")


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """Expected consequences of one contact now and nothing after it, against nothing at all.

    Attributes
    ----------
    margin : (n_users, n_actions) float64 array
        Extra margin before action costs, in currency; column 0 (`none`) is 0.
    cost : (n_users, n_actions) float64 array
        Expected cost with redemptions, in currency.
    weeks : int
        Horizon.
    """

    margin: FloatArray
    cost: FloatArray
    weeks: int

    @property
    def net(self) -> FloatArray:
        """(n_users, n_actions) extra margin net of action costs."""
        return self.margin - self.cost


def expected_increments(simulator: LifecycleSimulator, users: UserStates | Float32Array, *, weeks: int) -> Increments:
    """Return the increments of every action for some users.

    Parameters
    ----------
    users : UserStates or (n_users, N_FEATURES) array
        States, for which latents are at their posterior means; or observations, as a policy sees them, for which latents are
        zero and exposures to single actions unknown.
    weeks : int
        Horizon; the week of the contact counts.
    """
    n_actions = len(simulator.actions)
    if isinstance(users, UserStates):
        states, latents = users.copy(), simulator.fit.latents.moments(users.user_keys)[0]
    else:
        states = states_from_observations(users, n_actions)
        latents = np.zeros((states.n_users, simulator.fit.latents.prior_sd.size), dtype=np.float32)
    carry = simulator.carry_over
    carried = np.zeros((carry.shares.shape[0], weeks), dtype=np.float64)
    reach = min(carry.shares.shape[1], weeks - 1)
    carried[:, 1 : reach + 1] = carry.shares[:, :reach]
    course, revenue = _course(simulator.response, weeks), mean_exponential(simulator.fit.residuals)
    margin, redeemed = _increments(
        StateArrays(
            states.user_keys, states.values, states.contact_bits, states.since_action, states.exposure_counts,
            latents, np.ones(states.n_users, dtype=np.bool_),
        ),
        simulator.behaviour, simulator.response, course, revenue, carry.edges, np.cumsum(carried, axis=1), weeks, N_PATHS,
    )  # fmt: skip
    cost = simulator.actions.costs + redeemed * simulator.actions.redemption_costs
    cost[:, 0] = 0.0
    return Increments(margin=simulator.margin_share * margin, cost=cost, weeks=weeks)


def states_from_observations(observations: Float32Array, n_actions: int) -> UserStates:
    """Return states whose observation is the given one; what an observation does not show is as in new users."""
    n_users = observations.shape[0]
    states = new_users(np.zeros(n_users, dtype=np.uint64), n_actions)
    value = {name: observations[:, column(name)].astype(np.float64) for name in _INVERTED}
    weeks = np.maximum(value["tenure_weeks"], 1.0)
    seen_4 = np.maximum(1.0 - (1.0 - ALPHA_4) ** weeks, ALPHA_4)
    seen_13 = np.maximum(1.0 - (1.0 - ALPHA_13) ** weeks, ALPHA_13)
    columns = {
        V.TENURE: value["tenure_weeks"],
        V.RECENCY: value["recency_weeks"],
        V.ACTIVE_WEEKS: value["active_share"] * weeks,
        V.ORDER_DAYS: value["order_rate_all"] * weeks,
        V.REVENUE: value["order_rate_all"] * weeks * value["basket_value"],
        V.RATE_4: value["order_rate_4"] * seen_4,
        V.RATE_13: value["order_rate_13"] * seen_13,
        V.REVENUE_13: value["revenue_rate_13"] * seen_13,
        V.BASKET: value["basket_value"],
        V.GAP: (value["recency_weeks"] + 1.0) / np.maximum(value["gap_ratio"], 1e-3),
        V.CONTACT_STOCK: value["contact_stock"],
        V.REDEMPTION_STOCK: value["redemption_stock"],
        V.SATISFACTION: value["satisfaction"],
    }
    for place, numbers in columns.items():
        states.values[:, place] = numbers
    since = observations[:, column("weeks_since_contact")].astype(np.int64)
    states.contact_bits[:] = np.where(
        since < 64, np.left_shift(np.uint64(1), np.minimum(since, 63).astype(np.uint64)), np.uint64(0)
    )
    return states


_INVERTED = (
    "recency_weeks",
    "tenure_weeks",
    "active_share",
    "order_rate_4",
    "order_rate_13",
    "order_rate_all",
    "basket_value",
    "revenue_rate_13",
    "gap_ratio",
    "contact_stock",
    "redemption_stock",
    "satisfaction",
)


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
def _course(response: ResponseArrays, weeks: int) -> Course:
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
    duration = response.duration[a]
    if since >= 2 * duration or since >= 254:
        return 0.0
    if since < duration:
        return float(full * course.decay[a, since] - response.fatigue[a] * max(contact_stock - 1.0, 0.0))
    return float(-response.pull_forward[a] * full * course.decay[a, since - duration])


@njit()
def _add_week(
    path: StateArrays,
    i: int,
    week: int,
    start_since: IntArray,
    habits: FloatArray,
    score: float,
    revenue: float,
    present: float,
    observation: Float32Array,
    terms: FloatArray,
    response: ResponseArrays,
    course: Course,
    later: float,
    unredeemed: FloatArray,
    margin: FloatArray,
    redeemed: FloatArray,
) -> None:
    """Add one week of one path to every action's increment; `later` is what an extra order brings afterwards."""
    before = logistic(score)
    stock = np.float64(path.values[0, _STOCK])
    for k in range(N_BASIS):
        terms[k] = scaled_term(observation, 0, k, response)
    for a in range(1, response.duration.size):
        if week >= course.reach[a]:
            continue
        duration = response.duration[a]
        full = 0.0
        for k in range(N_BASIS):
            if response.coefficients[a, k] != 0.0:
                full += response.coefficients[a, k] * terms[k]
        moved = score + _shift(full * habits[0, a], week, stock + course.stock[week], a, response, course)
        old = start_since[a] + 1 + week
        running = start_since[a] < 254
        if running:
            moved -= _shift(full * habits[1, a], old, stock, a, response, course)
        after = logistic(moved)
        worth = revenue
        if week < duration and not (running and old < duration):
            worth = revenue * course.spend_factor[a]
        margin[i, a] += present * ((after - before) * worth * (1.0 + later) + before * (worth - revenue))
        if week < duration:
            redeemed[i, a] += present * unredeemed[a] * after * response.redemption[a]
            unredeemed[a] *= 1.0 - after


@njit(parallel=True)
def _increments(
    start: StateArrays,
    behaviour: Behaviour,
    response: ResponseArrays,
    course: Course,
    residual_means: FloatArray,
    edges: FloatArray,
    carried: FloatArray,
    weeks: int,
    n_paths: int,
) -> tuple[FloatArray, FloatArray]:
    n_users, n_actions = start.since_action.shape[0], start.since_action.shape[1]
    margin = np.zeros((n_users, n_actions), dtype=np.float64)
    redeemed = np.zeros((n_users, n_actions), dtype=np.float64)
    for chunk in numba.prange((n_users + CHUNK - 1) // CHUNK):
        _increments_of_chunk(
            start, chunk, behaviour, response, course, residual_means, edges, carried, weeks, n_paths, margin, redeemed
        )
    return margin, redeemed


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
    n_paths: int,
    margin: FloatArray,
    redeemed: FloatArray,
) -> None:
    n_users, n_actions = start.since_action.shape[0], start.since_action.shape[1]
    observation = np.empty((1, N_FEATURES), dtype=np.float32)
    bins = np.empty(behaviour.features.size, dtype=np.int64)
    unredeemed, terms = np.empty(n_actions, dtype=np.float64), np.empty(N_BASIS, dtype=np.float64)
    since, habits = np.empty(n_actions, dtype=np.int64), np.ones((2, n_actions), dtype=np.float64)
    path = StateArrays(
        np.zeros(1, dtype=np.uint64),
        np.empty((1, N_VALUES), dtype=np.float32),
        np.empty(1, dtype=np.uint64),
        np.empty((1, n_actions), dtype=np.uint8),
        np.empty((1, n_actions), dtype=np.uint8),
        np.empty((1, start.latents.shape[1]), dtype=np.float32),
        np.ones(1, dtype=np.bool_),
    )
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n_users)):
        since[:] = start.since_action[i]
        for a in range(1, n_actions):
            earlier = int(np.int64(start.exposure_counts[i, a]))
            habits[0, a] = math.exp(-response.habituation[a] * max(earlier, 0))
            habits[1, a] = math.exp(-response.habituation[a] * max(earlier - 1, 0))
        for number in range(n_paths):
            path.values[0] = start.values[i]
            path.contact_bits[0] = start.contact_bits[i]
            path.since_action[0] = start.since_action[i]
            path.exposure_counts[0] = start.exposure_counts[i]
            path.latents[0] = start.latents[i]
            unredeemed[:] = 1.0
            _live_path(
                path, i, number, weeks, since, habits, behaviour, response, course, residual_means, edges, carried,
                observation, terms, bins, unredeemed, margin, redeemed,
            )  # fmt: skip
        margin[i] /= n_paths
        redeemed[i] /= n_paths


@njit()
def _live_path(
    path: StateArrays,
    i: int,
    number: int,
    weeks: int,
    since: IntArray,
    habits: FloatArray,
    behaviour: Behaviour,
    response: ResponseArrays,
    course: Course,
    residual_means: FloatArray,
    edges: FloatArray,
    carried: FloatArray,
    observation: Float32Array,
    terms: FloatArray,
    bins: IntArray,
    unredeemed: FloatArray,
    margin: FloatArray,
    redeemed: FloatArray,
) -> None:
    base = user_base(_PATH_SEED, number // 2, np.uint64(0))
    present = 1.0
    group = 0
    for week in range(course.reach.max()):
        observe_row(path.values, path.contact_bits, 0, observation, 0)
        newcomer = path.values[0, _TENURE] == 0.0
        find_bins(observation, 0, behaviour, bins)
        if week == 0 and not newcomer:
            present = logistic(head_score(behaviour, ALIVE, bins))
            group = int(np.searchsorted(edges, np.float64(observation[0, _RATE])))
        begin_period(path.values, path.contact_bits, path.since_action, path.exposure_counts, 0, 0)
        stock = np.float64(path.values[0, _STOCK])
        score = behaviour.newcomer if newcomer else head_score(behaviour, PURCHASE, bins)
        score += path.latents[0, OFFSET]
        score += purchase_shift(observation, 0, path.since_action, path.exposure_counts, 0, stock, response)
        days_chance = logistic(head_score(behaviour, DAYS, bins))
        spend = head_score(behaviour, SPEND, bins) + path.latents[0, SPEND_OFFSET]
        spend += spend_shift(path.since_action, 0, response)
        revenue = buying_week_revenue(days_chance, spend, residual_means)
        _add_week(
            path, i, week, since, habits, score, revenue, present, observation, terms, response, course,
            carried[group, weeks - 1 - week], unredeemed, margin, redeemed,
        )  # fmt: skip
        order_days, paid = 0, 0.0
        if _luck(base, week, _C_PURCHASE, number) < logistic(score):
            order_days = 1 + binomial_quantile(_luck(base, week, _C_DAYS, number), MAX_EXTRA_DAYS, days_chance)
            spend += residual_quantile(_luck(base, week, _C_SPEND, number), order_days, behaviour)
            paid = np.float64(np.float32(order_days * math.exp(spend)))
        end_period(path.values, 0, order_days, paid, 0, 0.0)
        present *= 1.0 - behaviour.hazard


@njit()
def _luck(base: np.uint64, week: int, channel: int, number: int) -> float:
    """Return a uniform number; paths with odd numbers mirror the ones before them."""
    uniform = uniform_at(base, week, channel, 0)
    return 1.0 - uniform if number % 2 == 1 else uniform


def measure_carry_over(
    simulator: LifecycleSimulator, states: UserStates, *, weeks: int = 26, draws: int = 12, largest: int = 2000, seed: int = 0
) -> CarryOver:
    """Measure what one more order-day brings later, by how often users order.

    Twins with the same luck, of which one is pushed in the first week only (half a unit of log-odds), are lived side by side.

    Parameters
    ----------
    states : UserStates
        Users over whom to average; at most `largest` of them are taken, evenly spaced.
    """
    rows = np.unique(np.linspace(0, states.n_users - 1, min(largest, states.n_users)).astype(np.int64))
    some = states.take(rows)
    push = ActionSet.of([Action(name="push", kind=ActionKind.GIFT)])
    fresh = np.zeros((some.n_users, 2), dtype=np.uint8)
    some = replace(some, since_action=np.full_like(fresh, NEVER), exposure_counts=fresh)
    zero = np.zeros(2)
    response = ResponseArrays(
        centre=np.zeros(N_BASIS),
        spread=np.ones(N_BASIS),
        coefficients=np.vstack([np.zeros(N_BASIS), np.eye(N_BASIS)[0] * 0.5]),
        duration=np.array([0, 1], dtype=np.int64),
        decay=np.ones(2),
        spend_lift=zero,
        redemption=zero,
        habituation=zero,
        fatigue=zero,
        pull_forward=zero,
        opt_out=zero,
    )
    pushed = replace(simulator, actions=push, response=response)
    nothing = np.zeros((some.n_users, weeks), dtype=np.uint32)
    once = nothing.copy()
    once[:, 0] = 2
    rates = observe(some)[:, _RATE].astype(np.float64)
    edges = np.unique(np.quantile(rates, np.arange(1, N_GROUPS) / N_GROUPS))
    group = np.searchsorted(edges, rates)
    gained = np.zeros((edges.size + 1, weeks), dtype=np.float64)
    for draw in range(draws):
        twins = pushed.twin(some, nothing, once, seed=seed + draw, keep_weeks=True)
        without, with_push = (twin.events.order_days.astype(np.float64) for twin in twins if twin.events is not None)
        for k in range(gained.shape[0]):
            gained[k] += (with_push - without)[group == k].sum(axis=0)
    return CarryOver(edges=edges, shares=gained[:, 1:] / np.maximum(gained[:, :1], 1.0))
