"""Leakage suspects: what a history holds that nobody knew when it should have been used.

An attribute of customers may have been made from the very orders that are to be predicted; an exposure may have been written
down only when somebody bought. Each suspect is a remark, not a verdict: the analyst knows where a column comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.history.record import History
from simulations.arrays import FloatArray
from simulations.panel import WeeklyPanel

TOLD_BY_OUTCOME = 0.7  # rank correlation of an attribute with later orders above which it may well be made of them
NEAR_PERFECT = 0.95  # area under the curve of one attribute alone
FEWEST = 50  # users on either side below which nothing is said
_MOST_KINDS = 50  # different words of an attribute that is taken as one of kinds
_OFTEN, _TIMES_AS_OFTEN = 0.5, 10.0  # share of exposures on a day of an order; compared with what days in general hold
_CARRIED = 0.95  # share of orders at the moment of a decision, from which on the log's rows carry their outcomes
_CONTRACT = frozenset({"user_id", "consent", "joined_at"})


def leakage_suspects(history: History, panel: WeeklyPanel, config: Config) -> Iterator[str]:
    """Yield a sentence for each column that seems to know the weeks that judge, or to be written by the outcome itself."""
    customers = history.table("customers")
    later = pd.Series(
        panel.order_days[:, config.n_fitting_periods :].sum(axis=1),
        index=pd.Index(panel.user_ids.astype(str)),
        dtype=np.float64,
    )
    outcome = later.reindex(customers["user_id"].astype(str)).to_numpy()
    end = pd.Timestamp(config.as_of(config.n_fitting_periods)) + pd.Timedelta(days=1)
    for name in (str(column) for column in customers.columns if column not in _CONTRACT):
        yield from _of_attribute(f"customers.{name}", customers[name].astype("object"), outcome, end)
    if not _decisions_carry_outcomes(history, config):
        yield from _of_exposures(history)


def _of_attribute(name: str, values: pd.Series, outcome: FloatArray, end: pd.Timestamp) -> Iterator[str]:
    """Yield the gravest suspicion of an attribute, if there is one."""
    times = values[values.astype("str").str.fullmatch(r"\d{4}-\d{2}-\d{2}.*")]
    n_late = int((pd.to_datetime(times, errors="coerce", format="mixed") >= end).sum()) if len(times) else 0
    told = (
        f"{name} holds {n_late:,} times after the fitting weeks; was it known before?"
        if n_late
        else _of_presence(name, values, outcome) or _of_numbers(name, values, outcome) or _of_kinds(name, values, outcome)
    )
    if told:
        yield told


def _of_presence(name: str, values: pd.Series, outcome: FloatArray) -> str:
    """Suspect an attribute that is filled for those who bought later, or for those who did not."""
    known, filled, bought = np.isfinite(outcome), values.notna().to_numpy(), outcome > 0
    with_value, without = known & filled, known & ~filled
    if min(with_value.sum(), without.sum()) < FEWEST:
        return ""
    among, beside = float(bought[with_value].mean()), float(bought[without].mean())
    if abs(among - beside) <= TOLD_BY_OUTCOME:
        return ""
    who = "bought" if among > beside else "did not buy"
    return (
        f"{name} is filled for users who {who} after the fitting weeks and empty for others ({among:.0%} and {beside:.0%} of "
        "them bought); was it written then?"
    )


def _of_numbers(name: str, values: pd.Series, outcome: FloatArray) -> str:
    """Suspect a number that goes with later orders."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    both = np.isfinite(numbers) & np.isfinite(outcome)
    if both.sum() < FEWEST or np.ptp(numbers[both]) == 0 or np.ptp(outcome[both]) == 0:
        return ""
    ranks = [pd.Series(part[both]).rank().to_numpy() for part in (numbers, outcome)]
    related = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    if abs(related) > TOLD_BY_OUTCOME:
        return f"{name} goes with orders after the fitting weeks (rank correlation {related:.2f}); was it known before?"
    return _near_perfect(name, numbers[both], outcome[both] > 0)


def _of_kinds(name: str, values: pd.Series, outcome: FloatArray) -> str:
    """Suspect words that tell who bought later."""
    both = np.isfinite(outcome) & values.notna().to_numpy()
    kinds = values[both].astype("str")
    if both.sum() < 2 * FEWEST or not 2 <= kinds.nunique() <= _MOST_KINDS:
        return ""
    bought = outcome[both] > 0
    rates = pd.Series(bought, index=kinds.index).astype("float64").groupby(kinds).transform("mean").to_numpy()
    return _near_perfect(name, rates, bought)


def _near_perfect(name: str, scores: FloatArray, bought: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    area = _area(scores, bought)
    if area <= NEAR_PERFECT:
        return ""
    return f"{name} alone tells who bought after the fitting weeks (area under the curve {area:.2f}); was it known before?"


def _area(scores: FloatArray, positive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the area under the ROC curve of scores, whichever their direction; 0 where one side is nearly empty."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if min(n_positive, n_negative) < FEWEST // 5:
        return 0.0
    ranks = pd.Series(scores).rank().to_numpy()
    area = (float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return max(area, 1.0 - area)


def _decisions_carry_outcomes(history: History, config: Config) -> bool:
    """Whether one source logs decisions together with what came of them, whatever it was.

    Orders then stand at the very moment of a decision, and decisions of which nothing came are there as well; a log that knows
    only decisions with orders may have been written by them.
    """
    sources = {
        name: {mapping.source for mapping in mappings}
        for name, mappings in config.tables.mapped().items()
        if name in ("orders", "items", "exposures")
    }
    buying = sources.get("orders", set()) | sources.get("items", set())
    orders, exposures = history.table("orders"), history.table("exposures")
    if not buying & sources.get("exposures", set()) or not len(orders) or not len(exposures):
        return False
    decided = pd.MultiIndex.from_arrays([exposures["user_id"], exposures["exposed_at"]])
    bought = pd.MultiIndex.from_arrays([orders["user_id"], orders["ordered_at"]])
    return bool(bought.isin(decided).mean() >= _CARRIED > decided.isin(bought).mean())


def _of_exposures(history: History) -> Iterator[str]:
    exposures, orders = history.table("exposures"), history.table("orders")
    if "redeemed_at" in exposures:
        early = int((exposures["redeemed_at"] < exposures["exposed_at"]).sum())
        if early:
            yield f"exposures.redeemed_at lies before exposed_at in {early:,} rows; was the contact written down afterwards?"
    treated = exposures[exposures["action"] != "none"]
    if not len(treated) or not len(orders):
        return
    days = (orders["ordered_at"].max().normalize() - orders["ordered_at"].min().normalize()).days + 1
    order_days = pd.MultiIndex.from_arrays([orders["user_id"], orders["ordered_at"].dt.normalize()]).unique()
    per_day = pd.Index(order_days.get_level_values(0)).value_counts() / days
    for action, rows in treated.groupby("action", sort=True):
        if len(rows) < FEWEST:
            continue
        same_day = pd.MultiIndex.from_arrays([rows["user_id"], rows["exposed_at"].dt.normalize()]).isin(order_days)
        together = float(same_day.mean())
        usual = float(rows["user_id"].map(per_day).fillna(0.0).mean())
        if together > _OFTEN and together > _TIMES_AS_OFTEN * usual:
            yield (
                f"{together:.0%} of exposures to {action} fall on a day on which the user ordered, where {usual:.1%} of days "
                "hold an order; an action that is written down when somebody buys shows no effect that it had."
            )
