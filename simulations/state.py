"""A user's state, and the one pair of functions that advances it by a week.

`begin_period` books what reached the user, `end_period` books what the user did, out of one small function a column. The fold
over a real history calls the pair user by user; the simulator calls the same small functions for a block of users at a time
(`simulations.block`). A real customer's profile and a simulated one's observation therefore cannot drift apart. Between the two
the simulator draws behaviour; the fold reads it from the panel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, Float32Array, IntArray, KeyArray
from simulations.compiled import njit
from simulations.panel import WeeklyPanel


class V(IntEnum):
    """Columns of `UserStates.values`."""

    TENURE = 0  # weeks since the first order, that week included; 0 before it
    RECENCY = 1  # full weeks without an order since the last one
    ACTIVE_WEEKS = 2  # weeks with an order
    ORDER_DAYS = 3  # order-days so far
    REVENUE = 4  # so far, in currency
    RATE_4 = 5  # order-days a week, exponential mean over about 4 weeks, before correction for a short tenure
    RATE_13 = 6  # the same over about 13 weeks
    REVENUE_13 = 7  # revenue a week over about 13 weeks, before correction
    BASKET = 8  # revenue of an order-day, plain mean at first, then exponential
    GAP = 9  # weeks between active weeks, exponential mean; 0 before the second
    CONTACT_STOCK = 10  # contacts, forgotten by a quarter a week
    REDEMPTION_STOCK = 11  # redemptions, forgotten by a tenth a week
    SATISFACTION = 12  # -1 to 1, moved by reviews and service, fading by a tenth a week
    OPTED_OUT = 13  # 1 once the user asked for no more contact
    OPEN_TICKET = 14  # 1 while a question or complaint waits for an answer


N_VALUES = len(V)
NEVER = np.uint8(255)  # in since_action: no exposure yet
LONGEST = np.uint8(254)  # in since_action: this long or longer

ALPHA_4 = 1.0 / 4.0
ALPHA_13 = 1.0 / 13.0
_ALPHA_BASKET = 0.1  # reached after ten active weeks; till then all count alike, so that the first is not held to be the habit
_ALPHA_GAP = 0.3
CONTACT_MEMORY = 0.75
REDEMPTION_MEMORY = 0.9
SATISFACTION_MEMORY = 0.9
_CONTACTS, _OPEN = int(V.CONTACT_STOCK), int(V.OPEN_TICKET)  # numba reads module constants, not members of an enumeration


class Row(NamedTuple):
    """One user's values in the hands of a kernel: the columns of `V` in their order, float32 each."""

    tenure: np.float32
    recency: np.float32
    active_weeks: np.float32
    order_days: np.float32
    revenue: np.float32
    rate_4: np.float32
    rate_13: np.float32
    revenue_13: np.float32
    basket: np.float32
    gap: np.float32
    contact_stock: np.float32
    redemption_stock: np.float32
    satisfaction: np.float32
    opted_out: np.float32
    open_ticket: np.float32


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStates:
    """The states of some users at the start of a week: all that a policy may know of them.

    Attributes
    ----------
    user_keys : (n_users,) uint64 array
    values : (n_users, N_VALUES) float32 array
        Columns as `V` names them.
    contact_bits : (n_users,) uint64 array
        Bit `w` is set when the user was contacted with `w` full weeks in between; 64 weeks are remembered.
    since_action : (n_users, n_actions) uint8 array
        Full weeks since the last exposure to each action; `NEVER` before the first.
    exposure_counts : (n_users, n_actions) uint8 array
        Exposures to each action so far, at most 255.
    consent : (n_users,) bool array
    """

    user_keys: KeyArray
    values: Float32Array
    contact_bits: KeyArray
    since_action: NDArray[np.uint8]
    exposure_counts: NDArray[np.uint8]
    consent: BoolArray

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.values.shape[0])

    def copy(self) -> UserStates:
        """Return a deep copy, so that stepping it leaves this one as it is."""
        return UserStates(**{name: np.array(getattr(self, name)) for name in self.__slots__})

    def take(self, rows: IntArray | BoolArray) -> UserStates:
        """Return the states of some users, in the order asked."""
        return UserStates(**{name: getattr(self, name)[rows] for name in self.__slots__})


def new_users(user_keys: KeyArray, n_actions: int, consent: BoolArray | None = None) -> UserStates:
    """Return the states of users of whom nothing is known yet."""
    n_users = user_keys.size
    return UserStates(
        user_keys=user_keys,
        values=np.zeros((n_users, N_VALUES), dtype=np.float32),
        contact_bits=np.zeros(n_users, dtype=np.uint64),
        since_action=np.full((n_users, n_actions), NEVER, dtype=np.uint8),
        exposure_counts=np.zeros((n_users, n_actions), dtype=np.uint8),
        consent=np.ones(n_users, dtype=np.bool_) if consent is None else consent,
    )


