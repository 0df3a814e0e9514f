"""Outcomes: what a plan really brought, users open to contact against held-out ones like them.

Membership of the holdout is random, so the difference in means estimates the effect without a model. It is adjusted for what
each user spent before, in as many weeks as the whole horizon has (a regression within each group: Lin, 2013, Annals of Applied
Statistics 7(1)), which takes nothing but noise away; the interval is Welch's (1947, Biometrika 34). Before any difference is
believed the group sizes must fit the holdout share: a mismatch (chi-squared below one in a thousand) says that somebody was
lost on the way, and then nothing else can be trusted. Plans whose horizons overlap are measured together
(`decision_engine.planning.programme`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.planning.plan import Plan
from decision_engine.planning.programme import Groups, Programme
from simulations.arrays import FloatArray
from simulations.errors import PlanError

SRM_LEVEL = 0.001  # p-value below which group sizes do not fit the share


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDifference:
    """Open to contact less held out, for one outcome.

    Attributes
    ----------
    contacted, held_out : float
        Means per user, in `unit`, adjusted for what was spent before.
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
    """A plan measured, or several that overlap.

    Attributes
    ----------
    plan_id, digest : str
        The plan that was asked for.
    plans : tuple of str
        Ids of all plans measured together, that one among them, in the order of their weeks.
    starts_on : str
        First business day of the first of them, ISO 8601.
    n_contacted : int
        Users with an action.
    n_open, n_held_out : int
        The groups compared. Of a single plan: users with an action, and held-out users who would have had one. Of several: all
        users whom the plans considered, held out or not.
    weeks, complete : int, bool
        Weeks observed from that day on, and whether these are all until the last horizon ends.
    differences : tuple of OutcomeDifference
        Order-days and margin, per user of the groups.
    realised, realised_low, realised_high : float
        Difference in margin times the users open to contact, less what the actions were expected to cost; in currency.
    predicted, predicted_low, predicted_high : float
        What the plans said, over their whole horizons; of several the sums, as if they erred together.
    sample_ratio_p : float
        Probability of group sizes as far from the share as these, by chance; `trusted` is False below one in a thousand.
    """

    plan_id: str
    digest: str
    plans: tuple[str, ...]
    starts_on: str
    n_contacted: int
    n_open: int
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
        so_far = "" if self.complete else f" (so far: {self.weeks} weeks)"
        lines = [
            f"{self._who()}: realised {self.realised:,.2f} ({self.realised_low:,.2f} to {self.realised_high:,.2f}){so_far}, "
            f"predicted {self.predicted:,.2f} ({self.predicted_low:,.2f} to {self.predicted_high:,.2f}); "
            f"{self.n_contacted:,} contacted, {self._compared()}"
        ]
        if len(self.plans) > 1:
            lines.append(
                "Their effects reach into each other and cannot be told apart: this is what they brought together since "
                f"{self.starts_on}, everybody they considered against everybody held out."
            )
        if not self.trusted:
            lines.append(f"Do not trust this: the group sizes do not fit the holdout share (p = {self.sample_ratio_p:.2g}).")
        return "\n".join(lines)

    def _who(self) -> str:
        others = len(self.plans) - 1
        return self.plan_id if not others else f"{self.plan_id} and {others} overlapping plan{'s' if others > 1 else ''}"

    def _compared(self) -> str:
        if len(self.plans) == 1:
            return f"{self.n_held_out:,} held out"
        return f"{self.n_open:,} open to contact, {self.n_held_out:,} held out"


