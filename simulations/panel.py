"""The weekly panel: canonical tables as users × weeks, the form in which everything downstream reads a history.

A week is seven business days; a business day starts at a given hour, so that a purchase at two in the morning belongs to the
evening before. Orders of one user on one business day count once: the unit is the *order-day*. A week's exposures are one
bit per action, because a user may be reached by several campaigns at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulations.actions import ActionSet
from simulations.arrays import BitArray, BoolArray, Float32Array, IntArray, KeyArray
from simulations.errors import HistoryError
from simulations.holidays import Holiday
from simulations.randomness import user_keys
from simulations.service_weeks import ServiceWeeks
from simulations.weekly_orders import OrderCounter, WeeklyOrders

Number = TypeVar("Number", bound=np.generic)
BULK = (0.01, 0.99)  # quantiles of times between which orders are said to lie: a few wrong dates do not stretch the span


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """How time is cut into periods.

    Attributes
    ----------
    first_day : date
        First business day of the first period (people's week 1, index 0).
    n_periods : int
        Complete weeks in the history.
    business_day_starts_at : int
        Hour of the clock, 0 to 23, at which a business day starts.
    holidays : tuple of Holiday
        Days that are known beforehand to be unlike others, of the history and after it.
    """

    first_day: date
    n_periods: int
    business_day_starts_at: int = 0
    holidays: tuple[Holiday, ...] = ()

    def business_days(self, times: pd.Series) -> IntArray:
        """Return each time's business day, counted from `first_day`; negative before it."""
        shifted = pd.to_datetime(times) - pd.Timedelta(hours=self.business_day_starts_at)
        days = (shifted.dt.normalize() - pd.Timestamp(self.first_day)) // pd.Timedelta(days=1)
        return np.asarray(days, dtype=np.int64)

    def periods(self, times: pd.Series) -> IntArray:
        """Return each time's period index; outside [0, n_periods) where the history does not reach."""
        return np.floor_divide(self.business_days(times), 7)

    def start_of(self, period: int) -> date:
        """Return the first business day of a period, which may lie after the history."""
        return self.first_day + timedelta(days=7 * period)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyPanel:
    """A history as arrays, a row a user (sorted by id) and a column a week.

    Attributes
    ----------
    user_ids : (n_users,) array of str
    user_keys : (n_users,) uint64 array
    order_days : (n_users, n_periods) int16 array
        Business days with an order, 0 to 7.
    revenue : (n_users, n_periods) float32 array
        In the currency of the data; negative where returns outweigh orders.
    exposure_bits : (n_users, n_periods) uint32 array
        Bit `a` is set where action `a` reached the user.
    redemptions : (n_users, n_periods) int16 array
        Actions redeemed, by the week of the redemption.
    consent : (n_users,) bool array
    service : ServiceWeeks or None
        Reviews and tickets; None where there are none.
    """

    user_ids: NDArray[np.object_]
    user_keys: KeyArray
    order_days: NDArray[np.int16]
    revenue: Float32Array
    exposure_bits: BitArray
    redemptions: NDArray[np.int16]
    consent: BoolArray
    actions: ActionSet
    calendar: Calendar
    service: ServiceWeeks | None = None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.order_days.shape[0])

    @property
    def n_periods(self) -> int:
        """Number of weeks."""
        return int(self.order_days.shape[1])

    def slice(self, n_periods: int) -> WeeklyPanel:
        """Return the first `n_periods` weeks: what is known at the start of period `n_periods`."""
        if not 0 < n_periods <= self.n_periods:
            raise HistoryError(f"panel: cannot take the first {n_periods} of {self.n_periods} weeks.")
        return replace(
            self,
            order_days=self.order_days[:, :n_periods],
            revenue=self.revenue[:, :n_periods],
            exposure_bits=self.exposure_bits[:, :n_periods],
            redemptions=self.redemptions[:, :n_periods],
            calendar=replace(self.calendar, n_periods=n_periods),
            service=None if self.service is None else self.service.slice(n_periods),
        )

    def as_of(self, n_periods: int) -> WeeklyPanel:
        """Return what was on file when week `n_periods` began: earlier weeks, and users bought or contacted by then."""
        early = self.slice(n_periods)
        return early.take((early.order_days > 0).any(axis=1) | (early.exposure_bits != 0).any(axis=1))

    def take(self, rows: IntArray | BoolArray) -> WeeklyPanel:
        """Return the panel of some users, in the order asked."""
        return replace(
            self,
            user_ids=self.user_ids[rows],
            user_keys=self.user_keys[rows],
            order_days=self.order_days[rows],
            revenue=self.revenue[rows],
            exposure_bits=self.exposure_bits[rows],
            redemptions=self.redemptions[rows],
            consent=self.consent[rows],
            service=None if self.service is None else self.service.take(rows),
        )

    def exposed(self, action: int) -> BoolArray:
        """Return (n_users, n_periods): was the user exposed to this action in this week."""
        return np.asarray((self.exposure_bits >> np.uint32(action)) & np.uint32(1) == 1)


