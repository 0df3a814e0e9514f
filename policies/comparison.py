"""A comparison of policies as a value, and the choice that it supports.

The gate: what is learned must beat doing nothing, every single action and every rule by more than its error. If it does not,
the best baseline that beats doing nothing is taken, and if there is none, nothing is done. All pairs that are looked at are
counted: the bounds hold for all of them at once, so that the best of many noisy policies is not taken for a good one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simulations.arrays import FloatArray
from simulations.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

SINGLE_ACTIONS = frozenset({"fixed_action"})
RULES = frozenset({"recency_rule", "rfm_rule", "history"})
BASELINES = SINGLE_ACTIONS | RULES | {"do_nothing"}
_AVERAGED = ("value", "retention", "spend", "contacts", "opt_outs", "order_days", "revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOutcome:
    """What a policy brings in simulation, per user over the horizon.

    Attributes
    ----------
    value, low, high : float
        Margin net of action cost less that of doing nothing, in currency, with its interval.
    retention : float
        Share of users who bought in the last eight weeks.
    spend : float
        Cost of contacts and redemptions, in currency.
    contacts : float
        Weeks with a contact.
    opt_outs : float
        Share of users who asked for no more contact.
    order_days, revenue : float
        Order-days, and revenue in currency.
    """

    name: str
    kind: str
    value: float
    low: float
    high: float
    retention: float
    spend: float
    contacts: float
    opt_outs: float
    order_days: float
    revenue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much more one policy brings than another, per user over the horizon, paired on the same luck."""

    estimate: float  # in currency, as are the interval's bounds
    low: float
    high: float
    chance_of_loss: float  # share of bootstrap draws in which it brings less


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyComparison:
    """Policies side by side, doing nothing first.

    Attributes
    ----------
    outcomes : tuple of PolicyOutcome
    draws : (n_policies, n_draws) array
        Bootstrap draws of the values; a column is one draw for all policies.
    member_values : (n_policies, n_members) array
        Value in each member.
    level : float
        Probability that the intervals mean to cover.
    """

    outcomes: tuple[PolicyOutcome, ...]
    draws: FloatArray
    member_values: FloatArray
    level: float
    weeks: int
    n_users: int

    @classmethod
    def pooled(cls, parts: Sequence[PolicyComparison]) -> PolicyComparison:
        """Return the comparison of all users from those of parts of them, under the same policies, members and seed.

        Each part's draws were drawn in the same worlds, so that a draw of all is the mean of the parts', weighed by users.
        """
        first, users = parts[0], np.array([part.n_users for part in parts], dtype=np.float64)
        weights = users / users.sum()
        draws = np.tensordot(weights, np.stack([part.draws for part in parts]), axes=1)
        tails = ((1.0 - first.level) / 2.0, (1.0 + first.level) / 2.0)
        outcomes = []
        for place, outcome in enumerate(first.outcomes):
            means: dict[str, Any] = {
                name: float(weights @ np.array([getattr(part.outcomes[place], name) for part in parts])) for name in _AVERAGED
            }
            low, high = (float(np.quantile(draws[place], tail)) for tail in tails)
            outcomes.append(replace(outcome, low=low, high=high, **means))
        values = np.tensordot(weights, np.stack([part.member_values for part in parts]), axes=1)
        return replace(first, outcomes=tuple(outcomes), draws=draws, member_values=values, n_users=int(users.sum()))

    def __post_init__(self) -> None:
        """Refuse two policies of one name."""
        names = [outcome.name for outcome in self.outcomes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"policies: {', '.join(twice)} is compared twice; give each policy a name of its own.")

    def outcome(self, name: str) -> PolicyOutcome:
        """Return the outcome of the policy called `name`."""
        return self.outcomes[self._place(name)]

    def difference(self, name: str, other: str) -> Difference:
        """Return how much more `name` brings than `other`."""
        ours, theirs = self._place(name), self._place(other)
        paired = self.draws[ours] - self.draws[theirs]
        return Difference(
            estimate=self.outcomes[ours].value - self.outcomes[theirs].value,
            low=float(np.quantile(paired, (1.0 - self.level) / 2.0)),
            high=float(np.quantile(paired, (1.0 + self.level) / 2.0)),
            chance_of_loss=float((paired < 0.0).mean()),
        )

    def simultaneous_bounds(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return lower bounds of each pair's difference (first less second) that hold for all pairs at once.

        The largest standardised shortfall over pairs, draw by draw, sets how many standard errors are taken off (the
        studentised maximum of White, 2000, Econometrica 68(5)); one-sided, at the level of the comparison's intervals' ends.
        """
        if not pairs:
            return []
        gaps = np.stack([self.draws[self._place(one)] - self.draws[self._place(other)] for one, other in pairs])
        estimates = np.array([self.outcome(one).value - self.outcome(other).value for one, other in pairs])
        errors = gaps.std(axis=1)
        shortfall = np.where(errors[:, None] > 0.0, (gaps - estimates[:, None]) / np.maximum(errors[:, None], 1e-300), 0.0)
        reach = float(np.quantile(shortfall.max(axis=0), 0.5 + self.level / 2.0))
        return [float(bound) for bound in estimates - reach * errors]

    def best(self, kinds: Iterable[str]) -> PolicyOutcome | None:
        """Return the outcome of the largest value among some kinds, None where there is none."""
        wanted = frozenset(kinds)
        return max((one for one in self.outcomes if one.kind in wanted), key=lambda one: one.value, default=None)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a policy: its outcome, the paired difference to the best single action, the chance of a loss.

        `chance_of_loss` is against doing nothing, over bootstrap draws.
        """
        import pandas as pd

        frame = pd.DataFrame([asdict(outcome) for outcome in self.outcomes])
        single = self.best(SINGLE_ACTIONS)
        if single is not None:
            against = [self.difference(outcome.name, single.name) for outcome in self.outcomes]
            frame["against_single"] = [one.estimate for one in against]
            frame["against_single_low"] = [one.low for one in against]
            frame["against_single_high"] = [one.high for one in against]
        frame["chance_of_loss"] = (self.draws < 0.0).mean(axis=1)
        return frame

    def summary(self) -> str:
        """Say what each policy brings, best first."""
        ranked = sorted(self.outcomes, key=lambda one: -one.value)
        lines = [
            f"{one.name}: {one.value:.3f} per user ({self.level:.0%} interval {one.low:.3f} to {one.high:.3f})"
            for one in ranked
        ]
        return "\n".join([f"Value against doing nothing over {self.weeks} weeks, {self.n_users:,} users:", *lines])

    def _place(self, name: str) -> int:
        names = [outcome.name for outcome in self.outcomes]
        if name not in names:
            raise ConfigError(f"policy {name!r} is not in the comparison; it holds {', '.join(names)}.")
        return names.index(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which policy the plan follows, and why."""

    name: str
    reason: str
    best_learned: str | None  # the learned policy of the largest value, chosen or not
    beats_baselines: bool


def choose(comparison: PolicyComparison) -> Choice:
    """Choose the policy that the plan follows; see the module's docstring for the gate."""
    learned = [one for one in comparison.outcomes if one.kind not in BASELINES]
    baselines = [one for one in comparison.outcomes if one.kind in BASELINES]
    pairs = [(one.name, other.name) for one in learned for other in baselines]
    bounds = dict(zip(pairs, comparison.simultaneous_bounds(pairs), strict=True))
    sure = [one for one in learned if all(bounds[one.name, other.name] > 0.0 for other in baselines)]
    best = max(learned, key=lambda one: one.value, default=None)
    named = None if best is None else best.name
    if sure:
        chosen = max(sure, key=lambda one: one.value)
        closest = min(baselines, key=lambda other: bounds[chosen.name, other.name])
        gap = comparison.difference(chosen.name, closest.name)
        reason = (
            f"'{chosen.name}' beats all {len(baselines)} baselines beyond its error, the closest, '{closest.name}', by "
            f"{gap.estimate:.2f} ({gap.low:.2f} to {gap.high:.2f}) per user."
        )
        return Choice(name=chosen.name, reason=reason, best_learned=named, beats_baselines=True)
    verdict = "No learned policy was compared"
    if best is not None:
        unbeaten = [other for other in baselines if bounds[best.name, other.name] <= 0.0]
        strongest = max(unbeaten, key=lambda one: one.value)
        count = f" (one of {len(unbeaten)} baselines it does not)" if len(unbeaten) > 1 else ""
        verdict = f"'{best.name}' does not beat '{strongest.name}' beyond its error{count}"
    return _fall_back(comparison, baselines, verdict, named)


def _fall_back(comparison: PolicyComparison, baselines: list[PolicyOutcome], verdict: str, learned: str | None) -> Choice:
    nothing = comparison.outcomes[0].name
    others = [one for one in baselines if one.name != nothing]
    bounds = comparison.simultaneous_bounds([(one.name, nothing) for one in others])
    worth = [one for one, bound in zip(others, bounds, strict=True) if bound > 0.0]
    if not worth:
        alone = [one for one in others if one.low > 0.0]
        but = f" ('{max(alone, key=lambda one: one.value).name}' would, were it the only one that was tried)" if alone else ""
        reason = f"{verdict}, and no rule or single action surely beats doing nothing{but}: doing nothing is the choice."
        return Choice(name=nothing, reason=reason, best_learned=learned, beats_baselines=False)
    best = max(worth, key=lambda one: one.value)
    reason = f"{verdict}; '{best.name}' beats doing nothing by {best.low:.2f} to {best.high:.2f} per user and is taken."
    return Choice(name=best.name, reason=reason, best_learned=learned, beats_baselines=False)
