"""Scenarios: what would come if money, prices, the season or the actions were others than in the history.

A scenario changes the configuration (budget, actions) before simulators are fitted, and the simulators (prices, how much people
buy) after it. Nothing in it is learned from data: every number is an assumption of whoever asks, and is told as one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from decision_engine.config.models import ActionConfig, Config
from simulations.errors import InputError
from simulations.simulator import LifecycleSimulator

_CHANGE = re.compile(r"(?P<sign>[+-])(?P<number>[0-9]+(?:\.[0-9]+)?) ?%")
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NEW = re.compile(r"(?P<name>[^:]+):(?P<settings>.*)", re.DOTALL)
_NEW_EXAMPLE = "'sms: cost 0.05, lift 0.1, sd 0.05, weeks 2'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is thought to be different.

    Attributes
    ----------
    budget : str
        The weekly budget: an amount, or a change such as "-30%"; empty for that of the configuration.
    prices : float
        Share by which an order brings more, at the same cost of goods.
    elasticity : float
        Change of the odds to buy for a change of prices, in logs of both.
    season : float
        Share by which the odds to buy in a week are higher than in the history.
    without : tuple of str
        Actions that may not be used.
    new_actions : tuple of ActionConfig
        Actions that the history does not know, with assumed responses.
    """

    budget: str = ""
    prices: float = 0.0
    elasticity: float = -1.0
    season: float = 0.0
    without: tuple[str, ...] = ()
    new_actions: tuple[ActionConfig, ...] = ()

    def of_config(self, config: Config) -> Config:
        """Return the configuration under the scenario.

        Raises
        ------
        InputError
            If an action is named that is not there, or none is left, or a new one has the name of another.
        """
        known = [action.name for action in config.actions]
        if unknown := [name for name in self.without if name not in known]:
            raise InputError(f"--without {unknown[0]}: the actions are {', '.join(known)}.")
        actions = (*(action for action in config.actions if action.name not in self.without), *self.new_actions)
        names = [action.name for action in actions]
        if not actions:
            raise InputError("--without: no action is left; leave one, or look at the policy 'do nothing'.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"--new-action {twice[0]}: an action of that name is there already; give it another name.")
        campaign = config.campaign.model_copy(update={"budget": self.budget_of(config.campaign.budget)})
        return config.model_copy(update={"actions": actions, "campaign": campaign})

    def budget_of(self, usual: float) -> float:
        """Return the weekly budget."""
        if not self.budget:
            return usual
        return float(self.budget) if _AMOUNT.fullmatch(self.budget) else usual * (1.0 + read_change("--budget", self.budget))

    def of_simulator(self, simulator: LifecycleSimulator) -> LifecycleSimulator:
        """Return a simulator under the scenario.

        The cost of goods stays what it was, so that all of a price's change is margin: of an order that brought 1 and now
        brings ``1 + prices``, ``margin_share + prices`` is margin. Revenue stays in old prices and is scaled where it is told.

        Raises
        ------
        InputError
            If prices fall so far that no margin is left.
        """
        margin_share = simulator.margin_share + self.prices
        if margin_share <= 0.0:
            raise InputError(
                f"--prices {self.prices:+.0%}: the margin is {simulator.margin_share:.0%} of revenue, so that nothing of it "
                "would be left; prices can only be simulated above the cost of goods."
            )
        shift = math.log1p(self.season) + self.elasticity * math.log1p(self.prices)
        return replace(simulator, margin_share=margin_share, fit=simulator.fit.with_odds(shift))

    def sentences(self, usual_budget: float, currency: str) -> list[str]:
        """Say what is different, each as an assumption."""
        said = []
        if self.budget:
            said.append(f"the weekly budget is {self.budget_of(usual_budget):,.2f} {currency} instead of {usual_budget:,.2f}")
        if self.prices:
            moved = math.expm1(self.elasticity * math.log1p(self.prices))
            said.append(
                f"prices are {self.prices:+.1%}, at the same cost of goods; the odds to buy move by {moved:+.1%} "
                f"(elasticity {self.elasticity:g})"
            )
        if self.season:
            said.append(f"the odds to buy in a week are {self.season:+.1%}, in all simulated weeks")
        said += [f"{name} may not be used" for name in self.without]
        for action in self.new_actions:
            assert action.response is not None
            lift = action.response.purchase_lift
            said.append(
                f"{action.name} is new: {action.cost:g} {currency} a contact, log-odds of buying {lift.mean:+g} "
                f"(sd {lift.sd:g}) over {action.response.duration_weeks} weeks"
            )
        return said


def read_change(option: str, text: str) -> float:
    """Read a change such as "+5%" as a share.

    Examples
    --------
    >>> read_change("--prices", "+5%"), read_change("--season", "-12.5 %")
    (0.05, -0.125)
    """
    found = _CHANGE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{option} {text}: a change with its sign and a percent sign is wanted, such as +5% or -30%.")
    share = float(f"{found['sign']}{found['number']}") / 100.0
    if share <= -1.0:
        raise InputError(f"{option} {text}: more than everything cannot be taken away.")
    return share


def check_budget(text: str) -> str:
    """Return a budget as it was written, if it is an amount or a change."""
    if text and not _AMOUNT.fullmatch(text):
        read_change("--budget", text)
    return text


def read_action(text: str) -> ActionConfig:
    """Read a new action such as "sms: cost 0.05, lift 0.1, sd 0.05, weeks 2".

    Raises
    ------
    InputError
        If it is written otherwise, or a number cannot be.
    """
    found = _NEW.fullmatch(text.strip())
    wrong = f"--new-action {text!r}: wanted is a name and what it is thought to do, such as {_NEW_EXAMPLE}"
    if found is None:
        raise InputError(f"{wrong}.")
    settings: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in found["settings"].split(","))):
        key, _, value = part.partition(" ")
        if key not in ("cost", "lift", "sd", "weeks", "kind", "channel") or not value.strip():
            raise InputError(f"{wrong}; {part!r} is none of cost, lift, sd, weeks, kind and channel with a value.")
        settings[key] = value.strip()
    if missing := [key for key in ("cost", "lift") if key not in settings]:
        raise InputError(f"{wrong}; {missing[0]} is missing.")
    try:
        return ActionConfig.model_validate(
            {
                "name": found["name"].strip(),
                "kind": settings.get("kind", "recommendation"),
                "channel": settings.get("channel", "email"),
                "cost": settings["cost"],
                "effect": "assumed",
                "response": {
                    "purchase_lift": {"mean": settings["lift"], "sd": settings.get("sd", "0")},
                    "duration_weeks": settings.get("weeks", "2"),
                },
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{wrong}; {'.'.join(str(part) for part in first['loc'])}: {first['msg']}.") from None


def named_policy(names: Sequence[str], wanted: str) -> str:
    """Return the policy that somebody means, whatever its capitals.

    Raises
    ------
    InputError
        If there is none of that name; those there are are listed.
    """
    for name in names:
        if name.casefold() == wanted.strip().casefold():
            return name
    raise InputError(f"--policy {wanted}: there is no such policy; there are {', '.join(names)}.")
