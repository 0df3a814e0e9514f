"""Reviews and tickets of a block of users in a week: who complains, whose ticket is resolved, what a review says."""

from __future__ import annotations

import numpy as np

from simulations.arrays import Float32Array, FloatArray, KeyArray
from simulations.compiled import njit
from simulations.randomness import Channel, uniform_at
from simulations.service import Service
from simulations.state import V

_MOOD, _OPEN = int(V.SATISFACTION), int(V.OPEN_TICKET)
_C_SERVICE = int(Channel.SATISFACTION)
_TICKET, _RESOLVED, _REVIEWED, _SAID = 0, 1, 2, 3  # counters


@njit()
def add_moods(values: Float32Array, scores: FloatArray, moods: FloatArray, n: int) -> None:
    """Add to the log-odds to buy what satisfaction and an open ticket do."""
    of_satisfaction, of_ticket = moods[0], moods[1]
    if of_satisfaction == 0.0 and of_ticket == 0.0:
        return
    for u in range(n):
        scores[u] += of_satisfaction * np.float64(values[_MOOD, u]) + of_ticket * np.float64(values[_OPEN, u])


@njit()
def serve(
    base: KeyArray, values: Float32Array, days: FloatArray, shocks: FloatArray, period: int, n: int, service: Service
) -> None:
    """Draw a week's tickets, resolutions and reviews: write what moves satisfaction, and whose ticket stays open.

    An order-day brings a ticket or a review with a chance each; several in one week bring one at most.
    """
    for u in range(n):
        shock = 0.0
        still_open = values[_OPEN, u] > np.float32(0.0)
        if still_open and uniform_at(base[u], period, _C_SERVICE, _RESOLVED) < service.resolution:
            still_open = False
            shock += service.relief
        if days[u] > 0.0:
            if uniform_at(base[u], period, _C_SERVICE, _TICKET) < 1.0 - (1.0 - service.ticket_chance) ** days[u]:
                still_open = True
                shock -= service.drop
            if uniform_at(base[u], period, _C_SERVICE, _REVIEWED) < 1.0 - (1.0 - service.review_chance) ** days[u]:
                luck = uniform_at(base[u], period, _C_SERVICE, _SAID)
                shock += service.review_weight * service.review_scores[np.uint64(luck * service.review_scores.size)]
        shocks[u] = np.float64(np.float32(shock))  # as a panel stores it
        values[_OPEN, u] = np.float32(1.0 if still_open else 0.0)
