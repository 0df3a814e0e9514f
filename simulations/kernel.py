"""What the compiled loops share: the tables of behaviour, the arrays of users, and how a head is read.

The rollouts' own loop is `simulations.rollout_kernel`; increments (`simulations.increment_kernel`) read the same tables.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BitArray, BoolArray, Float32Array, FloatArray, KeyArray
from simulations.compiled import njit
from simulations.response import ResponseArrays

PURCHASE, DAYS, SPEND, ALIVE = 0, 1, 2, 3  # rows of Behaviour.scores
OFFSET, SPEND_OFFSET, SPEND_SPREAD = 0, 1, 2  # columns of latents; the last is a log: by how much a user's baskets vary
N_LATENTS = 3
# columns of a rollout's totals
MARGIN, REVENUE, COST, ORDER_DAYS, ACTIVE_WEEKS, CONTACTS, REDEMPTIONS, OPT_OUTS, DEATHS = range(9)
N_TOTALS = 9
CHUNK = 1024  # users that share one scratch row and one partial sum; fixed, so that sums never depend on the cores
N_CELLS = 256  # of a feature's range, for finding bins
_SEVERAL = 128  # added to a cell's first bin where more than one edge lies inside


class Behaviour(NamedTuple):
    """What users do when nobody acts, as the kernels read it.

    Attributes
    ----------
    features, edges : (n_terms,) and (n_terms, N_BINS) arrays
        The common `Binning` of all heads; a last edge of infinity is added.
    cells, cell_low, cell_scale : (n_terms, N_CELLS), (n_terms,) and (n_terms,) arrays
        Where to begin looking for a bin, see `cells_of`.
    scores, intercepts : (4, n_terms, N_BINS) and (4,) arrays
        Heads in the order `PURCHASE` (log-odds to buy in a week while alive), `DAYS` (log-odds of each further day), `SPEND`
        (log of an order-day's revenue) and `ALIVE` (log-odds to be alive).
    newcomer : float
        Log-odds of a first order in a week.
    hazard : float
        Chance to be lost for good after a week.
    residuals : (4, n_quantiles) array
        Quantiles of log revenue an order-day about the spend head, for weeks with 1, 2, 3 and more order-days.
    moods : (2,) array
        What a unit of satisfaction, and an open ticket, move in log-odds to buy.
    """

    features: NDArray[np.int64]
    edges: Float32Array
    cells: NDArray[np.uint8]
    cell_low: Float32Array
    cell_scale: Float32Array
    scores: FloatArray
    intercepts: FloatArray
    newcomer: float
    hazard: float
    residuals: FloatArray
    moods: FloatArray


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
    moods: Float32Array  # what reviews and tickets moved satisfaction by
    open_after: BoolArray  # a ticket is open at the week's end


class Money(NamedTuple):
    """Costs an action, in currency, and the share of revenue that is margin."""

    cost: FloatArray
    cost_on_redemption: FloatArray
    margin_share: float


def cells_of(edges: Float32Array) -> tuple[NDArray[np.uint8], Float32Array, Float32Array]:
    """Return cells, their beginning and their scale for (n_terms, n_edges) edges, ascending and padded with infinity.

    The range of a term's edges is cut into `N_CELLS` even cells; a cell's entry is the bin of its beginning. Whatever rounding
    does in finding a value's cell, it does to the edges as well, and never reverses an order.
    """
    return _cells_of(edges.tobytes(), edges.shape[0])


@lru_cache(maxsize=256)  # a simulator that is stepped asks every week
def _cells_of(content: bytes, n_terms: int) -> tuple[NDArray[np.uint8], Float32Array, Float32Array]:
    edges = np.frombuffer(content, dtype=np.float32).reshape(n_terms, -1)
    cells = np.zeros((edges.shape[0], N_CELLS), dtype=np.uint8)
    low, scale = np.zeros(edges.shape[0], dtype=np.float32), np.zeros(edges.shape[0], dtype=np.float32)
    for term, row in enumerate(edges):
        inside = row[np.isfinite(row)]
        if not inside.size:
            continue
        low[term] = inside[0]
        scale[term] = np.float32(N_CELLS - 1) / max(inside[-1] - inside[0], np.float32(1e-6))
        places = np.clip((inside - low[term]) * scale[term], np.float32(0.0), np.float32(N_CELLS - 1)).astype(np.int64)
        counts = np.bincount(places, minlength=N_CELLS)
        cells[term] = np.cumsum(counts) - counts + np.where(counts > 1, _SEVERAL, 0)
    return cells, low, scale


@njit(inline=True)
def cell_of(value: np.float32, low: np.float32, scale: np.float32) -> np.int32:
    """Return the cell of a value."""
    return np.int32(min(max((value - low) * scale, np.float32(0.0)), np.float32(N_CELLS - 1)))


@njit(inline=True)
def bin_from(value: np.float32, entry: np.uint8, edges: Float32Array, term: int) -> np.uint64:
    """Return the bin of a value from its cell's entry: mostly one edge decides."""
    place = np.uint64(entry)
    if place < np.uint64(_SEVERAL):
        return place + np.uint64(value > edges[term, place])
    place -= np.uint64(_SEVERAL)
    while value > edges[term, place]:
        place += np.uint64(1)
    return place


@njit(inline=True)
def find_bins(observation: Float32Array, row: int, behaviour: Behaviour, bins: NDArray[np.int64]) -> None:
    """Write the bin of each term."""
    for term in range(behaviour.features.size):
        value = observation[row, np.uint64(behaviour.features[term])]
        cell = cell_of(value, behaviour.cell_low[term], behaviour.cell_scale[term])
        bins[term] = np.int64(bin_from(value, behaviour.cells[term, np.uint64(cell)], behaviour.edges, term))


@njit(inline=True)
def head_score(behaviour: Behaviour, head: int, bins: NDArray[np.int64]) -> float:
    """Return a head's score from the bins."""
    total = float(behaviour.intercepts[head])
    for term in range(bins.size):
        total += behaviour.scores[head, term, np.uint64(bins[term])]
    return total


@njit(inline=True)
def residual_quantile(uniform: float, order_days: int, behaviour: Behaviour) -> float:
    """Return the residual of log spend at a probability, by straight lines between the table's quantiles."""
    row = np.uint64(min(order_days, behaviour.residuals.shape[0]) - 1)
    last = behaviour.residuals.shape[1] - 1
    place = uniform * last
    left = np.uint64(min(np.int64(place), last - 1))
    low, high = behaviour.residuals[row, left], behaviour.residuals[row, left + np.uint64(1)]
    return float(low + (place - np.float64(left)) * (high - low))


@njit()
def spend_shift(since_action: NDArray[np.uint8], i: int, response: ResponseArrays) -> float:
    """Return the shift of log spend by the actions at work on user `i`."""
    shift = 0.0
    for a in range(1, response.duration.size):
        if np.int64(since_action[i, a]) < response.duration[a]:
            shift += response.spend_lift[a]
    return shift
