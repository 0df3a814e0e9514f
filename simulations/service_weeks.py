"""A history's reviews and tickets week by week: how they moved satisfaction, and whose ticket was open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulations.arrays import BoolArray, Float32Array, IntArray
from simulations.service import ServiceModel

if TYPE_CHECKING:
    from simulations.panel import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceWeeks:
    """Arrays with a row a user and a column a week.

    Attributes
    ----------
    shocks : float32 array
        What the week's reviews and tickets moved satisfaction by.
    open_after : bool array
        Whether a ticket was open at the week's end.
    opened, reviewed : uint8 arrays
        Tickets and rated reviews of the week.
    said : float32 array
        Sum of what the week's reviews say, from -1 for the worst to 1 for the best.
    """

    shocks: Float32Array
    open_after: BoolArray
    opened: NDArray[np.uint8]
    reviewed: NDArray[np.uint8]
    said: Float32Array

    def slice(self, n_periods: int) -> ServiceWeeks:
        """Return the first weeks."""
        return ServiceWeeks(**{name: getattr(self, name)[:, :n_periods] for name in self.__slots__})

    def take(self, rows: IntArray | BoolArray) -> ServiceWeeks:
        """Return some users, in the order asked."""
        return ServiceWeeks(**{name: getattr(self, name)[rows] for name in self.__slots__})


def service_weeks(
    reviews: pd.DataFrame | None,
    tickets: pd.DataFrame | None,
    user_ids: NDArray[np.object_],
    calendar: Calendar,
    model: ServiceModel,
    *,
    ratings: tuple[float, float] = (1.0, 5.0),
) -> ServiceWeeks:
    """Count canonical tables by user and week; users who never ordered are left out.

    Parameters
    ----------
    reviews : DataFrame, optional
        Reviews without a rating say nothing here.
    tickets : DataFrame, optional
        Without `resolved_at`, a ticket counts as open for the week in which it came in.
    ratings : (float, float)
        The worst and the best rating.
    """
    shape = (len(user_ids), calendar.n_periods)
    counted = ServiceWeeks(
        shocks=np.zeros(shape, dtype=np.float32),
        open_after=np.zeros(shape, dtype=np.bool_),
        opened=np.zeros(shape, dtype=np.uint8),
        reviewed=np.zeros(shape, dtype=np.uint8),
        said=np.zeros(shape, dtype=np.float32),
    )
    index = pd.Index(user_ids)
    if reviews is not None and "rating" in reviews and len(reviews):
        _count_reviews(counted, reviews[reviews["rating"].notna()], index, calendar, ratings)
    if tickets is not None and len(tickets):
        _count_tickets(counted, tickets, index, calendar)
    started = np.zeros(shape, dtype=np.bool_)
    started[:, 1:] = counted.open_after[:, :-1]
    resolved = (started | (counted.opened > 0)) & ~counted.open_after
    shocks = model.review_weight * counted.said - model.drop * counted.opened + model.relief * resolved
    return replace(counted, shocks=shocks.astype(np.float32))


def _count_reviews(
    counted: ServiceWeeks, reviews: pd.DataFrame, index: pd.Index, calendar: Calendar, ratings: tuple[float, float]
) -> None:
    users, weeks = index.get_indexer(pd.Index(reviews["user_id"].astype(str))), calendar.periods(reviews["at"])
    inside = (users >= 0) & (weeks >= 0) & (weeks < calendar.n_periods)
    middle, half = (ratings[0] + ratings[1]) / 2.0, (ratings[1] - ratings[0]) / 2.0
    said = np.clip((reviews["rating"].to_numpy(dtype=np.float64) - middle) / half, -1.0, 1.0)
    np.add.at(counted.said, (users[inside], weeks[inside]), said[inside].astype(np.float32))
    np.add.at(counted.reviewed, (users[inside], weeks[inside]), np.uint8(1))


def _count_tickets(counted: ServiceWeeks, tickets: pd.DataFrame, index: pd.Index, calendar: Calendar) -> None:
    users, weeks = index.get_indexer(pd.Index(tickets["user_id"].astype(str))), calendar.periods(tickets["at"])
    ends = weeks.copy()  # the week in which a ticket is resolved
    if "resolved_at" in tickets:
        known = tickets["resolved_at"].notna().to_numpy(dtype=bool)
        ends[known] = calendar.periods(tickets.loc[known, "resolved_at"])
        ends[~known] = calendar.n_periods if known.any() else weeks[~known]
    for user, week, end in zip(users, weeks, ends, strict=True):
        if user < 0 or end < 0 or week >= calendar.n_periods:
            continue
        if week >= 0:
            counted.opened[user, week] += 1
        counted.open_after[user, max(week, 0) : max(end, 0)] = True
