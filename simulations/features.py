"""From state to observation: what a policy, a head or an effect model may read, item by item with unit and range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from simulations.arrays import Float32Array, KeyArray
from simulations.bits import lowest_bit
from simulations.compiled import njit
from simulations.panel import WeeklyPanel
from simulations.state import ALPHA_4, ALPHA_13, Row, UserStates, advance, load_row, new_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One item of an observation; values are clipped into [low, high]."""

    name: str
    unit: str
    low: float
    high: float
    description: str


FEATURES: tuple[Feature, ...] = (
    Feature(name="recency_weeks", unit="weeks", low=0, high=260, description="full weeks without an order since the last one"),
    Feature(name="tenure_weeks", unit="weeks", low=0, high=520, description="weeks since the first order, that week included"),
    Feature(name="active_share", unit="share", low=0, high=1, description="weeks with an order, of all weeks since the first"),
    Feature(name="order_rate_4", unit="order-days a week", low=0, high=7, description="recent rate, about 4 weeks"),
    Feature(name="order_rate_13", unit="order-days a week", low=0, high=7, description="rate over about 13 weeks"),
    Feature(name="order_rate_all", unit="order-days a week", low=0, high=7, description="rate since the first order"),
    Feature(name="basket_value", unit="currency", low=0, high=1e6, description="revenue of an order-day, recent mean"),
    Feature(name="revenue_rate_13", unit="currency a week", low=0, high=1e6, description="revenue a week over about 13 weeks"),
    Feature(name="gap_ratio", unit="ratio", low=0, high=50, description="present silence over the user's usual gap"),
    Feature(name="contact_stock", unit="contacts", low=0, high=4, description="contacts, forgotten by a quarter a week"),
    Feature(
        name="weeks_since_contact", unit="weeks", low=0, high=64, description="full weeks since the last contact; 64 for never"
    ),
    Feature(
        name="redemption_stock", unit="redemptions", low=0, high=100, description="redemptions, forgotten by a tenth a week"
    ),
    Feature(
        name="satisfaction", unit="score", low=-1, high=1, description="moved by reviews and service, fading by a tenth a week"
    ),
    Feature(
        name="open_ticket", unit="yes or no", low=0, high=1, description="1 while a question or complaint waits for an answer"
    ),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
N_FEATURES = len(FEATURES)
LOWS: Float32Array = np.array([feature.low for feature in FEATURES], dtype=np.float32)
HIGHS: Float32Array = np.array([feature.high for feature in FEATURES], dtype=np.float32)

_LOG_KEEP_4, _LOG_KEEP_13 = math.log(1.0 - ALPHA_4), math.log(1.0 - ALPHA_13)
LONGEST_WEEKS = 512  # weeks after which nothing is missing from an exponential mean, to the last bit
_WEEKS = np.maximum(np.arange(LONGEST_WEEKS, dtype=np.float64), 1.0)
SEEN_4 = np.maximum(1.0 - np.exp(_LOG_KEEP_4 * _WEEKS), ALPHA_4)
SEEN_13 = np.maximum(1.0 - np.exp(_LOG_KEEP_13 * _WEEKS), ALPHA_13)


class Seen(NamedTuple):
    """One user's observation in the hands of a kernel: the items of `FEATURES` in their order, float32 each."""

    recency_weeks: np.float32
    tenure_weeks: np.float32
    active_share: np.float32
    order_rate_4: np.float32
    order_rate_13: np.float32
    order_rate_all: np.float32
    basket_value: np.float32
    revenue_rate_13: np.float32
    gap_ratio: np.float32
    contact_stock: np.float32
    weeks_since_contact: np.float32
    redemption_stock: np.float32
    satisfaction: np.float32
    open_ticket: np.float32


@njit(inline=True)
def weeks_since_contact(bits: np.uint64) -> int:
    """Return the full weeks since the last contact, 64 where none is remembered."""
    return lowest_bit(bits)


@njit(inline=True)
def clip(value: float | np.floating, low: np.float32, high: np.float32) -> np.float32:
    """Return a value within bounds."""
    return min(max(np.float32(value), low), high)


@njit(inline=True)
def usual_gap(gap: np.float32, weeks: np.float32, active_weeks: np.float32) -> np.float32:
    """Return the weeks between active weeks; before a second one, those known over those active."""
    one = np.float32(1.0)
    return max(weeks / max(active_weeks, one) if gap == np.float32(0.0) else gap, one)


@njit(inline=True)
def see(row: Row, contact_bits: np.uint64) -> Seen:
    """Return what may be observed of a user: rates are corrected for the part of their mean that a short tenure leaves out."""
    one = np.float32(1.0)
    weeks = max(row.tenure, one)
    place = np.uint64(np.int64(min(weeks, np.float32(LONGEST_WEEKS - 1))))
    return Seen(
        clip(row.recency, LOWS[0], HIGHS[0]),
        clip(row.tenure, LOWS[1], HIGHS[1]),
        clip(row.active_weeks / weeks, LOWS[2], HIGHS[2]),
        clip(row.rate_4 / SEEN_4[place], LOWS[3], HIGHS[3]),
        clip(row.rate_13 / SEEN_13[place], LOWS[4], HIGHS[4]),
        clip(row.order_days / weeks, LOWS[5], HIGHS[5]),
        clip(row.basket, LOWS[6], HIGHS[6]),
        clip(row.revenue_13 / SEEN_13[place], LOWS[7], HIGHS[7]),
        clip((row.recency + one) / usual_gap(row.gap, weeks, row.active_weeks), LOWS[8], HIGHS[8]),
        clip(row.contact_stock, LOWS[9], HIGHS[9]),
        clip(weeks_since_contact(contact_bits), LOWS[10], HIGHS[10]),
        clip(row.redemption_stock, LOWS[11], HIGHS[11]),
        clip(row.satisfaction, LOWS[12], HIGHS[12]),
        clip(row.open_ticket, LOWS[13], HIGHS[13]),
    )


@njit(inline=True)
def write_seen(seen: Seen, out: Float32Array, row: int) -> None:
    """Write an observation into ``out[row]``."""
    out[row, 0], out[row, 1], out[row, 2] = seen.recency_weeks, seen.tenure_weeks, seen.active_share
    out[row, 3], out[row, 4], out[row, 5] = seen.order_rate_4, seen.order_rate_13, seen.order_rate_all
    out[row, 6], out[row, 7], out[row, 8] = seen.basket_value, seen.revenue_rate_13, seen.gap_ratio
    out[row, 9], out[row, 10] = seen.contact_stock, seen.weeks_since_contact
    out[row, 11], out[row, 12], out[row, 13] = seen.redemption_stock, seen.satisfaction, seen.open_ticket


@njit()
def observe_row(values: Float32Array, contact_bits: KeyArray, i: int, out: Float32Array, row: int) -> None:
    """Write the observation of user `i` into `out[row]`."""
    write_seen(see(load_row(values, i), contact_bits[i]), out, row)


@njit(parallel=True)
def _observe(values: Float32Array, contact_bits: KeyArray) -> Float32Array:
    out = np.empty((values.shape[0], N_FEATURES), dtype=np.float32)
    for i in numba.prange(values.shape[0]):
        observe_row(values, contact_bits, i, out, i)
    return out


def observe(states: UserStates) -> Float32Array:
    """Return the (n_users, N_FEATURES) observation of some users; columns as `FEATURES` describes them."""
    return _observe(states.values, states.contact_bits)


def fold_observations(panel: WeeklyPanel, start: int, stop: int) -> Float32Array:
    """Return (n_users, stop - start, N_FEATURES): the observation at the start of each week, from the weeks before it."""
    states = advance(new_users(panel.user_keys, len(panel.actions), panel.consent), panel, 0, start)
    observations = np.empty((panel.n_users, stop - start, N_FEATURES), dtype=np.float32)
    for period in range(start, stop):
        observations[:, period - start] = observe(states)
        states = advance(states, panel, period, period + 1)
    return observations


def column(name: str) -> int:
    """Return the index of the feature called `name`; `ValueError` if there is none."""
    return FEATURE_NAMES.index(name)
