"""What a search maximises: a policy's simulated value on the members that may be trained on.

An objective is a pure function of the parameters: every trial faces the same luck, so that two trials differ only by what their
policies do, and any worker gives the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policies.base import Policy
from policies.clamp import Limits
from policies.rollout import live_under
from policies.rules import DoNothing, RfmRule
from policies.search.space import Params
from policies.uplift_greedy import UpliftGreedy
from simulations.arrays import FloatArray
from simulations.ensemble import SimulatorEnsemble
from simulations.errors import ConfigError
from simulations.features import observe
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFactory:
    """Builds a policy from a point of `policies.search.space.default_space`.

    Attributes
    ----------
    ensemble : SimulatorEnsemble
        Whose increments uplift-greedy believes; members to train on only.
    states : UserStates
        Users over whom quantiles are taken.
    limits : Limits
        The week's, which uplift-greedy allocates under.
    """

    ensemble: SimulatorEnsemble
    states: UserStates
    limits: Limits

    def __call__(self, params: Params) -> Policy:
        """Return the policy.

        Raises
        ------
        ConfigError
            If the family is unknown.
        """
        kind = params["kind"]
        if kind == "rfm_rule":
            name, low = str(params["action"]), float(params["gap_low"])
            return RfmRule.fit(
                observe(self.states),
                action=self.ensemble.actions.index(name),
                action_name=name,
                gap_low=low,
                gap_high=low + float(params["gap_width"]),
                worth_quantile=float(params["worth_quantile"]),
            )
        if kind == "uplift_greedy":
            return UpliftGreedy(
                ensemble=self.ensemble,
                price=float(params["price"]),
                min_increment=float(params["min_increment"]),
                pessimism=float(params["pessimism"]),
                weeks=int(params["weeks"]),
            ).under(self.limits)
        raise ConfigError(f"search: no policy of the family {kind!r} can be built; the known ones are rfm_rule, uplift_greedy.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedValue:
    """Margin net of action cost less that of doing nothing, in currency per user over `weeks`, mean over members.

    Attributes
    ----------
    simulators : tuple of LifecycleSimulator
        Members to train on.
    baseline : (n_members,) array
        What doing nothing brings in each; see `of`.
    """

    factory: PolicyFactory
    simulators: tuple[LifecycleSimulator, ...]
    states: UserStates
    weeks: int
    limits: Limits
    seed: int
    baseline: FloatArray

    @classmethod
    def of(
        cls,
        factory: PolicyFactory,
        simulators: Sequence[LifecycleSimulator],
        states: UserStates,
        *,
        weeks: int,
        limits: Limits,
        seed: int,
    ) -> SimulatedValue:
        """Live once without contact, which every trial is measured against."""
        nothing = [
            live_under(DoNothing(), one, states, weeks=weeks, limits=limits, seed=seed).net_margin.mean() for one in simulators
        ]
        return cls(
            factory=factory,
            simulators=tuple(simulators),
            states=states,
            weeks=weeks,
            limits=limits,
            seed=seed,
            baseline=np.array(nothing, dtype=np.float64),
        )

    def __call__(self, params: Params, trial: int) -> float:
        """Return the value of a point; the trial's number plays no part, because all trials share their luck.

        The policy believes the point simulator and lives in each member: in none of them is it right about everything, so
        that the search can find out how much caution pays.
        """
        policy = self.factory(params)
        lived = [
            live_under(
                policy,
                one,
                self.states,
                weeks=self.weeks,
                limits=self.limits,
                seed=self.seed,
            ).net_margin.mean()
            for one in self.simulators
        ]
        return float(np.mean(np.array(lived) - self.baseline))
