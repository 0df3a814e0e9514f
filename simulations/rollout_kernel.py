"""Compiled rollouts: many weeks of many users, one user after the other.

The order of a week: the user is observed, a standing rule or a schedule decides, contacts are booked (`begin_row`), the actions
at work shift the log-odds of buying, then purchase, order-days, spend, redemption, opt-out and latent death are drawn, each
from its own addressed random number, and the week is booked (`end_row`). Each number is turned into an outcome by inverting its
distribution, so the same luck under a larger chance never buys less. A user's rows depend on that user's rows alone: order,
batching and cores move nothing. While a user lives, their state stays in registers, and only actions at work cost anything.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray, IntArray
from simulations.bits import lowest_bit
from simulations.compiled import njit
from simulations.contact import may_contact
from simulations.features import N_FEATURES, see, write_seen
from simulations.kernel import (
    ACTIVE_WEEKS,
    CHUNK,
    CONTACTS,
    COST,
    DAYS,
    DEATHS,
    MARGIN,
    N_TOTALS,
    OFFSET,
    OPT_OUTS,
    ORDER_DAYS,
    PURCHASE,
    REDEMPTIONS,
    REVENUE,
    SPEND,
    SPEND_OFFSET,
    Behaviour,
    EventArrays,
    Money,
    StateArrays,
    find_bins,
    head_score,
    residual_quantile,
)
from simulations.randomness import Channel, first_word_above, uniform_at, user_base, word_at
from simulations.response import N_BASIS, ResponseArrays, scaled_term
from simulations.state import aged, begin_row, book_exposures, end_row, load_row, shifted_contacts, store_row
from simulations.tabulated import exponential, extra_days, falls_below
from simulations.week_shocks import week_shocks

_NEVER_BOUGHT = np.float32(1e6)  # weeks
_C_PURCHASE, _C_DAYS, _C_SPEND = int(Channel.PURCHASE), int(Channel.ORDER_DAYS), int(Channel.SPEND)
_C_REDEMPTION, _C_OPT_OUT, _C_DEATH = int(Channel.REDEMPTION), int(Channel.OPT_OUT), int(Channel.DEATH)


class Order(NamedTuple):
    """A standing rule as the kernel reads it: one action for all whom rules allow and whose features lie within bounds.

    Attributes
    ----------
    action : int
        0 for no standing rule.
    features, lows, highs : (n_bounds,) arrays
        Columns of the observation and their bounds, both included.
    """

    action: int
    features: IntArray
    lows: Float32Array
    highs: Float32Array
    max_contacts: int
    window: np.uint64
    gap: np.uint64
    cool_down: int


class Courses(NamedTuple):
    """What the responses come to week by week, worked out once for all users; rows are actions.

    Attributes
    ----------
    reach : (n_actions,) int64 array
        Weeks in which a contact makes any difference.
    left : (n_actions, longest reach) array
        Share of the full shift, 0, 1, ... weeks after the contact; negative where it is paid back.
    habit : (n_actions, 256) array
        What habituation leaves of it, by exposures so far.
    """

    reach: IntArray
    left: FloatArray
    habit: FloatArray


@njit()
def courses_of(response: ResponseArrays) -> Courses:
    """Return the courses of all responses."""
    n_actions = response.duration.size
    reach = np.minimum(2 * response.duration, 254)
    left = np.zeros((n_actions, max(reach.max(), 1)), dtype=np.float64)
    habit = np.ones((n_actions, 256), dtype=np.float64)
    for a in range(1, n_actions):
        duration = response.duration[a]
        for since in range(reach[a]):
            if since < duration:
                left[a, since] = response.decay[a] ** since
            else:
                left[a, since] = -response.pull_forward[a] * response.decay[a] ** (since - duration)
        for count in range(256):
            habit[a, count] = math.exp(-response.habituation[a] * max(count - 1, 0))
    return Courses(reach, left, habit)


class Scratch(NamedTuple):
    """Room that is used again for every user of a chunk."""

    observation: Float32Array  # (1, N_FEATURES)
    bins: IntArray  # (n_terms,)
    stamps: IntArray  # (n_actions,): the week for which `since_action` holds, -1 for the start


@njit(inline=True)
def _since(state: StateArrays, i: int, a: np.uint64, week: int, scratch: Scratch) -> int:
    """Return the full weeks since the last exposure to an action, in the midst of a week."""
    return aged(int(np.int64(state.since_action[i, a])), week - int(scratch.stamps[a]))


@njit(inline=True)
def _obeys(
    order: Order,
    state: StateArrays,
    i: int,
    week: int,
    contact_bits: np.uint64,
    opted_out: np.float32,
    consent: bool,
    scratch: Scratch,
) -> bool:
    """Decide whether the standing rule contacts a user this week."""
    if not may_contact(contact_bits, float(opted_out), consent, order.max_contacts, order.window, order.gap):
        return False
    if _since(state, i, np.uint64(order.action), week - 1, scratch) < order.cool_down:  # never is the largest number
        return False
    for k in range(order.features.size):
        value = scratch.observation[0, np.uint64(order.features[k])]
        if value < order.lows[k] or value > order.highs[k]:
            return False
    return True


@njit(inline=True)
def _shifts(
    state: StateArrays,
    i: int,
    week: int,
    running: np.uint64,
    contact_stock: np.float32,
    response: ResponseArrays,
    courses: Courses,
    scratch: Scratch,
) -> tuple[float, float, np.uint64]:
    """Return the shifts of the log-odds to buy and of the log of an order-day's value, and the actions that still run."""
    buying, spending, left = 0.0, 0.0, running
    while running != np.uint64(0):
        a = np.uint64(lowest_bit(running))
        running &= running - np.uint64(1)
        since = _since(state, i, a, week, scratch)
        if since >= courses.reach[a]:
            left &= ~(np.uint64(1) << a)
            continue
        full = 0.0
        for k in range(N_BASIS):
            if response.coefficients[a, k] != 0.0:
                full += response.coefficients[a, k] * scaled_term(scratch.observation, 0, k, response)
        full *= courses.habit[a, np.uint64(state.exposure_counts[i, a])]
        shift = full * courses.left[a, np.uint64(since)]
        if since < response.duration[a]:
            shift -= response.fatigue[a] * max(np.float64(contact_stock) - 1.0, 0.0)
            spending += response.spend_lift[a]
        buying += shift
    return buying, spending, left


