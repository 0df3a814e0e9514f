"""What an action is: its kind, channel, cost, capacity and cool-down. `none` always exists and is always index 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from simulations.arrays import FloatArray
from simulations.errors import ConfigError

MAX_ACTIONS = 32  # one bit each in a week's exposures


class ActionKind(StrEnum):
    """The families of action that a retention campaign knows."""

    NONE = "none"
    COUPON = "coupon"
    GIFT = "gift"
    RECOMMENDATION = "recommendation"
    CARE = "care"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that may be done for a user in a week.

    Attributes
    ----------
    cost : float
        Paid for each contact, in the currency of the data.
    cost_on_redemption : float
        Paid once, when the user redeems; expected cost is ``cost + redemption probability * cost_on_redemption``.
    cool_down_weeks : int
        Full weeks that must lie between two contacts of one user with this action.
    capacity : int or None
        Largest number of users a week; None for no limit.
    discount_share : float
        Depth of the discount in [0, 1); 0 where the action is no discount.
    """

    name: str
    kind: ActionKind
    channel: str = "none"
    cost: float = 0.0
    cost_on_redemption: float = 0.0
    cool_down_weeks: int = 0
    capacity: int | None = None
    discount_share: float = 0.0
    description: str = ""


NONE = Action(name="none", kind=ActionKind.NONE, description="Do nothing.")


@dataclass(frozen=True, slots=True)
class ActionSet:
    """The actions of one configuration, `none` first; an integer action is an index into it.

    Examples
    --------
    >>> actions = ActionSet.of([Action(name="coupon", kind=ActionKind.COUPON, cost=1.0)])
    >>> actions.names
    ('none', 'coupon')
    >>> actions.index("coupon")
    1
    """

    actions: tuple[Action, ...] = field(default=(NONE,))

    @classmethod
    def of(cls, actions: Sequence[Action]) -> ActionSet:
        """Build the set from the actions besides `none`.

        Raises
        ------
        ConfigError
            If two actions share a name, or there are more than `MAX_ACTIONS`.
        """
        chosen = (NONE, *(action for action in actions if action.kind is not ActionKind.NONE))
        names = [action.name for action in chosen]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"actions: {', '.join(twice)} is declared twice; give each action a name of its own.")
        if len(chosen) > MAX_ACTIONS:
            raise ConfigError(f"actions: {len(chosen)} actions, at most {MAX_ACTIONS} including `none` are possible.")
        return cls(chosen)

    def __len__(self) -> int:
        return len(self.actions)

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions)

    def __getitem__(self, index: int) -> Action:
        return self.actions[index]

    @property
    def names(self) -> tuple[str, ...]:
        """Names, in the order of their indices."""
        return tuple(action.name for action in self.actions)

    def index(self, name: str) -> int:
        """Return the index of the action called `name`.

        Raises
        ------
        ConfigError
            If there is none of that name; the message lists those there are.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(f"action {name!r} is not declared; the declared ones are {', '.join(self.names)}.") from None

    @property
    def costs(self) -> FloatArray:
        """(n_actions,) cost of a contact, in currency."""
        return np.array([action.cost for action in self.actions], dtype=np.float64)

    @property
    def redemption_costs(self) -> FloatArray:
        """(n_actions,) cost of a redemption, in currency."""
        return np.array([action.cost_on_redemption for action in self.actions], dtype=np.float64)
