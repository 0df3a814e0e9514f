"""What a configuration may assume about how an action shifts behaviour, with the spread of the assumption."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeFloat

from simulations.response import ActionResponse, Quantity, Source

ACTION_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"


class Spread(BaseModel):
    """A number that is not known exactly: its mean and standard deviation. A plain number is one without spread."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mean: float = Field(allow_inf_nan=False, description="Best guess.")
    sd: NonNegativeFloat = Field(0.0, allow_inf_nan=False, description="Standard deviation; 0 where it is taken as certain.")


def _as_spread(value: object) -> object:
    return {"mean": value} if isinstance(value, int | float | str) and not isinstance(value, bool) else value


def _share(value: Spread) -> Spread:
    if not 0 <= value.mean <= 1:
        raise ValueError(f"the mean, {value.mean:g}, must lie between 0 and 1")
    return value


def _not_negative(value: Spread) -> Spread:
    if value.mean < 0:
        raise ValueError(f"the mean, {value.mean:g}, must not lie below 0")
    return value


def _log_lift(value: Spread) -> Spread:
    if not -1 <= value.mean <= 1:
        raise ValueError(f"the mean, {value.mean:g}, must lie between -1 and 1, as it is a logarithm")
    return value


Number = Annotated[Spread, BeforeValidator(_as_spread)]
Share = Annotated[Spread, BeforeValidator(_as_spread), AfterValidator(_share)]
Rate = Annotated[Spread, BeforeValidator(_as_spread), AfterValidator(_not_negative)]
LogLift = Annotated[Spread, BeforeValidator(_as_spread), AfterValidator(_log_lift)]


class ResponseConfig(BaseModel):
    """How an action shifts a user's behaviour; the formula stands in `simulations.response`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    purchase_lift: Number = Field(
        description="Shift of the log-odds of buying, in the week of contact; 0.1 turns 30 % into 32.1 %."
    )
    spend_lift: LogLift = Field(Spread(mean=0.0), description="Shift of the log of an order-day's value; 0.05 is 5 % more.")
    duration_weeks: int = Field(4, ge=1, le=26, description="Weeks at work, that of the contact included.")
    decay: Share = Field(Spread(mean=0.8), description="Share of the shift left from one week to the next.")
    redemption: Share = Field(Spread(mean=0.0), description="Chance that the first purchase after contact redeems.")
    habituation: Rate = Field(Spread(mean=0.0), description="Each earlier exposure weakens the shift by this much, in log.")
    fatigue: Rate = Field(Spread(mean=0.0), description="Log-odds lost for each contact in stock beyond the first.")
    pull_forward: Share = Field(Spread(mean=0.0), description="Share of the shift that is paid back after the action ends.")
    opt_out: Share = Field(Spread(mean=0.0), description="Chance that a contact makes the user opt out.")

    def to_response(self, action: str) -> ActionResponse:
        """Return the response of the action called `action`, every declared parameter marked as assumed."""
        return ActionResponse.uniform_shift(
            action,
            Quantity(mean=self.purchase_lift.mean, sd=self.purchase_lift.sd, source=Source.ASSUMED),
            duration_weeks=self.duration_weeks,
            decay=self._quantity("decay", 0.0, 1.0),
            spend_lift=self._quantity("spend_lift", -1.0, 1.0),
            redemption=self._quantity("redemption", 0.0, 1.0),
            habituation=self._quantity("habituation", 0.0, 10.0),
            fatigue=self._quantity("fatigue", 0.0, 10.0),
            pull_forward=self._quantity("pull_forward", 0.0, 1.0),
            opt_out=self._quantity("opt_out", 0.0, 1.0),
        )

    def _quantity(self, name: str, low: float, high: float) -> Quantity:
        spread: Spread = getattr(self, name)
        source = Source.ASSUMED if name in self.model_fields_set else Source.FIXED
        return Quantity(mean=spread.mean, sd=spread.sd, source=source, low=low, high=high)
