"""What to doubt first: where the witnesses disagree or are silent, what was not identified, what was assumed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports import numbers
from reports.document import Section
from reports.effects import EffectsReport
from reports.markup import Html, element, joined
from reports.phrases import difference_phrase, worlds_with_a_loss
from reports.plan import PlanReport
from reports.simulator import SimulatorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessReport:
    """What two witnesses say of the chosen policy: the simulator, and the decisions in the logs.

    Attributes
    ----------
    simulated, low, high : float
        Value in currency per user over `weeks`.
    logged, logged_low, logged_high : float or None
        Gain over doing nothing in currency per decision, as the logs tell it; None where they abstain.
    abstention : str
        Why they abstain.
    """

    policy: str
    currency: str
    weeks: int
    level: float
    simulated: float
    low: float
    high: float
    logged: float | None = None
    logged_low: float | None = None
    logged_high: float | None = None
    abstention: str = ""


def doubts_section(
    *,
    witness: WitnessReport | None = None,
    plan: PlanReport | None = None,
    effects: EffectsReport | None = None,
    simulator: SimulatorReport | None = None,
    caveats: Sequence[str] = (),
) -> Section | None:
    """Lay out the doubts, the gravest first; None where nothing is known to doubt."""
    points: list[Html] = []
    if witness is not None:
        points.append(_witness(witness))
    if plan is not None:
        points += _plan(plan)
    if effects is not None:
        points += _effects(effects)
    if simulator is not None:
        points += _simulator(simulator)
    points += [joined([caveat]) for caveat in caveats]
    if not points:
        return None
    listed = element("ul", *(element("li", point) for point in points), class_="doubts")
    return Section(heading="What to doubt first", body=(listed,))


def _point(lead: str, words: str) -> Html:
    return joined([element("strong", lead), words], " ")


def _witness(witness: WitnessReport) -> Html:
    value, weeks = numbers.money(witness.simulated, witness.currency), numbers.plural(witness.weeks, "week")
    own = (
        f"The simulator says {value} per user over {weeks} for {witness.policy} "
        f"({witness.level:.0%} interval {numbers.interval(witness.low, witness.high)})"
    )
    if witness.logged is None or witness.logged_low is None or witness.logged_high is None:
        reason = witness.abstention.strip().rstrip(".")
        why = f", because {reason[:1].lower()}{reason[1:]}" if reason else ""
        words = f"{own}; the decisions in the logs abstain{why}. Nothing but the simulator vouches for the value."
        return _point("One witness only.", words)
    bounds = numbers.interval(witness.logged_low, witness.logged_high)
    logs = (
        f"the decisions in the logs say {numbers.money(witness.logged, witness.currency)} per decision more than doing nothing "
        f"({bounds}), budget and capacities aside"
    )
    simulated = difference_phrase(witness.simulated, witness.low, witness.high)
    logged = difference_phrase(witness.logged, witness.logged_low, witness.logged_high)
    if simulated == logged:
        return _point("Two witnesses agree.", f"{own}, and {logs}: both {simulated}.")
    both_sure = {simulated, logged} == {"above zero beyond its error", "below zero beyond its error"}
    lead = "The witnesses contradict each other." if both_sure else "Only one witness is sure."
    return _point(lead, f"{own}, {simulated}; {logs}, {logged}.")


def _plan(plan: PlanReport) -> list[Html]:
    totals, settings = plan.totals, plan.settings
    if not totals["actions"]:
        return []
    points = []
    if totals["low"] < 0:
        words = f"The {settings['interval_level']:.0%} interval of the increment reaches below zero; the plan loses "
        points.append(_point("The plan may lose money.", f"{words}{worlds_with_a_loss(totals, settings)}."))
    if totals["share_assumed"]["effect"] > 0:
        part = numbers.share(totals["share_assumed"]["effect"])
        words = f"{part} of the plan's value before cost stands on effects that nobody measured."
        points.append(_point("Assumed effects.", words))
    if totals["share_assumed"]["margin"] > 0:
        part = numbers.share(settings["margin_share"])
        words = f"Margin is taken as {part} of revenue; every amount of margin moves in step with that share."
        points.append(_point("Assumed margin.", words))
    return points


def _effects(report: EffectsReport) -> list[Html]:
    points = []
    for verdict, lead in (("not identified", "Not identified."), ("weak", "Weakly identified.")):
        for row in report.effects[report.effects["verdict"] == verdict].to_dict("records"):
            points.append(_point(lead, f"{row['action']}: {_first_reason(row)}."))
    return points


def _first_reason(row: dict[Any, Any]) -> str:
    reasons = row["reasons"]
    first = reasons[0] if isinstance(reasons, (list, tuple)) and reasons else reasons
    return numbers.text(first).strip().rstrip(".")


def _simulator(report: SimulatorReport) -> list[Html]:
    points = []
    if not report.beats_baselines:
        better = report.scores[report.scores["mae"] < report.scores["mae"].iloc[0]]["model"].tolist()
        words = "its lead over some baseline is within the error"
        if better:
            words = f"{numbers.listing(better)} missed order-days by less"
        points.append(_point("The simulator is not better than every baseline:", f"{words}."))
    n_weeks, own = report.last_week - report.first_week + 1, report.scores.iloc[0]
    fewest = report.level - 2.0 * math.sqrt(report.level * (1.0 - report.level) / n_weeks)
    for quantity in ("order_days", "active_users", "revenue"):
        covered = own.get(f"{quantity}_coverage")
        if covered is not None and covered < fewest:  # nan is not below anything
            words = (
                f"the weekly sum of {quantity.replace('_', ' ')} lay inside its {report.level:.0%} band in "
                f"{numbers.share(covered)} of {numbers.plural(n_weeks, 'week')}."
            )
            points.append(_point("The simulator's band is too narrow or off:", words))
    return points
