"""Compiled rollouts: one user's week, and many weeks of many users.

The order of a week: contacts are booked (`begin_period`), the actions at work shift the log-odds of buying, then purchase,
order-days, spend, redemption, opt-out and latent death are drawn, each from its own addressed random number, and the week is
booked (`end_period`). Each number is turned into an outcome by inverting its distribution, so the same luck under a larger
chance never buys less. A user's rows depend on that user's rows alone: order, batching and cores move nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray, KeyArray
from simulations.compiled import njit
from simulations.features import N_FEATURES, observe_row
from simulations.randomness import Channel, uniform_at, user_base
from simulations.response import ResponseArrays, purchase_shift
from simulations.state import V, begin_period, end_period
from simulations.week_shocks import week_shocks

MAX_EXTRA_DAYS = 6  # a week has seven business days; one is the purchase itself
PURCHASE, DAYS, SPEND, ALIVE = 0, 1, 2, 3  # rows of Behaviour.scores
OFFSET, SPEND_OFFSET = 0, 1  # columns of latents
N_LATENTS = 2
# columns of a rollout's totals
MARGIN, REVENUE, COST, ORDER_DAYS, ACTIVE_WEEKS, CONTACTS, REDEMPTIONS, OPT_OUTS, DEATHS = range(9)
N_TOTALS = 9
_NEVER_BOUGHT = 1e6  # weeks
CHUNK = 1024  # users that share one scratch row and one partial sum; fixed, so that sums never depend on the cores

_RECENCY, _CONTACT_STOCK, _OPTED_OUT, _TENURE = int(V.RECENCY), int(V.CONTACT_STOCK), int(V.OPTED_OUT), int(V.TENURE)
_C_PURCHASE, _C_DAYS, _C_SPEND = int(Channel.PURCHASE), int(Channel.ORDER_DAYS), int(Channel.SPEND)
_C_REDEMPTION, _C_OPT_OUT, _C_DEATH = int(Channel.REDEMPTION), int(Channel.OPT_OUT), int(Channel.DEATH)


class Behaviour(NamedTuple):
    """What users do when nobody acts, as the kernels read it.

    Attributes
    ----------
    features, edges : (n_terms,) and (n_terms, N_BINS - 1) arrays
        The common `Binning` of all heads.
    scores, intercepts : (4, n_terms, N_BINS) and (4,) arrays
        Heads in the order `PURCHASE` (log-odds to buy in a week while alive), `DAYS` (log-odds of each further day), `SPEND`
        (log of an order-day's revenue) and `ALIVE` (log-odds to be alive).
    newcomer : float
        Log-odds of a first order in a week.
    hazard : float
        Chance to be lost for good after a week.
    residuals : (4, n_quantiles) array
        Quantiles of log revenue an order-day about the spend head, for weeks with 1, 2, 3 and more order-days.
    week_spread : (2,) array
        Standard deviations of what a week does to everyone, see `simulations.week_shocks`.
    """

    features: NDArray[np.int64]
    edges: Float32Array
    scores: FloatArray
    intercepts: FloatArray
    newcomer: float
    hazard: float
    residuals: FloatArray
    week_spread: FloatArray


class StateArrays(NamedTuple):
    """The arrays of `UserStates` and of what no policy sees, all changed in place."""

    user_keys: KeyArray
    values: Float32Array
    contact_bits: KeyArray
    since_action: NDArray[np.uint8]
    exposure_counts: NDArray[np.uint8]
    latents: Float32Array  # (n_users, N_LATENTS)
    alive: BoolArray


class EventArrays(NamedTuple):
    """What happened, (n_users, n_weeks) each; arrays of no columns where nobody asks."""

    order_days: NDArray[np.int16]
    revenue: Float32Array
    redeemed_bits: BitArray
    cost: Float32Array
    opted_out: BoolArray
    died: BoolArray


class Money(NamedTuple):
    """Costs an action, in currency, and the share of revenue that is margin."""

    cost: FloatArray
    cost_on_redemption: FloatArray
    margin_share: float


@njit()
def find_bins(observation: Float32Array, row: int, behaviour: Behaviour, bins: NDArray[np.int64]) -> None:
    """Write the bin of each term; five halvings, no branches on data."""
    for term in range(behaviour.features.size):
        value = observation[row, behaviour.features[term]]
        place = 0
        for step in (16, 8, 4, 2, 1):
            if value > behaviour.edges[term, place + step - 1]:
                place += step
        bins[term] = place


@njit()
def head_score(behaviour: Behaviour, head: int, bins: NDArray[np.int64]) -> float:
    """Return a head's score from the bins."""
    total = float(behaviour.intercepts[head])
    for term in range(bins.size):
        total += behaviour.scores[head, term, bins[term]]
    return total


@njit()
def logistic(score: float) -> float:
    """Return the chance whose log-odds are `score`."""
    return 1.0 / (1.0 + math.exp(-score))


@njit()
def binomial_quantile(uniform: float, n_trials: int, chance: float) -> int:
    """Return the smallest count whose binomial distribution function reaches `uniform`."""
    odds = chance / (1.0 - chance)
    mass = (1.0 - chance) ** n_trials
    total = mass
    count = 0
    while uniform > total and count < n_trials:
        mass *= odds * (n_trials - count) / (count + 1.0)
        total += mass
        count += 1
    return count


@njit()
def residual_quantile(uniform: float, order_days: int, behaviour: Behaviour) -> float:
    """Return the residual of log spend at a probability, by straight lines between the table's quantiles."""
    row = min(order_days, behaviour.residuals.shape[0]) - 1
    last = behaviour.residuals.shape[1] - 1
    place = uniform * last
    left = min(int(place), last - 1)
    low, high = behaviour.residuals[row, left], behaviour.residuals[row, left + 1]
    return float(low + (place - left) * (high - low))


@njit()
def spend_shift(since_action: NDArray[np.uint8], i: int, response: ResponseArrays) -> float:
    """Return the shift of log spend by the actions at work on user `i`."""
    shift = 0.0
    for a in range(1, response.duration.size):
        if np.int64(since_action[i, a]) < response.duration[a]:
            shift += response.spend_lift[a]
    return shift


@njit()
def redeemed_bits(
    since_action: NDArray[np.uint8], recency: float, i: int, base: np.uint64, period: int, response: ResponseArrays
) -> int:
    """Return one bit for each action that a buyer redeems: the first purchase since the contact, while it is at work."""
    bits = 0
    for a in range(1, response.duration.size):
        since = np.int64(since_action[i, a])
        if (
            since < response.duration[a]
            and recency >= since
            and response.redemption[a] > 0.0
            and uniform_at(base, period, _C_REDEMPTION, a) < response.redemption[a]
        ):
            bits |= 1 << a
    return bits


@njit()
def opts_out(bits: int, contact_stock: float, base: np.uint64, period: int, response: ResponseArrays) -> bool:
    """Decide whether this week's contacts make the user ask for no more; likelier the larger the contact stock."""
    stay = 1.0
    for a in range(1, response.duration.size):
        if (bits >> a) & 1:
            stay *= 1.0 - min(response.opt_out[a] * max(contact_stock, 1.0), 1.0)
    return stay < 1.0 and uniform_at(base, period, _C_OPT_OUT, 0) >= stay


@njit()
def live_week(
    state: StateArrays,
    i: int,
    bits: int,
    period: int,
    base: np.uint64,
    behaviour: Behaviour,
    response: ResponseArrays,
    shocks: FloatArray,
    observation: Float32Array,
    bins: NDArray[np.int64],
) -> tuple[int, float, int, bool, bool]:
    """Live one user's week in place; return order-days, revenue, redeemed bits, opt-out and death.

    `shocks` is what the week does to everyone, see `simulations.week_shocks`.
    """
    values = state.values
    observe_row(values, state.contact_bits, i, observation, 0)
    recency = values[i, _RECENCY]
    newcomer = values[i, _TENURE] == 0.0
    if newcomer:
        recency = np.float32(_NEVER_BOUGHT)  # any order is the first since any contact
    begin_period(values, state.contact_bits, state.since_action, state.exposure_counts, i, bits)
    order_days, revenue, redeemed = 0, 0.0, 0
    if state.alive[i]:
        stock = np.float64(values[i, _CONTACT_STOCK])
        score = purchase_shift(observation, 0, state.since_action, state.exposure_counts, i, stock, response)
        find_bins(observation, 0, behaviour, bins)
        score += behaviour.newcomer if newcomer else head_score(behaviour, PURCHASE, bins)
        score += state.latents[i, OFFSET] + shocks[0]
        if uniform_at(base, period, _C_PURCHASE, 0) < logistic(score):
            chance = logistic(head_score(behaviour, DAYS, bins))
            order_days = 1 + binomial_quantile(uniform_at(base, period, _C_DAYS, 0), MAX_EXTRA_DAYS, chance)
            spend = head_score(behaviour, SPEND, bins) + state.latents[i, SPEND_OFFSET] + shocks[1]
            spend += residual_quantile(uniform_at(base, period, _C_SPEND, 0), order_days, behaviour)
            spend += spend_shift(state.since_action, i, response)
            revenue = float(np.float64(np.float32(order_days * math.exp(spend))))  # as a panel stores it
            redeemed = redeemed_bits(state.since_action, recency, i, base, period, response)
    out = False
    if bits != 0 and values[i, _OPTED_OUT] == 0.0:
        out = opts_out(bits, np.float64(values[i, _CONTACT_STOCK]), base, period, response)
    died = bool(state.alive[i]) and uniform_at(base, period, _C_DEATH, 0) < behaviour.hazard
    count = 0
    for a in range(response.duration.size):
        count += (redeemed >> a) & 1
    end_period(values, i, order_days, revenue, count, 0.0)
    if out:
        values[i, _OPTED_OUT] = np.float32(1.0)
    if died:
        state.alive[i] = False
    return order_days, revenue, redeemed, out, died


@njit()
def contact_cost(bits: int, redeemed: int, money: Money) -> float:
    """Return what a user's contacts and redemptions of a week cost."""
    cost = 0.0
    for a in range(1, money.cost.size):
        if (bits >> a) & 1:
            cost += money.cost[a]
        if (redeemed >> a) & 1:
            cost += money.cost_on_redemption[a]
    return cost


@njit()
def tally(
    totals: FloatArray,
    row: int,
    order_days: int,
    revenue: float,
    cost: float,
    contacts: int,
    redemptions: int,
    out: bool,
    died: bool,
    margin_share: float,
) -> None:
    """Add one user-week to a row of totals."""
    totals[row, MARGIN] += margin_share * revenue
    totals[row, REVENUE] += revenue
    totals[row, COST] += cost
    totals[row, ORDER_DAYS] += order_days
    totals[row, ACTIVE_WEEKS] += order_days > 0
    totals[row, CONTACTS] += contacts
    totals[row, REDEMPTIONS] += redemptions
    totals[row, OPT_OUTS] += out
    totals[row, DEATHS] += died


@njit()
def _live_user(
    state: StateArrays,
    i: int,
    schedule: BitArray,
    period: int,
    base: np.uint64,
    behaviour: Behaviour,
    response: ResponseArrays,
    money: Money,
    totals: FloatArray,
    weekly: FloatArray,
    active_last: BoolArray,
    n_weeks: int,
    n_last: int,
    events: EventArrays,
    shocks: FloatArray,
    observation: Float32Array,
    bins: NDArray[np.int64],
) -> None:
    keep = events.order_days.shape[1] > 0
    contacted = schedule.shape[1] > 0
    for week in range(n_weeks):
        bits = int(np.int64(schedule[i, week])) if contacted else 0
        days, revenue, redeemed, out, died = live_week(
            state, i, bits, period + week, base, behaviour, response, shocks[week], observation, bins
        )
        cost = contact_cost(bits, redeemed, money)
        count = 0
        for a in range(1, money.cost.size):
            count += (redeemed >> a) & 1
        tally(totals, i, days, revenue, cost, bits != 0, count, out, died, money.margin_share)
        tally(weekly, week, days, revenue, cost, bits != 0, count, out, died, money.margin_share)
        if days > 0 and week >= n_weeks - n_last:
            active_last[i] = True
        if keep:
            events.order_days[i, week] = days
            events.revenue[i, week] = revenue
            events.redeemed_bits[i, week] = redeemed
            events.cost[i, week] = cost
            events.opted_out[i, week] = out
            events.died[i, week] = died


@njit()
def _live_chunk(
    state: StateArrays,
    chunk: int,
    schedule: BitArray,
    seed: int,
    member: int,
    period: int,
    n_weeks: int,
    n_last: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    money: Money,
    totals: FloatArray,
    weekly: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
    shocks: FloatArray,
) -> None:
    observation = np.empty((1, N_FEATURES), dtype=np.float32)
    bins = np.empty(behaviour.features.size, dtype=np.int64)
    for i in range(chunk * CHUNK, min((chunk + 1) * CHUNK, state.values.shape[0])):
        base = user_base(seed, member, state.user_keys[i])
        _live_user(
            state, i, schedule, period, base, behaviour, response, money,
            totals, weekly, active_last, n_weeks, n_last, events, shocks, observation, bins,
        )  # fmt: skip


@njit(parallel=True)
def live_weeks(
    state: StateArrays,
    schedule: BitArray,
    seed: int,
    member: int,
    period: int,
    n_weeks: int,
    n_last: int,
    behaviour: Behaviour,
    response: ResponseArrays,
    money: Money,
    totals: FloatArray,
    active_last: BoolArray,
    events: EventArrays,
) -> FloatArray:
    """Live `n_weeks` weeks of all users in place.

    Parameters
    ----------
    schedule : (n_users, n_weeks) uint32 array
        One bit an action; no columns for no contact at all.
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
            state, chunk, schedule, seed, member, period, n_weeks, n_last, behaviour, response, money,
            totals, weekly[chunk], active_last, events, shocks,
        )  # fmt: skip
    total = np.zeros((n_weeks, N_TOTALS), dtype=np.float64)
    for chunk in range(n_chunks):
        total += weekly[chunk]
    return total
