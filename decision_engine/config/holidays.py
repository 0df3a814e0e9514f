"""Holidays as a configuration declares them: days known beforehand, and what of them is assumed."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from decision_engine.config.responses import LogLift
from simulations.holidays import Holiday


class HolidayConfig(BaseModel):
    """Days about which people buy otherwise than in other weeks."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, description="What the holiday is called; one name for all its years.")
    days: tuple[date, ...] = Field(
        min_length=1, description="The day itself, in each year that the history or the weeks after it reach."
    )
    purchase_lift: LogLift | None = Field(
        None,
        description="By how much more, in log-odds, people buy in a week with the holiday and the two days before it, as far "
        "as it is assumed. Without: as at other holidays.",
    )
    spend_lift: LogLift | None = Field(None, description="The same of the log of an order-day's value.")

    def to_holiday(self) -> Holiday:
        """Return the holiday as the simulator knows it."""
        lifts = tuple(None if lift is None else (lift.mean, lift.sd) for lift in (self.purchase_lift, self.spend_lift))
        return Holiday(name=self.name, days=self.days, lifts=lifts)
