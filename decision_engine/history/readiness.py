"""Readiness: what in a history should make its reader careful, and which stages of the main job it can support."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.history.assignment import Assignment, judge_assignment
from decision_engine.history.cures import say_first
from decision_engine.history.empty_weeks import MOST_AT_THE_END, empty_weeks, say_weeks
from decision_engine.history.leakage import leakage_suspects
from decision_engine.history.order_lines import say_negative_pieces, say_numbers_that_start_anew, say_repeated_totals
from decision_engine.history.record import History
from simulations.panel import WeeklyPanel

OUTLIER = 10.0  # times the revenue that one order in a hundred exceeds
FEWEST_EXPOSED = 100  # users below which the effect of an action cannot be told from noise; see `effects.verdict`
FEWEST_WEEKS = 8  # of fitting: fewer show neither habit nor recency
FEWEST_BUYERS = 100
MOST_ASIDE = 0.02  # share of a table's rows set aside beyond which what is left may be a picture of something else
MOST_FAR_OUT = 0.01  # share of a table's rows up to which those far outside the weeks are single ones, hardly meant
MOST_TOLD = 5  # pairs of files, or names, told one by one
NOBODY = ("null", "none", "nan", "n/a", "na", "nil", "undefined", "unknown", "anonymous", "guest", "#n/a", "<na>", "(null)")
FEWEST_STRANGERS = 10  # users of a table, none of whom ordered, from which on they are hardly all newcomers
FEWEST_REPEATS = 0.01  # share of users with a second order below which habits cannot be learnt


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something a reader should know before believing results."""

    # "set aside", "gap", "date", "overlap", "duplicate", "total", "number", "user", "outlier", "leakage", "return", "consent"
    kind: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whether a stage can be done with this history, what is missing where it cannot, and what it rests on where it can."""

    stage: str
    supported: bool
    missing: tuple[str, ...]
    rests_on: str = ""

    @property
    def remark(self) -> str:
        """What is missing; else what the stage rests on, where that is to be known."""
        return self.rests_on if self.supported else "; ".join(self.missing)

    def say(self) -> str:
        """Return it as one line."""
        return f"{self.stage}: {'yes' if self.supported else 'no'}{f'; {self.remark}' if self.remark else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, but for its name."""
        return {"supported": self.supported, "missing": list(self.missing), "rests_on": self.rests_on}


