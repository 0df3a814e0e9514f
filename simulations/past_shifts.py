"""What past contacts are held to have done already: the shifts at work in each week of a history, under given responses.

Heads describe users whom nobody acts on. Where the history was lived under contacts, these shifts are taken off while the
heads are fitted; otherwise a simulator that adds the response again would count it twice.
"""

from __future__ import annotations

import numba
import numpy as np

from simulations.arrays import FloatArray
from simulations.compiled import njit
from simulations.features import N_FEATURES, observe_row
from simulations.kernel import StateArrays, spend_shift
from simulations.panel import WeeklyPanel
from simulations.response import ResponseArrays, purchase_shift
from simulations.state import V, begin_period, end_period, new_users

_STOCK = int(V.CONTACT_STOCK)


def past_shifts(panel: WeeklyPanel, response: ResponseArrays) -> tuple[FloatArray, FloatArray]:
    """Return (n_users, n_periods) shifts of the log-odds to buy, and of the log of an order-day's value.

    Examples
    --------
    >>> from simulations.scenarios import tiny_panel
    >>> from simulations.response import ActionResponse, Quantity, ResponseScale, ResponseSet
    >>> coupon = ActionResponse.uniform_shift("coupon", Quantity(mean=0.5), duration_weeks=2)
    >>> scale = ResponseScale(centre=np.zeros(4), spread=np.ones(4))
    >>> buying, _ = past_shifts(tiny_panel(), ResponseSet(scale=scale, responses=(coupon,)).centre())
    >>> buying.round(2).tolist()
    [[0.0, 0.0, 0.5, 0.4], [0.0, 0.5, 0.4, 0.0]]
    """
    states = new_users(panel.user_keys, len(panel.actions), panel.consent)
    arrays = StateArrays(
        states.user_keys, states.values, states.contact_bits, states.since_action, states.exposure_counts,
        np.zeros((panel.n_users, 0), dtype=np.float32), np.ones(panel.n_users, dtype=np.bool_),
    )  # fmt: skip
    return _past_shifts(arrays, panel.exposure_bits, panel.order_days, panel.revenue, panel.redemptions, response)


@njit(parallel=True)
def _past_shifts(
    state: StateArrays,
    bits: np.ndarray[tuple[int, int], np.dtype[np.uint32]],
    order_days: np.ndarray[tuple[int, int], np.dtype[np.int16]],
    revenue: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    redemptions: np.ndarray[tuple[int, int], np.dtype[np.int16]],
    response: ResponseArrays,
) -> tuple[FloatArray, FloatArray]:
    buying, spending = np.zeros(order_days.shape), np.zeros(order_days.shape)
    for i in numba.prange(order_days.shape[0]):
        observation = np.empty((1, N_FEATURES), dtype=np.float32)
        for t in range(order_days.shape[1]):
            observe_row(state.values, state.contact_bits, i, observation, 0)
            week_bits = int(np.int64(bits[i, t]))
            begin_period(state.values, state.contact_bits, state.since_action, state.exposure_counts, i, week_bits)
            stock = np.float64(state.values[i, _STOCK])
            buying[i, t] = purchase_shift(observation, 0, state.since_action, state.exposure_counts, i, stock, response)
            spending[i, t] = spend_shift(state.since_action, i, response)
            days, money = int(np.int64(order_days[i, t])), float(np.float64(revenue[i, t]))
            end_period(state.values, i, days, money, int(np.int64(redemptions[i, t])), 0.0)
    return buying, spending
