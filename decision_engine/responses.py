"""From effects to responses: what was identified replaces the assumption, what was not leaves it standing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulations.arrays import FloatArray
from simulations.response import ActionResponse, Quantity, ResponseScale, ResponseSet, Source

if TYPE_CHECKING:
    from decision_engine.effects.model import ActionEffect


def response_set(assumed: Iterable[ActionResponse], effects: Iterable[ActionEffect], scale: ResponseScale) -> ResponseSet:
    """Return each action's response: estimated where the effect is identified, as assumed elsewhere.

    Beside an estimated shift no assumed lift of order values is kept: what is called estimated brings nothing that was assumed.
    Only the shape in time (duration, decay, habituation, fatigue, pull-forward) stays as configured; it was assumed by the
    estimate as well.

    A weak or unidentified estimate is not mixed into the assumption: a number is either one or the other, so that every table
    can say which.

    Parameters
    ----------
    assumed : responses from the configuration, in the order of the action set without `none`
    effects : effects by action, any order; actions without one stay assumed
    scale : the basis's scale, the one that the effects were estimated with
    """
    identified = {effect.action: effect for effect in effects if effect.verdict == "identified"}
    return ResponseSet(
        scale=scale, responses=tuple(_response(response, identified.get(response.action)) for response in assumed)
    )


def _response(assumed: ActionResponse, effect: ActionEffect | None) -> ActionResponse:
    if effect is None or effect.shift_mean is None or effect.shift_covariance is None:
        return assumed
    return replace(
        assumed,
        shift_mean=effect.shift_mean,
        shift_covariance=effect.shift_covariance,
        shift_source=Source.ESTIMATED,
        spend_lift=Quantity(mean=0.0, source=Source.FIXED),
    )


def assumed_shares(responses: ResponseSet) -> FloatArray:
    """Return (n_actions,): 1 where the shift of an action is assumed, 0 where it is estimated and for `none`."""
    return np.array([0.0, *(float(response.shift_source is not Source.ESTIMATED) for response in responses.responses)])
