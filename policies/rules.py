"""Rules: policies that fit in a sentence, and what history did.

They are the baselines that anything learned has to beat: nothing, one action for everybody, a rule of recency, a rule of
recency, frequency and monetary value, and a clone of past contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from policies.base import Decision, one_hot, sample, where_allowed
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray
from simulations.features import column, fold_observations
from simulations.panel import WeeklyPanel
from simulations.randomness import Address, Channel

_RECENCY, _GAP = column("recency_weeks"), column("gap_ratio")
_BASKET, _RATE, _RATE_13 = column("basket_value"), column("order_rate_all"), column("order_rate_13")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoNothing:
    """Contact nobody: what every other policy is measured against."""

    kind: ClassVar[str] = "do_nothing"

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return "do nothing"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose `none` for everybody."""
        return Decision.certain(np.zeros(mask.shape[0], dtype=np.int16))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for `none`."""
        return one_hot(np.zeros(mask.shape[0], dtype=np.int16), mask.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAction:
    """The same action for everybody who may get it; where money is short, for a random part of them.

    Attributes
    ----------
    action : int
        Index into the action set.
    action_name : str
        Its name, for reports.
    """

    kind: ClassVar[str] = "fixed_action"
    action: int
    action_name: str

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return f"always {self.action_name}"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the action where it is allowed; priorities are random."""
        return Decision.certain(np.where(mask[:, self.action], self.action, 0), draws.uniforms(Channel.PRIORITY))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for the action where it is allowed, else for `none`."""
        return one_hot(np.where(mask[:, self.action], self.action, 0).astype(np.int16), mask.shape[1])


def weekly_worth(observation: Float32Array) -> FloatArray:
    """Return what a user used to bring in a week over their whole tenure, in currency: frequency times monetary value."""
    return observation[:, _BASKET].astype(np.float64) * observation[:, _RATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecencyRule:
    """Contact whoever has been silent for some weeks and not yet for too many; the most valuable first.

    Attributes
    ----------
    shortest, longest : float
        Bounds of `recency_weeks`, both included.
    """

    kind: ClassVar[str] = "recency_rule"
    action: int
    action_name: str
    shortest: float = 3.0
    longest: float = 12.0

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return f"recency rule, {self.action_name}"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the action for the silent."""
        return Decision.certain(self._actions(observation, mask), weekly_worth(observation))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for what `act` chooses."""
        return one_hot(self._actions(observation, mask), mask.shape[1])

    def _actions(self, observation: Float32Array, mask: BoolArray) -> ActionArray:
        silent = (observation[:, _RECENCY] >= self.shortest) & (observation[:, _RECENCY] <= self.longest)
        return np.where(mask[:, self.action] & silent, self.action, 0).astype(np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class RfmRule:
    """Contact valuable users who lapse: silent for longer than usual, not yet gone, worth a contact; the most valuable first.

    Attributes
    ----------
    gap_low, gap_high : float
        Bounds of `gap_ratio`, the present silence over the user's usual gap, both included.
    smallest_worth : float
        Least `weekly_worth` that earns a contact, in currency a week.
    """

    kind: ClassVar[str] = "rfm_rule"
    action: int
    action_name: str
    gap_low: float = 1.5
    gap_high: float = 6.0
    smallest_worth: float = 0.0

    @classmethod
    def fit(
        cls,
        observation: Float32Array,
        *,
        action: int,
        action_name: str,
        gap_low: float = 1.5,
        gap_high: float = 6.0,
        worth_quantile: float = 0.5,
    ) -> RfmRule:
        """Set the least worth to a quantile over users who ever ordered, in [0, 1]."""
        worth = weekly_worth(observation)
        known = worth[worth > 0.0]
        smallest = float(np.quantile(known, worth_quantile)) if known.size else 0.0
        return cls(action=action, action_name=action_name, gap_low=gap_low, gap_high=gap_high, smallest_worth=smallest)

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return f"lapse rule, {self.action_name}"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Choose the action for valuable users who lapse."""
        return Decision.certain(self._actions(observation, mask), weekly_worth(observation))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return probability one for what `act` chooses."""
        return one_hot(self._actions(observation, mask), mask.shape[1])

    def _actions(self, observation: Float32Array, mask: BoolArray) -> ActionArray:
        worth = weekly_worth(observation)
        lapsing = (observation[:, _GAP] >= self.gap_low) & (observation[:, _GAP] <= self.gap_high)
        wanted = mask[:, self.action] & lapsing & (worth >= self.smallest_worth) & (worth > 0.0)
        return np.where(wanted, self.action, 0).astype(np.int16)


_RECENCY_CUTS = (0.5, 2.5, 7.5)  # weeks of silence: none, up to 2, up to 7, more


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPolicy:
    """Do what history did: contact each cell of recency and frequency as often as in the past, chosen at random within it.

    Attributes
    ----------
    rate_cuts : (2,) array
        Cuts of `order_rate_13` into thirds.
    rates : (12, n_actions) array
        Weekly probability of each action in a cell; a cell is four bands of recency times three of frequency.
    """

    kind: ClassVar[str] = "history"
    rate_cuts: FloatArray
    rates: FloatArray

    @classmethod
    def fit(cls, panel: WeeklyPanel, start: int, stop: int, *, prior_weeks: float = 20.0) -> HistoryPolicy:
        """Count contacts in the panel's weeks [start, stop).

        A week with several actions counts for each in equal parts. Rates are shrunk to the overall ones as if each cell had
        been watched for `prior_weeks` user-weeks more.
        """
        observations = fold_observations(panel, start, stop)
        flat = observations.reshape(-1, observations.shape[2])
        cuts = np.quantile(flat[:, _RATE_13].astype(np.float64), [1 / 3, 2 / 3])
        n_actions = len(panel.actions)
        taken = np.stack([panel.exposed(a)[:, start:stop].ravel() for a in range(1, n_actions)], axis=1).astype(np.float64)
        taken /= np.maximum(taken.sum(axis=1, keepdims=True), 1.0)
        overall = taken.mean(axis=0)
        cells = _cells(flat, cuts)
        n_cells = 3 * (len(_RECENCY_CUTS) + 1)
        seen = np.bincount(cells, minlength=n_cells)[:, None]
        sums = np.stack([np.bincount(cells, weights=taken[:, a], minlength=n_cells) for a in range(n_actions - 1)], axis=1)
        contact = (sums + prior_weeks * overall) / (seen + prior_weeks)
        return cls(rate_cuts=cuts, rates=np.hstack([1.0 - contact.sum(axis=1, keepdims=True), contact]))

    @property
    def name(self) -> str:
        """Return what reports call the policy."""
        return "as history did"

    def act(self, observation: Float32Array, mask: BoolArray, draws: Address) -> Decision:
        """Draw an action with the cell's rates; what is not allowed becomes `none`."""
        probabilities = self.action_probabilities(observation, mask)
        actions, propensities = sample(probabilities, draws.uniforms(Channel.POLICY))
        return Decision(actions=actions, propensities=propensities, priorities=draws.uniforms(Channel.PRIORITY))

    def action_probabilities(self, observation: Float32Array, mask: BoolArray) -> FloatArray:
        """Return the cell's rates, with the share of what is not allowed moved to `none`."""
        return where_allowed(self.rates[_cells(observation, self.rate_cuts)], mask)


def _cells(observation: Float32Array, rate_cuts: FloatArray) -> IntArray:
    recency = np.searchsorted(np.array(_RECENCY_CUTS), observation[:, _RECENCY])
    rate = np.searchsorted(rate_cuts, observation[:, _RATE_13].astype(np.float64))
    return (3 * recency + rate).astype(np.int64)