@njit(inline=True)
def _redeemed(
    state: StateArrays,
    i: int,
    week: int,
    running: np.uint64,
    recency: np.float32,
    base: np.uint64,
    period: int,
    response: ResponseArrays,
    scratch: Scratch,
) -> np.uint64:
    """Return one bit for each action that a buyer redeems: the first purchase since the contact, while it is at work."""
    bits = np.uint64(0)
    while running != np.uint64(0):
        a = np.uint64(lowest_bit(running))
        running &= running - np.uint64(1)
        since = _since(state, i, a, week, scratch)
        if (
            since < response.duration[a]
            and recency >= since
            and response.redemption[a] > 0.0
            and uniform_at(base, period, _C_REDEMPTION, int(np.int64(a))) < response.redemption[a]
        ):
            bits |= np.uint64(1) << a
    return bits


@njit(inline=True)
def _opts_out(bits: np.uint64, contact_stock: np.float32, base: np.uint64, period: int, response: ResponseArrays) -> bool:
    """Decide whether this week's contacts make the user ask for no more; likelier the larger the contact stock."""
    stay = 1.0
    while bits != np.uint64(0):
        a = np.uint64(lowest_bit(bits))
        bits &= bits - np.uint64(1)
        stay *= 1.0 - min(response.opt_out[a] * max(np.float64(contact_stock), 1.0), 1.0)
    return stay < 1.0 and uniform_at(base, period, _C_OPT_OUT, 0) >= stay


@njit(inline=True)
def _cost(bits: np.uint64, costs: FloatArray) -> float:
    """Return the sum of the costs of some actions."""
    total = 0.0
    while bits != np.uint64(0):
        total += costs[np.uint64(lowest_bit(bits))]
        bits &= bits - np.uint64(1)
    return total


