"""The first thing a reader sees: what was decided, what it should bring and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import numbers
from reports.document import Section
from reports.markup import Html, element, paragraph
from reports.phrases import (
    assumption_sentence,
    decision_sentence,
    from_experiment,
    horizon,
    margin_words,
    worlds_with_a_loss,
)
from reports.plan import PlanReport


def decision_section(plan: PlanReport, *, reason: str = "") -> Section:
    """Say the decision in one paragraph and six figures.

    Parameters
    ----------
    reason : str
        Why the plan follows the policy it follows, or why it contacts nobody; a sentence.
    """
    totals, settings = plan.totals, plan.settings
    sentences = [decision_sentence(totals, settings)]
    if totals["actions"]:
        sentences.append(assumption_sentence(totals, settings))
    sentences.append(f"It follows the policy '{settings['policy']}'.")
    if reason:
        sentences.append(reason)
    return Section(heading="The decision", body=(paragraph(*sentences, class_="lead"), _figures(plan)))


def _worlds_with_a_loss(plan: PlanReport) -> tuple[str, str, str]:
    said, _, worlds = worlds_with_a_loss(plan.totals, plan.settings).removeprefix("in ").partition(" of ")
    return "Draws with a loss" if from_experiment(plan.settings) else "Worlds with a loss", said, f"of {worlds}"


def _margin_remark(settings: Mapping[str, Any]) -> str:
    is_outcome = from_experiment(settings) and settings["margin_share"] == 1
    return "the outcome is margin" if is_outcome and not settings.get("margin_of") else f"margin {margin_words(settings)}"


def _figures(plan: PlanReport) -> Html:
    totals, settings = plan.totals, plan.settings
    currency, level = settings["currency"], f"{settings['interval_level']:.0%}"
    budget = "no budget set" if totals["budget"] is None else f"of a budget of {numbers.money(totals['budget'], currency)}"
    cards = [
        ("Users contacted", f"{totals['actions']:,}", f"of {totals['audience']:,}; {totals['holdout']:,} held out"),
        ("Expected cost", numbers.money(totals["cost"], currency), budget),
    ]
    if totals["actions"]:
        bounds = numbers.interval(totals["low"], totals["high"])
        weeks = horizon(settings)
        effect, margin = totals["share_assumed"]["effect"], totals["share_assumed"]["margin"]
        cards += [
            (
                "Expected increment",
                numbers.money(totals["increment"], currency),
                f"{level} interval {bounds}; net, {weeks}",
            ),
            _worlds_with_a_loss(plan),
            ("On assumed effects", numbers.share(effect), "of the value before cost"),
            ("On an assumed margin", numbers.share(margin), _margin_remark(settings)),
        ]
    cells = [
        element("div", element("dt", name), element("dd", value, element("small", remark))) for name, value, remark in cards
    ]
    return element("dl", *cells, class_="figures")