@njit(inline=True)
def load_row(values: Float32Array, i: int) -> Row:
    """Return the values of user `i`."""
    return Row(
        values[i, 0], values[i, 1], values[i, 2], values[i, 3], values[i, 4], values[i, 5], values[i, 6],
        values[i, 7], values[i, 8], values[i, 9], values[i, 10], values[i, 11], values[i, 12], values[i, 13],
        values[i, 14],
    )  # fmt: skip


@njit(inline=True)
def store_row(values: Float32Array, i: int, row: Row) -> None:
    """Write the values of user `i` back."""
    values[i, 0], values[i, 1], values[i, 2], values[i, 3] = row.tenure, row.recency, row.active_weeks, row.order_days
    values[i, 4], values[i, 5], values[i, 6], values[i, 7] = row.revenue, row.rate_4, row.rate_13, row.revenue_13
    values[i, 8], values[i, 9], values[i, 10] = row.basket, row.gap, row.contact_stock
    values[i, 11], values[i, 12], values[i, 13] = row.redemption_stock, row.satisfaction, row.opted_out
    values[i, 14] = row.open_ticket


@njit(inline=True)
def next_stock(stock: np.float32, contacted: bool) -> np.float32:
    """Return the contact stock at a week's beginning: contacts are forgotten a little, and one more may have come."""
    return stock * np.float32(CONTACT_MEMORY) + np.float32(1.0 if contacted else 0.0)


@njit(inline=True)
def next_redemptions(stock: np.float32, redemptions: float) -> np.float32:
    """Return the redemption stock after a week."""
    return np.float32(stock * REDEMPTION_MEMORY + redemptions)


@njit(inline=True)
def next_mood(satisfaction: np.float32, shock: float) -> np.float32:
    """Return the satisfaction after a week."""
    return np.float32(min(1.0, max(-1.0, float(satisfaction * SATISFACTION_MEMORY + shock))))


@njit(inline=True)
def next_rate(rate: np.float32, alpha: float, new: float) -> np.float32:
    """Return an exponential mean after a week."""
    return rate + np.float32(alpha * (new - rate))


@njit(inline=True)
def next_basket(basket: np.float32, active_weeks: np.float32, value: float) -> np.float32:
    """Return the value of an order-day after a week in which it was `value`."""
    gain = max(_ALPHA_BASKET, 1.0 / (np.float64(active_weeks) + 1.0))
    moved = basket + np.float32(gain * (value - basket))
    return np.float32(value) if active_weeks == np.float32(0.0) else moved


@njit(inline=True)
def next_gap(gap: np.float32, active_weeks: np.float32, recency: np.float32) -> np.float32:
    """Return the weeks between active weeks after one that ends a silence."""
    silence = np.float64(recency) + 1.0
    moved = np.float32(silence) if gap == np.float32(0.0) else gap + np.float32(_ALPHA_GAP * (silence - gap))
    return gap if active_weeks == np.float32(0.0) else moved


@njit(inline=True)
def end_row(row: Row, order_days: int, revenue: float, redemptions: int, satisfaction: float) -> Row:
    """Book what a user did in a week: order-days, revenue, redemptions, and the shock to satisfaction (0 for none).

    What is added up is widened first, so that counts from a panel and counts drawn by a simulator meet the same arithmetic.
    """
    one = np.float32(1.0)
    days, paid = np.float64(order_days), np.float64(revenue)
    redeemed, mood = next_redemptions(row.redemption_stock, redemptions), next_mood(row.satisfaction, satisfaction)
    total = row.revenue + np.float32(paid)
    if order_days == 0 and row.active_weeks == np.float32(0.0):
        return Row(
            row.tenure, row.recency, row.active_weeks, row.order_days, total, row.rate_4, row.rate_13,
            row.revenue_13, row.basket, row.gap, row.contact_stock, redeemed, mood, row.opted_out, row.open_ticket,
        )  # fmt: skip
    tenure, rate_4, rate_13 = row.tenure + one, next_rate(row.rate_4, ALPHA_4, days), next_rate(row.rate_13, ALPHA_13, days)
    revenue_13 = next_rate(row.revenue_13, ALPHA_13, paid)
    if order_days == 0:
        return Row(
            tenure, row.recency + one, row.active_weeks, row.order_days, total, rate_4, rate_13,
            revenue_13, row.basket, row.gap, row.contact_stock, redeemed, mood, row.opted_out, row.open_ticket,
        )  # fmt: skip
    return Row(
        tenure, np.float32(0.0), row.active_weeks + one, row.order_days + np.float32(days), total, rate_4, rate_13,
        revenue_13, next_basket(row.basket, row.active_weeks, paid / days), next_gap(row.gap, row.active_weeks, row.recency),
        row.contact_stock, redeemed, mood, row.opted_out, row.open_ticket,
    )  # fmt: skip


