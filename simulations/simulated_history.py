"""What a retailer would have on file after some weeks in a known world: canonical tables, the panel, and the truth behind.

Three ways of logging: `uniform` contacts 30 % of those who may be contacted, each with one of their allowed actions at
random, and records every decision with its propensity, `none` included; `confounded` prefers the lapsed and the rare, and
records contacts alone, as most retailers do; `none` contacts nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulations.actions import ActionSet
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.features import column
from simulations.panel import Calendar, WeeklyPanel
from simulations.population import Population
from simulations.randomness import Address, Channel, user_keys
from simulations.service import Service
from simulations.service_weeks import ServiceWeeks
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates, V, new_users

if TYPE_CHECKING:
    from simulations.kernel import EventArrays

Logging = Literal["uniform", "confounded", "none"]
CONTACT_SHARE = 0.3
CONSENT_SHARE = 0.97
FIRST_DAY = date(2024, 1, 1)
_RECENCY, _RATE, _TENURE = column("recency_weeks"), column("order_rate_13"), column("tenure_weeks")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldHistory:
    """A simulated history.

    Attributes
    ----------
    orders, exposures, customers : DataFrame
        Canonical tables. Consent is that after the last week: who opted out is no longer in it.
    panel : WeeklyPanel
        The same as weekly arrays; `build_panel` of the tables gives the same.
    actions_taken : (n_users, n_weeks) int16 array
    propensities : (n_users, n_weeks, n_actions) float32 array
        Of the logging, recorded in the tables or not.
    population : Population
        The users after the last week, with what nobody sees.
    """

    orders: pd.DataFrame
    exposures: pd.DataFrame
    customers: pd.DataFrame
    panel: WeeklyPanel
    actions_taken: ActionArray
    propensities: Float32Array
    population: Population

    @property
    def states(self) -> UserStates:
        """The users' states after the last week."""
        return self.population.states


def simulate_history(
    simulator: LifecycleSimulator, n_users: int, weeks: int, seed: int, *, logging: Logging = "uniform"
) -> WorldHistory:
    """Live new users for some weeks under a way of logging and write down what a retailer would."""
    user_ids = np.array([f"u{i:07d}" for i in range(n_users)], dtype=object)
    keys = user_keys(user_ids)
    consent = Address(seed=seed, member=0, period=0, user_keys=keys).uniforms(Channel.LOGGING, 2) < CONSENT_SHARE
    actions_taken = np.zeros((n_users, weeks), dtype=np.int16)
    propensities = np.zeros((n_users, weeks, len(simulator.actions)), dtype=np.float32)

    def decide(observation: Float32Array, mask: BoolArray, address: Address) -> ActionArray:
        chances = logging_propensities(observation, mask, logging)
        uniforms = address.uniforms(Channel.LOGGING)
        chosen = (np.cumsum(chances, axis=1) <= uniforms[:, None]).sum(axis=1)
        actions_taken[:, address.period] = np.minimum(chosen, chances.shape[1] - 1)
        propensities[:, address.period] = chances
        return actions_taken[:, address.period]

    start = new_users(keys, len(simulator.actions), consent)
    lived = simulator.rollout(start, decide, weeks=weeks, seed=seed, keep_weeks=True)
    assert lived.events is not None
    opted_out = lived.final.states.values[:, V.OPTED_OUT] > 0
    after = consent & ~opted_out
    return WorldHistory(
        orders=_orders(user_ids, keys, seed, lived.events),
        exposures=_exposures(
            user_ids, actions_taken, propensities, lived.events, simulator.actions, recorded=logging == "uniform"
        ),
        customers=pd.DataFrame({"user_id": user_ids, "consent": after}),
        panel=_panel(user_ids, actions_taken, lived.events, after, simulator),
        actions_taken=actions_taken,
        propensities=propensities,
        population=replace(lived.final, states=replace(lived.final.states, consent=after)),
    )


def logging_propensities(observation: Float32Array, mask: BoolArray, logging: Logging) -> FloatArray:
    """Return (n_users, n_actions): how likely the logging takes each action; rows sum to one."""
    share = np.full(mask.shape[0], CONTACT_SHARE if logging != "none" else 0.0)
    if logging == "confounded":
        lapsed = np.log1p(observation[:, _RECENCY].astype(np.float64)) - 1.0
        rare = 0.4 - observation[:, _RATE].astype(np.float64)
        share = 1.0 / (1.0 + np.exp(1.2 - 0.8 * lapsed - 0.8 * rare))
    share = np.where((observation[:, _TENURE] > 0) & mask[:, 1:].any(axis=1), share, 0.0)
    chances = np.zeros(mask.shape, dtype=np.float64)
    chances[:, 1:] = mask[:, 1:] * (share / np.maximum(mask[:, 1:].sum(axis=1), 1))[:, None]
    chances[:, 0] = 1.0 - chances[:, 1:].sum(axis=1)
    return chances


