"""The simulator once more, in numpy: all users of a block at once, week by week, doing the same full work as the kernel.

It reads the same saved simulator and the same addressed random numbers, so that its sums can be laid beside the kernel's, user
by user. It is written as one writes numpy with care: a column of the state an array, blocks that stay in the cache, work on
those only whom it concerns, tables where a value has few arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.actions import ActionSet
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.contact import ContactRules, lowest_bits
from simulations.features import FEATURES
from simulations.heads import N_BINS
from simulations.kernel import DAYS, N_TOTALS, OFFSET, PURCHASE, SPEND, SPEND_OFFSET, SPEND_SPREAD, Behaviour
from simulations.population import Population
from simulations.randomness import Channel
from simulations.response import BASIS_LIMIT, N_BASIS, ResponseArrays
from simulations.simulator import LifecycleSimulator
from simulations.state import ALPHA_4, ALPHA_13, CONTACT_MEMORY, NEVER, REDEMPTION_MEMORY, SATISFACTION_MEMORY, V
from simulations.tabulated import MAX_EXTRA_DAYS

BLOCK = 16_384  # users whose arrays stay in a core's cache
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_LONGEST_TENURE = 4096  # weeks
_BASKET_RATE, _GAP_RATE = 0.1, 0.3
_RECENCY, _TENURE, _RATE_13, _BASKET = 0, 1, 4, 6  # places in an observation


def _mix(words: KeyArray) -> KeyArray:
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))


def _uniforms(base: KeyArray, period: int, channel: Channel, counter: int = 0) -> FloatArray:
    place = np.uint64(((period << 24) | (int(channel) << 16) | counter) + 1)
    with np.errstate(over="ignore"):
        step = place * _GOLDEN
    return ((_mix(base + step) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _bases(seed: int, member: int, user_keys: KeyArray) -> KeyArray:
    with np.errstate(over="ignore"):
        return _mix(_mix(np.array([seed], dtype=np.uint64) * _GOLDEN + np.uint64(member + 1)) ^ user_keys)


@dataclass(slots=True)
class _Block:
    """The states of some users, a column an array."""

    base: KeyArray
    columns: list[Float32Array]
    contact_bits: KeyArray
    since: list[NDArray[np.uint8]]
    counts: list[NDArray[np.uint8]]
    consent: BoolArray
    latents: Float32Array
    alive: BoolArray


def live_in_numpy(
    simulator: LifecycleSimulator, start: Population, weeks: int, *, action: int = 0, block: int = BLOCK
) -> tuple[FloatArray, FloatArray]:
    """Live some weeks under the policy that gives one action to everybody whom the rules allow to get it.

    Parameters
    ----------
    action : int
        Index into the action set; 0 contacts nobody.

    Returns
    -------
    totals, weekly : (n_users, N_TOTALS) and (weeks, N_TOTALS) arrays
        As `simulations.rollout.Rollout` holds them.
    """
    n_users = start.alive.size
    totals, weekly = np.zeros((n_users, N_TOTALS)), np.zeros((weeks, N_TOTALS))
    shocks = simulator.week_shifts(start.seed, start.period, weeks)
    for first in range(0, n_users, block):
        rows = slice(first, min(first + block, n_users))
        lived = _opened(start, rows)
        for week in range(weeks):
            booked = _week(simulator, lived, start.period + week, shocks[week], action)
            totals[rows] += booked
            weekly[week] += booked.sum(axis=0)
    return totals, weekly


def _opened(start: Population, rows: slice) -> _Block:
    states = start.states
    return _Block(
        base=_bases(start.seed, start.member, states.user_keys[rows]),
        columns=[states.values[rows, column].copy() for column in range(states.values.shape[1])],
        contact_bits=states.contact_bits[rows].copy(),
        since=[states.since_action[rows, a].copy() for a in range(states.since_action.shape[1])],
        counts=[states.exposure_counts[rows, a].copy() for a in range(states.since_action.shape[1])],
        consent=states.consent[rows],
        latents=start.latents[rows],
        alive=start.alive[rows].copy(),
    )


def _week(simulator: LifecycleSimulator, block: _Block, period: int, shocks: FloatArray, action: int) -> FloatArray:
    behaviour, response, actions = simulator.behaviour, simulator.response, simulator.actions
    values = block.columns
    seen = _observed(block, {*behaviour.features.tolist(), _RECENCY, _RATE_13, _BASKET})
    newcomer = values[V.TENURE] == 0.0
    recency = np.where(newcomer, np.float32(1e6), values[V.RECENCY])
    contacted = _allowed(block, actions, simulator.rules, action) if action else np.zeros(newcomer.size, dtype=np.bool_)
    _begin(block, contacted, action)
    alive = np.flatnonzero(block.alive)
    bins = [np.searchsorted(behaviour.edges[k, :-1], seen[f], side="left") for k, f in enumerate(behaviour.features)]
    score = np.where(newcomer, behaviour.newcomer, _head(behaviour, PURCHASE, bins))
    score += _purchase_shift(block, seen, response) + block.latents[:, OFFSET] + shocks[0]
    chance = 1.0 / (1.0 + np.exp(-score[alive]))
    buyers = alive[_uniforms(block.base[alive], period, Channel.PURCHASE) < chance]
    days, revenue, redeemed = np.zeros(newcomer.size), np.zeros(newcomer.size), np.zeros(newcomer.size)
    cost = contacted * actions.costs[action]
    if buyers.size:
        days[buyers], revenue[buyers] = _bought(
            block, behaviour, response, [b[buyers] for b in bins], buyers, period, shocks[1]
        )
        _redeem(block, response, actions, buyers, recency, period, redeemed, cost)
    out = np.zeros(newcomer.size, dtype=np.bool_)
    if action:
        asked = np.flatnonzero(contacted & (values[V.OPTED_OUT] == 0.0))
        stock = np.maximum(values[V.CONTACT_STOCK][asked].astype(np.float64), 1.0)
        stay = 1.0 - np.minimum(response.opt_out[action] * stock, 1.0)
        out[asked] = (stay < 1.0) & (_uniforms(block.base[asked], period, Channel.OPT_OUT) >= stay)
    died = block.alive & (_uniforms(block.base, period, Channel.DEATH) < behaviour.hazard)
    _end(values, days, revenue, redeemed)
    values[V.OPTED_OUT][out] = 1.0
    block.alive &= ~died
    columns = (simulator.margin_share * revenue, revenue, cost, days, days > 0, contacted, redeemed, out, died)
    return np.stack([column.astype(np.float64) for column in columns], axis=1)


_WEEKS = np.arange(_LONGEST_TENURE, dtype=np.float32).clip(1.0)
_SEEN_4 = np.maximum(1.0 - np.exp(np.log(1.0 - ALPHA_4) * _WEEKS.astype(np.float64)), ALPHA_4)
_SEEN_13 = np.maximum(1.0 - np.exp(np.log(1.0 - ALPHA_13) * _WEEKS.astype(np.float64)), ALPHA_13)


def _observed(block: _Block, needed: set[int]) -> dict[int, Float32Array]:
    """Return the observation's items that heads and responses read."""
    values = block.columns
    tenure, active = values[V.TENURE], values[V.ACTIVE_WEEKS]
    weeks = np.maximum(tenure, np.float32(1.0))
    place = tenure.astype(np.int64)

    def gap() -> FloatArray:
        usual = np.where(values[V.GAP] == 0.0, weeks / np.maximum(active, np.float32(1.0)), values[V.GAP])
        return (values[V.RECENCY] + np.float32(1.0)) / np.maximum(usual, np.float32(1.0))

    items: dict[int, Callable[[], FloatArray | Float32Array]] = {
        0: lambda: values[V.RECENCY],
        1: lambda: tenure,
        2: lambda: active / weeks,
        3: lambda: values[V.RATE_4] / _SEEN_4[place],
        4: lambda: values[V.RATE_13] / _SEEN_13[place],
        5: lambda: values[V.ORDER_DAYS] / weeks,
        6: lambda: values[V.BASKET],
        7: lambda: values[V.REVENUE_13] / _SEEN_13[place],
        8: gap,
    }
    return {
        k: items[k]().astype(np.float32).clip(np.float32(FEATURES[k].low), np.float32(FEATURES[k].high)) for k in sorted(needed)
    }


