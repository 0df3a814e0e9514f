"""What to doubt first: what would overturn the plan, then what it rests on, then what is good to know.

`ORDER` is the one place that says which doubt does more harm to the decision than another; the page, the terminal and the JSON
document all tell them in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reports import numbers
from reports.document import Section
from reports.effects import EffectsReport
from reports.markup import element, joined
from reports.phrases import difference_phrase, margin_words, worlds_with_a_loss
from reports.plan import PlanReport
from reports.simulator import SimulatorReport
from reports.tables import plain

ORDER = (
    "contradiction",  # two witnesses contradict each other: one of them is wrong about what the policy is worth
    "nothing pays",  # no policy is better than doing nothing beyond its error, and why
    "loss",  # the plan's own interval reaches below zero
    "placeholders",  # settings that nobody vouched for, and every amount rests on them
    "may be nothing",  # an estimate that the plan uses is not told apart from zero
    "assumed effects",  # what carries half of the plan's value or more was never measured
    "not identified",  # the history cannot tell an effect of an action that the plan gives
    "weak",
    "other number",  # simulators reckon with an effect outside the interval of the estimate
    "simulator",  # the only judge of the policies misses weeks that it did not see
    "suspect",  # a column that may be known only after the outcome, an amount far from all others
    "sample ratio",  # an experiment's groups are not as drawn
    "one witness",
    "some assumed effects",  # less than half
    "assumed course",  # an estimate's size follows how long the effect is assumed to last
    "unused effect",  # the same of effects, where the plan does not give the action
    "assumed margin",
    "note",
    "agreement",
)
MINOR = frozenset(ORDER[ORDER.index("one witness") :])  # would not overturn the plan by themselves
CARRYING = 0.5  # of the plan's value before cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One reason to doubt the decision.

    Attributes
    ----------
    kind : str
        One of `ORDER`.
    lead : str
        The doubt in a few words, may be empty.
    words : str
        The doubt in a sentence.
    """

    kind: str
    lead: str = ""
    words: str

    def to_json(self) -> dict[str, str]:
        """Return plain values, ready for JSON."""
        return {"kind": self.kind, "words": plain(str(self))}

    def __str__(self) -> str:
        """Return the doubt as one line of text."""
        return f"{self.lead} {self.words}".strip()


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


def collect_doubts(
    *,
    witness: WitnessReport | None = None,
    plan: PlanReport | None = None,
    effects: EffectsReport | None = None,
    simulator: SimulatorReport | None = None,
    alarm: str = "",
    caveats: Sequence[str | Doubt] = (),
) -> tuple[Doubt, ...]:
    """Return all doubts, the most harmful to the decision first; a caveat in plain words is a note."""
    found: list[Doubt] = []
    if witness is not None:
        found.append(_witness(witness))
    if plan is not None:
        found += _plan(plan)
    if effects is not None:
        found += _effects(effects, {} if plan is None else plan.totals["actions_by_name"], planned=plan is not None)
    if simulator is not None:
        found += _simulator(simulator)
    if alarm:
        found.append(Doubt(kind="sample ratio", lead="The groups are not as drawn.", words=alarm))
    found += [Doubt(kind="note", words=caveat) if isinstance(caveat, str) else caveat for caveat in caveats]
    return tuple(sorted(found, key=lambda doubt: ORDER.index(doubt.kind)))


def doubts_section(doubts: Sequence[Doubt]) -> Section | None:
    """Lay out the doubts; None where nothing is known to doubt."""
    if not doubts:
        return None
    points = [joined([element("strong", one.lead), one.words], " ") if one.lead else joined([one.words]) for one in doubts]
    listed = element("ul", *(element("li", point) for point in points), class_="doubts")
    return Section(heading="What to doubt first", body=(listed,))


def _witness(witness: WitnessReport) -> Doubt:
    value, weeks = numbers.money(witness.simulated, witness.currency), numbers.plural(witness.weeks, "week")
    own = (
        f"The simulator says {value} per user over {weeks} for {witness.policy} "
        f"({witness.level:.0%} interval {numbers.interval(witness.low, witness.high)})"
    )
    if witness.logged is None or witness.logged_low is None or witness.logged_high is None:
        reason = witness.abstention.strip().rstrip(".")
        why = f", because {reason[:1].lower()}{reason[1:]}" if reason else ""
        words = f"{own}; the decisions in the logs abstain{why}. Nothing but the simulator vouches for the value."
        return Doubt(kind="one witness", lead="One witness only.", words=words)
    bounds = numbers.interval(witness.logged_low, witness.logged_high)
    logs = (
        f"the decisions in the logs say {numbers.money(witness.logged, witness.currency)} per decision more than doing nothing "
        f"({bounds}), budget and capacities aside"
    )
    simulated = difference_phrase(witness.simulated, witness.low, witness.high)
    logged = difference_phrase(witness.logged, witness.logged_low, witness.logged_high)
    if simulated == logged:
        return Doubt(kind="agreement", lead="Two witnesses agree.", words=f"{own}, and {logs}: both {simulated}.")
    words = f"{own}, {simulated}; {logs}, {logged}."
    if {simulated, logged} == {"above zero beyond its error", "below zero beyond its error"}:
        return Doubt(kind="contradiction", lead="The witnesses contradict each other.", words=words)
    return Doubt(kind="one witness", lead="Only one witness is sure.", words=words)


