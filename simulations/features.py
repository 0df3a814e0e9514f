"""From state to observation: what a policy, a head or an effect model may read, item by item with unit and range."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np

from simulations.arrays import Float32Array, KeyArray
from simulations.compiled import njit
from simulations.panel import WeeklyPanel
from simulations.state import ALPHA_4, ALPHA_13, UserStates, V, advance, new_users


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
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
N_FEATURES = len(FEATURES)
LOWS: Float32Array = np.array([feature.low for feature in FEATURES], dtype=np.float32)
HIGHS: Float32Array = np.array([feature.high for feature in FEATURES], dtype=np.float32)

_TENURE, _RECENCY, _ACTIVE, _DAYS = int(V.TENURE), int(V.RECENCY), int(V.ACTIVE_WEEKS), int(V.ORDER_DAYS)
_RATE_4, _RATE_13, _REVENUE_13 = int(V.RATE_4), int(V.RATE_13), int(V.REVENUE_13)
_BASKET, _GAP, _CONTACTS = int(V.BASKET), int(V.GAP), int(V.CONTACT_STOCK)
_REDEEMED, _SATISFACTION = int(V.REDEMPTION_STOCK), int(V.SATISFACTION)
_LOG_KEEP_4, _LOG_KEEP_13 = math.log(1.0 - ALPHA_4), math.log(1.0 - ALPHA_13)


@njit()
def weeks_since_contact(bits: np.uint64) -> int:
    """Return the full weeks since the last contact, 64 where none is remembered."""
    for w in range(64):
        if (bits >> np.uint64(w)) & np.uint64(1):
            return w
    return 64


@njit()
def observe_row(values: Float32Array, contact_bits: KeyArray, i: int, out: Float32Array, row: int) -> None:
    """Write the observation of user `i` into `out[row]`."""
    tenure = values[i, _TENURE]
    active = values[i, _ACTIVE]
    weeks = max(tenure, np.float32(1.0))
    seen_4 = max(1.0 - math.exp(_LOG_KEEP_4 * weeks), ALPHA_4)
    seen_13 = max(1.0 - math.exp(_LOG_KEEP_13 * weeks), ALPHA_13)
    gap = values[i, _GAP]
    if gap == 0.0:
        gap = weeks / max(active, np.float32(1.0))
    out[row, 0] = values[i, _RECENCY]
    out[row, 1] = tenure
    out[row, 2] = active / weeks
    out[row, 3] = values[i, _RATE_4] / seen_4
    out[row, 4] = values[i, _RATE_13] / seen_13
    out[row, 5] = values[i, _DAYS] / weeks
    out[row, 6] = values[i, _BASKET]
    out[row, 7] = values[i, _REVENUE_13] / seen_13
    out[row, 8] = (values[i, _RECENCY] + np.float32(1.0)) / max(gap, np.float32(1.0))
    out[row, 9] = values[i, _CONTACTS]
    out[row, 10] = weeks_since_contact(contact_bits[i])
    out[row, 11] = values[i, _REDEEMED]
    out[row, 12] = values[i, _SATISFACTION]
    for k in range(N_FEATURES):
        out[row, k] = min(max(out[row, k], LOWS[k]), HIGHS[k])


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
