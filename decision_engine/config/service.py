"""What a configuration may assume of satisfaction and customer service."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from decision_engine.config.responses import Number, Spread
from simulations.service import ServiceModel

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ServiceConfig(BaseModel):
    """What reviews and tickets do to a user's satisfaction, and that to buying; the formula stands in `simulations.service`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    purchase_per_satisfaction: Number = Field(
        Spread(mean=0.0, sd=0.3),
        description="Log-odds to buy in a week for one unit of satisfaction, which lies between -1 and 1.",
    )
    purchase_with_open_ticket: Number = Field(
        Spread(mean=0.0, sd=0.3), description="Log-odds to buy in a week at whose beginning a ticket is open."
    )
    worst_rating: float = Field(1.0, allow_inf_nan=False, description="A review's worst rating: satisfaction falls.")
    best_rating: float = Field(5.0, allow_inf_nan=False, description="A review's best rating: satisfaction rises.")
    review_weight: _Share = Field(0.5, description="How far the best rating moves satisfaction.")
    ticket_drop: _Share = Field(0.3, description="What a ticket takes off satisfaction.")
    resolved_relief: _Share = Field(0.2, description="What its resolution gives back.")
    tickets_per_order_day: _Share | None = Field(None, description="Chance of a ticket in weeks to come. Without: as it was.")
    reviews_per_order_day: _Share | None = Field(None, description="Chance of a review in weeks to come. Without: as it was.")
    resolved_in_week: _Share | None = Field(
        None, description="Chance that an open ticket is resolved in a week. Without: as `tickets.resolved_at` tells, else 0.5."
    )

    @model_validator(mode="after")
    def _rise(self) -> ServiceConfig:
        if not self.worst_rating < self.best_rating:
            raise ValueError(
                f"best_rating, {self.best_rating:g}, must exceed worst_rating, {self.worst_rating:g}; where few stars are "
                "good, turn the rating round in `tables.reviews`"
            )
        return self

    def to_model(self) -> ServiceModel:
        """Return the assumptions as the simulator knows them."""
        return ServiceModel(
            per_satisfaction=(self.purchase_per_satisfaction.mean, self.purchase_per_satisfaction.sd),
            per_open_ticket=(self.purchase_with_open_ticket.mean, self.purchase_with_open_ticket.sd),
            drop=self.ticket_drop,
            relief=self.resolved_relief,
            review_weight=self.review_weight,
            tickets_per_order_day=self.tickets_per_order_day,
            reviews_per_order_day=self.reviews_per_order_day,
            resolved_in_week=self.resolved_in_week,
        )
