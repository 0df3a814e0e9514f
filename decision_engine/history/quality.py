"""Quality of a history: what is there, over which span, and what an analyst should know before believing results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decision_engine.history.outside import is_far
from decision_engine.history.record import History
from simulations.panel import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuality:
    """What a history holds.

    Attributes
    ----------
    tables : DataFrame
        A row a table: rows, users, first and last time within the weeks (empty where rows have no time).
    actions : DataFrame
        A row an action that was used: exposures, users, first and last, redeemed_share, propensity_share (of exposures that
        carry the behaviour policy's probability).
    n_users : int
        Users with an order.
    orders_per_user_median, orders_per_user_top : float
        Median, and the number that one user in ten exceeds.
    users_without_orders : int
        Users who are exposed or listed as customers and never bought.
    repeated_exposures : int
        Exposures that repeat user, time and action of an earlier one.
    far_orders : int
        Orders dated more than a year outside the weeks: more likely wrong than old.
    negative_orders : int
        Orders whose revenue is below zero: returns.
    propensity_share : float
        Share of exposures with a propensity, in [0, 1]; NaN without exposures. Off-policy evaluation needs 1.
    """

    tables: pd.DataFrame
    actions: pd.DataFrame
    n_users: int
    orders_per_user_median: float
    orders_per_user_top: float
    users_without_orders: int
    repeated_exposures: int
    far_orders: int
    negative_orders: int
    propensity_share: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row, a column per number."""
        names = [name for name in self.__slots__ if name not in ("tables", "actions")]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def summary(self) -> str:
        """Say what is there, to be read aloud."""
        orders = self.tables.set_index("table").loc["orders"]
        span = f"from {orders['first']:%Y-%m-%d} to {orders['last']:%Y-%m-%d}"
        median = f"the median user ordered {self.orders_per_user_median:g} times"
        far = f", {self.far_orders:,} more than a year outside the weeks" if self.far_orders else ""
        said = f"{orders['rows']:,} orders of {self.n_users:,} users {span}{far}; {median}."
        if len(self.actions):
            said += f" {self.actions['exposures'].sum():,} exposures to {len(self.actions)} actions, {self._propensities()}."
        return said

    def _propensities(self) -> str:
        if self.propensity_share == 0:
            return "none with a propensity"
        return "all with propensities" if self.propensity_share == 1 else f"{self.propensity_share:.0%} with a propensity"


def assess(history: History, calendar: Calendar | None = None) -> HistoryQuality:
    """Describe a history; with a calendar, spans are those of the rows that fall into its weeks."""
    orders, exposures = history.table("orders"), history.table("exposures")
    per_user = orders["user_id"].value_counts()
    others = [history.table(name)["user_id"] for name in ("exposures", "customers")]
    known = pd.Index(pd.concat(others, ignore_index=True).unique())
    return HistoryQuality(
        tables=pd.DataFrame([history.describe(name, calendar) for name in history.tables]),
        actions=_describe_actions(exposures, calendar),
        n_users=len(per_user),
        orders_per_user_median=float(per_user.median()),
        orders_per_user_top=float(per_user.quantile(0.9)),
        users_without_orders=len(known.difference(per_user.index)),
        repeated_exposures=int(exposures.duplicated(["user_id", "exposed_at", "action"]).sum()),
        far_orders=0 if calendar is None else int(is_far(calendar.business_days(orders["ordered_at"]), calendar).sum()),
        negative_orders=int((orders["revenue"] < 0).sum()),
        propensity_share=float(_share_known(exposures, "propensity")) if len(exposures) else float("nan"),
    )


def _share_known(frame: pd.DataFrame, column: str) -> float:
    return float(np.mean(frame[column].notna())) if column in frame and len(frame) else 0.0


def _describe_actions(exposures: pd.DataFrame, calendar: Calendar | None) -> pd.DataFrame:
    exposures = exposures.assign(within=exposures["exposed_at"])
    if calendar is not None and len(exposures):
        weeks = calendar.periods(exposures["exposed_at"])
        exposures["within"] = exposures["exposed_at"].where((weeks >= 0) & (weeks < calendar.n_periods))
        unseen = exposures.groupby("action")["within"].transform("count") == 0  # an action of other weeks alone keeps its own
        exposures["within"] = exposures["within"].where(~unseen, exposures["exposed_at"])
    rows = [
        {
            "action": str(action),
            "exposures": len(frame),
            "users": frame["user_id"].nunique(),
            "first": frame["within"].min(),
            "last": frame["within"].max(),
            "redeemed_share": _share_known(frame, "redeemed_at"),
            "propensity_share": _share_known(frame, "propensity"),
        }
        for action, frame in exposures.groupby("action", sort=True)
    ]
    return pd.DataFrame(rows, columns=["action", "exposures", "users", "first", "last", "redeemed_share", "propensity_share"])
