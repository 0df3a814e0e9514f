"""Scenarios: what would come if money, prices, the season or the actions were others than in the history.

A scenario changes the configuration (budget, actions) before simulators are fitted, and the simulators (prices, how much people
buy, and when) after it. Nothing in it is learned from data: every number is an assumption of whoever asks, and is told as one.
`decision_engine.scenario_words` reads what people write.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from decision_engine.config.models import ActionConfig, Config
from decision_engine.scenario_words import (
    AMOUNT,
    AS_BEFORE,
    check_budget,
    check_drift,
    check_elasticity,
    check_newcomers,
    read_action,
    read_change,
    read_promotion,
    read_season,
)
from simulations.arrivals import RECENT_WEEKS, Arrivals
from simulations.errors import InputError
from simulations.outlook import Outlook, Span
from simulations.panel import WeeklyPanel
from simulations.simulator import LifecycleSimulator


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
        Share by which the odds to buy in a week are higher than in the history, in all weeks.
    spans : tuple of Span
        Seasons and promotions that have their weeks.
    trend : float
        Share by which the odds to buy are higher from one week to the next.
    drift : float
        Standard deviation of the steps in which each action's log-odds walk about, week by week.
    newcomers : str
        Users who arrive a week: a number, a change of how many did lately such as "+50%", or "as before"; empty for none.
    tickets : float
        Share by which an order brings a ticket more often than in the history.
    without : tuple of str
        Actions that may not be used.
    new_actions : tuple of ActionConfig
        Actions that the history does not know, with assumed responses.
    """

    budget: str = ""
    prices: float = 0.0
    elasticity: float = -1.0
    season: float = 0.0
    spans: tuple[Span, ...] = ()
    trend: float = 0.0
    drift: float = 0.0
    newcomers: str = ""
    tickets: float = 0.0
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
        return float(self.budget) if AMOUNT.fullmatch(self.budget) else usual * (1.0 + read_change("--budget", self.budget))

    def check_weeks(self, weeks: int) -> None:
        """Refuse seasons and promotions in weeks that are not simulated.

        Raises
        ------
        InputError
            If there are any.
        """
        for span in self.spans:
            if span.last >= weeks:
                raise InputError(
                    f"weeks {span.first + 1} to {span.last + 1} of a season or promotion: only {weeks} weeks are simulated; "
                    f"ask for more with --weeks, or name weeks up to {weeks}."
                )

    def of_simulator(self, simulator: LifecycleSimulator, start: int = 0) -> LifecycleSimulator:
        """Return a simulator under the scenario, whose first simulated week is period `start`.

        The cost of goods stays what it was, so that all of a price's change is margin: of an order that brought 1 and now
        brings ``1 + prices``, ``margin_share + prices`` is margin. Revenue stays in old prices and is scaled where it is told.

        Raises
        ------
        InputError
            If prices fall so far that no margin is left, or tickets are to change and there are none.
        """
        margin_share = simulator.margin_share + self.prices
        if margin_share <= 0.0:
            raise InputError(
                f"--prices {self.prices:+.0%}: the margin is {simulator.margin_share:.0%} of revenue, so that nothing of it "
                "would be left; prices can only be simulated above the cost of goods."
            )
        service = simulator.service
        if self.tickets and not service.ticket_chance:
            raise InputError(
                f"--tickets {self.tickets:+.0%}: no ticket is known to come about; map `tables.tickets`, or say how often "
                "they come with `service.tickets_per_order_day`."
            )
        service = service._replace(ticket_chance=min(service.ticket_chance * (1.0 + self.tickets), 1.0))
        shift = math.log1p(self.season) + self.elasticity * math.log1p(self.prices)
        outlook = Outlook(start=start, trend=math.log1p(self.trend), spans=self.spans, drift=self.drift)
        fit = simulator.fit.with_odds(shift)
        return replace(simulator, margin_share=margin_share, fit=fit, outlook=outlook, service=service)

    def arrivals(self, panel: WeeklyPanel, share: float = 1.0) -> Arrivals | None:
        """Return who arrives while others live on, after a history; None for nobody.

        Parameters
        ----------
        share : float
            Of the history's users, who live: so many newcomers belong to them.

        Raises
        ------
        HistoryError
            If the history's last weeks hold no first order, so that nobody tells what a newcomer is like.
        """
        if not self.newcomers:
            return None
        usual = Arrivals.of(panel)
        if AMOUNT.fullmatch(self.newcomers):
            return replace(usual, per_week=float(self.newcomers) * share)
        change = 0.0 if self.newcomers == AS_BEFORE else read_change("--newcomers", self.newcomers)
        return usual.scaled((1.0 + change) * share)

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
        said += [_span(span) for span in self.spans]
        if self.trend:
            said.append(f"the odds to buy are {self.trend:+.1%} from one week to the next")
        if self.drift:
            said.append(f"what each action does walks about, by steps of {self.drift:g} in log-odds a week")
        if self.newcomers:
            lately = f"in the last {RECENT_WEEKS} weeks"
            many = f"as many as {lately}" if self.newcomers == AS_BEFORE else f"{self.newcomers} of as many as {lately}"
            if AMOUNT.fullmatch(self.newcomers):
                many = f"about {float(self.newcomers):g} a week"
            said.append(f"new users arrive, {many}, and are like those who came lately")
        if self.tickets:
            said.append(f"an order brings a ticket {abs(self.tickets):.1%} {'more' if self.tickets > 0.0 else 'less'} often")
        said += [f"{name} may not be used" for name in self.without]
        for action in self.new_actions:
            assert action.response is not None
            lift = action.response.purchase_lift
            said.append(
                f"{action.name} is new: {action.cost:g} {currency} a contact, log-odds of buying {lift.mean:+g} "
                f"(sd {lift.sd:g}) over {action.response.duration_weeks} weeks"
            )
        return said


def read_scenario(
    *,
    budget: str,
    prices: str,
    elasticity: float,
    season: str,
    promotions: Iterable[str],
    trend: str,
    drift: float,
    newcomers: str,
    tickets: str,
    without: Iterable[str],
    new_actions: Iterable[str],
) -> Scenario:
    """Read a scenario as people write it, option by option; what is empty stays as it was.

    Raises
    ------
    InputError
        For the first option that cannot be meant.
    """
    of_season = read_season(season) if season else 0.0
    spans = tuple(read_promotion(text) for text in promotions)
    return Scenario(
        budget=check_budget(budget),
        prices=read_change("--prices", prices) if prices else 0.0,
        elasticity=check_elasticity(elasticity),
        season=of_season if isinstance(of_season, float) else 0.0,
        spans=spans if isinstance(of_season, float) else (of_season, *spans),
        trend=read_change("--trend", trend) if trend else 0.0,
        drift=check_drift(drift),
        newcomers=check_newcomers(newcomers),
        tickets=read_change("--tickets", tickets) if tickets else 0.0,
        without=tuple(without),
        new_actions=tuple(read_action(text) for text in new_actions),
    )


def _span(span: Span) -> str:
    weeks = f"week {span.first + 1}" if span.first == span.last else f"weeks {span.first + 1} to {span.last + 1}"
    moved = [
        f"{what} {math.expm1(shift):+.1%}"
        for what, shift in (("the odds to buy are", span.buying), ("an order-day's value is", span.spending))
        if shift
    ]
    return f"in {weeks} {' and '.join(moved) or 'nothing is different'}"
