"""The page of `check`: a history that was read, as the frames that its charts and tables need."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.config.placeholders import say_all
from decision_engine.history import Readiness
from decision_engine.history.outside import is_far
from decision_engine.stages.check import Checked
from decision_engine.stages.check_words import Judged, first_place
from reports import numbers
from reports.check import CheckReport, PropensityReport
from simulations.arrays import FloatArray, IntArray

_N_BARS = 12


def check_report(checked: Checked, judged: Judged, config: Config) -> CheckReport:
    """Gather what the page shows."""
    history, quality, panel, readiness = checked.history, checked.quality, checked.panel, judged.readiness
    orders = history.table("orders")
    weeks = panel.calendar.periods(orders["ordered_at"])
    reasons = history.reasons()
    reasons["first"] = [first_place(history, row) for row in reasons.itertuples()]
    return CheckReport(
        title=f"{config.name}: the history before a run",
        subtitle=f"{config.origin.name}, weeks from {config.time.first_day}; data {history.digest[:12]}",
        summary=quality.summary(),
        to_fill_in=tuple(say_all(config.origin.placeholders)),
        cards=_cards(checked, config, weeks),
        weekly=_weekly(checked, weeks),
        last_fitting_week=config.n_fitting_periods,
        gaps=_bars(_gaps(checked), whole=True),
        orders_per_user=_bars(np.asarray(orders["user_id"].value_counts(), dtype=np.float64), whole=True),
        baskets=_bars(orders.loc[orders["revenue"] >= 0, "revenue"].to_numpy(dtype=np.float64), whole=False),
        currency=config.currency,
        contacts=_contacts(checked),
        stages=pd.DataFrame([{"stage": s.stage, "supported": s.supported, "remark": s.remark} for s in readiness.stages]),
        remarks=pd.DataFrame([{"kind": r.kind, "words": r.words} for r in readiness.remarks], columns=["kind", "words"]),
        counts=history.counts,
        reasons=reasons,
        tables=quality.tables,
        actions=quality.actions,
        notes=history.notes,
        propensities=_propensities(readiness),
        logged_actions=pd.DataFrame([asdict(action) for action in judged.logged_actions]),
        level=config.interval_level,
        horizon_weeks=config.effect_horizon_weeks,
    )


def _cards(checked: Checked, config: Config, weeks: IntArray) -> list[tuple[str, str, str]]:
    history, quality, panel = checked.history, checked.quality, checked.panel
    orders = history.table("orders")
    inside = int(((weeks >= 0) & (weeks < panel.n_periods)).sum())
    known = quality.tables.set_index("table").loc["orders"]
    span = f"{known['first']:%Y-%m-%d} to {known['last']:%Y-%m-%d}"
    aside = history.n_quarantined
    return [
        ("Rows read", f"{history.n_read:,}", f"{history.n_accepted:,} accepted"),
        ("Set aside", f"{aside:,}", f"{numbers.share(aside / max(1, history.n_read))} of what was read"),
        ("Orders", f"{len(orders):,}", f"{inside:,} in the weeks; {span}"),
        ("Users", f"{quality.n_users:,}", f"{quality.orders_per_user_median:g} orders in the median"),
        ("Weeks", f"{panel.n_periods}", f"{config.n_fitting_periods} fit, {panel.n_periods - config.n_fitting_periods} judge"),
        ("Contacts", f"{int(quality.actions['exposures'].sum()):,}", f"of {numbers.plural(len(quality.actions), 'action')}"),
    ]


def _weekly(checked: Checked, weeks: IntArray) -> pd.DataFrame:
    panel = checked.panel
    inside = weeks[(weeks >= 0) & (weeks < panel.n_periods)]
    return pd.DataFrame(
        {
            "week": np.arange(1, panel.n_periods + 1),
            "orders": np.bincount(inside, minlength=panel.n_periods),
            "users": (panel.order_days > 0).sum(axis=0),
        }
    )


def _gaps(checked: Checked) -> FloatArray:
    """Return the days between one order day of a user and the next; a date far outside the weeks makes no gap."""
    orders, calendar = checked.history.table("orders"), checked.panel.calendar
    days = pd.DataFrame({"user": orders["user_id"], "day": calendar.business_days(orders["ordered_at"])})
    days = days[~is_far(days["day"].to_numpy(), calendar)].drop_duplicates()
    gaps = days.sort_values(["user", "day"]).groupby("user")["day"].diff().dropna()
    found: FloatArray = gaps.to_numpy(dtype=np.float64)
    return found


def _bars(values: FloatArray, *, whole: bool) -> pd.DataFrame:
    """Count values in bars of one round width; the last bar holds all that is larger."""
    if not values.size:
        return pd.DataFrame(columns=["label", "count"])
    start = 1.0 if whole else 0.0
    width = round_width((float(np.quantile(values, 0.97)) - start) / (_N_BARS - 1), whole=whole)
    n_bars = int(min(_N_BARS, max(1, (float(values.max()) - start) // width + 1)))
    places = np.clip(((values - start) // width).astype(np.int64), 0, n_bars - 1)
    lows = start + width * np.arange(n_bars)
    labels = [_bar_label(low, width, whole=whole) for low in lows]
    if float(values.max()) >= lows[-1] + width:
        labels[-1] = f"{lows[-1]:g}+"
    return pd.DataFrame({"label": labels, "count": np.bincount(places, minlength=n_bars)})


def _bar_label(low: float, width: float, *, whole: bool) -> str:
    if not whole:
        return f"{low:g}"
    return f"{low:g}" if width == 1 else f"{low:g}–{low + width - 1:g}"


def round_width(width: float, *, whole: bool) -> float:
    """Return the next larger of 1, 2, 5, 10, ...; weeks where days would be many.

    Examples
    --------
    >>> round_width(3.2, whole=False), round_width(3.2, whole=True)
    (5.0, 7.0)
    """
    if whole and 2 < width <= 7:
        return 7.0
    power = 10.0 ** math.floor(math.log10(max(width, 1e-6)))
    rounded = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= width * (1 - 1e-9))
    return max(1.0, rounded) if whole else rounded


def _contacts(checked: Checked) -> pd.DataFrame:
    exposures, panel = checked.history.table("exposures"), checked.panel
    if not len(exposures):
        return pd.DataFrame(columns=["action", "week", "contacts"])
    weeks = panel.calendar.periods(exposures["exposed_at"]) + 1
    frame = pd.DataFrame({"action": exposures["action"].astype("str").to_numpy(), "week": weeks})
    inside = frame[(frame["week"] >= 1) & (frame["week"] <= panel.n_periods)]
    return inside.groupby(["action", "week"]).size().rename("contacts").reset_index()


def _propensities(readiness: Readiness) -> PropensityReport | None:
    judged = readiness.assignment
    said = judged.say()
    if not said:
        return None
    frames: dict[str, Any] = {"shares": judged.shares, "bins": judged.bins}
    return PropensityReport(
        said=said, alarming=judged.mismatch or judged.miscalibrated, stands_for=judged.method == "weights", **frames
    )
