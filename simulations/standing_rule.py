"""A standing rule: one action for everybody whom the contact rules allow and whose features lie within bounds.

It decides like any policy, from an observation and a mask. A rollout knows it and applies it without leaving the compiled loop,
contact rules included, which is many times faster; the users' lives are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulations.actions import ActionSet
from simulations.arrays import ActionArray, BoolArray, Float32Array
from simulations.block_week import Order
from simulations.contact import ContactRules, lowest_bits
from simulations.features import column
from simulations.randomness import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """Give `action` to everybody within `bounds` who may get it.

    Attributes
    ----------
    action : int
        Index into the action set, at least 1.
    bounds : mapping
        Names of features to their lowest and highest values, both included.

    Examples
    --------
    >>> rule = StandingRule(action=1, bounds={"recency_weeks": (3.0, 12.0)})
    >>> seen = np.zeros((2, 13), dtype=np.float32)
    >>> seen[:, 0] = [2.0, 5.0]
    >>> rule(seen, np.ones((2, 2), dtype=np.bool_), None).tolist()
    [0, 1]
    """

    action: int
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __call__(self, observation: Float32Array, mask: BoolArray, address: Address | None) -> ActionArray:
        """Choose one action a user."""
        chosen = mask[:, self.action].copy()
        for name, (low, high) in self.bounds.items():
            values = observation[:, column(name)]
            chosen &= (values >= np.float32(low)) & (values <= np.float32(high))
        return np.where(chosen, self.action, 0).astype(np.int16)

    def order(self, actions: ActionSet, rules: ContactRules) -> Order:
        """Return the rule as the kernel reads it."""
        return Order(
            action=self.action,
            features=np.array([column(name) for name in self.bounds], dtype=np.int64),
            lows=np.array([low for low, _ in self.bounds.values()], dtype=np.float32),
            highs=np.array([high for _, high in self.bounds.values()], dtype=np.float32),
            max_contacts=rules.max_contacts,
            window=lowest_bits(rules.window_weeks - 1),
            gap=lowest_bits(rules.min_gap_weeks),
            cool_down=actions[self.action].cool_down_weeks,
        )
