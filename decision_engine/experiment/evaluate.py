"""Stage `evaluate` of an experiment: what each way of choosing would have brought, from the test itself, and the choice.

Ways to choose are doing nothing, each action for everybody, the action of the largest predicted effect for each user, and what
the experiment did. All keep to the budget and the capacities: what is too dear for everybody, the experiment's own draw too,
goes to a share of users picked at random. A rule is judged by users that its predictions did not see, by doubly robust
off-policy evaluation; the values are paired user by user, so that their differences have errors of their own. An assumed effect
enters with its own spread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from decision_engine.config.models import Config
from decision_engine.effects.learners import cluster_sums
from decision_engine.effects.verdict import Verdict
from decision_engine.experiment.assignment import Assignment
from decision_engine.experiment.effects import TrialEffects
from decision_engine.experiment.trial import Trial
from policies.allocation import AllocationProblem, allocate
from policies.comparison import Choice, PolicyComparison, PolicyOutcome, choose
from policies.ope.doubly_robust import doubly_robust_value
from policies.ope.log import InteractionLog
from policies.ope.value import PolicyValue
from reports.numbers import share as shown_share
from simulations.arrays import FloatArray, IntArray
from simulations.randomness import stream

NOTHING, TARGETED, HISTORY = "none", "best action for each user", "as in the experiment"
_DRAWS = 2000  # of the values' joint error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offered:
    """An action with which a plan may reckon.

    Attributes
    ----------
    index : int
        In the action set.
    policy : str
        Name of the policy that gives it to everybody.
    gain, error : float
        Extra margin a user before cost, on average, and its standard error.
    assumed : bool
        The gain is assumed, not estimated.
    """

    index: int
    policy: str
    gain: float
    error: float
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialPolicies:
    """Ways of choosing compared.

    Attributes
    ----------
    comparison : PolicyComparison
        Per user over the experiment's horizon; what an experiment cannot tell of a policy is NaN.
    choice : Choice
        What the plan follows, and why.
    logged : dict of str to PolicyValue
        Margin net of cost a user under each policy, from the experiment's decisions, where they can tell.
    offered : tuple of Offered
        Actions with which the plan may reckon.
    """

    comparison: PolicyComparison
    choice: Choice
    logged: dict[str, PolicyValue]
    offered: tuple[Offered, ...]

    def chosen_action(self) -> int | None:
        """Return the one action that the choice gives to everybody; None where it gives several or none."""
        return next((one.index for one in self.offered if one.policy == self.choice.name), None)


def offered_actions(effects: TrialEffects, config: Config) -> tuple[Offered, ...]:
    """Return the actions with which a plan may reckon: identified ones, and those with an assumed gain."""
    found = []
    for index, declared in enumerate(config.actions, start=1):
        always = f"always {declared.name}"
        if index in effects.usable:
            mean = effects.averages[index]
            found.append(Offered(index=index, policy=always, gain=mean.estimate, error=mean.standard_error, assumed=False))
        elif declared.gain is not None:
            gain = declared.gain
            found.append(Offered(index=index, policy=always, gain=gain.mean, error=gain.sd, assumed=True))
    return tuple(found)


def compare_policies(trial: Trial, assignment: Assignment, effects: TrialEffects, config: Config) -> TrialPolicies:
    """Compare the ways of choosing on the experiment's users, and choose."""
    offered = offered_actions(effects, config)
    problem = _Problem.of(trial, effects, offered, config)
    probabilities = {NOTHING: problem.nobody()}
    kinds = {NOTHING: "do_nothing"}
    for one in offered:
        probabilities[one.policy], kinds[one.policy] = problem.everybody(one.index), "fixed_action"
    if effects.usable and problem.differs():
        probabilities[TARGETED], kinds[TARGETED] = problem.targeted(), "targeting"
    tested = {action for action in trial.given if action}
    if tested and tested <= set(effects.usable):
        chances, share = problem.within_limits(assignment.chances)  # where recorded, the groups' shares
        name = HISTORY if share == 1.0 else f"{HISTORY}, for {shown_share(share)} of users"
        probabilities[name], kinds[name] = chances, "history"
    compared = problem.compare(probabilities, kinds)
    rivals = [place for place, one in enumerate(compared.outcomes) if one.kind != "history"]
    gate = replace(
        compared,
        outcomes=tuple(compared.outcomes[place] for place in rivals),
        draws=compared.draws[rivals],
        member_values=compared.member_values[rivals],
    )
    choice = _without_candidates(effects) if not offered else choose(gate)
    return TrialPolicies(
        comparison=compared,
        choice=choice,
        logged=_logged(trial, assignment, effects, probabilities, config),
        offered=offered,
    )


