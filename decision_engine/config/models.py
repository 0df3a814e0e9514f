"""The configuration: what a run reads, what may be done for users, and how it is judged.

Frozen models with defaults a sensible person would pick; each field carries its unit, its bounds and a sentence. What one
field alone cannot say (two actions of one name, a source that nobody declared) is checked in `decision_engine.config.checks`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    PrivateAttr,
    model_validator,
)

from decision_engine.config.experiment import ExperimentConfig, completed
from decision_engine.config.holidays import HolidayConfig
from decision_engine.config.origin import Origin
from decision_engine.config.responses import ACTION_NAME, Number, ResponseConfig
from decision_engine.config.service import ServiceConfig
from decision_engine.config.sources import SourceConfig, check_zone
from simulations.actions import Action, ActionKind, ActionSet
from simulations.contact import ContactRules
from simulations.panel import Calendar
from simulations.response import ActionResponse
from simulations.service import ServiceModel

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]  # of money


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_list(value: object) -> object:
    """Read one thing as a list of one."""
    return value if isinstance(value, list) else [value]


def _as_mapping_of_columns(value: object) -> object:
    """Read `[household_id]` as `{household_id: household_id}`."""
    return {str(column): str(column) for column in value} if isinstance(value, list) else value


class JoinConfig(Section):
    """Columns of another source, looked up for each row; a row without a partner keeps empty values."""

    source: str = Field(description="Name of the source to look up.")
    on: Annotated[dict[str, str], BeforeValidator(_as_mapping_of_columns)] = Field(
        min_length=1, description="Column here: column there; or a list where both are called the same."
    )
    keep: Literal["only", "first", "last"] = Field(
        "only", description="Which of several partners counts: `only` refuses several, `first` and `last` go by `order_by`."
    )
    order_by: str | None = Field(None, description="SQL expression over the other source's columns that orders partners.")


class TableMapping(Section):
    """How the rows of one source become rows of one canonical table."""

    source: str = Field(description="Name of the source; its columns are used by the expressions below.")
    join: tuple[JoinConfig, ...] = Field((), description="Further sources, looked up in turn.")
    where: str | None = Field(None, description="SQL condition; other rows are left out and counted.")
    columns: dict[str, str] = Field(min_length=1, description="Canonical column: SQL expression over the sources' columns.")
    returns: str | None = Field(
        None,
        min_length=1,
        description="SQL condition, for orders and items: rows where it holds are returns or cancellations; whatever the sign "
        "of their revenue, they count as negative.",
    )
    corrections: Literal["none", "last"] = Field(
        "none",
        description="Of several rows with one key (orders, products, customers): `none` keeps the first and sets the others "
        "aside; `last` keeps the last, which corrects the earlier ones.",
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="For a column: raw value: canonical value. Values not listed stay as they are."
    )


Mappings = Annotated[tuple[TableMapping, ...], BeforeValidator(_as_list), Field(min_length=1)]


class TablesConfig(Section):
    """The canonical tables, each from one mapping or from a list of them."""

    orders: Mappings | None = Field(None, description="One row an order. Left out, orders are the sums of `items`.")
    items: Mappings | None = Field(None, description="One row an order line.")
    products: Mappings | None = Field(None, description="One row a product.")
    exposures: Mappings | None = Field(None, description="One row a contact with an action.")
    customers: Mappings | None = Field(None, description="One row a customer: consent and attributes.")
    reviews: Mappings | None = Field(None, description="One row a review.")
    tickets: Mappings | None = Field(None, description="One row a question or complaint.")
    searches: Mappings | None = Field(None, description="One row a search.")
    experiment: Mappings | None = Field(None, description="One row a user of a test, instead of orders.")
    outcomes: Mappings | None = Field(
        None, description="One row an order or click of an experiment's users: numbers that are summed by user."
    )
    audience: Mappings | None = Field(None, description="Users to plan for after an experiment; left out, those of the test.")

    def mapped(self) -> dict[str, tuple[TableMapping, ...]]:
        """Return the tables that are mapped, in the order of the contract."""
        return {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}


class TimeConfig(Section):
    """How time is cut into weeks of seven business days; weeks are counted from 1."""

    first_day: date = Field(description="First business day of week 1.")
    business_day_starts_at: int = Field(0, ge=0, le=23, description="Hour of the clock at which a business day starts.")
    time_zone: Annotated[str, AfterValidator(check_zone)] = Field(
        "UTC", description="The shop's zone: times with an offset, or from a source of another zone, are moved to it."
    )
    last_period: PositiveInt = Field(description="Last complete week of the history.")
    last_fitting_period: PositiveInt = Field(description="Last week that fitting may see; later weeks judge.")
    holidays: tuple[HolidayConfig, ...] = Field((), description="Days that are known beforehand to be unlike others.")


class ActionConfig(Section):
    """One thing that may be done for a user in a week."""

    name: str = Field(min_length=1, pattern=ACTION_NAME, description="Letters, digits, `_`, `-`; a letter first.")
    kind: Literal["coupon", "gift", "recommendation", "care"] = Field(description="Family of the action.")
    channel: str = Field("mail", min_length=1, description="How the user is reached.")
    cost: Amount = Field(description="Cost of one contact, in the currency of the data; 0 if it is free.")
    cost_on_redemption: Amount = Field(0.0, description="Cost when the user redeems, in the currency of the data.")
    cool_down_weeks: int = Field(0, ge=0, le=104, description="Full weeks between two contacts of one user with this action.")
    capacity: NonNegativeInt | None = Field(None, description="Most users a week; empty for no limit.")
    discount_share: float = Field(0.0, ge=0, lt=1, description="Depth of the discount; 0 where the action is none.")
    description: str = Field("", description="A sentence for the people who approve plans.")
    effect: Literal["estimated", "assumed"] = Field(
        description="`estimated`: from exposures where they allow, else from `response`. `assumed`: from `response`."
    )
    response: ResponseConfig | None = Field(
        None, description="How the action is thought to shift behaviour, with spread; needed unless there is an experiment."
    )
    gain: Number | None = Field(
        None,
        description="With an experiment: extra margin a contacted user brings over its horizon, before cost, with spread, as "
        "far as it is assumed.",
    )

    def to_action(self) -> Action:
        """Return the action as the simulator and the plan know it."""
        return Action(
            name=self.name,
            kind=ActionKind(self.kind),
            channel=self.channel,
            cost=self.cost,
            cost_on_redemption=self.cost_on_redemption,
            cool_down_weeks=self.cool_down_weeks,
            capacity=self.capacity,
            discount_share=self.discount_share,
            description=self.description,
        )


class ContactConfig(Section):
    """How often a person may be contacted, over all actions."""

    max_contacts: int = Field(2, ge=0, description="Most contacts in any `window_weeks` weeks in a row.")
    window_weeks: int = Field(4, ge=1, le=64, description="Length of that window, in weeks.")
    min_gap_weeks: int = Field(0, ge=0, le=64, description="Full weeks between two contacts of any kind.")


class CampaignConfig(Section):
    """What the coming week's plan may spend, and on whom."""

    budget: Amount = Field(description="Most the plan may be expected to cost, in the currency of the data.")
    holdout_share: float = Field(0.1, ge=0, lt=1, description="Share of users never contacted, for measurement.")
    holdout_key: str = Field(
        "holdout", min_length=1, description="Key of the hash that picks the holdout; same key, same holdout."
    )


