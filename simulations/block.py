"""A block of users in the hands of the rollouts' kernel: a column an array, and one short loop for each thing that is done.

Users of a block are taken through a week together. Loops over a column are the same arithmetic as `simulations.state` and
`simulations.features` do user by user (they call the same functions), and the processor does several users in each of
their steps; none waits for what another decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.compiled import njit
from simulations.features import (
    HIGHS,
    LONGEST_WEEKS,
    LOWS,
    N_FEATURES,
    SEEN_4,
    SEEN_13,
    clip,
    usual_gap,
    weeks_since_contact,
)
from simulations.kernel import N_LATENTS, N_TOTALS, OFFSET, SPEND_OFFSET, SPEND_SPREAD, StateArrays
from simulations.randomness import user_base
from simulations.state import (
    ALPHA_4,
    ALPHA_13,
    N_VALUES,
    V,
    next_basket,
    next_count,
    next_gap,
    next_mood,
    next_rate,
    next_redemptions,
    next_since,
    next_stock,
    shifted_contacts,
)
from simulations.tabulated import exponential

BLOCK = 256  # users: few enough that their columns stay near the processor, many enough that a loop is worth beginning
_TENURE, _RECENCY, _ACTIVE, _DAYS, _REVENUE = (
    int(V.TENURE), int(V.RECENCY), int(V.ACTIVE_WEEKS), int(V.ORDER_DAYS), int(V.REVENUE),
)  # fmt: skip
_RATE_4, _RATE_13, _REVENUE_13 = int(V.RATE_4), int(V.RATE_13), int(V.REVENUE_13)
_BASKET, _GAP, _STOCK = int(V.BASKET), int(V.GAP), int(V.CONTACT_STOCK)
_REDEEMED, _MOOD, _OPEN = int(V.REDEMPTION_STOCK), int(V.SATISFACTION), int(V.OPEN_TICKET)


class Block(NamedTuple):
    """Users of a block, what they are seen as, and what they do in a week; arrays end in (n_users,).

    Attributes
    ----------
    values, seen : (N_VALUES, n) and (N_FEATURES, n) float32 arrays
    since, counts : (n_actions, n) uint8 arrays
    offsets : (2, n) float64 array
        Of log-odds to buy and of log spend.
    present : (n,) bool array
        Alive at the week's beginning.
    given, redeemed : (n,) uint32 arrays
        Bits of the week's contacts and redemptions.
    below : (n,) int32 array
        How many edges of a feature lie below, for finding bins.
    bins : (n_terms, n) uint8 array
    scores, lifts, luck : (n,) float64 arrays
        Log-odds to buy, shift of log spend, the purchase's uniform number.
    days, revenue, redemptions, cost : (n,) float64 arrays
    out, died : (n,) bool arrays
    rows : (n,) int64 array
        Users whom something concerns, as many as the loop that wrote it says.
    bought : (n,) int64 array
        Order-days of those listed in `rows`.
    recency : (n,) float32 array
        Weeks without an order before this one; those who never bought have a very large number.
    moods : (n,) float64 array
        What the week's reviews and tickets move satisfaction by; nothing, where there are none.
    sums : (N_TOTALS, n) float64 array
    last : (n,) int64 array
        Last week with an order, -1 for none.
    """

    values: Float32Array
    seen: Float32Array
    contact_bits: KeyArray
    base: KeyArray
    since: NDArray[np.uint8]
    counts: NDArray[np.uint8]
    offsets: FloatArray
    alive: BoolArray
    consent: BoolArray
    given: BitArray
    redeemed: BitArray
    below: NDArray[np.int32]
    bins: NDArray[np.uint8]
    scores: FloatArray
    lifts: FloatArray
    luck: FloatArray
    days: FloatArray
    revenue: FloatArray
    redemptions: FloatArray
    cost: FloatArray
    out: BoolArray
    died: BoolArray
    rows: IntArray
    bought: IntArray
    recency: Float32Array
    moods: FloatArray
    sums: FloatArray
    last: IntArray


@njit()
def empty_block(n: int, n_actions: int, n_terms: int) -> Block:
    """Return room for a block of `n` users."""
    return Block(
        np.zeros((N_VALUES, n), dtype=np.float32),
        np.zeros((N_FEATURES, n), dtype=np.float32),
        np.zeros(n, dtype=np.uint64),
        np.zeros(n, dtype=np.uint64),
        np.zeros((n_actions, n), dtype=np.uint8),
        np.zeros((n_actions, n), dtype=np.uint8),
        np.zeros((N_LATENTS, n), dtype=np.float64),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.uint32),
        np.zeros(n, dtype=np.uint32),
        np.zeros(n, dtype=np.int32),
        np.zeros((n_terms, n), dtype=np.uint8),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.float64),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.float32),
        np.zeros(n, dtype=np.float64),
        np.zeros((N_TOTALS, n), dtype=np.float64),
        np.zeros(n, dtype=np.int64),
    )


@njit()
def load_block(block: Block, state: StateArrays, consent: BoolArray, first: int, n: int, seed: int, member: int) -> None:
    """Take `n` users from `first` on into a block; their sums begin at nothing."""
    for u in range(n):
        i = first + u
        for k in range(N_VALUES):
            block.values[k, u] = state.values[i, k]
        for a in range(block.since.shape[0]):
            block.since[a, u] = state.since_action[i, a]
            block.counts[a, u] = state.exposure_counts[i, a]
        block.contact_bits[u] = state.contact_bits[i]
        block.base[u] = user_base(seed, member, state.user_keys[i])
        block.offsets[OFFSET, u] = state.latents[i, OFFSET]
        block.offsets[SPEND_OFFSET, u] = state.latents[i, SPEND_OFFSET]
        block.offsets[SPEND_SPREAD, u] = exponential(np.float64(state.latents[i, SPEND_SPREAD]))
        block.alive[u] = state.alive[i]
        block.consent[u] = consent[i]
        block.last[u] = -1
    block.sums[:] = 0.0


@njit()
def store_block(block: Block, state: StateArrays, totals: FloatArray, first: int, n: int) -> None:
    """Write a block's users back, and add their sums to the totals."""
    for u in range(n):
        i = first + u
        for k in range(N_VALUES):
            state.values[i, k] = block.values[k, u]
        for a in range(block.since.shape[0]):
            state.since_action[i, a] = block.since[a, u]
            state.exposure_counts[i, a] = block.counts[a, u]
        state.contact_bits[i] = block.contact_bits[u]
        state.alive[i] = block.alive[u]
        for k in range(N_TOTALS):
            totals[i, k] += block.sums[k, u]


