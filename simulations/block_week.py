"""What a block of users does in a week: decisions, shifts, scores, who buys and what, redemption, opt-out, death.

Whom something concerns is listed first, in order, and then dealt with in a loop of its own, so that the processor need not
guess which way each user goes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.bits import lowest_bit
from simulations.block import Block
from simulations.compiled import njit
from simulations.contact import may_contact
from simulations.kernel import (
    ACTIVE_WEEKS,
    CONTACTS,
    COST,
    DAYS,
    DEATHS,
    MARGIN,
    OFFSET,
    OPT_OUTS,
    ORDER_DAYS,
    PURCHASE,
    REDEMPTIONS,
    REVENUE,
    SPEND,
    SPEND_OFFSET,
    SPEND_SPREAD,
    Behaviour,
    residual_quantile,
)
from simulations.randomness import Channel, uniform_at, word_at
from simulations.response import N_BASIS, ResponseArrays, basis_feature, scaled_value
from simulations.state import V
from simulations.tabulated import exponential, extra_days, falls_below

_TENURE, _STOCK, _OPTED_OUT = int(V.TENURE), int(V.CONTACT_STOCK), int(V.OPTED_OUT)
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


@njit()
def decide(
    values: Float32Array,
    seen: Float32Array,
    contact_bits: KeyArray,
    since: NDArray[np.uint8],
    consent: BoolArray,
    given: BitArray,
    schedule: BitArray,
    order: Order,
    first: int,
    n: int,
    week: int,
) -> bool:
    """Write the week's contacts of a block; return whether there are any."""
    contacted = np.uint32(0)
    if order.action > 0:
        action, bit = np.uint64(order.action), np.uint32(1) << np.uint32(order.action)
        for u in range(n):
            opted_out = values[_OPTED_OUT, u]
            free = may_contact(contact_bits[u], opted_out, consent[u], order.max_contacts, order.window, order.gap)
            cooled = np.int64(since[action, u]) >= order.cool_down  # never is the largest number
            given[u] = bit if free and cooled else np.uint32(0)
        for k in range(order.features.size):
            feature, low, high = np.uint64(order.features[k]), order.lows[k], order.highs[k]
            for u in range(n):
                given[u] = given[u] if low <= seen[feature, u] <= high else np.uint32(0)
    elif schedule.shape[1] > 0:
        for u in range(n):
            given[u] = schedule[first + u, week]
    for u in range(n):
        contacted |= given[u]
    return bool(contacted != np.uint32(0))


@njit(inline=True)
def _latest(since: NDArray[np.uint8], a: int, n: int) -> np.uint8:
    """Return the fewest weeks since an exposure to an action in the block."""
    latest = np.uint8(255)
    for u in range(n):
        latest = min(latest, since[a, u])
    return latest


@njit(inline=True)
def _full_shift(seen: Float32Array, who: np.uint64, a: int, response: ResponseArrays) -> float:
    full = float(response.coefficients[a, 0])
    for term in range(1, N_BASIS):
        if response.coefficients[a, term] != 0.0:
            full += response.coefficients[a, term] * scaled_value(seen[basis_feature(term), who], term, response)
    return full


@njit()
def shift_scores(
    values: Float32Array,
    seen: Float32Array,
    since: NDArray[np.uint8],
    counts: NDArray[np.uint8],
    rows: IntArray,
    scores: FloatArray,
    lifts: FloatArray,
    response: ResponseArrays,
    courses: Courses,
    n: int,
) -> None:
    """Write the shifts of the log-odds to buy and of the log of an order-day's value by all actions at work."""
    for u in range(n):
        scores[u] = 0.0
    for u in range(n):
        lifts[u] = 0.0
    for a in range(1, courses.reach.size):
        if _latest(since, a, n) >= courses.reach[a]:
            continue
        n_running = 0
        for u in range(n):
            rows[n_running] = u
            n_running += since[a, u] < courses.reach[a]
        alike = not np.any(response.coefficients[a, 1:])
        constant, duration = response.coefficients[a, 0], response.duration[a]
        fatigue, lift = response.fatigue[a], response.spend_lift[a]
        for place in range(n_running):
            who = np.uint64(rows[place])
            full = constant if alike else _full_shift(seen, who, a, response)
            shift = full * courses.habit[a, np.uint64(counts[a, who])] * courses.left[a, np.uint64(since[a, who])]
            at_work = since[a, who] < duration
            scores[who] += shift - (fatigue if at_work else 0.0) * max(np.float64(values[_STOCK, who]) - 1.0, 0.0)
            lifts[who] += lift if at_work else 0.0