def _without_candidates(effects: TrialEffects) -> Choice:
    broken = [e.action for e in effects.model.effects if e.verdict in (Verdict.NOT_IDENTIFIED, Verdict.WEAK)]
    reason = f"No effect is identified ({', '.join(broken)}) and none is assumed: doing nothing is the choice."
    return Choice(name=NOTHING, reason=reason, best_learned=None, beats_baselines=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    """The experiment's users as if the plan were for them: gains, predictions, costs and limits."""

    trial: Trial
    gains: FloatArray  # (n_users, n_actions); an assumed one is the same for everybody
    predicted: FloatArray
    offered: tuple[Offered, ...]
    costs: FloatArray  # (n_actions,)
    budget: float  # for as many users as the experiment has
    capacities: IntArray
    level: float
    horizon_weeks: int
    seed: int

    @classmethod
    def of(cls, trial: Trial, effects: TrialEffects, offered: tuple[Offered, ...], config: Config) -> _Problem:
        assert config.experiment is not None, "the caller has an experiment"
        gains, predicted = np.zeros_like(effects.gains), np.zeros_like(effects.gains)
        for one in offered:
            gains[:, one.index] = one.gain if one.assumed else effects.gains[:, one.index]
            predicted[:, one.index] = one.gain if one.assumed else effects.predicted.mean[:, one.index]
        n_planned = trial.n_users if trial.audience is None else max(len(trial.audience.user_ids), 1)
        scale = trial.n_users / n_planned
        limits = config.capacities()
        return cls(
            trial=trial,
            gains=gains,
            predicted=predicted,
            offered=offered,
            costs=trial.actions.costs,
            budget=config.campaign.budget * scale,
            capacities=np.where(limits < 0, -1, np.round(limits * scale)).astype(np.int64),
            level=config.interval_level,
            horizon_weeks=config.experiment.horizon_weeks,
            seed=config.seed,
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.trial.n_users, len(self.trial.actions)

    def nobody(self) -> FloatArray:
        probabilities = np.zeros(self.shape)
        probabilities[:, 0] = 1.0
        return probabilities

    def everybody(self, action: int) -> FloatArray:
        """Return the action for everybody, or for the share of users that budget and capacity reach."""
        probabilities = np.zeros(self.shape)
        probabilities[:, action] = 1.0
        return self.within_limits(probabilities)[0]

    def within_limits(self, probabilities: FloatArray) -> tuple[FloatArray, float]:
        """Return a way of choosing for the share of users that the limits reach, the others left alone; and the share."""
        users = probabilities.sum(axis=0)
        cost = float(users @ self.costs)
        shares = [1.0] + ([self.budget / cost] if cost > 0 else [])
        shares += [
            float(capacity / n) for n, capacity in zip(users[1:], self.capacities[1:], strict=True) if capacity >= 0 and n > 0
        ]
        share = min(shares)
        if share == 1.0:
            return probabilities, 1.0
        kept = probabilities * share
        kept[:, 0] += 1.0 - share
        return kept, share

    def differs(self) -> bool:
        """Tell whether the predictions would treat users differently."""
        return any(float(np.ptp(self.predicted[:, one.index])) > 1e-9 for one in self.offered)

    def targeted(self) -> FloatArray:
        """Return the action of the largest predicted net effect, under budget and capacities."""
        allowed = np.zeros(self.shape, dtype=np.bool_)
        allowed[:, [0, *(one.index for one in self.offered)]] = True
        nets = np.where(allowed, self.predicted - self.costs, 0.0)
        nets[:, 0] = 0.0
        found = allocate(
            AllocationProblem(
                values=nets,
                costs=np.tile(self.costs, (self.shape[0], 1)),
                allowed=allowed,
                budget=self.budget,
                capacities=self.capacities,
            )
        )
        probabilities = np.zeros(self.shape)
        probabilities[np.arange(self.shape[0]), found.actions] = 1.0
        return probabilities

    def compare(self, probabilities: dict[str, FloatArray], kinds: dict[str, str]) -> PolicyComparison:
        """Value each policy by the users' own gains, net of cost, and the joint error of the values."""
        names = list(probabilities)
        nets = self.gains - self.costs
        values = np.column_stack([np.einsum("na,na->n", probabilities[name], nets) for name in names])
        shares = np.stack([probabilities[name].mean(axis=0) for name in names])
        covariance = _covariance_of_means(values, self.trial.units)
        for one in self.offered:
            if one.assumed:
                covariance += one.error**2 * np.outer(shares[:, one.index], shares[:, one.index])
        spread, vectors = np.linalg.eigh(covariance)
        normals = stream(self.seed, "values of policies").standard_normal((_DRAWS // 2, len(names)))
        error = np.concatenate([normals, -normals]) @ (vectors * np.sqrt(np.maximum(spread, 0.0))).T
        means = values.mean(axis=0)
        draws = (means + error).T
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(draws, [tail, 1.0 - tail], axis=1)
        unknown = float("nan")  # an experiment counts no weeks
        outcomes = tuple(
            PolicyOutcome(
                name=name,
                kind=kinds[name],
                value=float(means[k]),
                low=float(low[k]),
                high=float(high[k]),
                retention=unknown,
                spend=float(shares[k] @ self.costs),
                contacts=float(1.0 - shares[k, 0]),
                opt_outs=unknown,
                order_days=unknown,
                revenue=unknown,
            )
            for k, name in enumerate(names)
        )
        return PolicyComparison(
            outcomes=outcomes,
            draws=draws,
            member_values=means[:, None],
            level=self.level,
            weeks=self.horizon_weeks,
            n_users=self.shape[0],
        )


def _covariance_of_means(values: FloatArray, units: IntArray) -> FloatArray:
    """Return the covariance of columns' means over users, of whom those of a unit count as one (Liang and Zeger, 1986)."""
    sums = cluster_sums(values - values.mean(axis=0), units)
    n_units = np.unique(units).size
    return np.asarray(sums.T @ sums * (n_units / max(n_units - 1, 1) / values.shape[0] ** 2))


def _logged(
    trial: Trial, assignment: Assignment, effects: TrialEffects, probabilities: dict[str, FloatArray], config: Config
) -> dict[str, PolicyValue]:
    """Ask the experiment's decisions for each policy's margin net of cost; those that they cannot tell are left out."""
    costs = trial.actions.costs
    log = InteractionLog(
        contexts=trial.people.covariates,
        actions=trial.treatments,
        propensities=assignment.taken,
        rewards=trial.margin - costs[trial.treatments],
        users=trial.units,
        n_actions=len(trial.actions),
    )
    found = {}
    for name, chances in probabilities.items():
        value = doubly_robust_value(
            log, chances, action_values=effects.expected - costs, level=config.interval_level, seed=config.seed
        )
        if isinstance(value, PolicyValue) and (assignment.is_known or effects.usable):
            found[name] = value
    return found


def trial_policies_document(policies: TrialPolicies) -> list[dict[str, Any]]:
    """Return the `policies` part of the run's JSON: a row a policy, without what an experiment cannot tell."""
    frame = policies.comparison.to_frame().dropna(axis="columns", how="all")
    rows = []
    for row in frame.to_dict(orient="records"):
        told: dict[str, Any] = {str(key): value for key, value in row.items()}
        value = policies.logged.get(str(row["name"]))
        if value is not None:
            told |= {"margin": value.estimate, "margin_low": value.low, "margin_high": value.high}
        rows.append({**told, "chosen": row["name"] == policies.choice.name})
    return rows