def measure_outcomes(plan: Plan, orders: pd.DataFrame, *, observed_until: date, others: Iterable[Plan] = ()) -> PlanOutcomes:
    """Compare what contacted and held-out users did in the weeks after the plan.

    Parameters
    ----------
    orders : frame
        Canonical orders: `user_id`, `ordered_at`, `revenue`. Users without a row bought nothing.
    observed_until : date
        Last business day that the orders cover completely.
    others : plans, optional
        That were carried out as well; those that overlap are measured together with this one.

    Raises
    ------
    PlanError
        If no whole week of the plan is covered, or a group has fewer than two users.
    """
    settings = plan.settings
    if (observed_until - settings.starts_on).days < 6:
        raise PlanError(f"{plan.id} starts on {settings.starts_on}; orders up to {observed_until} cover no whole week of it.")
    programme = Programme.around(plan, others, until=observed_until - timedelta(days=6))
    observed = ((observed_until - programme.starts_on).days + 1) // 7
    weeks = min(observed, programme.n_weeks)
    groups = programme.groups()
    if min(len(groups.open_to_contact), len(groups.held_out)) < 2:
        raise PlanError(
            f"{plan.id}: {len(groups.open_to_contact):,} users contacted and {len(groups.held_out):,} comparable ones held "
            "out; at least two of each are needed. A larger campaign.holdout_share gives the next plan something to compare "
            "with."
        )
    days, margin = _differences(programme, groups, orders, weeks)
    n_open = len(groups.open_to_contact)
    cost = sum(one.cost for one in programme.plans)
    p = _sample_ratio_p(n_open, len(groups.held_out), groups.holdout_share)
    return PlanOutcomes(
        plan_id=plan.id,
        digest=plan.digest,
        plans=tuple(one.id for one in programme.plans),
        starts_on=programme.starts_on.isoformat(),
        n_contacted=len(programme.contacted),
        n_open=n_open,
        n_held_out=len(groups.held_out),
        weeks=weeks,
        complete=weeks == programme.n_weeks,
        differences=(days, margin),
        realised=margin.difference * n_open - cost,
        realised_low=margin.low * n_open - cost,
        realised_high=margin.high * n_open - cost,
        predicted=sum(one.expected.increment for one in programme.plans),
        predicted_low=sum(one.expected.low for one in programme.plans),
        predicted_high=sum(one.expected.high for one in programme.plans),
        sample_ratio_p=p,
        trusted=p >= SRM_LEVEL,
    )


def _differences(
    programme: Programme, groups: Groups, orders: pd.DataFrame, weeks: int
) -> tuple[OutcomeDifference, OutcomeDifference]:
    settings = programme.plans[0].settings
    days = _business_days(orders, settings.business_day_starts_at)
    start = pd.Timestamp(programme.starts_on)
    after = _user_sums(orders, days, start, start + timedelta(weeks=weeks))
    before = _user_sums(orders, days, start - timedelta(weeks=programme.n_weeks), start)
    everyone = (groups.open_to_contact, groups.held_out)
    units = (
        ("order_days", "order-days a user", 1.0),
        ("margin", f"{settings.currency} a user", settings.margin_share),
    )
    found = []
    for (outcome, unit, scale), later, earlier in zip(units, after, before, strict=True):
        sums = [
            (later.reindex(users, fill_value=0.0).to_numpy() * scale, earlier.reindex(users, fill_value=0.0).to_numpy())
            for users in everyone
        ]
        found.append(_difference(outcome, unit, *_adjusted(sums), settings.interval_level))
    return found[0], found[1]


def _business_days(orders: pd.DataFrame, starts_at: int) -> pd.Series:
    missing = sorted({"user_id", "ordered_at", "revenue"} - set(orders.columns))
    if missing:
        raise PlanError(f"orders: no column {', '.join(missing)}; the canonical table has user_id, ordered_at and revenue.")
    return (pd.to_datetime(orders["ordered_at"]) - pd.Timedelta(hours=starts_at)).dt.normalize()


def _user_sums(orders: pd.DataFrame, days: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> tuple[pd.Series, pd.Series]:
    """Return order-days and revenue of each user with orders from `start` until before `end`."""
    inside = (days >= start) & (days < end)
    window = pd.DataFrame({"user_id": orders["user_id"].astype(str), "day": days, "revenue": orders["revenue"].astype(float)})
    by_user = window[inside].groupby("user_id")
    return by_user["day"].nunique().astype(float), by_user["revenue"].sum()


def _adjusted(groups: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Return each group's figures as if its users had spent before what all of them did on average."""
    overall = float(np.concatenate([earlier for _, earlier in groups]).mean())
    adjusted = []
    for figures, earlier in groups:
        spread = float(((earlier - earlier.mean()) ** 2).sum())
        slope = float((earlier - earlier.mean()) @ figures) / spread if spread > 0 and figures.size > _FEWEST_TO_ADJUST else 0.0
        adjusted.append(figures - slope * (earlier - overall))
    return adjusted[0], adjusted[1]


_FEWEST_TO_ADJUST = 20  # users of a group; a slope drawn through fewer adds more noise than it takes away


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