class SimulatorConfig(Section):
    """How uncertainty about the world is held: an ensemble of simulators."""

    members: int = Field(8, ge=2, le=256, description="Simulators that judge policies.")
    training_members: int = Field(4, ge=1, le=256, description="Further simulators, on which policies learn.")
    plan_members: int = Field(
        32,
        ge=3,
        le=1024,
        description="Simulators that price the plan: half of them choose, the other half judge. At least two more than "
        "training_members, so that two judge on whom nothing was learned.",
    )

    @model_validator(mode="after")
    def _leave_judges(self) -> SimulatorConfig:
        if self.plan_members < self.training_members + 2:
            raise ValueError(
                f"plan_members, {self.plan_members}, must exceed training_members, {self.training_members}, by two: policies "
                "learn on the first of them, and two must be left to judge"
            )
        return self


class PoliciesConfig(Section):
    """How policies that learn are trained."""

    ppo_steps: NonNegativeInt = Field(60_000, description="User-weeks on which PPO trains; 0 leaves it out.")
    bandit_rounds: NonNegativeInt = Field(26, description="Simulated weeks in which the bandit learns; 0 leaves it out.")


class SearchConfig(Section):
    """How policies' settings are searched."""

    trials: NonNegativeInt = Field(16, description="Settings to try; 0 leaves the search out.")
    users: PositiveInt = Field(
        4000,
        description="Users on whom settings are tried, at most: of more a random sample, under limits cut in proportion.",
    )
    workers: NonNegativeInt = Field(
        2, description="Processes that try them; 0 tries them in the run's own. Results are the same with any number."
    )


class PrivacyConfig(Section):
    """What happens to people's ids at the door."""

    pseudonym_key: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable with a key; user ids then become keyed hashes (HMAC-SHA-256, 32 hexadecimal digits).",
    )