@njit()
def find_bins_of(seen: Float32Array, edges: Float32Array, below: NDArray[np.int32], bins: NDArray[np.uint8], n: int) -> None:
    """Write the bins of one feature: how many edges lie below each user, several users and eight edges at a time."""
    for u in range(n):
        below[u] = 0
    n_eights = edges.size // 8 * 8
    for k in range(0, n_eights, 8):
        if edges[k] == np.float32(np.inf):
            break  # nothing lies above
        e0, e1, e2, e3, e4, e5, e6, e7 = (
            edges[k], edges[k + 1], edges[k + 2], edges[k + 3], edges[k + 4], edges[k + 5], edges[k + 6], edges[k + 7],
        )  # fmt: skip
        for u in range(n):
            x = seen[u]
            low = np.int32(x > e0) + np.int32(x > e1) + np.int32(x > e2) + np.int32(x > e3)
            below[u] += low + np.int32(x > e4) + np.int32(x > e5) + np.int32(x > e6) + np.int32(x > e7)
    for k in range(n_eights, edges.size):
        for u in range(n):
            below[u] += np.int32(seen[u] > edges[k])
    for u in range(n):
        bins[u] = np.uint8(below[u])


@njit()
def add_scores(scores: FloatArray, intercept: float, bins: NDArray[np.uint8], total: FloatArray, n: int) -> None:
    """Write a head's score of each user: intercept and terms, one after the other, four at a time."""
    for u in range(n):
        total[u] = intercept
    n_fours = scores.shape[0] // 4 * 4
    for k in range(0, n_fours, 4):
        for u in range(n):
            so_far = total[u] + scores[k, np.uint64(bins[k, u])] + scores[k + 1, np.uint64(bins[k + 1, u])]
            total[u] = so_far + scores[k + 2, np.uint64(bins[k + 2, u])] + scores[k + 3, np.uint64(bins[k + 3, u])]
    for k in range(n_fours, scores.shape[0]):
        for u in range(n):
            total[u] += scores[k, np.uint64(bins[k, u])]


@njit()
def score_purchase(
    values: Float32Array,
    seen: Float32Array,
    offsets: FloatArray,
    below: NDArray[np.int32],
    bins: NDArray[np.uint8],
    total: FloatArray,
    scores: FloatArray,
    behaviour: Behaviour,
    shock: float,
    n: int,
) -> None:
    """Find all bins, and add what the purchase head says to the scores; `total` is room for the head alone."""
    for term in range(behaviour.features.size):
        find_bins_of(seen[np.uint64(behaviour.features[term])], behaviour.edges[term], below, bins[term], n)
    add_scores(behaviour.scores[PURCHASE], behaviour.intercepts[PURCHASE], bins, total, n)
    for u in range(n):
        said = behaviour.newcomer if values[_TENURE, u] == np.float32(0.0) else total[u]
        scores[u] = scores[u] + said + (offsets[OFFSET, u] + shock)


@njit()
def list_buyers(
    base: KeyArray, alive: BoolArray, scores: FloatArray, luck: FloatArray, rows: IntArray, period: int, n: int
) -> int:
    """List who buys this week; return how many."""
    for u in range(n):
        luck[u] = uniform_at(base[u], period, _C_PURCHASE, 0)
    n_buyers = 0
    for u in range(n):
        rows[n_buyers] = u
        n_buyers += int(falls_below(luck[u], scores[u]) & alive[u])  # no guess which way each user goes
    return n_buyers


@njit()
def shop(
    block: Block,
    behaviour: Behaviour,
    period: int,
    shock: float,
    n: int,
    n_buyers: int,
    margin_share: float,
    weekly: FloatArray,
) -> None:
    """Draw the buyers' order-days and revenue, and add them to the week's sums."""
    days, revenue, base, rows, bought = block.days, block.revenue, block.base, block.rows, block.bought
    score, spend, offsets, lifts, bins = block.luck, block.scores, block.offsets, block.lifts, block.bins
    for k in range(n_buyers):
        who = np.uint64(rows[k])
        of_days, of_spend = behaviour.intercepts[DAYS], behaviour.intercepts[SPEND]
        for term in range(behaviour.features.size):
            place = np.uint64(bins[term, who])
            of_days += behaviour.scores[DAYS, term, place]
            of_spend += behaviour.scores[SPEND, term, place]
        score[k], spend[k] = of_days, of_spend
    for k in range(n_buyers):
        bought[k] = 1 + extra_days(uniform_at(base[np.uint64(rows[k])], period, _C_DAYS, 0), score[k])
    for k in range(n_buyers):
        who = np.uint64(rows[k])
        residual = residual_quantile(uniform_at(base[who], period, _C_SPEND, 0), bought[k], behaviour)
        residual = offsets[SPEND_SPREAD, who] * residual
        spend[k] = spend[k] + offsets[SPEND_OFFSET, who] + shock + (residual + lifts[who])
    for k in range(n_buyers):
        spend[k] = np.float64(np.float32(bought[k] * exponential(spend[k])))  # as a panel stores it
    for u in range(n):
        days[u] = 0.0
    for u in range(n):
        revenue[u] = 0.0
    all_margin, all_revenue, all_days = weekly[MARGIN], weekly[REVENUE], weekly[ORDER_DAYS]
    for k in range(n_buyers):
        who = np.uint64(rows[k])
        days[who], revenue[who] = bought[k], spend[k]
        all_margin += margin_share * spend[k]
        all_revenue += spend[k]
        all_days += bought[k]
    weekly[MARGIN], weekly[REVENUE], weekly[ORDER_DAYS] = all_margin, all_revenue, all_days
    weekly[ACTIVE_WEEKS] += n_buyers


