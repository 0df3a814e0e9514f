"""A forecast of the weeks after a history: many possible futures, kept as what a judge needs of them.

Every model (a simulator, a parametric one, a repetition of the past) is turned into the same object, so that all are judged
in the same way: the median of a user's futures where absolute errors count, their mean where squared ones do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import FloatArray
from simulations.errors import HistoryError


class Future(NamedTuple):
    """One possible future: order-days and revenue, both (n_users, n_weeks)."""

    order_days: NDArray[Any]
    revenue: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Some users' next weeks, as one model sees them.

    Attributes
    ----------
    model : str
        Name for people.
    order_days : (n_draws, n_users) float32 array
        Each user's order-days over all weeks, a row a possible future.
    revenue : (n_draws, n_users) float32 array
        Each user's revenue over all weeks, in currency.
    returning : (n_users,) float64 array
        Probability of at least one order-day within the first `horizon_weeks` weeks.
    buying : (n_users, n_weeks) float64 array
        Probability of an order-day in each week.
    weekly_order_days, weekly_active_users, weekly_revenue : (n_draws, n_weeks) float64 arrays
        Sums over users; users active are those with an order-day; revenue in currency.
    """

    model: str
    horizon_weeks: int
    order_days: NDArray[np.float32]
    revenue: NDArray[np.float32]
    returning: FloatArray
    buying: FloatArray
    weekly_order_days: FloatArray
    weekly_active_users: FloatArray
    weekly_revenue: FloatArray

    @classmethod
    def collect(cls, model: str, futures: Iterable[Future], *, horizon_weeks: int) -> Forecast:
        """Collect possible futures one after the other, so that no more than one is held in full.

        Raises
        ------
        HistoryError
            If there is no future, or it is shorter than `horizon_weeks`.

        Examples
        --------
        >>> future = Future(np.array([[0, 2], [0, 0]]), np.array([[0.0, 9.0], [0.0, 0.0]]))
        >>> Forecast.collect("repeat", [future], horizon_weeks=2).returning.tolist()
        [1.0, 0.0]
        """
        totals, spent, days, active, revenue = [], [], [], [], []
        returns: FloatArray | float = 0.0
        buying: FloatArray | float = 0.0
        for future in futures:
            if future.order_days.shape[1] < horizon_weeks:
                raise HistoryError(
                    f"forecast: {future.order_days.shape[1]} weeks are too few to see {horizon_weeks} weeks ahead."
                )
            bought = future.order_days > 0
            totals.append(future.order_days.sum(axis=1, dtype=np.float64).astype(np.float32))
            spent.append(future.revenue.sum(axis=1, dtype=np.float64).astype(np.float32))
            buying = buying + bought.astype(np.float64)
            returns = returns + bought[:, :horizon_weeks].any(axis=1).astype(np.float64)
            days.append(future.order_days.sum(axis=0, dtype=np.float64))
            active.append(bought.sum(axis=0, dtype=np.float64))
            revenue.append(future.revenue.sum(axis=0, dtype=np.float64))
        if not totals:
            raise HistoryError("forecast: at least one possible future is needed.")
        return cls(
            model=model,
            horizon_weeks=horizon_weeks,
            order_days=np.stack(totals),
            revenue=np.stack(spent),
            returning=np.asarray(returns) / len(totals),
            buying=np.asarray(buying) / len(totals),
            weekly_order_days=np.stack(days),
            weekly_active_users=np.stack(active),
            weekly_revenue=np.stack(revenue),
        )

    @property
    def n_draws(self) -> int:
        """Number of possible futures; 1 for a model that knows no chance."""
        return int(self.order_days.shape[0])

    def median(self) -> FloatArray:
        """Return (n_users,): the median of each user's order-days."""
        return np.asarray(np.median(self.order_days, axis=0), dtype=np.float64)

    def mean(self) -> FloatArray:
        """Return (n_users,): the mean of each user's order-days."""
        return np.asarray(self.order_days.mean(axis=0, dtype=np.float64))

    def median_revenue(self) -> FloatArray:
        """Return (n_users,): the median of each user's revenue, in currency."""
        return np.asarray(np.median(self.revenue, axis=0), dtype=np.float64)

    def mean_revenue(self) -> FloatArray:
        """Return (n_users,): the mean of each user's revenue, in currency."""
        return np.asarray(self.revenue.mean(axis=0, dtype=np.float64))
