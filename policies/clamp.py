"""The hard limits of a week: one budget and one capacity an action, cut the same way for every policy.

Contacts are served in the order of their priorities, ties by user key; what comes after the money or the places have run out
becomes `none`. The rule is a cut, not an optimisation (that is `policies.allocation`): a policy that wants the money well spent
says so in its priorities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from policies.base import Decision
from simulations.arrays import FloatArray, KeyArray
from simulations.errors import ConfigError

_ROUNDING = 1e-9  # relative; three contacts at 0.1 fit into a budget of 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a week's contacts are held to.

    Attributes
    ----------
    costs : (n_actions,) float64 array
        Expected cost of a contact, in currency, not negative: what counts against the budget.
    capacities : (n_actions,) int64 array
        Most users a week and action; -1 for no limit.
    budget : float or None
        Most expected cost a week; None for no limit. Contacts that cost nothing always fit.
    """

    costs: FloatArray
    capacities: NDArray[np.int64]
    budget: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that no decision can hold."""
        if (self.costs < 0).any() or (self.budget is not None and not self.budget >= 0):
            raise ConfigError(f"limits: costs {self.costs.tolist()} and budget {self.budget} must not be negative.")

    def scaled(self, share: float) -> Limits:
        """Return the limits of a share of the users, in (0, 1]: money and places in proportion, at least one of each place.

        Examples
        --------
        >>> Limits(costs=np.zeros(3), capacities=np.array([-1, 2, 40]), budget=100.0).scaled(0.25).capacities.tolist()
        [-1, 1, 10]
        """
        places = np.where(self.capacities > 0, np.maximum(np.rint(self.capacities * share), 1), self.capacities)
        return replace(
            self,
            capacities=places.astype(np.int64),
            budget=None if self.budget is None else self.budget * share,
        )


def clamp(decision: Decision, limits: Limits, *, user_keys: KeyArray | None = None) -> Decision:
    """Cut a decision down to a week's limits, lowest priorities first.

    Parameters
    ----------
    user_keys : (n_users,) uint64 array, optional
        Breaks ties between priorities; without it the order of users does.

    Returns
    -------
    Decision
        Propensities stay those of what the policy proposed: given the proposals, the cut leaves nothing to chance.

    Examples
    --------
    >>> wanted = Decision.certain(np.array([1, 1, 1]), np.array([0.2, 0.9, 0.5]))
    >>> limits = Limits(costs=np.array([0.0, 2.0]), capacities=np.array([-1, -1]), budget=4.5)
    >>> clamp(wanted, limits).actions.tolist()
    [0, 1, 1]
    """
    contacts = np.flatnonzero(decision.actions > 0)
    ties = contacts if user_keys is None else user_keys[contacts]
    ranked = contacts[_ranks(decision.priorities[contacts], ties)]
    chosen = decision.actions[ranked]
    kept = np.ones(ranked.size, dtype=np.bool_)
    for action in np.flatnonzero(limits.capacities >= 0):
        wanted = chosen == action
        kept &= ~wanted | (np.cumsum(wanted) <= limits.capacities[action])
    if limits.budget is not None:
        cost = limits.costs[chosen]
        spent = np.cumsum(np.where(kept, cost, 0.0))
        kept &= (spent <= limits.budget * (1.0 + _ROUNDING)) | (cost <= 0.0)
    actions = decision.actions.copy()
    actions[ranked[~kept]] = 0
    return replace(decision, actions=actions)


def _ranks(priorities: FloatArray, ties: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the order of service; keys are looked at only where priorities leave it open: sorting by both costs more."""
    order = np.argsort(-priorities)
    ranked = priorities[order]
    if (ranked[:-1] > ranked[1:]).all():
        return order
    return np.lexsort((ties, -priorities))