def _allowed(block: _Block, actions: ActionSet, rules: ContactRules, action: int) -> BoolArray:
    recent = np.bitwise_count(block.contact_bits & lowest_bits(rules.window_weeks - 1))
    free = (block.contact_bits & lowest_bits(rules.min_gap_weeks) == 0) & (recent < rules.max_contacts)
    cooled = block.since[action] >= actions[action].cool_down_weeks  # NEVER is the largest number there is
    return np.asarray(free & cooled & block.consent & (block.columns[V.OPTED_OUT] == 0.0), dtype=np.bool_)


def _begin(block: _Block, contacted: BoolArray, action: int) -> None:
    block.contact_bits <<= np.uint64(1)
    stock = block.columns[V.CONTACT_STOCK]
    stock *= np.float32(CONTACT_MEMORY)
    for a in range(1, len(block.since)):
        block.since[a] += block.since[a] < NEVER - 1
    if action:
        block.contact_bits |= contacted.astype(np.uint64)
        stock += contacted
        block.since[action][contacted] = 0
        block.counts[action] += contacted & (block.counts[action] < 255)


def _head(behaviour: Behaviour, head: int, bins: list[IntArray]) -> FloatArray:
    assert behaviour.scores.shape[2] == N_BINS
    total = np.full(bins[0].size, behaviour.intercepts[head])
    for term, places in enumerate(bins):
        total += behaviour.scores[head, term][places]
    return total


