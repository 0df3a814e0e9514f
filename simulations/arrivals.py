"""Growth: users who arrive while others live on.

How many arrive is a count a week, as many on average as first orders in the last weeks of the history; who arrives is a user
whose first week is that of a random recent newcomer. Nothing more is known of them, so that their latents are the prior's. A
week's newcomers have bought in it, and live on from the week after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulations.arrays import FloatArray
from simulations.deciding import Acts, Decide
from simulations.errors import HistoryError
from simulations.kernel import ACTIVE_WEEKS, MARGIN, N_TOTALS, ORDER_DAYS, REVENUE
from simulations.panel import WeeklyPanel
from simulations.population import Population
from simulations.randomness import Address, Channel, numbered_keys, stream, user_keys
from simulations.rollout import Rollout
from simulations.simulator import RETENTION_WEEKS, LifecycleSimulator
from simulations.state import UserStates, V, advance, new_users

RECENT_WEEKS = 13
_NEWCOMERS = user_keys(["newcomers"])[0]  # sets their keys apart from those of other users who have but a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Who may arrive, and how many do.

    Attributes
    ----------
    per_week : float
        Newcomers expected a week.
    first_weeks : UserStates
        Users as they stand after the week of their first order, one of whom each newcomer resembles.
    """

    per_week: float
    first_weeks: UserStates

    @classmethod
    def of(cls, panel: WeeklyPanel, *, recent_weeks: int = RECENT_WEEKS, per_week: float | None = None) -> Arrivals:
        """Read arrivals from the last weeks of a history.

        Parameters
        ----------
        per_week : float, optional
            As many as the history had on average where left out.

        Raises
        ------
        HistoryError
            If nobody's first order falls into those weeks.
        """
        bought = panel.order_days > 0
        first = np.where(bought.any(axis=1), bought.argmax(axis=1), -1)
        recent = np.flatnonzero(first >= max(panel.n_periods - recent_weeks, 1))  # the first week's users need not be new
        if not recent.size:
            raise HistoryError(
                f"arrivals: no first order falls into the last {recent_weeks} of {panel.n_periods} weeks; look at more weeks."
            )
        newcomers, week_of = panel.take(recent), first[recent]
        states = new_users(newcomers.user_keys, len(panel.actions), newcomers.consent)
        for week in np.unique(week_of):
            rows = np.flatnonzero(week_of == week)
            after = advance(states.take(rows), newcomers.take(rows), int(week), int(week) + 1)
            states.values[rows] = after.values
        return cls(
            per_week=recent.size / min(recent_weeks, panel.n_periods - 1) if per_week is None else per_week, first_weeks=states
        )

    def scaled(self, share: float) -> Arrivals:
        """Return the same users, so many times as often."""
        return replace(self, per_week=self.per_week * share)

    def in_week(self, period: int, *, seed: int, first_key: int, group: int = 0) -> UserStates:
        """Return who arrives in a week, as they stand after it: a Poisson number of users numbered from `first_key` on.

        Parameters
        ----------
        group : int
            Groups of users that live apart have counts of their own.
        """
        count = int(stream(seed, "arrivals", period, *([group] if group else [])).poisson(self.per_week))
        keys = numbered_keys(first_key, first_key + count) ^ _NEWCOMERS
        uniforms = Address(seed=seed, member=0, period=period, user_keys=keys).uniforms(Channel.ARRIVAL)
        rows = np.floor(uniforms * self.first_weeks.n_users).astype(np.int64)
        return replace(self.first_weeks.take(rows), user_keys=keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowingRollout:
    """A rollout in which users arrive.

    Attributes
    ----------
    lived : Rollout
        Of everybody, those who were there first in front; a newcomer's first order counts in the week of arrival.
    arrived : (n_weeks,) int array
        Newcomers of each week.
    """

    lived: Rollout
    arrived: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def weekly(self) -> FloatArray:
        """(n_weeks, N_TOTALS) sums over all users; columns as `simulations.kernel` names them."""
        return self.lived.weekly

    @property
    def final(self) -> Population:
        """Everybody after the last week."""
        return self.lived.final


_KEYS_A_GROUP = 1 << 40  # more newcomers than a group will ever have


def rollout_with_arrivals(
    simulator: LifecycleSimulator,
    states: UserStates,
    arrivals: Arrivals,
    decide: Decide | Acts | None = None,
    *,
    weeks: int,
    seed: int = 0,
    period: int = 0,
    group: int = 0,
    retention_weeks: int = RETENTION_WEEKS,
) -> GrowingRollout:
    """Live some weeks in which users arrive; a policy sees everybody who is there, so that a common budget can be shared out.

    Those who were there from the beginning live as they would without newcomers, unless the policy treats them otherwise. Who
    arrives depends on seed and group alone, so that the same newcomers meet every policy and every simulator.

    Parameters
    ----------
    group : int
        Groups of users that live apart, such as shards, have newcomers of their own.
    retention_weeks : int
        A user is retained who bought in the last weeks, this many.
    """
    population = simulator.population(states, seed=seed, period=period)
    weekly, arrived = np.zeros((weeks, N_TOTALS), dtype=np.float64), np.zeros(weeks, dtype=np.int64)
    totals, retained = np.zeros((states.n_users, N_TOTALS), dtype=np.float64), np.zeros(states.n_users, dtype=np.bool_)
    for week in range(weeks):
        lived = simulator.rollout(population, decide, weeks=1)
        first_key = group * _KEYS_A_GROUP + int(arrived.sum())
        newcomers = arrivals.in_week(period + week, seed=seed, first_key=first_key, group=group)
        first_orders = _first_orders(newcomers, simulator.margin_share)
        weekly[week], arrived[week] = lived.weekly[0] + first_orders.sum(axis=0), newcomers.n_users
        counts = week >= weeks - retention_weeks
        totals = np.concatenate([totals + lived.totals, first_orders])
        retained = np.concatenate([retained | (lived.retained & counts), np.full(newcomers.n_users, counts)])
        come = simulator.population(newcomers, seed=seed, period=period + week + 1)
        population = _joined(lived.final, replace(come, alive=np.ones(newcomers.n_users, dtype=np.bool_)))
    return GrowingRollout(lived=Rollout(totals=totals, weekly=weekly, retained=retained, final=population), arrived=arrived)


def _first_orders(newcomers: UserStates, margin_share: float) -> FloatArray:
    """Return (n_newcomers, N_TOTALS): what each did in the week of arrival."""
    totals = np.zeros((newcomers.n_users, N_TOTALS), dtype=np.float64)
    totals[:, REVENUE] = newcomers.values[:, V.REVENUE]
    totals[:, MARGIN] = margin_share * totals[:, REVENUE]
    totals[:, ORDER_DAYS] = newcomers.values[:, V.ORDER_DAYS]
    totals[:, ACTIVE_WEEKS] = 1.0
    return totals


def _joined(before: Population, come: Population) -> Population:
    names = UserStates.__slots__
    both = {name: np.concatenate([getattr(before.states, name), getattr(come.states, name)]) for name in names}
    return replace(
        before,
        states=UserStates(**both),
        latents=np.concatenate([before.latents, come.latents]),
        alive=np.concatenate([before.alive, come.alive]),
    )
