"""Contact rules and consent: who may be contacted, decided by one function of a user's state.

The simulator, the environments' masks, the plan and the service all call `action_mask`; nothing else decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.actions import ActionSet
from simulations.arrays import BoolArray, Float32Array, IntArray, KeyArray
from simulations.bits import count_bits
from simulations.compiled import njit
from simulations.errors import ConfigError
from simulations.state import NEVER, UserStates, V

_OPTED_OUT = int(V.OPTED_OUT)
_NEVER = int(NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRules:
    """How often a person may be contacted, over all actions and channels.

    Attributes
    ----------
    max_contacts : int
        Largest number of contacts in any `window_weeks` weeks in a row; 0 forbids contact.
    window_weeks : int
        Length of that window, 1 to 64 weeks.
    min_gap_weeks : int
        Full weeks that must lie between two contacts of any kind, 0 to 64.
    """

    max_contacts: int = 2
    window_weeks: int = 4
    min_gap_weeks: int = 0

    def __post_init__(self) -> None:
        """Refuse windows that a state cannot remember."""
        if self.max_contacts < 0 or not 1 <= self.window_weeks <= 64 or not 0 <= self.min_gap_weeks <= 64:
            raise ConfigError(
                f"contact: max_contacts {self.max_contacts}, window_weeks {self.window_weeks}, "
                f"min_gap_weeks {self.min_gap_weeks}; "
                "right are max_contacts >= 0, 1 <= window_weeks <= 64 and 0 <= min_gap_weeks <= 64."
            )


def lowest_bits(n: int) -> np.uint64:
    """Return a word whose lowest `n` bits are set, 0 <= n <= 64."""
    return np.uint64((1 << n) - 1)


@njit(inline=True)
def may_contact(
    contact_bits: np.uint64, opted_out: float, consent: bool, max_contacts: int, window: np.uint64, gap: np.uint64
) -> bool:
    """Decide whether a user may be contacted at all this week; `window` and `gap` are bit masks over past weeks."""
    if opted_out > 0.0 or not consent:
        return False
    if contact_bits & gap != np.uint64(0):
        return False
    return count_bits(contact_bits & window) < max_contacts


@njit()
def _action_mask(
    values: Float32Array,
    contact_bits: KeyArray,
    since_action: NDArray[np.uint8],
    consent: BoolArray,
    cool_downs: IntArray,
    max_contacts: int,
    window: np.uint64,
    gap: np.uint64,
) -> BoolArray:
    n_users, n_actions = since_action.shape
    mask = np.zeros((n_users, n_actions), dtype=np.bool_)
    for i in range(n_users):
        mask[i, 0] = True
        if may_contact(contact_bits[i], values[i, _OPTED_OUT], consent[i], max_contacts, window, gap):
            for a in range(1, n_actions):
                mask[i, a] = since_action[i, a] == _NEVER or since_action[i, a] >= cool_downs[a]
    return mask


def action_mask(states: UserStates, actions: ActionSet, rules: ContactRules) -> BoolArray:
    """Return (n_users, n_actions): True where the rules, consent and cool-downs allow the action this week.

    `none` (column 0) is always allowed. Budget and capacity concern sums, not persons, and are not looked at here.
    """
    return _action_mask(
        states.values,
        states.contact_bits,
        states.since_action,
        states.consent,
        np.array([action.cool_down_weeks for action in actions], dtype=np.int64),
        rules.max_contacts,
        lowest_bits(rules.window_weeks - 1),
        lowest_bits(rules.min_gap_weeks),
    )


def contact_obstacles(states: UserStates, actions: ActionSet, rules: ContactRules) -> NDArray[np.object_]:
    """Return one phrase a user: why no contact is allowed this week, or "" where some action is.

    The first obstacle counts: "no consent", "opted out", "contact cap", "cool-down".
    """
    reasons = np.full(states.n_users, "", dtype=object)
    blocked = ~action_mask(states, actions, rules)[:, 1:].any(axis=1)
    free = ContactRules(max_contacts=64, window_weeks=1, min_gap_weeks=0)
    capped = blocked & action_mask(states, actions, free)[:, 1:].any(axis=1)
    reasons[blocked] = "cool-down"
    reasons[capped] = "contact cap"
    reasons[blocked & (states.values[:, _OPTED_OUT] > 0)] = "opted out"
    reasons[blocked & ~states.consent] = "no consent"
    return reasons
