"""The effects' page: what each action changes, how sure that is, and the experiment that would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.document import Section
from reports.drawing import figure
from reports.figures import effects_chart
from reports.markup import Html, badge, element, joined, paragraph
from reports.tables import Column, estimate_column, html_table, number_column, words_column

if TYPE_CHECKING:
    import pandas as pd

PER = 1000  # users to whom an effect is told
_MEANING = {
    "identified": "the history tells this effect",
    "weak": "the history tells something, too little to rely on",
    "not identified": "the history cannot tell this effect",
    "assumed": "taken from the configuration, not from the history",
}

_DRAWN = {
    "identified": "circle, solid line",
    "weak": "open square, dashed",
    "not identified": "cross, dotted",
    "assumed": "open diamond, dashed",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectsReport:
    """Effects as their page needs them.

    Attributes
    ----------
    effects : frame, a row an action
        action, verdict, estimate, low, high (extra margin before cost, in currency a treated user), estimate_orders, n_treated,
        n_control, reasons. Where `used_estimate`, `used_low`, `used_high` are there, they are what the simulators reckon with
        per user, and `used_source` says whether that is estimated or assumed; without it, what is not identified is assumed.
    checks : frame or None, a row a check
        action, check, passed, words.
    experiments : mapping of str to str
        What would settle an action's effect, a sentence.
    horizon : str
        The horizon in words, where it is not told in weeks: of an experiment, whose page speaks of users, not of contacts.
    outcomes : frame or None, a row an action and further outcome
        action, outcome, control, estimate, low, high.
    case : str
        What the first outcome counts, where it is yes or no or counts cases; effects are then told in cases. `worth` is the
        margin that one brings.
    """

    effects: pd.DataFrame
    currency: str
    horizon_weeks: int
    level: float
    checks: pd.DataFrame | None = None
    experiments: Mapping[str, str] = field(default_factory=dict)
    horizon: str = ""
    outcomes: pd.DataFrame | None = None
    case: str = ""
    worth: float = 1.0

    @property
    def scale(self) -> float:
        """What effects are multiplied by: users to whom they are told, over what one case brings."""
        return PER / self.worth

    @property
    def what(self) -> str:
        """What an effect is an effect on."""
        return f"cases of {self.case}" if self.case else "extra margin"

    @property
    def unit(self) -> str:
        """What an effect is told in: money, or cases where the outcome counts them."""
        counted = f"more cases of {self.case}" if self.case else self.currency
        return f"{counted} per {PER:,} treated users over {self.span}"

    @property
    def span(self) -> str:
        """The horizon as people say it."""
        return self.horizon or numbers.plural(self.horizon_weeks, "week")


def effects_section(report: EffectsReport) -> Section:
    """Lay out the effects."""
    frame = report.effects.assign(_assumed=report.effects["verdict"] == "assumed")
    if "used_source" not in frame:
        frame["used_source"] = ["estimated" if verdict == "identified" else "assumed" for verdict in frame["verdict"]]
    unit = report.unit
    verdicts = [word for word in _MEANING if (frame["verdict"] == word).any()]
    source = "experiment" if report.horizon else "history"
    meaning = "; ".join(f"{word}: {_MEANING[word].replace('history', source)}" for word in verdicts)
    body = [
        paragraph(
            _changes(report),
            f"{meaning[:1].upper()}{meaning[1:]}." if meaning else "",
        ),
        figure(
            effects_chart(report.effects, unit=unit if report.case else f"extra margin, {unit}", scale=report.scale),
            f"Effects: {'; '.join(f'{_DRAWN[word]}: {word}' for word in verdicts)}.",
        ),
        html_table(frame, _columns(report, frame), caption=f"Effects of actions, {unit}.", limit=40),
        *([] if report.outcomes is None or not len(report.outcomes) else [_outcomes(report.outcomes)]),
        *(_one_action(row, report) for row in report.effects.head(40).to_dict("records")),
    ]
    return Section(heading="Effects of the actions", body=tuple(part for part in body if part))


def _changes(report: EffectsReport) -> str:
    if report.case:
        return (
            f"What one contact changes within {report.span}: {report.what} per {PER:,} users, with {report.level:.0%} "
            f"intervals; ten in {PER:,} are one percentage point. One brings "
            f"{numbers.money(report.worth, report.currency)} of margin."
        )
    return (
        f"What one contact changes within {report.span}: extra margin before the action's own cost, with {report.level:.0%} "
        "intervals."
    )


def _columns(report: EffectsReport, frame: pd.DataFrame) -> list[Column]:
    columns = [
        words_column("Action", "action"),
        words_column("Verdict", "verdict"),
        estimate_column(
            f"{report.what[:1].upper()}{report.what[1:]} (interval)",
            ("estimate", "low", "high"),
            frame,
            scale=report.scale,
            assumed="_assumed",
        ),
    ]
    if "used_estimate" in frame:
        names = ("used_estimate", "used_low", "used_high")
        reckon = "The plan reckons with" if report.horizon else "The simulators reckon with"
        columns.append(estimate_column(reckon, names, frame, scale=report.scale, assumed="used_source"))
    if "estimate_orders" in frame:
        columns.append(_orders_column(frame))
    return [
        *columns,
        number_column("Users treated" if report.horizon else "Contacts compared", "n_treated", 0),
        number_column("In the control group" if report.horizon else "Others compared", "n_control", 0),
    ]


def _orders_column(frame: pd.DataFrame) -> Column:
    places = numbers.decimals_for(frame["estimate_orders"] * PER)

    def orders(value: float) -> str:
        return numbers.number(value * PER, places, signed=True) if not numbers.is_missing(value) else numbers.MISSING

    return Column(heading="Extra order-days", values=("estimate_orders",), show=orders, assumed="_assumed")


def _outcomes(outcomes: pd.DataFrame) -> Html:
    scaled = outcomes.assign(control=outcomes["control"] * PER)
    columns = [
        words_column("Outcome", "outcome"),
        words_column("Action", "action"),
        number_column("In the control group", "control", 1),
        estimate_column("Difference (interval)", ("estimate", "low", "high"), outcomes, scale=PER),
    ]
    return html_table(
        scaled,
        columns,
        caption=f"Further outcomes per {PER:,} users: of yes and no how many users, else the data's own unit.",
        limit=40,
    )


def _one_action(row: Mapping[Any, Any], report: EffectsReport) -> Html:
    name, verdict = str(row["action"]), str(row["verdict"])
    checks = None if report.checks is None else report.checks[report.checks["action"] == name]
    failed = [] if checks is None else checks.loc[~checks["passed"].astype(bool), "check"].tolist()
    reasons = f"What failed: {numbers.listing(failed)}" if failed else numbers.text(row["reasons"]).strip().rstrip(".")
    parts = [
        element("h3", name, " ", badge(verdict, verdict.replace(" ", "-"))),
        paragraph(f"{reasons[:1].upper()}{reasons[1:]}."),
    ]
    if checks is not None and len(checks):
        answers = checks.assign(answer=["passed" if passed else "failed" for passed in checks["passed"]])
        columns = [words_column("Check", "check"), words_column("Answer", "answer"), words_column("In words", "words")]
        parts.append(
            html_table(
                answers, columns, caption=f"What was asked of the estimate for {name}; amounts in {report.currency} a user."
            )
        )
    if name in report.experiments:
        parts.append(
            paragraph(element("strong", "What would settle it."), report.experiments[name], f"Amounts in {report.currency}.")
        )
    return joined(parts)
