"""Compiled rollouts: many weeks of many users, a block of users at a time.

The order of a week: users are observed, a standing rule or a schedule decides, contacts are booked, the actions at work shift
the log-odds of buying, then purchase, order-days, spend, redemption, opt-out and latent death are drawn, each from its own
addressed random number, and the week is booked. Each number is turned into an outcome by inverting its distribution, so the
same luck under a larger chance never buys less. A user's numbers depend on that user's alone: order, batching and cores move
nothing. A block stays near the processor over all weeks.
"""

from __future__ import annotations

import numba
import numpy as np

from simulations.arrays import BitArray, BoolArray, FloatArray
from simulations.block import BLOCK, Block, begin_block, empty_block, end_block, load_block, observe_block, store_block
from simulations.block_week import (
    Courses,
    Order,
    add_up,
    decide,
    draw_deaths,
    list_buyers,
    pay_contacts,
    redeem,
    score_purchase,
    shift_scores,
    shop,
)
from simulations.compiled import njit
from simulations.features import N_FEATURES, observe_row
from simulations.kernel import (
    ALIVE,
    CHUNK,
    N_TOTALS,
    Behaviour,
    EventArrays,
    Money,
    StateArrays,
    find_bins,
    head_score,
)
from simulations.randomness import Channel, first_word_above, uniform_at, user_base
from simulations.response import N_BASIS, ResponseArrays, basis_feature
from simulations.service import Service
from simulations.service_kernel import add_moods, serve
from simulations.state import V
from simulations.tabulated import falls_below

_NEVER_BOUGHT = np.float32(1e6)  # weeks
_TENURE, _RECENCY, _OPEN = int(V.TENURE), int(V.RECENCY), int(V.OPEN_TICKET)
_C_DEATH = int(Channel.DEATH)


@njit(inline=True)
def _clear(redemptions: FloatArray, cost: FloatArray, redeemed: BitArray, out: BoolArray, n: int) -> None:
    for u in range(n):
        redemptions[u] = 0.0
    for u in range(n):
        cost[u] = 0.0
    for u in range(n):
        redeemed[u] = np.uint32(0)
    for u in range(n):
        out[u] = False


@njit()
def _read_features(behaviour: Behaviour, order: Order) -> BoolArray:
    """Return (N_FEATURES,): which items of an observation heads, responses and a standing rule read."""
    needed = np.zeros(N_FEATURES, dtype=np.bool_)
    for feature in behaviour.features:
        needed[feature] = True
    for feature in order.features:
        needed[feature] = True
    for term in range(1, N_BASIS):
        needed[basis_feature(term)] = True
    return needed


@njit(inline=True)
def _live_week(
    block: Block,
    needed: BoolArray,
    schedule: BitArray,
    order: Order,
    first: int,
    n: int,
    week: int,
    period: int,
    shocks: FloatArray,
    behaviour: Behaviour,
    service: Service,
    death: np.uint64,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    weekly: FloatArray,
) -> None:
    observe_block(block.values, block.contact_bits, block.seen, block.scores, needed, n)
    values = block.values
    for u in range(n):  # the order of one who never bought is the first since any contact
        block.recency[u] = _NEVER_BOUGHT if values[_TENURE, u] == np.float32(0.0) else values[_RECENCY, u]
    contacted = decide(
        block.values, block.seen, block.contact_bits, block.since, block.consent, block.given, schedule, order, first, n, week
    )
    begin_block(block.values, block.contact_bits, block.since, block.counts, block.given, n, contacted)
    shift_scores(
        block.values, block.seen, block.since, block.counts, block.rows, block.scores, block.lifts, response, courses, n
    )
    add_moods(block.values, block.scores, behaviour.moods, n)
    score_purchase(
        block.values, block.seen, block.offsets, block.below, block.bins, block.luck, block.scores, behaviour, shocks[0], n
    )
    n_buyers = list_buyers(block.base, block.alive, block.scores, block.luck, block.rows, period, n)
    shop(block, behaviour, period, shocks[1], n, n_buyers, money.margin_share, weekly)
    _clear(block.redemptions, block.cost, block.redeemed, block.out, n)
    n_redeemed = redeem(
        block.base, block.since, block.recency, block.rows, block.bought, block.redeemed, block.redemptions, block.cost, period,
        n, n_buyers, response, money.cost_on_redemption,
    )  # fmt: skip
    if contacted:
        pay_contacts(block, period, n, response, money.cost, weekly)
    draw_deaths(block.base, block.alive, block.died, block.sums, period, n, death, weekly)
    if service.active:
        serve(block.base, block.values, block.days, block.moods, period, n, service)
    end_block(block.values, block.days, block.revenue, block.redemptions, n_redeemed > 0, block.moods, service.active, n)
    add_up(
        block.days, block.revenue, block.cost, block.redemptions, block.last, block.sums, week, n, money.margin_share,
        contacted or n_redeemed > 0, weekly,
    )  # fmt: skip