def _purchase_shift(block: _Block, seen: dict[int, Float32Array], response: ResponseArrays) -> FloatArray:
    shift = np.zeros(block.alive.size)
    for a in range(1, response.duration.size):
        duration = int(response.duration[a])
        rows = np.flatnonzero(block.since[a] < min(2 * duration, int(NEVER) - 1))
        if not rows.size:
            continue
        full = np.zeros(rows.size)
        for k, feature in zip(range(N_BASIS), (-1, _RECENCY, _RATE_13, _BASKET), strict=True):
            if response.coefficients[a, k] != 0.0:
                full += response.coefficients[a, k] * (_scaled(seen[feature][rows], k, response) if k else 1.0)
        since = block.since[a][rows].astype(np.int64)
        full *= np.exp(-response.habituation[a] * np.arange(256))[np.maximum(block.counts[a][rows].astype(np.int64) - 1, 0)]
        left = response.decay[a] ** np.arange(duration)
        stock = np.maximum(block.columns[V.CONTACT_STOCK][rows].astype(np.float64) - 1.0, 0.0)
        at_work = since < duration
        course = np.concatenate([left, -response.pull_forward[a] * left])
        shift[rows] += full * course[since] - response.fatigue[a] * stock * at_work
    return shift


def _scaled(values: Float32Array, k: int, response: ResponseArrays) -> FloatArray:
    terms = (np.log1p(np.maximum(values.astype(np.float64), 0.0)) - response.centre[k]) / response.spread[k]
    return np.asarray(terms.clip(-BASIS_LIMIT, BASIS_LIMIT))