@njit()
def _live_user(
    state: StateArrays,
    consent: bool,
    i: int,
    schedule: BitArray,
    order: Order,
    period: int,
    base: np.uint64,
    behaviour: Behaviour,
    death: np.uint64,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    totals: FloatArray,
    weekly: FloatArray,
    active_last: BoolArray,
    n_weeks: int,
    n_last: int,
    events: EventArrays,
    shocks: FloatArray,
    scratch: Scratch,
) -> None:
    keep, scheduled, nobody = events.order_days.shape[1] > 0, schedule.shape[1] > 0, np.uint64(0)
    row, contact_bits, alive = load_row(state.values, i), state.contact_bits[i], state.alive[i]
    offset, spend_offset = np.float64(state.latents[i, OFFSET]), np.float64(state.latents[i, SPEND_OFFSET])
    running = nobody
    for a in range(1, courses.reach.size):
        scratch.stamps[a] = -1
        if np.int64(state.since_action[i, a]) < courses.reach[a]:
            running |= np.uint64(1) << np.uint64(a)
    margin_sum, revenue_sum, cost_sum = 0.0, 0.0, 0.0
    days_sum, active_sum, contact_sum, redeemed_sum, out_sum, died_sum, last_bought = 0, 0, 0, 0, 0, 0, -1
    for week in range(n_weeks):
        seen = see(row, contact_bits)
        write_seen(seen, scratch.observation, 0)
        bits = nobody
        if order.action > 0:
            if _obeys(order, state, i, week, contact_bits, row.opted_out, consent, scratch):
                bits = np.uint64(1) << np.uint64(order.action)
        elif scheduled:
            bits = np.uint64(schedule[i, week])
        contacted = bits != nobody
        newcomer = row.tenure == np.float32(0.0)
        recency = _NEVER_BOUGHT if newcomer else row.recency  # any order is the first since any contact
        row = begin_row(row, contacted)
        contact_bits = shifted_contacts(contact_bits, contacted)
        if contacted:
            book_exposures(state.since_action, state.exposure_counts, i, int(np.int64(bits)))
            new = bits & ~np.uint64(1)
            running |= new
            while new != nobody:
                scratch.stamps[np.uint64(lowest_bit(new))] = week
                new &= new - np.uint64(1)
        days, revenue, redeemed, redemptions, cost, out, died = 0, 0.0, nobody, 0, 0.0, False, False
        if alive:
            score, lift = 0.0, 0.0
            if running != nobody:
                score, lift, running = _shifts(state, i, week, running, row.contact_stock, response, courses, scratch)
            find_bins(scratch.observation, 0, behaviour, scratch.bins)
            score += behaviour.newcomer if newcomer else head_score(behaviour, PURCHASE, scratch.bins)
            score += offset + shocks[week, 0]
            if falls_below(uniform_at(base, period + week, _C_PURCHASE, 0), score):
                luck = uniform_at(base, period + week, _C_DAYS, 0)
                days = 1 + extra_days(luck, head_score(behaviour, DAYS, scratch.bins))
                spend = head_score(behaviour, SPEND, scratch.bins) + spend_offset + shocks[week, 1]
                spend += residual_quantile(uniform_at(base, period + week, _C_SPEND, 0), days, behaviour) + lift
                revenue = np.float64(np.float32(days * exponential(spend)))  # as a panel stores it
                if running != nobody:
                    redeemed = _redeemed(state, i, week, running, recency, base, period + week, response, scratch)
                    if redeemed != nobody:
                        redemptions = _count(redeemed)
                        cost = _cost(redeemed, money.cost_on_redemption)
            died = bool(word_at(base, period + week, _C_DEATH, 0) < death)
        if contacted:
            cost += _cost(bits & ~np.uint64(1), money.cost)
            if row.opted_out == np.float32(0.0):
                out = _opts_out(bits & ~np.uint64(1), row.contact_stock, base, period + week, response)
            contact_sum += 1
            out_sum += out
            weekly[week, CONTACTS] += 1.0
            weekly[week, OPT_OUTS] += out
        row = end_row(row, days, revenue, redemptions, 0.0, out)
        if days > 0:
            margin = money.margin_share * revenue
            margin_sum += margin
            revenue_sum += revenue
            days_sum += days
            active_sum += 1
            last_bought = week
            weekly[week, MARGIN] += margin
            weekly[week, REVENUE] += revenue
            weekly[week, ORDER_DAYS] += days
            weekly[week, ACTIVE_WEEKS] += 1.0
        if cost != 0.0:
            cost_sum += cost
            weekly[week, COST] += cost
        if redemptions > 0:
            redeemed_sum += redemptions
            weekly[week, REDEMPTIONS] += redemptions
        if died:
            alive = False
            died_sum += 1
            weekly[week, DEATHS] += 1.0
        if keep:
            events.order_days[i, week] = days
            events.revenue[i, week] = revenue
            events.redeemed_bits[i, week] = redeemed
            events.cost[i, week] = cost
            events.opted_out[i, week] = out
            events.died[i, week] = died
    store_row(state.values, i, row)
    state.contact_bits[i], state.alive[i] = contact_bits, alive
    for a in range(1, courses.reach.size):
        state.since_action[i, a] = _since(state, i, np.uint64(a), n_weeks - 1, scratch)
    totals[i, MARGIN] += margin_sum
    totals[i, REVENUE] += revenue_sum
    totals[i, COST] += cost_sum
    totals[i, ORDER_DAYS] += days_sum
    totals[i, ACTIVE_WEEKS] += active_sum
    totals[i, CONTACTS] += contact_sum
    totals[i, REDEMPTIONS] += redeemed_sum
    totals[i, OPT_OUTS] += out_sum
    totals[i, DEATHS] += died_sum
    if last_bought >= n_weeks - n_last and last_bought >= 0:
        active_last[i] = True


