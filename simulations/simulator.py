"""The lifecycle simulator: one member's users, lived week by week under any way of acting.

A simulator is a value: how users behave when nobody acts, how actions shift them, and the rules of contact. `population` gives
users their unseen parts, `step` lives one week and leaves what it was given as it is, `rollout` lives many.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simulations.actions import ActionSet
from simulations.arrays import ActionArray, BitArray, BoolArray, Float32Array, FloatArray
from simulations.behaviour import BehaviourFit, UserWeeks, fit_behaviour
from simulations.block_week import NO_ORDER, Order, courses_of
from simulations.carry_over import CarryOver, measure_carry_over
from simulations.contact import ContactRules, action_mask
from simulations.deciding import Acts, Decide
from simulations.description import describe_simulator
from simulations.errors import InputError
from simulations.features import observe
from simulations.kernel import N_TOTALS, Behaviour, EventArrays, Money, StateArrays
from simulations.outlook import Outlook, Span
from simulations.panel import WeeklyPanel
from simulations.population import Population as Population
from simulations.response import ActionResponse, Quantity, ResponseArrays, ResponseSet, Source, response_scale
from simulations.rollout import PeriodEvents, Rollout
from simulations.rollout_kernel import live_weeks, still_there
from simulations.service import NO_MOOD, NO_SERVICE, Service, ServiceModel
from simulations.standing_rule import StandingRule
from simulations.state import UserStates, fold
from simulations.storage import (
    StoredArrays,
    pack_behaviour,
    pack_world,
    read_artifact,
    unpack_behaviour,
    unpack_world,
    write_artifact,
)
from simulations.week_shocks import week_shocks

RETENTION_WEEKS = 8  # a user is retained who bought in the last weeks of a rollout, this many


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleSimulator:
    """One member of an ensemble; see the module's docstring.

    Attributes
    ----------
    fit : BehaviourFit
        Heads, latents and hazard.
    response : ResponseArrays
        One draw of the responses, or their centre.
    member : int
        Part of every random number's address.
    carry_over : CarryOver
        See `simulations.carry_over.measure_carry_over`.
    outlook : Outlook
        What is assumed of the weeks to come; nothing, unless somebody says so.
    service : Service
        How reviews and tickets come about.
    """

    fit: BehaviourFit
    response: ResponseArrays
    actions: ActionSet
    rules: ContactRules
    margin_share: float
    member: int = 0
    carry_over: CarryOver = field(default_factory=lambda: CarryOver(edges=np.zeros(0), shares=np.zeros((1, 0))))
    outlook: Outlook = field(default_factory=Outlook)
    service: Service = NO_SERVICE

    @classmethod
    def from_history(
        cls,
        panel: WeeklyPanel,
        *,
        responses: ResponseSet | None = None,
        rules: ContactRules | None = None,
        margin_share: float = 1.0,
        service: ServiceModel | None = None,
        seed: int = 0,
    ) -> LifecycleSimulator:
        """Fit a simulator on all weeks of a history; slice off what must not be seen.

        One simulator knows nothing of its own error: `SimulatorEnsemble.fit` makes several, which answer with intervals.

        Parameters
        ----------
        panel : WeeklyPanel
            Such as `build_panel` makes of tables of orders, exposures and customers.
        responses : ResponseSet, optional
            What each action changes, in the order of `panel.actions`; nothing where left out.
        rules : ContactRules, optional
            Two contacts in four weeks where left out.
        margin_share : float
            Share of revenue that is margin; with 1, margins are revenue.
        service : ServiceModel, optional
            What is assumed of satisfaction and service; without, neither moves.
        """
        if responses is None:
            responses = ResponseSet(
                scale=response_scale(panel), responses=tuple(_nothing(name) for name in panel.actions.names[1:])
            )
        return cls.of_weeks(
            UserWeeks.of(panel),
            responses=responses,
            rules=rules or ContactRules(),
            margin_share=margin_share,
            seed=seed,
            service=service,
        )

    @classmethod
    def of_weeks(
        cls,
        weeks: UserWeeks,
        *,
        responses: ResponseSet,
        rules: ContactRules,
        margin_share: float,
        seed: int,
        service: ServiceModel | None = None,
    ) -> LifecycleSimulator:
        """Fit a simulator on rows that are prepared already; see `from_history`."""
        panel, central = weeks.panel, responses.centre()
        simulator = cls(
            fit=fit_behaviour(
                weeks.under(central), np.ones(panel.n_users), mood=NO_MOOD if service is None else service.prior()
            ),
            response=central,
            actions=panel.actions,
            rules=rules,
            margin_share=margin_share,
            service=NO_SERVICE if service is None else service.rates(panel),
        )
        return replace(simulator, carry_over=measure_carry_over(simulator, fold(panel), seed=seed))

    @property
    def behaviour(self) -> Behaviour:
        """The tables that the kernels read."""
        return self.fit.compiled()

    @property
    def money(self) -> Money:
        """Costs and margin, as the kernels read them."""
        return Money(
            cost=self.actions.costs, cost_on_redemption=self.actions.redemption_costs, margin_share=float(self.margin_share)
        )

    def week_shifts(self, seed: int, period: int, weeks: int) -> FloatArray:
        """Return (weeks, N_SHOCKS): what the weeks from a period on move for everyone, foreseen and not.

        The columns are the log-odds to buy and the log of an order-day's value.
        """
        unforeseen = week_shocks(seed, self.member, period, weeks, self.fit.week_spread)
        ahead = self.fit.ahead.shifts(period, weeks, seed=seed, member=self.member)
        return unforeseen + ahead + self.outlook.shifts(period, weeks)

    def population(self, states: UserStates, *, seed: int, period: int = 0) -> Population:
        """Draw what is not seen of some users: latents from their posterior, being there from what the state says.

        Users who never bought are alive. The states are copied.
        """
        latents = self.fit.latents.draw(states.user_keys, seed=seed, member=self.member)
        nobody = np.zeros(0, dtype=np.bool_)
        return Population(
            states=states.copy(),
            latents=latents,
            alive=still_there(_arrays(states, latents, nobody), seed, self.member, period, self.behaviour),
            seed=seed,
            member=self.member,
            period=period,
        )

    def observe(self, population: Population) -> Float32Array:
        """Return the (n_users, N_FEATURES) observation."""
        return observe(population.states)

    def mask(self, population: Population) -> BoolArray:
        """Return the (n_users, n_actions) mask of what may be done this week."""
        return action_mask(population.states, self.actions, self.rules)

    def step(self, population: Population, actions: ActionArray) -> tuple[Population, PeriodEvents]:
        """Live one week.

        Parameters
        ----------
        actions : (n_users,) array
            Indices into the action set; 0 is `none`.

        Raises
        ------
        InputError
            If an action is not allowed for its user; the first culprit is named.
        """
        _check_allowed(actions, self.mask(population), self.actions)
        after = population.copy()
        events = _room_for_events(actions.size, 1)
        self._live(after, _bits(actions)[:, None], 1, _totals(actions.size), np.zeros(actions.size, dtype=np.bool_), events)
        return replace(after, period=population.period + 1), PeriodEvents(
            order_days=events.order_days[:, 0],
            revenue=events.revenue[:, 0],
            redeemed_bits=events.redeemed_bits[:, 0],
            cost=events.cost[:, 0],
            opted_out=events.opted_out[:, 0],
            died=events.died[:, 0],
            margin_share=self.margin_share,
        )

    def rollout(
        self,
        start: UserStates | Population,
        decide: Decide | Acts | None = None,
        *,
        weeks: int,
        seed: int = 0,
        period: int = 0,
        schedule: BitArray | None = None,
        keep_weeks: bool = False,
        retention_weeks: int = RETENTION_WEEKS,
    ) -> Rollout:
        """Live several weeks.

        Parameters
        ----------
        start : UserStates or Population
            States get their unseen parts by `seed` and `period`; a population has its own.
        decide : policy or callable, optional
            A policy (`policies.base`), held to the contact rules but to no budget; or what takes observation, mask and address
            of a week and returns (n_users,) actions. A `StandingRule` is applied without leaving the compiled loop. Without
            any, nobody is contacted.
        schedule : (n_users, weeks) uint32 array, optional
            Contacts fixed beforehand, one bit an action, several at once possible: a history replayed. Rules are not asked.
        keep_weeks : bool
            Also return what each user did in each week.
        retention_weeks : int
            A user is retained who bought in the last weeks, this many.
        """
        population = start.copy() if isinstance(start, Population) else self.population(start, seed=seed, period=period)
        n_users = population.alive.size
        totals, active_last = _totals(n_users), np.zeros(n_users, dtype=np.bool_)
        events = _room_for_events(n_users, weeks if keep_weeks else 0)
        live = partial(self._live, totals=totals, active_last=active_last)
        bits = np.zeros((n_users, 0), dtype=np.uint32) if schedule is None else np.ascontiguousarray(schedule, dtype=np.uint32)
        if (decide is None or isinstance(decide, StandingRule)) and not self.outlook.drift:
            order = NO_ORDER if decide is None else decide.order(self.actions, self.rules)
            weekly = live(population, bits, weeks, events=events, n_last=retention_weeks, order=order)
        else:
            weekly = np.zeros((weeks, N_TOTALS), dtype=np.float64)
            for week in range(weeks):
                now = replace(population, period=population.period + week)
                given = bits[:, week : week + 1] if decide is None else _bits(self._decisions(decide, now))[:, None]
                part = _room_for_events(n_users, 1 if keep_weeks else 0)
                counts = retention_weeks if week >= weeks - retention_weeks else 0
                weekly[week] = live(now, given, 1, events=part, n_last=counts)[0]
                if keep_weeks:
                    for name in EventArrays._fields:
                        getattr(events, name)[:, week : week + 1] = getattr(part, name)
        after = replace(population, period=population.period + weeks)
        return Rollout(totals=totals, weekly=weekly, retained=active_last, final=after, events=events if keep_weeks else None)

    def twin(
        self,
        start: UserStates | Population,
        first: BitArray,
        second: BitArray,
        *,
        seed: int = 0,
        period: int = 0,
        keep_weeks: bool = False,
    ) -> tuple[Rollout, Rollout]:
        """Live the same users twice, under two schedules and the same luck: the difference is what the schedule caused."""
        weeks = first.shape[1]
        one = self.rollout(start, weeks=weeks, seed=seed, period=period, schedule=first, keep_weeks=keep_weeks)
        two = self.rollout(start, weeks=weeks, seed=seed, period=period, schedule=second, keep_weeks=keep_weeks)
        return one, two

    def with_response(self, response: ResponseArrays) -> LifecycleSimulator:
        """Return the same world with other responses."""
        return replace(self, response=response)

    def with_outlook(self, outlook: Outlook) -> LifecycleSimulator:
        """Return the same users in other weeks to come."""
        return replace(self, outlook=outlook)

    def save(self, folder: Path) -> None:
        """Write the simulator into a folder: `simulator.npz` with arrays, `simulator.json` with the rest."""
        arrays: StoredArrays = {}
        plain = {"simulator": self.packed(arrays, ""), **pack_world(self.actions, self.rules, self.margin_share)}
        write_artifact(folder, "simulator", arrays, plain)

    @classmethod
    def load(cls, folder: Path) -> LifecycleSimulator:
        """Read what `save` wrote."""
        arrays, plain = read_artifact(folder, "simulator")
        return cls.unpacked(plain["simulator"], arrays, "", *unpack_world(plain))

    def packed(self, arrays: StoredArrays, prefix: str) -> dict[str, Any]:
        """Put the arrays under names with a prefix, and return the plain values; the common world is left out."""
        for name, array in self.response._asdict().items():
            arrays[f"{prefix}response.{name}"] = array
        arrays[f"{prefix}carry.edges"], arrays[f"{prefix}carry.shares"] = self.carry_over.edges, self.carry_over.shares
        behaviour = pack_behaviour(self.fit, arrays, prefix)
        arrays[f"{prefix}service.review_scores"] = self.service.review_scores
        rates = {name: getattr(self.service, name) for name in Service._fields if name != "review_scores"}
        return {"member": self.member, "behaviour": behaviour, "outlook": asdict(self.outlook), "service": rates}

    @classmethod
    def unpacked(
        cls,
        plain: dict[str, Any],
        arrays: StoredArrays,
        prefix: str,
        actions: ActionSet,
        rules: ContactRules,
        margin_share: float,
    ) -> LifecycleSimulator:
        """Build the simulator from what `packed` put away."""
        return cls(
            fit=unpack_behaviour(plain["behaviour"], arrays, prefix),
            response=ResponseArrays(**{name: arrays[f"{prefix}response.{name}"] for name in ResponseArrays._fields}),
            actions=actions,
            rules=rules,
            margin_share=margin_share,
            member=plain["member"],
            carry_over=CarryOver(edges=arrays[f"{prefix}carry.edges"], shares=arrays[f"{prefix}carry.shares"]),
            outlook=Outlook(**{**plain["outlook"], "spans": tuple(Span(**span) for span in plain["outlook"]["spans"])}),
            service=Service(**plain["service"], review_scores=arrays[f"{prefix}service.review_scores"]),
        )

    def describe(self) -> str:
        """Say in some lines what was fitted and what each action is held to do."""
        return describe_simulator(self)

    def _decisions(self, decide: Decide | Acts, now: Population) -> ActionArray:
        mask, seen = self.mask(now), self.observe(now)
        actions = decide(seen, mask, now.address) if callable(decide) else decide.act(seen, mask, now.address).actions
        _check_allowed(actions, mask, self.actions)
        return actions

    def _live(
        self,
        population: Population,
        bits: BitArray,
        weeks: int,
        totals: FloatArray,
        active_last: BoolArray,
        events: EventArrays,
        n_last: int = 0,
        order: Order = NO_ORDER,
    ) -> FloatArray:
        states = population.states
        response = self.outlook.drifted(self.response, seed=population.seed, member=population.member, period=population.period)
        return live_weeks(
            _arrays(states, population.latents, population.alive), states.consent, bits, order,
            population.seed, population.member, population.period, weeks, n_last,
            self.behaviour, self.service, response, courses_of(response), self.money, totals, active_last, events,
            self.week_shifts(population.seed, population.period, weeks),
        )  # fmt: skip


def _nothing(action: str) -> ActionResponse:
    return ActionResponse.uniform_shift(action, Quantity(mean=0.0, source=Source.FIXED), duration_weeks=1)


def _arrays(states: UserStates, latents: Float32Array, alive: BoolArray) -> StateArrays:
    return StateArrays(
        states.user_keys, states.values, states.contact_bits, states.since_action, states.exposure_counts, latents, alive,
    )  # fmt: skip


def _totals(n_users: int) -> FloatArray:
    return np.zeros((n_users, N_TOTALS), dtype=np.float64)


def _bits(actions: ActionArray) -> BitArray:
    return np.where(actions > 0, np.left_shift(np.uint32(1), actions.astype(np.uint32)), np.uint32(0)).astype(np.uint32)


def _room_for_events(n_users: int, weeks: int) -> EventArrays:
    shape = (n_users, weeks)
    return EventArrays(
        order_days=np.zeros(shape, dtype=np.int16),
        revenue=np.zeros(shape, dtype=np.float32),
        redeemed_bits=np.zeros(shape, dtype=np.uint32),
        cost=np.zeros(shape, dtype=np.float32),
        opted_out=np.zeros(shape, dtype=np.bool_),
        died=np.zeros(shape, dtype=np.bool_),
        moods=np.zeros(shape, dtype=np.float32),
        open_after=np.zeros(shape, dtype=np.bool_),
    )


def _check_allowed(actions: ActionArray, mask: BoolArray, names: ActionSet) -> None:
    if actions.shape != (mask.shape[0],):
        raise InputError(f"actions: shape {actions.shape}, but there are {mask.shape[0]:,} users; give one action a user.")
    refused = np.flatnonzero(~mask[np.arange(actions.size), actions])
    if refused.size:
        raise InputError(
            f"actions: {refused.size:,} of {actions.size:,} are not allowed; the first is "
            f"{names[int(actions[refused[0]])].name!r} for user row {refused[0]}. Choose where the mask is True."
        )