def _bought(
    block: _Block,
    behaviour: Behaviour,
    response: ResponseArrays,
    bins: list[IntArray],
    buyers: IntArray,
    period: int,
    shock: float,
) -> tuple[FloatArray, FloatArray]:
    """Return order-days and revenue of the buyers."""
    base = block.base[buyers]
    chance = 1.0 / (1.0 + np.exp(-_head(behaviour, DAYS, bins)))
    luck = _uniforms(base, period, Channel.ORDER_DAYS)
    mass = (1.0 - chance) ** MAX_EXTRA_DAYS
    odds, total, days = chance / (1.0 - chance), mass.copy(), np.ones(buyers.size)
    for count in range(MAX_EXTRA_DAYS):
        beyond = luck > total
        if not beyond.any():
            break
        days += beyond
        mass = mass * (odds * (MAX_EXTRA_DAYS - count) / (count + 1.0))
        total = np.where(beyond, total + mass, np.inf)
    spend = _head(behaviour, SPEND, bins) + block.latents[buyers, SPEND_OFFSET] + shock
    table = behaviour.residuals
    row = np.minimum(days.astype(np.int64), table.shape[0]) - 1
    place = _uniforms(base, period, Channel.SPEND) * (table.shape[1] - 1)
    left = np.minimum(place.astype(np.int64), table.shape[1] - 2)
    low, high = table[row, left], table[row, left + 1]
    spend += np.exp(block.latents[buyers, SPEND_SPREAD].astype(np.float64)) * (low + (place - left) * (high - low))
    for a in range(1, response.duration.size):
        if response.spend_lift[a] != 0.0:
            spend += np.where(block.since[a][buyers] < response.duration[a], response.spend_lift[a], 0.0)
    return days, (days * np.exp(spend)).astype(np.float32).astype(np.float64)


def _redeem(
    block: _Block,
    response: ResponseArrays,
    actions: ActionSet,
    buyers: IntArray,
    recency: Float32Array,
    period: int,
    redeemed: FloatArray,
    cost: FloatArray,
) -> None:
    """Add the buyers' redemptions and what they cost."""
    for a in range(1, response.duration.size):
        if response.redemption[a] <= 0.0:
            continue
        since = block.since[a][buyers]
        rows = buyers[(since < response.duration[a]) & (recency[buyers] >= since)]
        rows = rows[_uniforms(block.base[rows], period, Channel.REDEMPTION, a) < response.redemption[a]]
        redeemed[rows] += 1.0
        cost[rows] += actions.redemption_costs[a]


def _end(values: list[Float32Array], days: FloatArray, revenue: FloatArray, redeemed: FloatArray) -> None:
    """Book the week, in the precision that `simulations.state.end_period` books it in."""
    values[V.REDEMPTION_STOCK][:] = values[V.REDEMPTION_STOCK].astype(np.float64) * REDEMPTION_MEMORY + redeemed
    values[V.SATISFACTION][:] = (values[V.SATISFACTION].astype(np.float64) * SATISFACTION_MEMORY).clip(-1.0, 1.0)
    values[V.REVENUE] += revenue.astype(np.float32)
    buyers = np.flatnonzero(days > 0)
    known = (days > 0) | (values[V.ACTIVE_WEEKS] > 0.0)
    values[V.TENURE] += known
    for column, rate, new in ((V.RATE_4, ALPHA_4, days), (V.RATE_13, ALPHA_13, days), (V.REVENUE_13, ALPHA_13, revenue)):
        values[column] += np.where(known, rate * (new - values[column]), 0.0).astype(np.float32)
    active = values[V.ACTIVE_WEEKS][buyers].astype(np.float64)
    basket = revenue[buyers] / days[buyers]
    old = values[V.BASKET][buyers]
    moved = old + (np.maximum(_BASKET_RATE, 1.0 / (active + 1.0)) * (basket - old)).astype(np.float32)
    values[V.BASKET][buyers] = np.where(active == 0.0, basket, moved)
    silence = values[V.RECENCY][buyers] + 1.0
    gap = values[V.GAP][buyers]
    slid = gap + (_GAP_RATE * (silence.astype(np.float64) - gap)).astype(np.float32)
    values[V.GAP][buyers] = np.where(active == 0.0, gap, np.where(gap == 0.0, silence, slid))
    values[V.RECENCY] += known
    values[V.RECENCY][buyers] = 0.0
    values[V.ACTIVE_WEEKS][buyers] += np.float32(1.0)
    values[V.ORDER_DAYS] += days.astype(np.float32)
