"""Phrases: sentences from a plan's figures, as they would be read aloud; empty cases have words of their own.

`totals` and `settings` are the objects of a plan's JSON form (docs/plan.md), without its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import numbers

Document = Mapping[str, Any]


def decision_sentence(totals: Document, settings: Document) -> str:
    """Say whom the plan contacts, what that costs and what it should bring.

    Examples
    --------
    >>> totals = {"audience": 2469, "actions": 214, "cost": 241.0, "budget": 500.0, "increment": 310.0, "low": -40.0}
    >>> totals |= {"high": 720.0, "chance_of_loss": 0.125, "n_members": 40}
    >>> settings = {"currency": "USD", "effect_horizon_weeks": 8, "interval_level": 0.9}
    >>> print(decision_sentence(totals, settings))
    The plan contacts 214 of 2,469 users, costs 241 USD and should bring 310 USD on top of that cost within 8 weeks
    (90% interval −40 to 720); it loses money in 5 of 40 simulated worlds.
    """
    if not totals["actions"]:
        return f"The plan contacts nobody of {numbers.plural(totals['audience'], 'user')}."
    money = settings["currency"]
    return (
        f"The plan contacts {totals['actions']:,} of {numbers.plural(totals['audience'], 'user')}, "
        f"costs {numbers.money(totals['cost'], money)} and {expectation(totals, settings)}."
    )


def expectation(totals: Document, settings: Document) -> str:
    """Say what a plan should bring, without a subject: "should bring 310 USD ...", or "should lose 12 USD ..."."""
    money, increment = settings["currency"], totals["increment"]
    should = (
        f"should bring {numbers.money(increment, money)} on top of that cost"
        if increment >= 0
        else f"should lose {numbers.money(-increment, money)}, that cost included,"
    )
    return (
        f"{should} within {horizon(settings)} "
        f"({settings['interval_level']:.0%} interval {numbers.interval(totals['low'], totals['high'])}); "
        f"it loses money {worlds_with_a_loss(totals, settings)}"
    )


def from_experiment(settings: Document) -> bool:
    """Say whether a plan was made from an experiment, not from simulated lives."""
    return bool(settings.get("horizon"))


def horizon(settings: Document) -> str:
    """Return the time over which a plan's increment counts, as people say it.

    Examples
    --------
    >>> horizon({"effect_horizon_weeks": 8}), horizon({"effect_horizon_weeks": 2, "horizon": "two weeks"})
    ('8 weeks', 'two weeks')
    """
    return str(settings.get("horizon") or numbers.plural(settings["effect_horizon_weeks"], "week"))


def occasion(settings: Document) -> str:
    """Return what a plan is for: the week from a day on, or, after an experiment, that day."""
    return f"{'to start on' if from_experiment(settings) else 'for the week from'} {settings['starts_on']}"


def worlds_with_a_loss(totals: Document, settings: Document | None = None) -> str:
    """Say in how many simulated worlds a plan loses: none of a few is not the same as never.

    Examples
    --------
    >>> worlds_with_a_loss({"chance_of_loss": 0.0, "n_members": 32})
    'in none of 32 simulated worlds'
    """
    losing = round(totals["chance_of_loss"] * totals["n_members"])
    world = "draw" if settings is not None and from_experiment(settings) else "simulated world"
    whose = " of the effects" if world == "draw" else ""
    return f"in {f'{losing:,}' if losing else 'none'} of {numbers.plural(totals['n_members'], world)}{whose}"


def assumption_sentence(totals: Document, settings: Document) -> str:
    """Say how much of a plan's value rests on assumptions."""
    effect, margin = totals["share_assumed"]["effect"], totals["share_assumed"]["margin"]
    if effect == 0:
        words = "All of its effects are estimated from the "
        words += "experiment" if from_experiment(settings) else "history, their course in time is assumed"
    elif effect == 1:
        words = "All of its value rests on assumed effects"
    else:
        words = f"{numbers.share(effect)} of its value rests on assumed effects, the rest on estimated ones"
    if from_experiment(settings) and settings["margin_share"] == 1 and margin == 0 and not settings.get("margin_of"):
        return f"{words}; the outcome is margin already."
    kind = "is known" if margin == 0 else "is an assumption" if effect == 0 else "is an assumption too"
    return f"{words}; the margin, {margin_words(settings)}, {kind}."


def margin_words(settings: Document) -> str:
    """Say what margin is reckoned from: a share of revenue, or what one case brings."""
    return str(settings.get("margin_of") or f"{numbers.share(settings['margin_share'])} of revenue")


def budget_sentence(totals: Document, settings: Document) -> str:
    """Say whether the budget binds, and what more of it would bring."""
    money, budget, price = settings["currency"], totals["budget"], totals["budget_price"]
    if budget is None:
        return "No budget is set."
    if not totals["actions"]:
        return f"Nothing is spent of a budget of {numbers.money(budget, money)}."
    spent = f"{numbers.money(totals['cost'], money)} of a budget of {numbers.money(budget, money)} is spent"
    if price <= 0:
        return f"{spent}: the budget does not bind, and a larger one would bring nothing more."
    return f"{spent}; one more {money} of it would bring about {numbers.money(price, money)} more, net of itself."


def capacity_sentences(totals: Document, settings: Document) -> list[str]:
    """Say for each action with a capacity whether it is used up, and what one more place would bring."""
    sentences = []
    for name, limit in settings["capacities"].items():
        if limit is None:
            continue
        used, price = totals["actions_by_name"].get(name, 0), totals["capacity_prices"].get(name, 0.0)
        words = f"{name}: {used:,} of {numbers.plural(limit, 'place')} used"
        if price > 0:
            words += f"; one more would bring about {numbers.money(price, settings['currency'])}"
        sentences.append(f"{words}.")
    return sentences


def flattery_sentence(totals: Document, settings: Document) -> str:
    """Say how much better the plan looked to the members of the ensemble that chose its actions."""
    money, own, judged = settings["currency"], totals["optimiser_increment"], totals["increment"]
    if not totals["actions"] or own == judged:
        return ""
    if from_experiment(settings):
        return (
            f"By the predictions that chose the actions the increment is {numbers.money(own, money)}; the figure above, "
            f"{numbers.money(judged, money)}, is what the experiment's users, unseen by the predictions, say of it."
        )
    return (
        f"The half of the simulators that chose the actions puts the increment at {numbers.money(own, money)}; the figure "
        f"above, {numbers.money(judged, money)}, is from the other half, which its own choice cannot flatter."
    )


def gap_sentence(totals: Document, settings: Document) -> str:
    """Say how much a better allocation could add at most."""
    if not totals["actions"]:
        return ""
    if totals["lp_gap_amount"] < 0.005:
        whose = "predictions'" if from_experiment(settings) else "choosing simulators'"
        return f"No other allocation of these actions under the same limits could bring more, by the {whose} figures."
    most = numbers.money(totals["lp_gap_amount"], settings["currency"])
    share = numbers.share(totals["lp_gap"])
    return f"No allocation of the same actions under the same limits could bring more than {most} ({share}) on top."


def difference_phrase(value: float, low: float, high: float) -> str:
    """Say on which side of nothing an interval lies.

    Examples
    --------
    >>> difference_phrase(1.0, 0.5, 1.5), difference_phrase(-1.0, -3.0, 0.5)
    ('above zero beyond its error', 'not told apart from zero')
    """
    if low > 0 and value > 0:
        return "above zero beyond its error"
    if high < 0 and value < 0:
        return "below zero beyond its error"
    return "not told apart from zero"
