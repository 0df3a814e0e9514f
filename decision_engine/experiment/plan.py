"""Stage `plan` of an experiment: the chosen way of choosing becomes an action for each user of the audience.

Where one action for everybody was chosen, everybody is reckoned with its average effect: differences that do not pay are not
used. Where targeting was chosen, each user is reckoned with their own effect, predicted by learners that never saw the user.
Half of the draws choose, with the learners' own error; the other half judge, by what the experiment's users say of such
predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.experiment.conditional import DRAWS, Predicted
from decision_engine.experiment.effects import TrialEffects
from decision_engine.experiment.evaluate import TARGETED, Offered, TrialPolicies
from decision_engine.experiment.trial import People, Trial
from decision_engine.planning import Candidates, Plan, PlanSettings, feature_reasons, make_plan
from decision_engine.planning.other_budgets import other_budgets
from simulations.arrays import BoolArray, Float32Array, FloatArray
from simulations.randomness import stream, user_keys

_FEWEST_VALUES = 3  # of a covariate that can set a user apart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialPlan:
    """A plan after an experiment.

    Attributes
    ----------
    plan : Plan
    believed : DataFrame
        A row an action with which the plan may reckon: action, source, estimate, low, high, over the audience.
    budget_curve : DataFrame
        What other budgets would bring: budget, value, bound, cost; empty where no action is chosen.
    who : DataFrame
        A row a covariate: its mean among the users of each action and of none, those first that differ most; empty where
        users are not told apart.
    """

    plan: Plan
    believed: pd.DataFrame
    budget_curve: pd.DataFrame
    who: pd.DataFrame


def plan_after_trial(trial: Trial, effects: TrialEffects, policies: TrialPolicies, config: Config) -> TrialPlan:
    """Return the plan for the day after the experiment's last, for its audience or for its own users."""
    people, predicted = trial.people, effects.predicted
    if trial.audience is not None and effects.audience is not None:
        people, predicted = trial.audience, effects.audience
    targeted = policies.choice.name == TARGETED
    n_users = len(people.user_ids)
    candidates = Candidates(
        user_ids=people.user_ids,
        user_keys=user_keys(people.user_ids),
        actions=trial.actions,
        margins=_margins(trial, effects, policies.offered, predicted, targeted=targeted, seed=config.seed),
        costs=np.tile(trial.actions.costs, (n_users, 1)),
        allowed=_allowed(people, len(trial.actions)),
        obstacles=np.where(people.consent, "", "no consent").astype(object),
        chosen=_chosen(policies, n_users, len(trial.actions), targeted=targeted),
        effect_assumed=_assumed(policies.offered, len(trial.actions)),
        reasons=_reasons(people, trial.covariate_names) if targeted else None,
    )
    plan = make_plan(
        candidates,
        _settings(policies, trial, config),
        holdout_key=config.campaign.holdout_key,
        choosing=np.arange(2 * DRAWS) < DRAWS,
    )
    return TrialPlan(
        plan=plan,
        believed=_believed(candidates, policies.offered, config.interval_level),
        budget_curve=other_budgets(candidates, config) if candidates.chosen[:, 1:].any() else pd.DataFrame(),
        who=_who(plan, people, trial.covariate_names) if targeted else pd.DataFrame(),
    )