@dataclass(frozen=True, slots=True, kw_only=True)
class Propensities:
    """Logged probabilities of one action's exposures."""

    action: str
    exposures: int
    known_share: float
    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a history is good for.

    Attributes
    ----------
    assignment : Assignment
        Whether actions were given as often as their logged probabilities say.
    """

    remarks: tuple[Remark, ...]
    stages: tuple[Support, ...]
    propensities: tuple[Propensities, ...]
    assignment: Assignment

    @property
    def alarms(self) -> list[str]:
        """What should be settled before anything else is believed."""
        return self.assignment.say() if self.assignment.mismatch or self.assignment.miscalibrated else []

    def lines(self) -> list[str]:
        """Say it in lines: propensities, remarks, then a line a stage; alarms are left to the caller to say first."""
        lines = [
            f"Propensities of {p.action}: {p.known_share:.0%} of {p.exposures:,} exposures carry one, from {p.low:.3g} to "
            f"{p.high:.3g}, {p.mean:.3g} on average."
            for p in self.propensities
            if p.known_share > 0
        ]
        lines += [] if self.alarms else self.assignment.say()
        lines += [f"Beware ({remark.kind}): {remark.words}" for remark in self.remarks]
        return [
            *lines,
            "What this history supports (`run` goes on where it can; a stage that says no should not be believed):",
            *(f"  {stage.say()}" for stage in self.stages),
        ]

    def summary(self) -> str:
        """Say it all, alarms first."""
        return "\n".join([*self.alarms, *self.lines()])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "remarks": [{"kind": remark.kind, "words": remark.words} for remark in self.remarks],
            "stages": {one.stage: one.to_json() for one in self.stages},
            "propensities": [
                {
                    "action": p.action,
                    "exposures": p.exposures,
                    "known_share": p.known_share,
                    **({"low": p.low, "mean": p.mean, "high": p.high} if p.known_share > 0 else {}),
                }
                for p in self.propensities
            ],
            "assignment": self.assignment.to_json(),
        }


def judge_readiness(history: History, panel: WeeklyPanel, config: Config) -> Readiness:
    """Judge what a history can support."""
    remarks = [
        *set_aside(history, config),
        *_gaps(panel, config),
        *_far_out(history, config),
        *_overlaps(history),
        *_duplicates(history),
        *(Remark(kind="total", words=words) for words in say_repeated_totals(history)),
        *(Remark(kind="return", words=words) for words in say_negative_pieces(history)),
        *(Remark(kind="number", words=words) for words in say_numbers_that_start_anew(history)),
        *nobody(history),
        *_strangers(history),
        *_outliers(history),
        *(Remark(kind="leakage", words=words) for words in leakage_suspects(history, panel, config)),
        *no_consent(history, "customers", panel.n_users),
        *_consent(panel),
    ]
    return Readiness(
        remarks=tuple(remarks),
        stages=_stages(history, panel, config),
        propensities=_propensities(history),
        assignment=judge_assignment(history.table("exposures")),
    )


def set_aside(history: History, config: Config) -> list[Remark]:
    """Tell of tables that lost more than single rows at the door, with the most frequent reason."""
    counts = history.counts.groupby("table", sort=False)[["read", "quarantined"]].sum()
    remarks = []
    for table, read, aside in counts.itertuples():
        if aside <= MOST_ASIDE * read:
            continue
        reason = history.main_reason(str(table))
        why = f", most often because {reason}{say_first(history, config, str(table))}" if reason else ""
        words = f"{aside:,} of {read:,} rows of {table} ({aside / read:.0%}) were set aside{why}. What is left may mislead."
        remarks.append(Remark(kind="set aside", words=words))
    return remarks


def _gaps(panel: WeeklyPanel, config: Config) -> list[Remark]:
    empty = empty_weeks(panel)
    remarks = []
    if empty.weeks.size:
        words = f"{empty.weeks.size} of {panel.n_periods} weeks have no order; the longest gap is {say_weeks(empty.longest)}."
        remarks.append(Remark(kind="gap", words=words))
    if n := empty.n_at_the_end:
        first, last = panel.n_periods - n + 1, panel.n_periods
        words = f"no order falls into {say_weeks(np.array([first, last]))}, the last; is `time.last_period` too late?"
        remarks.append(Remark(kind="gap", words=words))
    counts = panel.order_days.sum(axis=0)
    middle = float(np.median(counts))
    if panel.n_periods >= 8 and 0 < counts[-1] < 0.3 * middle:
        words = f"the last week has {int(counts[-1]):,} order-days, the median week {middle:,.0f}; is it complete?"
        remarks.append(Remark(kind="gap", words=words))
    return remarks


def _far_out(history: History, config: Config) -> list[Remark]:
    """Tell of single rows that lie more than a year outside the weeks; a long history that is cut short is none."""
    accepted = history.counts.groupby(["table", "source"])["accepted"].sum()
    weeks = f"the weeks, {config.time.first_day} to {config.as_of(config.time.last_period)}"
    return [
        Remark(
            kind="date",
            words=f"{one.n_far:,} row{'' if one.n_far == 1 else 's'} of {one.table} dated "
            f"more than a year outside {weeks}: counted nowhere. The "
            f"first is {history.place_of(one)}, of {one.when}; is its date right?",
        )
        for one in history.outside
        if one.n_far and one.n_far <= max(1.0, MOST_FAR_OUT * float(accepted[one.table, one.source]))
    ]


def _overlaps(history: History) -> list[Remark]:
    """Tell of files that hold equal rows: two exports that share some days count these twice."""
    remarks = []
    for one in history.overlaps[:MOST_TOLD]:
        first, second = history.names_of(one)
        words = (
            f"{one.n:,} rows of {one.table} stand in both {first} and {second}, equal in every mapped column ({one.share:.0%} "
            "of the smaller file). Exports that overlap count them twice: if these are, leave the rows out of one of the files."
        )
        remarks.append(Remark(kind="overlap", words=words))
    if (n := len(history.overlaps) - MOST_TOLD) > 0:
        more = f"{n:,} further pairs of files hold equal rows; `check --json` lists them all."
        remarks.append(Remark(kind="overlap", words=more))
    return remarks


def _duplicates(history: History) -> list[Remark]:
    remarks = []
    orders, exposures = history.table("orders"), history.table("exposures")
    same = int(orders.duplicated(["user_id", "ordered_at", "revenue"]).sum())
    if same and (orders["ordered_at"].dt.normalize() != orders["ordered_at"]).any():
        words = f"{same:,} orders repeat user, time and revenue of another under a different number."
        remarks.append(Remark(kind="duplicate", words=words))
    again = int(exposures.duplicated(["user_id", "exposed_at", "action"]).sum())
    if again:
        remarks.append(Remark(kind="duplicate", words=f"{again:,} exposures repeat user, time and action of an earlier one."))
    return remarks


def nobody(history: History, table: str = "orders") -> list[Remark]:
    """Tell of users who are called as programs call what is not there: their rows are hardly those of one person."""
    rows = history.table(table)
    called = rows.loc[rows["user_id"].str.lower().isin(NOBODY), "user_id"]
    if called.empty:
        return []
    names = ", ".join(repr(str(name)) for name in called.value_counts().index[:MOST_TOLD])
    if table == "orders":
        who, so = f"{len(called):,} orders are those of a user called {names}", "they make one person of many"
    else:
        who, so = f"a user of {table} is called {names}", "further rows of that name count as repeats"
    cure = f"`user_id: nullif(customer, {called.iloc[0]!r})`"
    words = f"{who}, which looks like nobody: {so}. To set them aside, make such an id empty, as in {cure}."
    return [Remark(kind="user", words=words)]


def _strangers(history: History) -> list[Remark]:
    """Tell of tables none of whose users ever ordered: their ids are hardly those of the orders."""
    buyers = pd.Index(history.table("orders")["user_id"].unique())
    remarks = []
    for table in ("exposures", "customers", "reviews", "tickets", "searches"):
        users = pd.Index(history.table(table)["user_id"].unique())
        if len(users) >= FEWEST_STRANGERS and not users.isin(buyers).any():
            words = (
                f"none of the {len(users):,} users of {table} is among those of orders. Are ids written alike in both files, "
                "or is it 40017 here and 40017.0 or 0040017 there? An expression can make them one."
            )
            remarks.append(Remark(kind="user", words=words))
    return remarks


def _outliers(history: History) -> list[Remark]:
    orders = history.table("orders")
    revenue = orders["revenue"].to_numpy(dtype=np.float64)
    remarks = []
    limit = OUTLIER * float(np.quantile(revenue, 0.99))
    far = int((revenue > limit).sum()) if limit > 0 else 0
    if far:
        words = f"{far:,} orders bring more than {limit:,.2f}, ten times what one order in a hundred exceeds; the largest "
        remarks.append(Remark(kind="outlier", words=f"{words}{revenue.max():,.2f}."))
    returned = int((revenue < 0).sum())
    if returned:
        remarks.append(
            Remark(kind="return", words=f"{returned:,} orders are negative: they lower revenue and count as no visit.")
        )
    n_zero = int((revenue == 0).sum())
    if n_zero > 0.01 * len(revenue):
        remarks.append(Remark(kind="outlier", words=f"{n_zero:,} orders bring nothing; they count as visits."))
    return remarks


def no_consent(history: History, table: str, n_users: int) -> list[Remark]:
    """Say what it means that no column of a table tells who agreed to be contacted; nothing where one does."""
    if "consent" in history.columns(table):
        return []
    words = f"no column tells who agreed to be contacted ({table}.consent): all {n_users:,} users count as ones who may be."
    return [Remark(kind="consent", words=words)]


def _consent(panel: WeeklyPanel) -> list[Remark]:
    n_without = int((~panel.consent).sum())
    if not n_without:
        return []
    return [Remark(kind="consent", words=f"{n_without:,} of {panel.n_users:,} users gave no consent and are never contacted.")]


def _stages(history: History, panel: WeeklyPanel, config: Config) -> tuple[Support, ...]:
    fitting, n_judging = panel.order_days[:, : config.n_fitting_periods], panel.n_periods - config.n_fitting_periods
    judging = panel.order_days[:, config.n_fitting_periods :]
    horizon = config.effect_horizon_weeks
    buyers = int((fitting.sum(axis=1) > 0).sum())
    time = []
    n_with_orders = int((fitting.sum(axis=0) > 0).sum())
    if config.n_fitting_periods < FEWEST_WEEKS:
        time.append(f"{config.n_fitting_periods} fitting weeks, at least {FEWEST_WEEKS} are needed")
    elif n_with_orders < FEWEST_WEEKS:
        time.append(
            f"{n_with_orders} of {config.n_fitting_periods} fitting weeks with an order, at least {FEWEST_WEEKS} are needed"
        )
    if config.n_fitting_periods <= horizon:
        time.append(f"fitting weeks must outnumber effect_horizon_weeks, {horizon}")
    people = [] if buyers >= FEWEST_BUYERS else [f"{buyers:,} users bought in the fitting weeks, {FEWEST_BUYERS} are needed"]
    repeat = float(np.mean(fitting[fitting.sum(axis=1) > 0].sum(axis=1) > 1)) if buyers else 0.0
    habits = [] if repeat >= FEWEST_REPEATS else [f"{repeat:.1%} of buyers came twice, too few to learn when people come back"]
    later = [] if n_judging >= horizon else [f"{n_judging} weeks judge, effect_horizon_weeks asks for {horizon}"]
    later += [] if judging.any() else ["no order falls into the weeks that judge"]
    n_empty = empty_weeks(panel).n_at_the_end
    if judging.any() and n_empty > MOST_AT_THE_END:
        later.append(f"no order falls into the last {n_empty} weeks, which judge: `time.last_period` is too late")
    simulator = (*time, *people, *habits, *later)
    after = ("what `fit` lacks",) if simulator else ()
    profile = () if buyers else ("nobody bought in the fitting weeks",)
    effects, ope = _effects(history, config), _off_policy(history)
    texts = [name for name in ("reviews", "tickets", "searches") if not len(history.table(name))]
    items = "product_id" in history.columns("items")
    found = {
        "profile": profile,
        "recommendations": () if items else ("no order lines with products (`items.product_id`)",),
        "effects": effects,
        "off-policy evaluation": ope,
        "fit": simulator,
        "search": after,
        "evaluate": after,
        "plan": after,
        "signals": (f"no {', '.join(texts)}",) if len(texts) == 3 else (),
    }
    assumed = "rests on assumed responses"
    from_here = assumed if effects else "rests on effects as far as they are identified, else on assumed responses"
    unknown = "no probability of contact is recorded; whether what is known of users will do instead, `run` judges"
    rests_on = {"effects": unknown if ope else "", "search": from_here, "evaluate": from_here, "plan": from_here}
    return tuple(
        Support(stage=name, supported=not missing, missing=tuple(missing), rests_on="" if missing else rests_on.get(name, ""))
        for name, missing in found.items()
    )


def _effects(history: History, config: Config) -> tuple[str, ...]:
    exposures = history.table("exposures")
    estimated = [action.name for action in config.actions if action.effect == "estimated"]
    if not len(exposures):
        return ("no exposures: every action's response is an assumption",)
    end = pd.Timestamp(config.as_of(config.n_fitting_periods)) + pd.Timedelta(days=1)
    judged = exposures[(exposures["action"] != "none") & (exposures["exposed_at"] < end)]
    users = judged.groupby("action")["user_id"].nunique()
    few = [f"{name} reached {int(users.get(name, 0)):,}" for name in estimated if users.get(name, 0) < FEWEST_EXPOSED]
    if estimated and len(few) < len(estimated):
        return ()
    told = f"; {', '.join(few)}" if few else ""
    return (f"no action with `effect: estimated` reached {FEWEST_EXPOSED} users in the fitting weeks{told}",)


def _off_policy(history: History) -> tuple[str, ...]:
    exposures = history.table("exposures")
    if not len(exposures):
        return ("no exposures",)
    known = float(exposures["propensity"].notna().mean()) if "propensity" in exposures else 0.0
    return () if known == 1 else (f"{known:.0%} of exposures carry the probability with which they were chosen",)


def _propensities(history: History) -> tuple[Propensities, ...]:
    exposures = history.table("exposures")
    found = []
    for action, frame in exposures.groupby("action", sort=True):
        known = frame["propensity"].dropna() if "propensity" in frame else pd.Series(dtype="float64")
        numbers = {"low": float(known.min()), "mean": float(known.mean()), "high": float(known.max())}
        found.append(
            Propensities(action=str(action), exposures=len(frame), known_share=len(known) / len(frame), **numbers)
        )  # fmt: skip
    return tuple(found)
