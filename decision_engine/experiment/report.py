"""Stage `report` of an experiment: the page, the parts of the one JSON document, and the end of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.experiment.check import CheckedTrial, assignment_document, trial_data_document
from decision_engine.experiment.documents import trial_effects_document
from decision_engine.experiment.effects import TrialEffects
from decision_engine.experiment.evaluate import TARGETED, TrialPolicies, trial_policies_document
from decision_engine.experiment.plan import TrialPlan
from decision_engine.experiment.suspects import shown_groups
from decision_engine.planning import Plan
from decision_engine.workspace import StageOutcome, numeric_versions
from policies.comparison import BASELINES
from reports.data import DataReport
from reports.doubts import Doubt
from reports.effects import EffectsReport
from reports.experiment import ExperimentReport
from reports.making import MakingReport
from reports.plan import PlanReport
from reports.policies import PoliciesReport
from reports.run import RunReport, render_run

_DOUBTED = frozenset({"leakage", "outlier"})  # kinds of remarks that stand among the doubts
_HOW = (
    "Effects by user, and the ways of choosing, were judged by users whom their learners did not see. The plan for the "
    "experiment's own users is made from the same predictions, one for a new audience from learners that saw all of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTold:
    """All that a run on an experiment has to tell."""

    config: Config
    checked: CheckedTrial
    effects: TrialEffects
    policies: TrialPolicies
    planned: TrialPlan
    plan: Plan
    quarantine: Path  # of the rows that were set aside, in the workspace
    stages: tuple[StageOutcome[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialWritten:
    """The page, and the parts of the run's JSON document besides stages, plan and the report's path."""

    html: str
    parts: dict[str, Any]


def write_trial_report(told: TrialTold) -> TrialWritten:
    """Put the page and the document together."""
    start = told.plan.settings.starts_on
    report = RunReport(
        title=f"{told.config.name}: the plan to start on {start.day} {start:%B %Y}",
        subtitle=f"{told.plan.id}, version {told.plan.version}",
        plan=PlanReport(
            totals=told.plan.totals(),
            settings=told.plan.to_json()["settings"],
            rows=told.plan.rows,
            rows_file=f"the ledger (decision-engine plan show {told.plan.id} --json)",
            budget_curve=told.planned.budget_curve,
        ),
        caveats=_caveats(told),
        effects=_effects(told),
        policies=_policies(told),
        experiment=_experiment(told.checked, told.planned.who),
        data=_data(told),
        making=_making(told),
    )
    doubts = [doubt.to_json() for doubt in report.doubts]
    return TrialWritten(html=render_run(report), parts={**_parts(told), "doubts": doubts})


def trial_text(parts: Mapping[str, Any], plan: Plan, report: Path) -> str:
    """Return the end of a run on a terminal: the group sizes where they do not fit, effects, policies, plan and report."""
    from reports.terminal import WIDTH, doubts_text, plan_text, policies_text

    settings = plan.to_json()["settings"]
    table = policies_text(
        pd.DataFrame(parts["policies"]),
        settings["currency"],
        chosen=parts["choice"]["name"],
        baselines=[row["name"] for row in parts["policies"] if row["kind"] in BASELINES],
        weeks=parts["horizon"]["words"],
    )
    blocks = [textwrap.fill(words, WIDTH) for words in _first_words(parts["assignment"])]
    blocks.append(_effects_text(parts, WIDTH))
    blocks += [table, textwrap.fill(parts["choice"]["reason"], WIDTH)]
    blocks += [plan_text(plan.totals(), settings, plan.rows), doubts_text(parts["doubts"]), f"report: {report}"]
    return "\n\n".join(block for block in blocks if block)


def _first_words(assignment: Mapping[str, Any]) -> list[str]:
    """Return what stands first: a mismatch if there is one, then how the users came to their treatment."""
    propensities = assignment.get("propensities")
    words = [assignment["sample_ratio"]["words"], assignment["words"]]
    return words if propensities is None else [*words, propensities["words"]]


def _effects_text(parts: Mapping[str, Any], width: int) -> str:
    from reports.numbers import interval, points, share
    from reports.tables import estimate_column, text_table, words_column

    frame = pd.DataFrame(parts["effects"]).reindex(columns=["action", "verdict", "estimate", "low", "high"])
    numbers = frame.astype({"estimate": float, "low": float, "high": float})
    numbers["assumed"] = numbers["verdict"] == "assumed"
    what, unit, scale = f"extra margin, {parts['currency']}", "extra margin a user", 1.0
    if "case" in parts:
        is_share = parts["assignment"]["outcomes"][0]["is_share"]
        told_in = "percentage points of users" if is_share else f"{parts['case']} per 1,000 users"
        what, unit, scale = told_in, f"more {parts['case']}", (100.0 if is_share else 1000.0) / parts["worth"]
    columns = [
        words_column("action", "action"),
        words_column("verdict", "verdict"),
        estimate_column(what, ("estimate", "low", "high"), numbers, scale=scale, assumed="assumed"),
    ]
    head = f"Effects: {unit} within {parts['horizon']['words']}, before cost"
    lines = [head, text_table(numbers, columns, width=width, limit=40)]
    lines += [
        textwrap.fill(f"{row['action']}: {row['reasons'][-1 if row['verdict'] == 'identified' else 0]}.", width)
        for row in parts["effects"]
        if row["verdict"] in ("not identified", "weak") or (row["verdict"] == "identified" and len(row["reasons"]) > 1)
    ]
    lines += [
        textwrap.fill(
            f"{row['outcome']} after {effect['action']}: {points(row['estimate'], signed=True)} "
            f"({interval(100.0 * row['low'], 100.0 * row['high'])}); {share(row['control'])} of the control group.",
            width,
        )
        for effect in parts["effects"]
        for row in effect.get("outcomes", ())
        if row["is_share"]
    ]
    return "\n".join(lines)


def _parts(told: TrialTold) -> dict[str, Any]:
    settings = told.config.experiment
    assert settings is not None, "the caller has an experiment"
    choice = told.policies.choice
    return {
        "assignment": assignment_document(told.checked),
        "name": told.config.name,
        "currency": told.config.currency,
        **({"worth": settings.worth, "case": settings.outcomes[0]} if settings.money == "cases" else {}),
        "as_of": {"plan": settings.ended_on.isoformat()},
        "horizon": {"words": settings.horizon, "weeks": settings.horizon_weeks},
        "data": trial_data_document(told.checked),
        "remarks": [{"kind": remark.kind, "words": remark.words} for remark in told.checked.remarks],
        "effects": trial_effects_document(told.effects, told.planned.believed),
        "policies": trial_policies_document(told.policies),
        "choice": {"name": choice.name, "reason": choice.reason, "beats_baselines": choice.beats_baselines},
        **({"who": told.planned.who.to_dict(orient="records")} if len(told.planned.who) else {}),
    }


def _caveats(told: TrialTold) -> tuple[str | Doubt, ...]:
    caveats: list[str | Doubt] = [
        Doubt(kind="suspect", words=remark.words) for remark in told.checked.remarks if remark.kind in _DOUBTED
    ]
    if told.checked.assignment.mode == "observational":
        caveats.append(told.checked.assignment.words())
    if told.checked.assignment.sizes.against == "nothing":
        caveats.append(told.checked.assignment.sizes.words)
    if told.policies.choice.name == TARGETED:
        for action in told.effects.usable:
            slope = told.effects.slopes[action]
            error = float(slope.covariance[1, 1]) ** 0.5
            caveats.append(
                f"Of the differences predicted for {told.checked.trial.actions.names[action]} between users, the users' own "
                f"outcomes confirm a part of {slope.slope:.2f} (standard error {error:.2f}; 1 is all, 0 none)."
            )
    if told.checked.trial.audience is not None:
        caveats.append(
            "The plan is for other users than those of the experiment: it holds as far as their covariates say all in which "
            "they differ."
        )
    return tuple(caveats)


def _effects(told: TrialTold) -> EffectsReport:
    settings = told.config.experiment
    assert settings is not None, "the caller has an experiment"
    model = told.effects.model
    frame = model.to_frame().drop(columns=["estimate_orders", "orders_low", "orders_high"])
    frame["reasons"] = [effect.reasons for effect in model.effects]
    used = told.planned.believed.set_index("action").reindex(frame["action"])
    for name in ("estimate", "low", "high"):
        frame[f"used_{name}"] = used[name].to_numpy(dtype=float)
    frame["used_source"] = used["source"].to_numpy()
    return EffectsReport(
        effects=frame,
        currency=told.config.currency,
        horizon_weeks=settings.horizon_weeks,
        level=told.config.interval_level,
        checks=model.checks_frame(),
        experiments={e.action: e.experiment.summary() for e in model.effects if e.experiment is not None},
        horizon=settings.horizon,
        outcomes=told.effects.outcomes,
        case=settings.outcomes[0] if settings.money == "cases" else "",
        worth=settings.margin_a_unit(1.0),
    )


def _policies(told: TrialTold) -> PoliciesReport:
    settings = told.config.experiment
    assert settings is not None, "the caller has an experiment"
    comparison = told.policies.comparison
    return PoliciesReport(
        policies=comparison.to_frame().dropna(axis="columns", how="all"),
        currency=told.config.currency,
        baselines=[one.name for one in comparison.outcomes if one.kind in BASELINES],
        chosen=told.policies.choice.name,
        reason=told.policies.choice.reason,
        weeks=comparison.weeks,
        n_users=comparison.n_users,
        level=comparison.level,
        horizon=settings.horizon,
    )


def _experiment(checked: CheckedTrial, who: pd.DataFrame) -> ExperimentReport:
    assignment = checked.assignment
    calibration = assignment.calibration
    words = [assignment.sizes.words, assignment.words()]
    return ExperimentReport(
        alarm=checked.alarm,
        words=words if calibration is None else [*words, calibration.words],
        groups=shown_groups(checked.trial, checked.groups),
        balance=checked.balance,
        bins=None if calibration is None else calibration.bins,
        remarks=[f"{remark.kind}: {remark.words}" for remark in checked.remarks],
        who=who,
    )


def _data(told: TrialTold) -> DataReport:
    history = told.checked.history
    return DataReport(
        counts=history.counts.drop(columns="outside_periods"),
        reasons=history.reasons(),
        notes=history.notes,
        quarantine_file=f"{told.quarantine.as_posix()} in the workspace",
    )


def _making(told: TrialTold) -> MakingReport:
    config, settings = told.config, told.config.experiment
    assert settings is not None, "the caller has an experiment"
    margin = {
        "revenue": f"{config.margin_share:g} ({config.margin_source})",
        "margin": "the outcome is margin",
        "cases": f"{settings.margin_a_unit(1.0):g} {config.currency} for each {settings.outcomes[0]} ({config.margin_source})",
    }[settings.money]
    return MakingReport(
        as_of=str(settings.ended_on),
        judged_as_of=str(settings.ended_on),
        seed=config.seed,
        stages=pd.DataFrame([{"name": s.name, "seconds": s.seconds, "cached": s.cached} for s in told.stages]),
        settings={
            "money": settings.outcomes[0],
            "margin": margin,
            "horizon": settings.horizon,
            "interval level": config.interval_level,
            "budget": config.campaign.budget,
            "holdout share": config.campaign.holdout_share,
            "covariates": ", ".join(settings.covariates) or "none",
        },
        versions=numeric_versions(),
        commands=(
            f"decision-engine run {config.origin.path.name if config.origin.path else 'CONFIG.yaml'}",
            f"decision-engine plan show {told.plan.id}",
            f"decision-engine plan approve {told.plan.id} --by SOMEBODY-ELSE",
            f"decision-engine plan export {told.plan.id}",
        ),
        how=_HOW,
    )