def _who(plan: Plan, people: People, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the means of the covariates by action, held-out users aside."""
    places = {user: place for place, user in enumerate(people.user_ids)}
    groups = {str(action): rows["user_id"] for action, rows in plan.rows.groupby("action", sort=True)}
    if len(plan.excluded_users):
        groups["none"] = plan.excluded_users["user_id"]
    if len(groups) < 2 or not names:
        return pd.DataFrame()
    means = {
        action: np.nanmean(people.covariates[[places[user] for user in users]].astype(np.float64), axis=0)
        for action, users in groups.items()
    }
    frame = pd.DataFrame({"covariate": names, **means})
    spread = np.ptp(np.column_stack(list(means.values())), axis=1)
    scale = np.nanstd(people.covariates.astype(np.float64), axis=0)
    order = np.argsort(-spread / np.where(scale > 0.0, scale, np.inf), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def _margins(
    trial: Trial,
    effects: TrialEffects,
    offered: tuple[Offered, ...],
    predicted: Predicted,
    *,
    targeted: bool,
    seed: int,
) -> Float32Array:
    """Return (2 DRAWS, n_users, n_actions): extra margin before cost, the choosing half first."""
    n_users = predicted.mean.shape[0]
    margins = np.zeros((2 * DRAWS, n_users, len(trial.actions)), dtype=np.float32)
    for one in offered:
        half = stream(seed, "gains of the plan", one.index).standard_normal((DRAWS // 2, 2))
        normals = np.concatenate([half, -half])
        if one.assumed or not targeted:
            same = one.gain + one.error * normals
            margins[:DRAWS, :, one.index], margins[DRAWS:, :, one.index] = same[:, :1], same[:, 1:]
            continue
        margins[:DRAWS, :, one.index] = predicted.draws[:, :, one.index]
        slope = effects.slopes[one.index].draws(normals)
        apart = predicted.mean[:, one.index] - effects.predicted.mean[:, one.index].mean()
        margins[DRAWS:, :, one.index] = slope[:, :1] + slope[:, 1:] * apart
    return margins


def _allowed(people: People, n_actions: int) -> BoolArray:
    allowed = np.repeat(people.consent[:, None], n_actions, axis=1)
    allowed[:, 0] = True
    return allowed


def _chosen(policies: TrialPolicies, n_users: int, n_actions: int, *, targeted: bool) -> BoolArray:
    chosen = np.zeros((n_users, n_actions), dtype=np.bool_)
    chosen[:, 0] = True
    single = policies.chosen_action()
    if targeted:
        chosen[:, [one.index for one in policies.offered]] = True
    elif single is not None:
        chosen[:, single] = True
    return chosen


def _assumed(offered: tuple[Offered, ...], n_actions: int) -> FloatArray:
    shares = np.zeros(n_actions)
    for one in offered:
        shares[one.index] = float(one.assumed)
    return shares


def _reasons(people: People, names: tuple[str, ...]) -> list[tuple[str, ...]] | None:
    """Phrase what sets each user apart, by the covariates that are numbers of several values."""
    told = [
        place
        for place, name in enumerate(names)
        if " = " not in name and np.unique(people.covariates[:, place]).size >= _FEWEST_VALUES
    ]
    if not told:
        return None
    frame = pd.DataFrame({names[place]: people.covariates[:, place].astype(np.float64) for place in told})
    return feature_reasons(frame)


def _believed(candidates: Candidates, offered: tuple[Offered, ...], level: float) -> pd.DataFrame:
    """Return what each action is reckoned to bring over the audience, as the judging draws see it."""
    tail = (1.0 - level) / 2.0
    rows = []
    for one in offered:
        by_draw = candidates.margins[DRAWS:, :, one.index].mean(axis=1, dtype=np.float64)
        low, high = np.quantile(by_draw, [tail, 1.0 - tail]) if by_draw.size else (one.gain, one.gain)
        rows.append(
            {
                "action": candidates.actions.names[one.index],
                "source": "assumed" if one.assumed else "estimated",
                "estimate": float(by_draw.mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    return pd.DataFrame(rows, columns=["action", "source", "estimate", "low", "high"])


def _settings(policies: TrialPolicies, trial: Trial, config: Config) -> PlanSettings:
    settings = config.experiment
    assert settings is not None, "the caller has an experiment"
    return PlanSettings(
        name=config.name,
        currency=config.currency,
        policy=policies.choice.name,
        starts_on=settings.ended_on + timedelta(days=1),
        as_of=settings.ended_on,
        effect_horizon_weeks=settings.horizon_weeks,
        horizon=settings.horizon,
        margin_of=_margin_of(config),
        interval_level=config.interval_level,
        margin_share=config.margin_share,
        margin_assumed=config.margin_source == "assumed",
        holdout_share=config.campaign.holdout_share,
        budget=config.campaign.budget,
        capacities={action.name: action.capacity for action in trial.actions},
        seed=config.seed,
    )


def _margin_of(config: Config) -> str:
    """Say what one case of the first outcome brings, where it counts cases."""
    settings = config.experiment
    assert settings is not None, "the caller has an experiment"
    return f"{settings.worth:g} {config.currency} for each {settings.outcomes[0]}" if settings.money == "cases" else ""