@njit(inline=True)
def next_since(since: np.uint8, given: bool) -> np.uint8:
    """Return the weeks since an exposure to an action at a week's beginning; never stays never."""
    return np.uint8(0) if given else np.uint8(since + np.uint8(since < LONGEST))


@njit(inline=True)
def next_count(count: np.uint8, given: bool) -> np.uint8:
    """Return the exposures to an action so far."""
    return np.uint8(count + np.uint8(given and count < NEVER))


@njit()
def begin_period(
    values: Float32Array,
    contact_bits: KeyArray,
    since_action: NDArray[np.uint8],
    exposure_counts: NDArray[np.uint8],
    i: int,
    bits: int,
) -> None:
    """Book the exposures of user `i` at the start of a week; `bits` has one bit per action, 0 for none."""
    values[i, _CONTACTS] = next_stock(values[i, _CONTACTS], bits != 0)
    contact_bits[i] = shifted_contacts(contact_bits[i], bits != 0)
    for a in range(1, since_action.shape[1]):
        given = (bits >> a) & 1 == 1
        since_action[i, a] = next_since(since_action[i, a], given)
        exposure_counts[i, a] = next_count(exposure_counts[i, a], given)


@njit(inline=True)
def shifted_contacts(contact_bits: np.uint64, contacted: bool) -> np.uint64:
    """Return the memory of contacts a week later."""
    return (contact_bits << np.uint64(1)) | (np.uint64(1) if contacted else np.uint64(0))


@njit()
def end_period(values: Float32Array, i: int, order_days: int, revenue: float, redemptions: int, satisfaction: float) -> None:
    """Book what user `i` did in a week; see `end_row`."""
    store_row(values, i, end_row(load_row(values, i), order_days, revenue, redemptions, satisfaction))


@njit(parallel=True)
def _fold_weeks(
    values: Float32Array,
    contact_bits: KeyArray,
    since_action: NDArray[np.uint8],
    exposure_counts: NDArray[np.uint8],
    bits: NDArray[np.uint32],
    order_days: NDArray[np.int16],
    revenue: Float32Array,
    redemptions: NDArray[np.int16],
    shocks: Float32Array,
    open_after: BoolArray,
) -> None:
    served = shocks.shape[1] > 0
    for i in numba.prange(values.shape[0]):
        for t in range(order_days.shape[1]):
            begin_period(values, contact_bits, since_action, exposure_counts, i, int(bits[i, t]))
            shock = float(shocks[i, t]) if served else 0.0
            end_period(values, i, int(order_days[i, t]), float(revenue[i, t]), int(redemptions[i, t]), shock)
            if served:
                values[i, _OPEN] = np.float32(1.0 if open_after[i, t] else 0.0)


def advance(states: UserStates, panel: WeeklyPanel, start: int, stop: int) -> UserStates:
    """Return the states after the panel's weeks [start, stop), given those at the start of `start`."""
    after, lived = states.copy(), panel.service
    _fold_weeks(
        after.values,
        after.contact_bits,
        after.since_action,
        after.exposure_counts,
        np.ascontiguousarray(panel.exposure_bits[:, start:stop]),
        np.ascontiguousarray(panel.order_days[:, start:stop]),
        np.ascontiguousarray(panel.revenue[:, start:stop]),
        np.ascontiguousarray(panel.redemptions[:, start:stop]),
        np.zeros((panel.n_users, 0), dtype=np.float32)
        if lived is None
        else np.ascontiguousarray(lived.shocks[:, start:stop], dtype=np.float32),
        np.zeros((panel.n_users, 0), dtype=np.bool_)
        if lived is None
        else np.ascontiguousarray(lived.open_after[:, start:stop]),
    )
    return after


def fold(panel: WeeklyPanel, until: int | None = None) -> UserStates:
    """Return everyone's state at the start of week `until` (default: after the last): what the weeks before it tell.

    Examples
    --------
    >>> from simulations.scenarios import tiny_panel
    >>> fold(tiny_panel()).values[:, V.ACTIVE_WEEKS].tolist()
    [2.0, 0.0]
    """
    stop = panel.n_periods if until is None else until
    fresh = new_users(panel.user_keys, len(panel.actions), panel.consent)
    return replace(advance(fresh, panel, 0, stop), consent=panel.consent)