def build_panel(
    orders: pd.DataFrame,
    exposures: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    *,
    actions: ActionSet,
    calendar: Calendar,
) -> WeeklyPanel:
    """Turn canonical tables into a panel; rows outside the calendar's periods are left out.

    Parameters
    ----------
    orders, exposures, customers : DataFrame
        Canonical tables, already validated. Users are those of all three tables.

    Raises
    ------
    NoneInsideError
        If no order falls into the calendar.
    """
    return assemble_panel(_weekly_orders(orders, calendar), exposures, customers, actions=actions, calendar=calendar)


def assemble_panel(
    weekly: WeeklyOrders,
    exposures: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    *,
    actions: ActionSet,
    calendar: Calendar,
) -> WeeklyPanel:
    """Turn orders that are counted by week already into a panel; else as `build_panel`."""
    others = [frame["user_id"].astype(str).unique() for frame in (exposures, customers) if frame is not None and len(frame)]
    names = np.unique(np.concatenate([weekly.user_ids, *others])) if others else weekly.user_ids
    user_ids = pd.Index(names)
    order_days, revenue = weekly.order_days, weekly.revenue
    if others:
        rows = user_ids.get_indexer(pd.Index(weekly.user_ids))
        order_days = _spread(order_days, rows, len(user_ids))
        revenue = _spread(revenue, rows, len(user_ids))
    exposure_bits, redemptions = _book_exposures(exposures, user_ids, actions, calendar)
    return WeeklyPanel(
        user_ids=names,
        user_keys=user_keys(names),
        order_days=order_days,
        revenue=revenue,
        exposure_bits=exposure_bits,
        redemptions=redemptions,
        consent=_consent(customers, user_ids),
        actions=actions,
        calendar=calendar,
    )


def _spread(values: NDArray[Number], rows: IntArray, n_users: int) -> NDArray[Number]:
    """Put each row where its user stands among all; others did nothing."""
    spread = np.zeros((n_users, values.shape[1]), dtype=values.dtype)
    spread[rows] = values
    return spread


def _weekly_orders(orders: pd.DataFrame, calendar: Calendar) -> WeeklyOrders:
    user_ids, users = np.unique(orders["user_id"].astype(str).to_numpy(dtype=object), return_inverse=True)
    counter = OrderCounter(calendar.n_periods)
    counter.add(users, calendar.business_days(orders["ordered_at"]), orders["revenue"].to_numpy(dtype=np.float64))
    if not counter.n_inside:
        times = orders["ordered_at"].sort_values(ignore_index=True)
        first, last = (times[round(share * (len(times) - 1))] for share in BULK)
        raise NoneInsideError.of(len(orders), calendar, first, last)
    return counter.finish(user_ids, np.arange(user_ids.size))


class NoneInsideError(HistoryError):
    """No order falls into the calendar."""

    @classmethod
    def of(cls, n_orders: int, calendar: Calendar, first: datetime, last: datetime) -> NoneInsideError:
        """Return it for orders that lie, but for a hundredth at either end, between two times."""
        weeks = f"{calendar.first_day} to {calendar.start_of(calendar.n_periods) - timedelta(days=1)}"
        return cls(
            f"none of {n_orders:,} orders falls into the {calendar.n_periods} weeks from {weeks}: they are dated from "
            f"{first:%Y-%m-%d} to {last:%Y-%m-%d}. Set `time.first_day` and `time.last_period` to weeks that they fill."
        )


def _book_exposures(
    exposures: pd.DataFrame | None, user_ids: pd.Index, actions: ActionSet, calendar: Calendar
) -> tuple[BitArray, NDArray[np.int16]]:
    bits = np.zeros((len(user_ids), calendar.n_periods), dtype=np.uint32)
    redemptions = np.zeros(bits.shape, dtype=np.int16)
    if exposures is None or not len(exposures):
        return bits, redemptions
    rows = user_ids.get_indexer(pd.Index(exposures["user_id"].astype(str)))
    codes = exposures["action"].map({name: index for index, name in enumerate(actions.names)}).to_numpy(dtype=np.int64)
    periods = calendar.periods(exposures["exposed_at"])
    inside = (periods >= 0) & (periods < calendar.n_periods) & (codes > 0)
    np.bitwise_or.at(bits, (rows[inside], periods[inside]), (np.uint32(1) << codes[inside].astype(np.uint32)))
    if "redeemed_at" in exposures:
        known = exposures["redeemed_at"].notna().to_numpy()
        if known.any():
            redeemed = calendar.periods(exposures.loc[known, "redeemed_at"])
            inside = (redeemed >= 0) & (redeemed < calendar.n_periods)
            np.add.at(redemptions, (rows[known][inside], redeemed[inside]), np.int16(1))
    return bits, redemptions


def _consent(customers: pd.DataFrame | None, user_ids: pd.Index) -> BoolArray:
    """Without a consent column everyone may be contacted; with one, only who said yes."""
    if customers is None or "consent" not in customers:
        return np.ones(len(user_ids), dtype=np.bool_)
    said_yes = customers.loc[customers["consent"].eq(True).fillna(False).to_numpy(dtype=bool), "user_id"].astype(str)
    return np.asarray(user_ids.isin(said_yes), dtype=np.bool_)
