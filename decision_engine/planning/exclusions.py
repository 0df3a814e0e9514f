"""Why a user gets nothing: exactly one reason each, so that the audience adds up.

The audience equals the users with an action, plus the holdout, plus the users excluded for each reason. The first reason that
holds counts: what the person's rights and the contact rules forbid, then what would not pay, then what the limits cut.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from policies.allocation import NO_CAPACITY
from simulations.arrays import ActionArray, BoolArray, FloatArray, IntArray
from simulations.errors import PlanError

ObjectArray = NDArray[np.object_]


class Exclusion(StrEnum):
    """The reasons; the first four come from the contact rules."""

    NO_CONSENT = "no consent"
    OPTED_OUT = "opted out"
    CONTACT_CAP = "contact cap"
    COOL_DOWN = "cool-down"
    NO_GAIN = "no gain"
    NOT_CHOSEN = "policy: none chosen"
    BUDGET = "budget"
    CAPACITY = "capacity"


def exclusion_reasons(
    *,
    actions: ActionArray,
    obstacles: ObjectArray,
    allowed: BoolArray,
    chosen: BoolArray,
    nets: FloatArray,
    capacities: IntArray,
) -> ObjectArray:
    """Return one reason for each user without an action, "" for the others.

    Parameters
    ----------
    actions : (n_users,) int16 array
        What was allocated; 0 is `none`.
    obstacles : (n_users,) object array
        Why the contact rules allow the user no action at all, or not the one that the policy would choose; "" for others.
    allowed, chosen : (n_users, n_actions) bool arrays
        What the contact rules allow; what the policy may choose.
    nets : (n_users, n_actions) array
        Predicted margin less expected cost, in currency.
    capacities : (n_actions,) integer array
        Limits on users per action.

    Raises
    ------
    PlanError
        If a user may be given no action and no obstacle says why, or the obstacle is none of `Exclusion`.
    """
    reasons = np.full(actions.size, "", dtype=object)
    open_to_contact: BoolArray = np.asarray(allowed[:, 1:].any(axis=1))
    _check_obstacles(obstacles, open_to_contact)
    gains = allowed[:, 1:] & (nets[:, 1:] > 0)
    eligible = gains & chosen[:, 1:]
    has_choice = (allowed[:, 1:] & chosen[:, 1:]).any(axis=1)
    counts = np.bincount(actions, minlength=nets.shape[1])[1:]
    has_place = (capacities[1:] == NO_CAPACITY) | (counts < capacities[1:])
    layers = (
        (~(eligible & has_place).any(axis=1), Exclusion.CAPACITY),
        (~has_choice, Exclusion.NOT_CHOSEN),
        (~gains.any(axis=1) | (has_choice & ~eligible.any(axis=1)), Exclusion.NO_GAIN),
    )
    reasons[:] = Exclusion.BUDGET.value
    for where, reason in layers:  # the later layer is the stronger reason
        reasons[where] = reason.value
    barred = ~open_to_contact | ((reasons == Exclusion.NOT_CHOSEN.value) & (obstacles != ""))
    reasons[barred] = obstacles[barred]
    reasons[actions > 0] = ""
    return reasons


def _check_obstacles(obstacles: ObjectArray, open_to_contact: BoolArray) -> None:
    known = {reason.value for reason in Exclusion}
    strange = sorted({str(obstacle) for obstacle in obstacles[~open_to_contact]} - known)
    if strange:
        raise PlanError(
            f"obstacles: {', '.join(map(repr, strange))} given for users without an allowed action; "
            f"one of {', '.join(sorted(known))} is expected."
        )
