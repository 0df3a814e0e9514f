"""Outcomes: what a plan really brought, contacted users against held-out ones who would have been contacted.

Membership of the holdout is random, so the difference in means estimates the effect without a model; its interval is Welch's
(1947, Biometrika 34). Before any difference is believed the group sizes must fit the holdout share: a mismatch (chi-squared
below one in a thousand) says that somebody was lost on the way, and then nothing else can be trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.planning.plan import Plan
from simulations.arrays import FloatArray
from simulations.errors import PlanError

SRM_LEVEL = 0.001  # p-value below which group sizes do not fit the share


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDifference:
    """Contacted less held out, for one outcome.

    Attributes
    ----------
    contacted, held_out : float
        Means per user, in `unit`.
    difference, low, high : float
        Of those means, with an interval at the plan's level.
    """

    outcome: str
    unit: str
    contacted: float
    held_out: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutcomes:
    """A plan measured.

    Attributes
    ----------
    n_contacted, n_held_out : int
        Users with an action, and held-out users who would have had one.
    weeks, complete : int, bool
        Weeks of the effect horizon observed, and whether these are all of them.
    differences : tuple of OutcomeDifference
        Order-days and margin, per user.
    realised, realised_low, realised_high : float
        Difference in margin times the contacted users, less what the actions were expected to cost; in currency.
    predicted, predicted_low, predicted_high : float
        What the plan said, over its whole horizon.
    sample_ratio_p : float
        Probability of group sizes as far from the share as these, by chance; `trusted` is False below one in a thousand.
    """

    plan_id: str
    digest: str
    n_contacted: int
    n_held_out: int
    weeks: int
    complete: bool
    differences: tuple[OutcomeDifference, ...]
    realised: float
    realised_low: float
    realised_high: float
    predicted: float
    predicted_low: float
    predicted_high: float
    sample_ratio_p: float
    trusted: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an outcome."""
        return pd.DataFrame([asdict(difference) for difference in self.differences])

    def summary(self) -> str:
        """Say it in a few lines."""
        misfit = f"\nDo not trust this: the group sizes do not fit the holdout share (p = {self.sample_ratio_p:.2g})."
        doubt = "" if self.trusted else misfit
        so_far = "" if self.complete else f" (so far: {self.weeks} weeks)"
        return (
            f"{self.plan_id}: realised {self.realised:,.2f} ({self.realised_low:,.2f} to {self.realised_high:,.2f}){so_far}, "
            f"predicted {self.predicted:,.2f} ({self.predicted_low:,.2f} to {self.predicted_high:,.2f}); "
            f"{self.n_contacted:,} contacted, {self.n_held_out:,} held out{doubt}"
        )


def measure_outcomes(plan: Plan, orders: pd.DataFrame, *, observed_until: date) -> PlanOutcomes:
    """Compare what contacted and held-out users did in the weeks after the plan.

    Parameters
    ----------
    orders : frame
        Canonical orders: `user_id`, `ordered_at`, `revenue`. Users without a row bought nothing.
    observed_until : date
        Last business day that the orders cover completely.

    Raises
    ------
    PlanError
        If no whole week of the plan is covered, or a group has fewer than two users.
    """
    settings = plan.settings
    weeks = min(((observed_until - settings.starts_on).days + 1) // 7, settings.effect_horizon_weeks)
    if weeks < 1:
        raise PlanError(f"{plan.id} starts on {settings.starts_on}; orders up to {observed_until} cover no whole week of it.")
    contacted = plan.rows["user_id"].tolist()
    held_out = plan.holdout.loc[plan.holdout["would_be"] != "none", "user_id"].tolist()
    if min(len(contacted), len(held_out)) < 2:
        raise PlanError(
            f"{plan.id}: {len(contacted):,} users contacted and {len(held_out):,} comparable ones held out; at least two of "
            "each are needed. A larger campaign.holdout_share gives the next plan something to compare with."
        )
    order_days, revenue = _user_sums(plan, orders, weeks)
    groups = [
        (figures.reindex(contacted, fill_value=0.0).to_numpy(), figures.reindex(held_out, fill_value=0.0).to_numpy())
        for figures in (order_days, revenue * settings.margin_share)
    ]
    level = settings.interval_level
    orders_difference = _difference("order_days", "order-days a user", *groups[0], level)
    margin_difference = _difference("margin", f"{settings.currency} a user", *groups[1], level)
    n_contacted = len(contacted)
    p = _sample_ratio_p(n_contacted, len(held_out), settings.holdout_share)
    return PlanOutcomes(
        plan_id=plan.id,
        digest=plan.digest,
        n_contacted=n_contacted,
        n_held_out=len(held_out),
        weeks=weeks,
        complete=weeks == settings.effect_horizon_weeks,
        differences=(orders_difference, margin_difference),
        realised=margin_difference.difference * n_contacted - plan.cost,
        realised_low=margin_difference.low * n_contacted - plan.cost,
        realised_high=margin_difference.high * n_contacted - plan.cost,
        predicted=plan.expected.increment,
        predicted_low=plan.expected.low,
        predicted_high=plan.expected.high,
        sample_ratio_p=p,
        trusted=p >= SRM_LEVEL,
    )


def _user_sums(plan: Plan, orders: pd.DataFrame, weeks: int) -> tuple[pd.Series, pd.Series]:
    """Return order-days and revenue of each user with orders in the plan's first `weeks` weeks."""
    missing = sorted({"user_id", "ordered_at", "revenue"} - set(orders.columns))
    if missing:
        raise PlanError(f"orders: no column {', '.join(missing)}; the canonical table has user_id, ordered_at and revenue.")
    days = (pd.to_datetime(orders["ordered_at"]) - pd.Timedelta(hours=plan.settings.business_day_starts_at)).dt.normalize()
    start = pd.Timestamp(plan.settings.starts_on)
    inside = (days >= start) & (days < start + timedelta(weeks=weeks))
    window = pd.DataFrame({"user_id": orders["user_id"].astype(str), "day": days, "revenue": orders["revenue"].astype(float)})
    by_user = window[inside].groupby("user_id")
    return by_user["day"].nunique().astype(float), by_user["revenue"].sum()


def _difference(outcome: str, unit: str, contacted: FloatArray, held_out: FloatArray, level: float) -> OutcomeDifference:
    from scipy.stats import t

    parts = np.array([figures.var(ddof=1) / figures.size for figures in (contacted, held_out)])
    error = float(np.sqrt(parts.sum()))
    difference = float(contacted.mean() - held_out.mean())
    reach = 0.0
    if error > 0:
        freedom = parts.sum() ** 2 / (parts**2 / (np.array([contacted.size, held_out.size]) - 1)).sum()
        reach = float(t.ppf(0.5 + level / 2.0, freedom)) * error
    return OutcomeDifference(
        outcome=outcome,
        unit=unit,
        contacted=float(contacted.mean()),
        held_out=float(held_out.mean()),
        difference=difference,
        low=difference - reach,
        high=difference + reach,
    )


def _sample_ratio_p(n_contacted: int, n_held_out: int, share: float) -> float:
    """Return the chi-squared p-value of the two group sizes against the holdout share."""
    from scipy.stats import chisquare

    n = n_contacted + n_held_out
    return float(chisquare([n_contacted, n_held_out], [n * (1.0 - share), n * share]).pvalue)
