"""A fitted simulator in words: what moves people to buy, how they differ, and what each action is held to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulations.heads import AdditiveHead
    from simulations.simulator import LifecycleSimulator

_N_TERMS = 3  # of a head, those that move most


def describe_simulator(simulator: LifecycleSimulator) -> str:
    """Return some lines of text.

    Examples
    --------
    >>> from simulations.scenarios import draw_world
    >>> print(draw_world(1).simulator.describe().splitlines()[0])
    member 0, users unknown but for what is common to all
    """
    fit, response = simulator.fit, simulator.response
    known, prior = fit.latents.user_keys.size, fit.latents.prior_sd
    lines = [
        f"member {simulator.member}, " + (f"{known:,} users known" if known else "users unknown but for what is common to all"),
        f"buying in a week: {_terms(fit.purchase)}; a newcomer buys with {_chance(fit.newcomer):.0%}",
        f"spending on an order-day: {_terms(fit.spend)}",
        f"users differ by {prior[0]:.2f} in log-odds to buy and {prior[1]:.2f} in log spend beyond what is observed, "
        f"their baskets' spread by {prior[2]:.2f}",
        f"a first order later by a factor of e: {fit.entry:+.2f} in log-odds; lost for good after a week: {fit.hazard:.2%}",
        f"a week shakes everyone by {np.sqrt((fit.week_spread[0] ** 2).sum()):.2f} in log-odds; a month's first days move "
        f"them by {fit.ahead.first_days[0]:+.2f}",
    ]
    if fit.ahead.holidays:
        lifts, after = fit.ahead.holiday_effects[0, :-1], fit.ahead.holiday_effects[0, -1]
        told = [
            f"{holiday.name} {lifts[place]:+.2f} ({fit.ahead.source(place)})"
            for place, holiday in enumerate(fit.ahead.holidays)
        ]
        lines.append(f"weeks with a holiday and the two days before it, in log-odds: {', '.join(told)}; after it {after:+.2f}")
    if simulator.service.active:
        service, moves = simulator.service, fit.moods
        lines.append(
            f"satisfaction moves the log-odds to buy by {moves[0]:+.2f} a unit (sd {fit.mood_sds[0]:.2f}), an open ticket by "
            f"{moves[1]:+.2f} (sd {fit.mood_sds[1]:.2f}); an order-day brings a ticket with {service.ticket_chance:.1%} and a "
            f"review with {service.review_chance:.1%}, a ticket is resolved in a week with {service.resolution:.0%}"
        )
    for place, action in enumerate(simulator.actions):
        if place:
            lines.append(
                f"{action.name}: {response.coefficients[place, 0]:+.2f} in log-odds at the contact, "
                f"{response.decay[place]:.0%} of it left a week later, over {response.duration[place]} weeks; "
                f"{response.pull_forward[place]:.0%} only moved forward, redeemed by {response.redemption[place]:.0%}, "
                f"opt-out {response.opt_out[place]:.2%}, cost {action.cost:g} and {action.cost_on_redemption:g} redeemed"
            )
    return "\n".join(lines)


def _terms(head: AdditiveHead) -> str:
    """Name the features whose curves span most, each with the way from its lowest bin to its highest."""
    spans = {name: head.curve(name)[1] for name in head.binning.names}
    largest = sorted(spans, key=lambda name: -float(np.ptp(spans[name])))[:_N_TERMS]
    said = [f"{name} {spans[name][-1] - spans[name][0]:+.1f}" for name in largest if np.ptp(spans[name]) > 0]
    return (", ".join(said) or "alike for all") + " over its range" * bool(said)


def _chance(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-log_odds)))
