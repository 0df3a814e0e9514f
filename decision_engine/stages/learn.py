"""The policies that the main job compares: baselines without anything to learn, rules, and what learns on the simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decision_engine.config.models import Config
from policies.base import Policy
from policies.clamp import Limits
from policies.rollout import limits_of
from policies.rules import DoNothing, FixedAction, HistoryPolicy
from policies.search.objective import PolicyFactory
from policies.search.space import Params
from simulations.ensemble import SimulatorEnsemble
from simulations.panel import WeeklyPanel
from simulations.randomness import stream
from simulations.state import UserStates, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Points of the two searched policies, see `policies.search.default_space`: as the search found them, or by default."""

    rule: Params
    greedy: Params

    @classmethod
    def default(cls, config: Config) -> PolicySettings:
        """Return settings that nobody searched for: the first action for valued users who lapse; increments as they are."""
        return cls(
            rule={
                "kind": "rfm_rule",
                "action": config.actions[0].name,
                "gap_low": 1.5,
                "gap_width": 4.5,
                "worth_quantile": 0.5,
            },
            greedy={
                "kind": "uplift_greedy",
                "price": 0.0,
                "min_increment": 0.0,
                "pessimism": 0.0,
                "weeks": config.effect_horizon_weeks,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Classroom:
    """What a policy may learn from: a history up to some week, and the ensemble's training members.

    Attributes
    ----------
    panel : WeeklyPanel
        Ends where knowledge ends.
    states : UserStates
        At that end.
    ensemble : SimulatorEnsemble
        Training members only.
    limits : Limits
        The weekly budget, the capacities, and what contacts are expected to cost.
    """

    panel: WeeklyPanel
    states: UserStates
    ensemble: SimulatorEnsemble
    limits: Limits
    config: Config

    @classmethod
    def of(cls, panel: WeeklyPanel, ensemble: SimulatorEnsemble, n_training: int, config: Config) -> Classroom:
        """Set the scene from a panel and the first members of an ensemble fitted on it."""
        training, states = ensemble.subset(slice(0, n_training)), fold(panel)
        limits = limits_of(training.members, states, budget=config.campaign.budget, weeks=config.effect_horizon_weeks)
        return cls(panel=panel, states=states, ensemble=training, limits=limits, config=config)

    def sample(self, most_users: int) -> Classroom:
        """Return the scene with at most so many of the users, drawn at random, under limits cut in proportion."""
        n_users = self.states.n_users
        if n_users <= most_users:
            return self
        rows = np.sort(stream(self.config.seed, "classroom sample").choice(n_users, most_users, replace=False))
        return replace(self, states=self.states.take(rows), limits=self.limits.scaled(most_users / n_users))

    @property
    def factory(self) -> PolicyFactory:
        """Builds the searched policies."""
        return PolicyFactory(ensemble=self.ensemble, states=self.states, limits=self.limits)

    def learn(self, settings: PolicySettings) -> tuple[Policy, ...]:
        """Return every policy of the comparison, doing nothing first; those that need training are trained here."""
        everyone = self.without_training(settings)
        if self.config.policies.bandit_rounds:
            everyone.append(self.bandit())
        if self.config.policies.ppo_steps:
            everyone.append(self.ppo())
        return tuple(everyone)

    def without_training(self, settings: PolicySettings) -> list[Policy]:
        """Return the policies that cost nothing to make: baselines, rules and uplift-greedy."""
        actions = self.panel.actions
        everyone: list[Policy] = [DoNothing()]
        everyone += [FixedAction(action=index, action_name=actions[index].name) for index in range(1, len(actions))]
        if (self.panel.exposure_bits != 0).any():
            everyone.append(HistoryPolicy.fit(self.panel, 0, self.panel.n_periods))
        return [*everyone, self.factory(settings.rule), self.factory(settings.greedy)]

    def relearn(self, kind: str, name: str, settings: PolicySettings) -> Policy:
        """Return the one policy of a kind and name, learned here by the same recipe as in `learn`."""
        if kind == "linucb":
            return self.bandit()
        if kind == "ppo":
            return self.ppo()
        return next(policy for policy in self.without_training(settings) if policy.kind == kind and policy.name == name)

    def bandit(self) -> Policy:
        """Return LinUCB, warm-started on simulated weeks, acting on what it estimates without a bonus for exploring."""
        from policies.bandits.linucb import warm_start

        return warm_start(
            self.ensemble.members,
            self.states,
            rounds=self.config.policies.bandit_rounds,
            weeks=self.config.effect_horizon_weeks,
            seed=self.config.seed,
        ).greedy()

    def ppo(self) -> Policy:
        """Return PPO, trained for the configured number of user-weeks."""
        from policies.deep.training import PPOSettings, train_ppo

        return train_ppo(
            self.ensemble.members,
            self.states,
            weeks=self.config.policy_horizon_weeks,
            seed=self.config.seed,
            settings=PPOSettings(steps=self.config.policies.ppo_steps),
        )