@njit()
def observe_block(
    values: Float32Array, contact_bits: KeyArray, seen: Float32Array, scratch: FloatArray, needed: BoolArray, n: int
) -> None:
    """Write what is observed of a block's users, as far as somebody reads it; see `simulations.features.see`.

    Parameters
    ----------
    needed : (N_FEATURES,) bool array
        Items that are read; heads read the first seven and the ninth.
    """
    one = np.float32(1.0)
    for u in range(n):
        seen[0, u] = clip(values[_RECENCY, u], LOWS[0], HIGHS[0])
    for u in range(n):
        seen[1, u] = clip(values[_TENURE, u], LOWS[1], HIGHS[1])
    for u in range(n):
        seen[2, u] = clip(values[_ACTIVE, u] / max(values[_TENURE, u], one), LOWS[2], HIGHS[2])
    for u in range(n):
        seen[5, u] = clip(values[_DAYS, u] / max(values[_TENURE, u], one), LOWS[5], HIGHS[5])
    for u in range(n):
        scratch[u] = SEEN_4[np.uint64(np.int64(min(max(values[_TENURE, u], one), np.float32(LONGEST_WEEKS - 1))))]
    for u in range(n):
        seen[3, u] = clip(values[_RATE_4, u] / scratch[u], LOWS[3], HIGHS[3])
    for u in range(n):
        scratch[u] = SEEN_13[np.uint64(np.int64(min(max(values[_TENURE, u], one), np.float32(LONGEST_WEEKS - 1))))]
    for u in range(n):
        seen[4, u] = clip(values[_RATE_13, u] / scratch[u], LOWS[4], HIGHS[4])
    for u in range(n):
        seen[6, u] = clip(values[_BASKET, u], LOWS[6], HIGHS[6])
    for u in range(n):
        gap = usual_gap(values[_GAP, u], max(values[_TENURE, u], one), values[_ACTIVE, u])
        seen[8, u] = clip((values[_RECENCY, u] + one) / gap, LOWS[8], HIGHS[8])
    if needed[7]:
        for u in range(n):
            seen[7, u] = clip(values[_REVENUE_13, u] / scratch[u], LOWS[7], HIGHS[7])
    if needed[9]:
        for u in range(n):
            seen[9, u] = clip(values[_STOCK, u], LOWS[9], HIGHS[9])
    if needed[10]:
        for u in range(n):
            seen[10, u] = clip(weeks_since_contact(contact_bits[u]), LOWS[10], HIGHS[10])
    for place, column in ((11, _REDEEMED), (12, _MOOD), (13, _OPEN)):
        if needed[place]:
            for u in range(n):
                seen[place, u] = clip(values[column, u], LOWS[place], HIGHS[place])


