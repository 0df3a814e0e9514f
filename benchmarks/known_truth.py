"""How close the main job's policy comes to one that knows the truth, in worlds drawn from a committed prior.

    oracle_share = (V(chosen) - V(none)) / (V(oracle) - V(none))

`chosen` is what the stages of the main job choose from a simulated history: effects estimated from the logged contacts, an
ensemble fitted, settings searched, policies compared, the choice made. `oracle` is uplift-greedy that knows the true behaviour,
the true effects and every user's own latent rate and basket, and spends each week's budget where the true increments over the
coming weeks are largest; of a few thresholds, below which a contact is not worth a user's patience, it has the one that turns
out best. That is how the job would act if it knew everything; it is no bound on what can be had, because it looks no further
than its horizon. Both live in the true world, from the same users, under the same contact rules and weekly budget, on the same
addressed luck. The configuration knows the actions' costs but no response: every prior is wide and alike, its duration and
decay are the prior's means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from decision_engine.config.models import Config
from decision_engine.history import History
from decision_engine.stages.effects import estimate
from decision_engine.stages.fit import PLAN_SEED, Fitted, fit_ensemble
from decision_engine.stages.learn import Classroom
from decision_engine.stages.search import search_settings
from policies.base import Policy
from policies.clamp import Limits
from policies.comparison import choose
from policies.rollout import evaluate_policies, limits_of, live_under
from policies.rules import DoNothing, FixedAction
from policies.uplift_greedy import UpliftGreedy
from simulations.arrays import Float32Array, KeyArray
from simulations.ensemble import SimulatorEnsemble
from simulations.increment import Increments, expected_increments, states_from_observations
from simulations.scenarios import World, draw_world
from simulations.simulated_history import WorldHistory

HISTORY_WEEKS = 40
FITTING_WEEKS = 32
POLICY_WEEKS = 13
LEAST_INCREMENTS = (0.0, 0.5, 1.0)  # net of cost, in currency: below it the oracle saves a contact for a better week
WORLD_SEEDS = tuple(range(1001, 1021))  # the twenty worlds of the claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle(UpliftGreedy):
    """Uplift-greedy that knows who a user is, beyond what can be seen of them."""

    def increments(self, observation: Float32Array, user_keys: KeyArray) -> Increments:
        """Return the true increments."""
        states = replace(states_from_observations(observation, len(self.ensemble.actions)), user_keys=user_keys)
        return expected_increments(self.ensemble.point, states, weeks=self.weeks)


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleShare:
    """One world's result; values are margin net of cost per user over `POLICY_WEEKS` weeks, less that of doing nothing.

    Attributes
    ----------
    chosen, best_single, oracle : float
        Values in the true world.
    policy : str
        What the main job chose.
    """

    world: str
    policy: str
    chosen: float
    best_single: float
    oracle: float

    @property
    def share(self) -> float:
        """Chosen over oracle."""
        return self.chosen / self.oracle

    @property
    def single_share(self) -> float:
        """Best single action over oracle: how much of the oracle's value needs no targeting."""
        return self.best_single / self.oracle


def oracle_share(seed: int, n_users: int) -> OracleShare:
    """Run the main job's stages on one world's history and hold its choice against the truth."""
    world = draw_world(seed)
    past = world.simulate_history(n_users, HISTORY_WEEKS, seed)
    chosen = chosen_policy(world, past, world_config(world, n_users))
    states = past.states
    truth = SimulatorEnsemble(point=world.simulator, members=(), responses=world.responses, seed=0)
    limits = limits_of((world.simulator,), states, budget=world.budget(n_users))
    oracles = [Oracle(ensemble=truth, min_increment=least).under(limits) for least in LEAST_INCREMENTS]
    singles = [FixedAction(action=a, action_name=world.actions[a].name) for a in range(1, len(world.actions))]

    def value(policy: Policy) -> float:
        return true_value(policy, world, past, limits, seed)

    nothing = value(DoNothing())
    return OracleShare(
        world=world.name,
        policy=chosen.name,
        chosen=value(chosen) - nothing,
        best_single=max(value(single) for single in singles) - nothing,
        oracle=max(value(oracle) for oracle in oracles) - nothing,
    )