class Config(Section):
    """All settings of a run."""

    name: str = Field(min_length=1, description="What the run is called in reports.")
    currency: str = Field("USD", min_length=1, description="Currency of all money, as printed.")
    seed: NonNegativeInt = Field(1, description="Where all randomness starts; the same seed gives the same plan.")
    sources: dict[str, SourceConfig] = Field(min_length=1, description="Files and queries to read, by name.")
    tables: TablesConfig = Field(description="Canonical tables from sources.")
    privacy: PrivacyConfig = Field(default_factory=PrivacyConfig, description="Pseudonyms for users.")
    experiment: ExperimentConfig | None = Field(None, description="What the columns of an experiment mean.")
    time: TimeConfig = Field(description="Weeks, and which of them fit and judge.")
    margin_share: float = Field(gt=0, le=1, description="Margin of revenue before action costs.")
    margin_source: Literal["assumed", "known"] = Field("assumed", description="Whether the margin is known from the books.")
    effect_horizon_weeks: int = Field(8, ge=1, le=26, description="Weeks over which an action's effect counts.")
    policy_horizon_weeks: int = Field(13, ge=1, le=104, description="Weeks over which a policy's value counts.")
    interval_level: float = Field(0.9, gt=0, lt=1, description="Probability that intervals mean to cover.")
    actions: tuple[ActionConfig, ...] = Field(min_length=1, description="What may be done; doing nothing is always possible.")
    contact: ContactConfig = Field(default_factory=ContactConfig, description="Limits on contact with a person.")
    service: ServiceConfig | None = Field(
        None, description="Satisfaction and customer service; without, defaults where reviews or tickets are mapped."
    )
    campaign: CampaignConfig = Field(description="Money and holdout of the plan.")
    simulator: SimulatorConfig = Field(default_factory=SimulatorConfig, description="The ensemble.")
    policies: PoliciesConfig = Field(default_factory=PoliciesConfig, description="Training of policies.")
    search: SearchConfig = Field(default_factory=SearchConfig, description="Search over policies' settings.")

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: object) -> object:
        return completed(values)

    def model_post_init(self, context: object) -> None:
        """Remember where the configuration was written, for messages."""
        if isinstance(context, Origin):
            self._origin = context

    @property
    def origin(self) -> Origin:
        """File and lines the configuration came from."""
        return self._origin

    def part(self, *names: str) -> dict[str, Any]:
        """Return the settings that a stage reads: it runs again when one of them changes, and not for others."""
        return self.model_dump(mode="json", include=set(names))

    def action_set(self) -> ActionSet:
        """Return the actions, `none` first."""
        return ActionSet.of([action.to_action() for action in self.actions])

    def contact_rules(self) -> ContactRules:
        """Return the limits on contact."""
        return ContactRules(
            max_contacts=self.contact.max_contacts,
            window_weeks=self.contact.window_weeks,
            min_gap_weeks=self.contact.min_gap_weeks,
        )

    def service_settings(self) -> ServiceConfig | None:
        """Return what is assumed of satisfaction and service; None where nothing is, and neither is mapped."""
        mapped = self.tables.reviews is not None or self.tables.tickets is not None
        return ServiceConfig() if self.service is None and mapped else self.service

    def service_model(self) -> ServiceModel | None:
        """Return the same as the simulator knows it."""
        settings = self.service_settings()
        return None if settings is None else settings.to_model()

    def calendar(self) -> Calendar:
        """Return the weeks of the whole history."""
        return Calendar(
            first_day=self.time.first_day,
            n_periods=self.time.last_period,
            business_day_starts_at=self.time.business_day_starts_at,
            holidays=tuple(holiday.to_holiday() for holiday in self.time.holidays),
        )

    @property
    def n_fitting_periods(self) -> int:
        """Weeks that fitting may see while anything is judged: periods 0 to this number, exclusive."""
        return self.time.last_fitting_period

    def as_of(self, n_periods: int) -> date:
        """Return the last business day of the first `n_periods` weeks."""
        return self.time.first_day + timedelta(days=7 * n_periods - 1)

    def capacities(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return (n_actions,) most users a week by action index; -1 for no limit."""
        return np.array([-1 if action.capacity is None else action.capacity for action in self.action_set()], dtype=np.int64)

    def assumed_responses(self) -> tuple[ActionResponse, ...]:
        """Return each action's response as configured, in the order of the action set without `none`.

        For an action whose effect is `assumed` this is its response; for one whose effect is `estimated` it is the prior that
        stands where the data do not identify the effect.
        """
        return tuple(action.response.to_response(action.name) for action in self.actions if action.response is not None)