@njit()
def _keep(block: Block, first: int, n: int, week: int, events: EventArrays) -> None:
    """Write down what a block's users did in a week."""
    for u in range(n):
        events.order_days[first + u, week] = np.int16(block.days[u])
        events.revenue[first + u, week] = block.revenue[u]
        events.redeemed_bits[first + u, week] = block.redeemed[u]
        events.cost[first + u, week] = block.cost[u]
        events.opted_out[first + u, week] = block.out[u]
        events.died[first + u, week] = block.died[u]
        events.moods[first + u, week] = block.moods[u]
        events.open_after[first + u, week] = block.values[_OPEN, u] > np.float32(0.0)


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
    service: Service,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    totals: FloatArray,
    weekly: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
    shocks: FloatArray,
) -> None:
    stop = min((chunk + 1) * CHUNK, state.values.shape[0])
    block = empty_block(min(BLOCK, stop - chunk * CHUNK), response.duration.size, behaviour.features.size)
    death, needed = first_word_above(behaviour.hazard), _read_features(behaviour, order)
    for first in range(chunk * CHUNK, stop, BLOCK):
        n = min(BLOCK, stop - first)
        load_block(block, state, consent, first, n, seed, member)
        for week in range(n_weeks):
            _live_week(
                block, needed, schedule, order, first, n, week, period + week, shocks[week], behaviour, service, death,
                response, courses, money, weekly[week],
            )  # fmt: skip
            if events.order_days.shape[1] > 0:
                _keep(block, first, n, week, events)
        store_block(block, state, totals, first, n)
        for u in range(n):
            if block.last[u] >= max(n_weeks - n_last, 0):
                active_last[first + u] = True


@njit(parallel=True)
def still_there(state: StateArrays, seed: int, member: int, period: int, behaviour: Behaviour) -> BoolArray:
    """Draw who is still there, by what each user's state says of it; who never bought is."""
    alive = np.ones(state.values.shape[0], dtype=np.bool_)
    for chunk in numba.prange((alive.size + CHUNK - 1) // CHUNK):
        _still_there(state, chunk, seed, member, period, behaviour, alive)
    return alive


@njit()
def _still_there(
    state: StateArrays, chunk: int, seed: int, member: int, period: int, behaviour: Behaviour, alive: BoolArray
) -> None:
    seen, bins = np.empty((1, N_FEATURES), dtype=np.float32), np.empty(behaviour.features.size, dtype=np.int64)
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, alive.size)):
        if state.values[i, _TENURE] > np.float32(0.0):
            observe_row(state.values, state.contact_bits, i, seen, 0)
            find_bins(seen, 0, behaviour, bins)
            luck = uniform_at(user_base(seed, member, state.user_keys[i]), period, _C_DEATH, 1)
            alive[i] = falls_below(luck, head_score(behaviour, ALIVE, bins))


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
    service: Service,
    response: ResponseArrays,
    courses: Courses,
    money: Money,
    totals: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
    shocks: FloatArray,
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
    shocks : (n_weeks, N_SHOCKS) float64 array
        What each week moves for everyone: the log-odds to buy, and the log of an order-day's value.

    Returns
    -------
    FloatArray
        (n_weeks, N_TOTALS) sums over users.
    """
    n_users = state.values.shape[0]
    n_chunks = (n_users + CHUNK - 1) // CHUNK
    weekly = np.zeros((n_chunks, n_weeks, N_TOTALS), dtype=np.float64)
    for chunk in numba.prange(n_chunks):
        _live_chunk(
            state, consent, chunk, schedule, order, seed, member, period, n_weeks, n_last, behaviour, service, response,
            courses, money, totals, weekly[chunk], active_last, events, shocks,
        )  # fmt: skip
    total = np.zeros((n_weeks, N_TOTALS), dtype=np.float64)
    for chunk in range(n_chunks):
        total += weekly[chunk]
    return total