@njit(inline=True)
def _count(bits: np.uint64) -> int:
    count = 0
    while bits != np.uint64(0):
        count += 1
        bits &= bits - np.uint64(1)
    return count


@njit()
def _live_chunk(
    state: StateArrays,
    consent: BoolArray,
    chunk: int,
    schedule: BitArray,
    order: Order,
    seed: int,
    member: int,
    period: int,
    n_weeks: int,
    n_last: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    totals: FloatArray,
    weekly: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
    shocks: FloatArray,
) -> None:
    scratch = Scratch(
        np.empty((1, N_FEATURES), dtype=np.float32),
        np.empty(behaviour.features.size, dtype=np.int64),
        np.empty(response.duration.size, dtype=np.int64),
    )
    death = first_word_above(behaviour.hazard)
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, state.values.shape[0])):
        base = user_base(seed, member, state.user_keys[i])
        _live_user(
            state, consent[i], i, schedule, order, period, base, behaviour, death, response, courses, money,
            totals, weekly, active_last, n_weeks, n_last, events, shocks, scratch,
        )  # fmt: skip


@njit(parallel=True)
def live_weeks(
    state: StateArrays,
    consent: BoolArray,
    schedule: BitArray,
    order: Order,
    seed: int,
    member: int,
    period: int,
    n_weeks: int,
    n_last: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    totals: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
) -> FloatArray:
    """Live `n_weeks` weeks of all users in place.

    Parameters
    ----------
    consent : (n_users,) bool array
        Asked by a standing rule.
    schedule : (n_users, n_weeks) uint32 array
        One bit an action, not asked about; no columns for none.
    order : Order
        A standing rule, or action 0.
    courses : Courses
        `courses_of` the response.
    n_last : int
        Weeks at the end in which a purchase counts for `active_last`.
    totals : (n_users, N_TOTALS) float64 array
        Added to.

    Returns
    -------
    FloatArray
        (n_weeks, N_TOTALS) sums over users.
    """
    n_users = state.values.shape[0]
    n_chunks = (n_users + CHUNK - 1) // CHUNK
    weekly = np.zeros((n_chunks, n_weeks, N_TOTALS), dtype=np.float64)
    shocks = week_shocks(seed, member, period, n_weeks, behaviour.week_spread)
    for chunk in numba.prange(n_chunks):
        _live_chunk(
            state, consent, chunk, schedule, order, seed, member, period, n_weeks, n_last, behaviour, response, courses,
            money, totals, weekly[chunk], active_last, events, shocks,
        )  # fmt: skip
    total = np.zeros((n_weeks, N_TOTALS), dtype=np.float64)
    for chunk in range(n_chunks):
        total += weekly[chunk]
    return total


NO_ORDER = Order(
    action=0,
    features=np.zeros(0, dtype=np.int64),
    lows=np.zeros(0, dtype=np.float32),
    highs=np.zeros(0, dtype=np.float32),
    max_contacts=0,
    window=np.uint64(0),
    gap=np.uint64(0),
    cool_down=0,
)
