"""Stage `evaluate`: every policy beside doing nothing, on members no policy has seen; the logs' own word; and the choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from decision_engine.config.models import Config
from decision_engine.effects.recorded import interaction_log
from decision_engine.history import History
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from policies.base import Policy
from policies.comparison import Choice, PolicyComparison, choose
from policies.ope.doubly_robust import doubly_robust_value
from policies.ope.value import Abstention, PolicyValue
from policies.rollout import evaluate_policies
from policies.rules import DoNothing
from policies.uplift_greedy import UpliftGreedy
from simulations.panel import WeeklyPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Policies compared, as known after the fitting weeks.

    Attributes
    ----------
    comparison : PolicyComparison
        Simulated, on judging members, under the same contact rules, weekly budget and capacities.
    choice : Choice
        The policy that the plan follows, and why.
    chosen : Policy
        That policy, learned on the fitting weeks.
    off_policy : PolicyValue or Abstention
        What the logs say of the chosen policy, margin net of cost per decision, or why they say nothing.
    """

    comparison: PolicyComparison
    choice: Choice
    chosen: Policy
    off_policy: PolicyValue | Abstention


def evaluate(
    panel: WeeklyPanel,
    history: History,
    fitted: Fitted,
    settings: PolicySettings,
    config: Config,
    on_step: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Compare the policies from the users' states at the end of the fitting weeks, and choose."""
    early = panel.as_of(config.n_fitting_periods)
    classroom = Classroom.of(early, fitted.judged, fitted.n_training, config)
    policies = classroom.learn(settings)
    comparison = evaluate_policies(
        policies,
        fitted.judging(fitted.judged),
        classroom.states,
        weeks=config.policy_horizon_weeks,
        limits=classroom.limits,
        seed=config.seed,
        level=config.interval_level,
        period=config.n_fitting_periods,
        on_step=on_step,
    )
    choice = choose(comparison)
    chosen = next(policy for policy in policies if policy.name == choice.name)
    return Evaluated(
        comparison=comparison, choice=choice, chosen=chosen, off_policy=off_policy_value(early, history, chosen, config)
    )


def off_policy_value(panel: WeeklyPanel, history: History, policy: Policy, config: Config) -> PolicyValue | Abstention:
    """Ask the logged decisions what the policy brings over doing nothing, or why they cannot tell.

    In currency per logged decision over the effect horizon. The logs know neither the week's budget nor its capacities: what is
    asked after is the policy's own choice among what the contact rules allowed then, before any limit.
    """
    log = interaction_log(
        panel,
        history.tables.get("exposures"),
        horizon_weeks=config.effect_horizon_weeks,
        margin_share=config.margin_share,
        rules=config.contact_rules(),
    )
    if isinstance(policy, DoNothing):
        return Abstention(reason="doing nothing is what values are measured against", n_decisions=0, effective_sample_size=0.0)
    if isinstance(policy, UpliftGreedy):
        policy = replace(policy, costs=None, capacities=None, budget=None)
    return doubly_robust_value(
        log,
        policy.action_probabilities(log.contexts, log.mask),
        against=DoNothing().action_probabilities(log.contexts, log.mask),
        level=config.interval_level,
        seed=config.seed,
    )


def policies_document(evaluated: Evaluated) -> list[dict[str, Any]]:
    """Return the `policies` part of the run's JSON: a row a policy, and which one was chosen."""
    rows = evaluated.comparison.to_frame().to_dict(orient="records")
    return [{**{str(key): value for key, value in row.items()}, "chosen": row["name"] == evaluated.choice.name} for row in rows]