def true_value(policy: Policy, world: World, past: WorldHistory, limits: Limits, seed: int) -> float:
    """Return a policy's mean margin net of cost per user in the true world, after the history."""
    lived = live_under(
        policy, world.simulator, past.states, weeks=POLICY_WEEKS, limits=limits, seed=seed + 1, period=HISTORY_WEEKS
    )
    return float(lived.net_margin.mean())


def chosen_policy(world: World, past: WorldHistory, config: Config) -> Policy:
    """Run effects, fit, search and evaluate as the main job does, and learn the choice again on the whole history.

    What the main job reckons only to be read is left out: the simulator judged on unseen weeks, the logs' own word on the
    chosen policy, and the further members that price a plan.
    """
    history = History(
        tables={"orders": past.orders, "exposures": past.exposures, "customers": past.customers},
        counts=past.orders.head(0),
        known_digest=world.name,
    )
    estimated = estimate(past.panel, history, config)
    early = past.panel.as_of(config.n_fitting_periods)
    training, seed = config.simulator.training_members, config.seed
    fitted = Fitted(
        judged=fit_ensemble(early, estimated.judged, config, training + config.simulator.members, seed=seed),
        final=fit_ensemble(past.panel, estimated.final, config, training, seed=seed + PLAN_SEED),
        goodness=None,
        n_training=training,
    )
    settings = search_settings(past.panel, fitted, config, key=world.name, workers=0, folder=None).settings
    classroom = Classroom.of(early, fitted.judged, training, config)
    policies = classroom.learn(settings)
    comparison = evaluate_policies(
        policies,
        fitted.judging(fitted.judged),
        classroom.states,
        weeks=config.policy_horizon_weeks,
        limits=classroom.limits,
        seed=seed,
        level=config.interval_level,
        period=config.n_fitting_periods,
    )
    name = choose(comparison).name
    kind = next(policy.kind for policy in policies if policy.name == name)
    return Classroom.of(past.panel, fitted.final, training, config).relearn(kind, name, settings)


def world_config(world: World, n_users: int) -> Config:
    """Return the configuration that a retailer of this world would write, knowing costs but no response."""
    return Config.model_validate(
        {
            "name": world.name,
            "seed": 1,
            "sources": {"orders": {"file": "orders.csv"}},
            "tables": {"orders": {"source": "orders", "columns": {"user_id": "user_id"}}},
            "time": {"first_day": "2024-01-01", "last_period": HISTORY_WEEKS, "last_fitting_period": FITTING_WEEKS},
            "margin_share": world.simulator.margin_share,
            "margin_source": "known",
            "policy_horizon_weeks": POLICY_WEEKS,
            "actions": [
                {
                    "name": action.name,
                    "kind": str(action.kind),
                    "channel": action.channel,
                    "cost": action.cost,
                    "cost_on_redemption": action.cost_on_redemption,
                    "cool_down_weeks": action.cool_down_weeks,
                    "effect": "estimated",
                    "response": {
                        "purchase_lift": {"mean": 0.0, "sd": 0.3},
                        "duration_weeks": 3,
                        "decay": {"mean": 0.75, "sd": 0.05},
                        "redemption": {"mean": 0.1 if action.cost_on_redemption else 0.0, "sd": 0.0},
                    },
                }
                for action in world.actions
                if action.name != "none"
            ],
            "contact": {
                "max_contacts": world.rules.max_contacts,
                "window_weeks": world.rules.window_weeks,
                "min_gap_weeks": world.rules.min_gap_weeks,
            },
            "campaign": {"budget": world.budget(n_users), "holdout_share": 0.0},
            "simulator": {"members": 6, "training_members": 2},
            "policies": {"ppo_steps": 0, "bandit_rounds": 0},
            "search": {"trials": 4},
        }
    )