def _plan(plan: PlanReport) -> list[Doubt]:
    totals, settings = plan.totals, plan.settings
    if not totals["actions"]:
        return []
    doubts = []
    if totals["low"] < 0:
        words = f"The {settings['interval_level']:.0%} interval of the increment reaches below zero; the plan loses "
        words += f"{worlds_with_a_loss(totals, settings)}."
        doubts.append(Doubt(kind="loss", lead="The plan may lose money.", words=words))
    assumed = totals["share_assumed"]["effect"]
    if assumed > 0:
        kind = "assumed effects" if assumed >= CARRYING else "some assumed effects"
        words = f"{numbers.share(assumed)} of the plan's value before cost stands on effects that nobody measured."
        doubts.append(Doubt(kind=kind, lead="Assumed effects.", words=words))
    if totals["share_assumed"]["margin"] > 0:
        words = f"Margin is taken as {margin_words(settings)}; every amount of margin moves in step with that."
        doubts.append(Doubt(kind="assumed margin", lead="Assumed margin.", words=words))
    return doubts


def _effects(report: EffectsReport, given: Mapping[str, int], *, planned: bool) -> list[Doubt]:
    """Return the doubts about effects, those of the actions that the plan gives to most users first."""
    frame = report.effects
    order = sorted(range(len(frame)), key=lambda place: -given.get(str(frame["action"].iloc[place]), 0))
    doubts = []
    for row in frame.iloc[order].to_dict("records"):
        used = not planned or given.get(str(row["action"]), 0) > 0
        doubts += [doubt if used else replace(doubt, kind="unused effect") for doubt in _effect(row, report)]
        doubts += _estimate_in_use(row, report) if used else []
    return doubts


def _effect(row: Mapping[Any, Any], report: EffectsReport) -> list[Doubt]:
    action, verdict = str(row["action"]), str(row["verdict"])
    if verdict == "identified" and row["low"] <= 0.0 <= row["high"]:  # nan is on no side of anything
        words = f"The effect of {action} is estimated, and may as well be nothing ({_told(row, '', report)})."
        return [Doubt(kind="may be nothing", lead="Perhaps no effect.", words=words)]
    if verdict in ("not identified", "weak"):
        lead = "Not identified." if verdict == "not identified" else "Weakly identified."
        return [Doubt(kind=verdict, lead=lead, words=f"{action}: {_first_reason(row)}.")]
    return []


def _estimate_in_use(row: Mapping[Any, Any], report: EffectsReport) -> list[Doubt]:
    """Return the doubts about an identified effect that simulators and plan live by."""
    if str(row["verdict"]) != "identified":
        return []
    doubts = []
    if "used_estimate" in row and not row["low"] <= row["used_estimate"] <= row["high"]:
        words = (
            f"The effect of {row['action']} is estimated as {numbers.number(row['estimate'])} ({_told(row, '', report)}); "
            f"the simulators, over all users, reckon with {numbers.number(row['used_estimate'])} "
            f"({_told(row, 'used_', report)})."
        )
        doubts.append(Doubt(kind="other number", lead="Another number is used.", words=words))
    course = row.get("course")
    if isinstance(course, str) and course:
        words = f"The size of {row['action']}'s effect is estimated, {course}."
        doubts.append(Doubt(kind="assumed course", lead="Assumed course.", words=words))
    return doubts


def _told(row: Mapping[Any, Any], which: str, report: EffectsReport) -> str:
    if report.case:
        bounds = numbers.interval(*(row[f"{which}{end}"] * report.scale for end in ("low", "high")))
        return f"{bounds} {report.unit}, {report.level:.0%} interval"
    bounds = numbers.interval(row[f"{which}low"], row[f"{which}high"])
    return f"{bounds} {report.currency} of margin a user within {report.span}, {report.level:.0%} interval"


def _first_reason(row: Mapping[Any, Any]) -> str:
    reasons = row["reasons"]
    first = reasons[0] if isinstance(reasons, (list, tuple)) and reasons else reasons
    return numbers.text(first).strip().rstrip(".")


def _simulator(report: SimulatorReport) -> list[Doubt]:
    doubts = []
    if not report.beats_baselines:
        better = report.scores[report.scores["mae"] < report.scores["mae"].iloc[0]]["model"].tolist()
        words = "its lead over some baseline is within the error."
        if better:
            words = f"{numbers.listing(better)} missed order-days by less."
        doubts.append(Doubt(kind="simulator", lead="The simulator is not better than every baseline:", words=words))
    n_weeks, own = report.last_week - report.first_week + 1, report.scores.iloc[0]
    fewest = report.level - 2.0 * math.sqrt(report.level * (1.0 - report.level) / n_weeks)
    for quantity in ("order_days", "active_users", "revenue"):
        covered = own.get(f"{quantity}_coverage")
        if covered is not None and covered < fewest:  # nan is not below anything
            words = (
                f"the weekly sum of {quantity.replace('_', ' ')} lay inside its {report.level:.0%} band in "
                f"{numbers.share(covered)} of {numbers.plural(n_weeks, 'week')}."
            )
            doubts.append(Doubt(kind="simulator", lead="The simulator's band is too narrow or off:", words=words))
    return doubts