def _panel(
    user_ids: NDArray[np.object_],
    actions_taken: ActionArray,
    events: EventArrays,
    consent: BoolArray,
    simulator: LifecycleSimulator,
) -> WeeklyPanel:
    actions = simulator.actions
    redemptions = np.zeros(actions_taken.shape, dtype=np.int16)
    for a in range(1, len(actions)):
        redemptions += ((events.redeemed_bits >> np.uint32(a)) & np.uint32(1)).astype(np.int16)
    bits = np.left_shift(np.uint32(1), actions_taken.astype(np.uint32))
    return WeeklyPanel(
        user_ids=user_ids,
        user_keys=user_keys(user_ids),
        order_days=events.order_days,
        revenue=events.revenue,
        exposure_bits=np.where(actions_taken > 0, bits, np.uint32(0)).astype(np.uint32),
        redemptions=redemptions,
        consent=consent,
        actions=actions,
        calendar=Calendar(first_day=FIRST_DAY, n_periods=actions_taken.shape[1]),
        service=_service(events, simulator.service) if simulator.service.active else None,
    )


def _service(events: EventArrays, service: Service) -> ServiceWeeks:
    """Read tickets and reviews off what they did: a ticket lowers satisfaction by a known step, its resolution raises it so."""
    before = np.zeros_like(events.open_after)
    before[:, 1:] = events.open_after[:, :-1]
    return ServiceWeeks(
        shocks=events.moods,
        open_after=events.open_after,
        opened=(events.open_after & ~before).astype(np.uint8),
        reviewed=np.zeros(before.shape, dtype=np.uint8),
        said=np.zeros(before.shape, dtype=np.float32),
    )


def _orders(user_ids: NDArray[np.object_], keys: KeyArray, seed: int, events: EventArrays) -> pd.DataFrame:
    """Write one order at noon of each order-day; a week's days are consecutive from an addressed one, round the week."""
    users, weeks = np.nonzero(events.order_days)
    counts = events.order_days[users, weeks].astype(np.int64)
    first = np.floor(7.0 * np.stack([_day_luck(keys, seed, week) for week in range(events.order_days.shape[1])], axis=1))[
        users, weeks
    ]
    rows = np.repeat(np.arange(users.size), counts)
    place = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
    day = (first[rows].astype(np.int64) + place) % 7
    return pd.DataFrame(
        {
            "user_id": user_ids[users[rows]],
            "order_id": [f"o{user}-{week}-{k}" for user, week, k in zip(users[rows], weeks[rows], place, strict=True)],
            "ordered_at": pd.Timestamp(FIRST_DAY) + pd.to_timedelta(7 * weeks[rows] + day, unit="D") + pd.Timedelta(hours=12),
            "revenue": (events.revenue[users, weeks].astype(np.float64) / counts)[rows],
        }
    )


def _day_luck(keys: KeyArray, seed: int, week: int) -> FloatArray:
    return Address(seed=seed, member=0, period=week, user_keys=keys).uniforms(Channel.ORDER_DAYS, 1)


def _exposures(
    user_ids: NDArray[np.object_],
    actions_taken: ActionArray,
    propensities: Float32Array,
    events: EventArrays,
    actions: ActionSet,
    *,
    recorded: bool,
) -> pd.DataFrame:
    users, weeks = np.nonzero(np.ones(actions_taken.shape, dtype=np.bool_) if recorded else actions_taken > 0)
    codes = actions_taken[users, weeks].astype(np.int64)
    redeemed = _redemption_weeks(actions_taken, events, len(actions))[users, weeks]
    start = pd.Timestamp(FIRST_DAY)
    frame = pd.DataFrame(
        {
            "user_id": user_ids[users],
            "exposed_at": start + pd.to_timedelta(7 * weeks, unit="D") + pd.Timedelta(hours=9),
            "action": np.array(actions.names, dtype=object)[codes],
            "redeemed_at": (start + pd.to_timedelta(7 * np.maximum(redeemed, 0), unit="D") + pd.Timedelta(hours=12)).where(
                redeemed >= 0
            ),
            "cost": actions.costs[codes],
        }
    )
    if recorded:
        frame["propensity"] = propensities[users, weeks, codes].astype(np.float64)
    return frame


def _redemption_weeks(actions_taken: ActionArray, events: EventArrays, n_actions: int) -> IntArray:
    """Return (n_users, n_weeks): for the contact of a week, the week it was redeemed, or -1."""
    weeks = np.full(actions_taken.shape, -1, dtype=np.int64)
    for a in range(1, n_actions):
        last = np.full(actions_taken.shape[0], -1, dtype=np.int64)
        for week in range(actions_taken.shape[1]):
            last[actions_taken[:, week] == a] = week
            rows = np.flatnonzero((events.redeemed_bits[:, week] >> np.uint32(a)) & np.uint32(1))
            weeks[rows, last[rows]] = week
    return weeks