@njit()
def begin_block(
    values: Float32Array,
    contact_bits: KeyArray,
    since: NDArray[np.uint8],
    counts: NDArray[np.uint8],
    given: BitArray,
    n: int,
    contacted: bool,
) -> None:
    """Book the contacts of a week's beginning; `contacted` says whether there are any in the block."""
    if not contacted:
        for u in range(n):
            values[_STOCK, u] = next_stock(values[_STOCK, u], False)
        for u in range(n):
            contact_bits[u] = shifted_contacts(contact_bits[u], False)
        for a in range(1, since.shape[0]):
            for u in range(n):
                since[a, u] = next_since(since[a, u], False)
        return
    for u in range(n):
        values[_STOCK, u] = next_stock(values[_STOCK, u], given[u] != 0)
    for u in range(n):
        contact_bits[u] = shifted_contacts(contact_bits[u], given[u] != 0)
    for a in range(1, since.shape[0]):
        bit = np.uint32(1) << np.uint32(a)
        for u in range(n):
            since[a, u] = next_since(since[a, u], given[u] & bit != 0)
        for u in range(n):
            counts[a, u] = next_count(counts[a, u], given[u] & bit != 0)


@njit()
def end_block(
    values: Float32Array,
    days: FloatArray,
    revenue: FloatArray,
    redemptions: FloatArray,
    any_redeemed: bool,
    moods: FloatArray,
    any_mood: bool,
    n: int,
) -> None:
    """Book what a block's users did in a week; see `simulations.state.end_row`."""
    one, zero = np.float32(1.0), np.float32(0.0)
    if any_redeemed:
        for u in range(n):
            values[_REDEEMED, u] = next_redemptions(values[_REDEEMED, u], redemptions[u])
    else:
        for u in range(n):
            values[_REDEEMED, u] = next_redemptions(values[_REDEEMED, u], 0.0)
    if any_mood:
        for u in range(n):
            values[_MOOD, u] = next_mood(values[_MOOD, u], moods[u])
    else:
        for u in range(n):
            values[_MOOD, u] = next_mood(values[_MOOD, u], 0.0)
    for u in range(n):
        values[_REVENUE, u] += np.float32(revenue[u])
    for u in range(n):
        moved = next_rate(values[_RATE_4, u], ALPHA_4, days[u])
        values[_RATE_4, u] = moved if days[u] > 0.0 or values[_ACTIVE, u] > zero else values[_RATE_4, u]
    for u in range(n):
        moved = next_rate(values[_RATE_13, u], ALPHA_13, days[u])
        values[_RATE_13, u] = moved if days[u] > 0.0 or values[_ACTIVE, u] > zero else values[_RATE_13, u]
    for u in range(n):
        moved = next_rate(values[_REVENUE_13, u], ALPHA_13, revenue[u])
        values[_REVENUE_13, u] = moved if days[u] > 0.0 or values[_ACTIVE, u] > zero else values[_REVENUE_13, u]
    for u in range(n):
        moved = next_basket(values[_BASKET, u], values[_ACTIVE, u], revenue[u] / days[u])
        values[_BASKET, u] = moved if days[u] > 0.0 else values[_BASKET, u]
    for u in range(n):
        moved = next_gap(values[_GAP, u], values[_ACTIVE, u], values[_RECENCY, u])
        values[_GAP, u] = moved if days[u] > 0.0 else values[_GAP, u]
    for u in range(n):
        values[_TENURE, u] += one if days[u] > 0.0 or values[_ACTIVE, u] > zero else zero
    for u in range(n):
        waited = values[_RECENCY, u] + (one if values[_ACTIVE, u] > zero else zero)
        values[_RECENCY, u] = zero if days[u] > 0.0 else waited
    for u in range(n):
        values[_ACTIVE, u] += one if days[u] > 0.0 else zero
    for u in range(n):
        values[_DAYS, u] += np.float32(days[u])