@njit()
def redeem(
    base: KeyArray,
    since: NDArray[np.uint8],
    recency: Float32Array,
    rows: IntArray,
    able: IntArray,
    redeemed: BitArray,
    redemptions: FloatArray,
    cost: FloatArray,
    period: int,
    n: int,
    n_buyers: int,
    response: ResponseArrays,
    costs: FloatArray,
) -> int:
    """Let buyers redeem what is at work: the first purchase since the contact may; return how many redemptions there are.

    `able` is room for those who may.
    """
    total = 0
    for a in range(1, response.duration.size):
        chance, duration = response.redemption[a], response.duration[a]
        if chance <= 0.0 or _latest(since, a, n) >= duration:
            continue
        n_able = 0
        for k in range(n_buyers):
            u = np.uint64(rows[k])
            able[n_able] = rows[k]
            n_able += int((since[a, u] < duration) & (recency[u] >= since[a, u]))
        for k in range(n_able):
            u = np.uint64(able[k])
            if uniform_at(base[u], period, _C_REDEMPTION, a) < chance:
                redeemed[u] |= np.uint32(1) << np.uint32(a)
                redemptions[u] += 1.0
                cost[u] += costs[a]
                total += 1
    return total


@njit()
def pay_contacts(block: Block, period: int, n: int, response: ResponseArrays, costs: FloatArray, weekly: FloatArray) -> None:
    """Book what contacts cost, and who asks for no more: likelier the larger the contact stock."""
    values = block.values
    for u in range(n):
        bits = np.uint64(block.given[u])
        if bits == np.uint64(0):
            continue
        weekly[CONTACTS] += 1.0
        block.sums[CONTACTS, u] += 1.0
        bits &= ~np.uint64(1)
        stay = 1.0
        while bits != np.uint64(0):
            a = np.uint64(lowest_bit(bits))
            bits &= bits - np.uint64(1)
            block.cost[u] += costs[a]
            stay *= 1.0 - min(response.opt_out[a] * max(np.float64(values[_STOCK, u]), 1.0), 1.0)
        if stay < 1.0 and values[_OPTED_OUT, u] == np.float32(0.0) and uniform_at(block.base[u], period, _C_OPT_OUT, 0) >= stay:
            values[_OPTED_OUT, u] = np.float32(1.0)
            block.out[u] = True
            block.sums[OPT_OUTS, u] += 1.0
            weekly[OPT_OUTS] += 1.0


@njit()
def draw_deaths(
    base: KeyArray,
    alive: BoolArray,
    died: BoolArray,
    sums: FloatArray,
    period: int,
    n: int,
    death: np.uint64,
    weekly: FloatArray,
) -> None:
    """Draw who is lost for good after the week."""
    any_died = False
    for u in range(n):
        died[u] = alive[u] and word_at(base[u], period, _C_DEATH, 0) < death
    for u in range(n):
        any_died |= died[u]
    if any_died:
        for u in range(n):
            if died[u]:
                alive[u] = False
                sums[DEATHS, u] += 1.0
                weekly[DEATHS] += 1.0


@njit()
def add_up(
    days: FloatArray,
    revenue: FloatArray,
    cost: FloatArray,
    redemptions: FloatArray,
    last: IntArray,
    sums: FloatArray,
    week: int,
    n: int,
    margin_share: float,
    any_cost: bool,
    weekly: FloatArray,
) -> None:
    """Add a week to the users' sums."""
    for u in range(n):
        sums[MARGIN, u] += margin_share * revenue[u]
    for u in range(n):
        sums[REVENUE, u] += revenue[u]
    for u in range(n):
        sums[ORDER_DAYS, u] += days[u]
    for u in range(n):
        sums[ACTIVE_WEEKS, u] += 1.0 if days[u] > 0.0 else 0.0
    for u in range(n):
        last[u] = week if days[u] > 0.0 else last[u]
    if any_cost:
        all_cost, all_redeemed = weekly[COST], weekly[REDEMPTIONS]
        for u in range(n):
            sums[COST, u] += cost[u]
            all_cost += cost[u]
            sums[REDEMPTIONS, u] += redemptions[u]
            all_redeemed += redemptions[u]
        weekly[COST], weekly[REDEMPTIONS] = all_cost, all_redeemed
