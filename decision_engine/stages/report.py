"""Stage `report`: everything the run found, as one page, as the parts of one JSON document, and as the end of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.config.placeholders import say_all
from decision_engine.planning import Plan
from decision_engine.profiles import Profiles
from decision_engine.stages.card_document import simulator_report
from decision_engine.stages.check import Checked, data_document
from decision_engine.stages.effects import Estimated, effects_document
from decision_engine.stages.evaluate import Evaluated, policies_document
from decision_engine.stages.fit import Fitted, simulator_document
from decision_engine.stages.plan import Planned
from decision_engine.stages.search import Searched, search_document
from decision_engine.stages.tables import TableFiles
from decision_engine.workspace import StageOutcome, numeric_versions
from policies.comparison import BASELINES
from policies.ope.value import PolicyValue
from policies.rules import DoNothing
from reports.data import DataReport
from reports.doubts import Doubt, WitnessReport
from reports.effects import EffectsReport
from reports.making import MakingReport
from reports.numbers import interval, money, plural
from reports.plan import PlanReport
from reports.policies import PoliciesReport, SearchReport, acts_like
from reports.profiles import ChurnReport, ProfilesReport
from reports.run import RunReport, render_run
from reports.simulator import SimulatorReport
from simulations.spread import predictive_stretch

_MOST_PLACEHOLDERS = 8  # told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that a run has to tell."""

    config: Config
    checked: Checked
    profiled: Profiles
    estimated: Estimated
    fitted: Fitted
    searched: Searched
    evaluated: Evaluated
    planned: Planned
    plan: Plan
    tables: TableFiles
    stages: tuple[StageOutcome[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The page, and the parts of the run's JSON document besides stages, plan and the report's path."""

    html: str
    parts: dict[str, Any]


def write_report(told: Told) -> Written:
    """Put the page and the document together."""
    report = RunReport(
        title=f"{told.config.name}: the plan for the week from {_day(told.plan.settings.starts_on)}",
        subtitle=f"{told.plan.id}, version {told.plan.version}",
        plan=_plan(told),
        witness=_witness(told),
        caveats=_caveats(told),
        effects=_effects(told),
        policies=_policies(told),
        simulator=_simulator(told),
        profiles=_profiles(told),
        data=_data(told),
        making=_making(told),
    )
    return Written(html=render_run(report), parts={**_parts(told), "doubts": [doubt.to_json() for doubt in report.doubts]})


def run_text(parts: Mapping[str, Any], plan: Plan, report: Path) -> str:
    """Return the end of a run on a terminal: the policies, the plan, the path of the report."""
    from reports.terminal import WIDTH, doubts_text, plan_text, policies_text

    settings = plan.to_json()["settings"]
    policies = pd.DataFrame(parts["policies"])
    chosen = next((row["name"] for row in parts["policies"] if row["chosen"]), "")
    table = policies_text(
        policies,
        settings["currency"],
        chosen=chosen,
        baselines=[row["name"] for row in parts["policies"] if row["kind"] in BASELINES],
        weeks=parts["horizons"]["policy_weeks"],
    )
    reason = textwrap.fill(parts["choice"]["reason"], WIDTH)
    history = f"history: version {parts['data']['version']}, {parts['data']['digest'][:12]}"
    blocks = [table, reason, plan_text(plan.totals(), settings, plan.rows), doubts_text(parts["doubts"])]
    return "\n\n".join([*(block for block in blocks if block), f"{history}\nreport: {report}"])


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _parts(told: Told) -> dict[str, Any]:
    config = told.config
    return {
        "name": config.name,
        "currency": config.currency,
        "as_of": {
            "judged": config.as_of(config.n_fitting_periods).isoformat(),
            "plan": config.as_of(told.checked.panel.n_periods).isoformat(),
        },
        "horizons": {"effect_weeks": config.effect_horizon_weeks, "policy_weeks": config.policy_horizon_weeks},
        "data": data_document(told.checked),
        "effects": _all_effects(told),
        "effects_judged": effects_document(told.estimated.judged.model),
        "simulator": simulator_document(told.fitted),
        "search": search_document(told.searched),
        "policies": _policy_rows(told),
        "choice": {
            "name": told.evaluated.choice.name,
            "reason": told.evaluated.choice.reason,
            "beats_baselines": told.evaluated.choice.beats_baselines,
        },
        "off_policy": _off_policy(told),
    }


def _policy_rows(told: Told) -> list[dict[str, Any]]:
    """Return a row a policy, with the single action that it acts like where there is one."""
    twins = acts_like(told.evaluated.comparison.to_frame())
    return [{**row, "acts_like": twins.get(row["name"])} for row in policies_document(told.evaluated)]


def _all_effects(told: Told) -> list[dict[str, Any]]:
    """Return every action's effect as of the plan: estimated with a verdict, or assumed, as the ensemble draws it."""
    estimated = {row["action"]: row for row in effects_document(told.estimated.final.model)}
    rows = []
    for believed in told.planned.believed.to_dict(orient="records"):
        row = estimated[str(believed["action"])]
        used = {key: believed[key] for key in ("source", "estimate", "low", "high")}
        if row["verdict"] == "assumed":
            row.update({key: used[key] for key in ("estimate", "low", "high")})
        rows.append({**row, "used": used})
    return rows


def _off_policy(told: Told) -> dict[str, Any]:
    value = told.evaluated.off_policy
    if isinstance(value, PolicyValue):
        return {"estimate": value.estimate, "low": value.low, "high": value.high, "abstains": False}
    return {"abstains": True, "reason": value.reason}


def _caveats(told: Told) -> tuple[str | Doubt, ...]:
    """Return what the numbers leave out, a sentence each, and the settings that nobody vouched for."""
    lost = told.evaluated.comparison.outcome(told.evaluated.choice.name).opt_outs
    caveats: list[str | Doubt] = []
    if isinstance(told.evaluated.chosen, DoNothing):
        caveats.append(_nothing_pays(told))
    if len(told.plan.rows) and len(told.plan.holdout):
        caveats.append(
            "The policies were compared on everybody; the plan holds some users out, so that its budget reaches further."
        )
    if lost > 0.0:
        caveats.append(
            f"Under the chosen policy {lost:.1%} of the users ask for no more contact within "
            f"{told.config.policy_horizon_weeks} weeks. The policy's value counts what that costs within those weeks, the "
            "plan's increment does not."
        )
    if placeholders := told.config.origin.placeholders:
        told_lines = say_all(placeholders)
        lines = "; ".join(told_lines[:_MOST_PLACEHOLDERS])
        more = len(told_lines) - _MOST_PLACEHOLDERS
        words = (
            f"The configuration still holds {plural(len(placeholders), 'placeholder')} that nobody has vouched for, and "
            f"every amount rests on them: {lines}{f'; and {more} more' if more > 0 else ''}."
        )
        caveats.append(Doubt(kind="placeholders", words=words))
    return tuple(caveats)


def _nothing_pays(told: Told) -> Doubt:
    """Say what came closest to being worth it, and what would tell whether it is."""
    comparison = told.evaluated.comparison
    acting = [one for one in comparison.outcomes if one.contacts > 0.0]
    best = max(acting, key=lambda one: one.low, default=None)
    if best is None:
        return Doubt(
            kind="nothing pays", lead="Nothing is done.", words="The contact rules and consent let nobody be contacted."
        )
    weeks, currency = plural(comparison.weeks, "week"), told.config.currency
    words = (
        f"The surest policy, {best.name}, brings {money(best.value, currency)} per user over {weeks}, give or take "
        f"({interval(best.low, best.high)}).{_higher_bar(best.low, len(comparison.outcomes) - 1)} What is known of effects "
        "decides how sure it can be: the trials in the part on effects would tell more."
    )
    n_members = comparison.member_values.shape[1]
    if n_members < _FEW_MEMBERS:
        stretch = predictive_stretch(n_members, comparison.level)
        words += f" Only {n_members} simulators judge, which alone widens intervals {stretch:.1f} times (simulator.members)."
    return Doubt(kind="nothing pays", lead="Nothing is done.", words=words)


def _higher_bar(low: float, n_policies: int) -> str:
    """Say why an interval above zero may not be enough."""
    if low <= 0.0:
        return ""
    return (
        f" Alone that would do; the best of {n_policies} policies may be the luckiest, so that their bounds must hold together."
    )


_FEW_MEMBERS = 8  # by default; with fewer, the interval of so few is worth a word


def _plan(told: Told) -> PlanReport:
    return PlanReport(
        totals=told.plan.totals(),
        settings=told.plan.to_json()["settings"],
        rows=told.plan.rows,
        rows_file=f"the ledger (decision-engine plan show {told.plan.id} --json)",
        budget_curve=told.planned.budget_curve,
    )


def _witness(told: Told) -> WitnessReport | None:
    """Return what the two witnesses say of the chosen policy; nothing of doing nothing, which is what they measure against."""
    if isinstance(told.evaluated.chosen, DoNothing):
        return None
    outcome = told.evaluated.comparison.outcome(told.evaluated.choice.name)
    logged = _off_policy(told)
    return WitnessReport(
        policy=outcome.name,
        currency=told.config.currency,
        weeks=told.config.policy_horizon_weeks,
        level=told.config.interval_level,
        simulated=outcome.value,
        low=outcome.low,
        high=outcome.high,
        logged=logged.get("estimate"),
        logged_low=logged.get("low"),
        logged_high=logged.get("high"),
        abstention=str(logged.get("reason", "")),
    )


def _effects(told: Told) -> EffectsReport:
    model = told.estimated.final.model
    frame = pd.DataFrame(_all_effects(told))
    used = pd.DataFrame(list(frame.pop("used")))
    for name in ("source", "estimate", "low", "high"):
        frame[f"used_{name}"] = used[name]
    for name in ("estimate", "low", "high", "estimate_orders", "n_treated", "n_control"):
        frame[name] = pd.to_numeric(frame.get(name, pd.Series(dtype=float)), errors="coerce")
    frame["reasons"] = [tuple(reasons) for reasons in frame["reasons"]]
    return EffectsReport(
        effects=frame,
        currency=told.config.currency,
        horizon_weeks=told.config.effect_horizon_weeks,
        level=told.config.interval_level,
        checks=model.checks_frame(),
        experiments={e.action: e.experiment.summary() for e in model.effects if e.experiment is not None},
    )


def _policies(told: Told) -> PoliciesReport:
    comparison, trials = told.evaluated.comparison, told.searched.trials
    search = None
    if len(trials):
        best = trials.iloc[int(trials["value"].to_numpy().argmax())]
        settings = told.searched.settings.rule if best["kind"] == "rfm_rule" else told.searched.settings.greedy
        outcome = next((one for one in comparison.outcomes if one.kind == best["kind"]), None)
        search = SearchReport(
            n_trials=len(trials),
            best={str(best["kind"]): settings},
            policy="" if outcome is None else outcome.name,
            value_in_search=float(best["value"]),
            value_in_evaluation=None if outcome is None else outcome.value,
        )
    return PoliciesReport(
        policies=comparison.to_frame(),
        currency=told.config.currency,
        baselines=[one.name for one in comparison.outcomes if one.kind in BASELINES],
        chosen=told.evaluated.choice.name,
        reason=told.evaluated.choice.reason,
        weeks=comparison.weeks,
        n_users=comparison.n_users,
        level=comparison.level,
        search=search,
    )


def _simulator(told: Told) -> SimulatorReport | None:
    goodness = told.fitted.goodness
    if goodness is None:
        return None
    return simulator_report(goodness, told.config.currency)


def _profiles(told: Told) -> ProfilesReport:
    churn = told.profiled.churn
    recommendation = told.profiled.recommendation
    return ProfilesReport(
        segments=told.profiled.segments,
        churn=None
        if churn is None
        else ChurnReport(
            horizon_weeks=told.config.effect_horizon_weeks,
            n_users=churn.n_users,
            base_rate=churn.base_rate,
            brier=churn.brier,
            brier_of_base_rate=churn.brier_of_base_rate,
            brier_gain_error=churn.brier_gain_error,
            calibration_error=churn.calibration_error,
            auc=churn.auc,
            bins=churn.bins.to_frame(),
        ),
        recommendations=None if recommendation is None else recommendation.to_frame(),
        notes=told.profiled.notes,
        users_file=f"{told.tables.profiles.as_posix()} in the workspace",
    )


def _data(told: Told) -> DataReport:
    history = told.checked.history
    return DataReport(
        counts=history.counts,
        reasons=history.reasons(),
        tables=told.checked.quality.tables,
        summary=told.checked.quality.summary(),
        notes=(*history.notes, f"The history read is {history.version}."),
        quarantine_file=f"{told.tables.quarantine.as_posix()} in the workspace",
    )


def _making(told: Told) -> MakingReport:
    config = told.config
    return MakingReport(
        as_of=str(config.as_of(told.checked.panel.n_periods)),
        judged_as_of=str(config.as_of(config.n_fitting_periods)),
        seed=config.seed,
        stages=pd.DataFrame([{"name": s.name, "seconds": s.seconds, "cached": s.cached} for s in told.stages]),
        settings={
            "margin share": f"{config.margin_share:g} ({config.margin_source})",
            "effect horizon, weeks": config.effect_horizon_weeks,
            "policy horizon, weeks": config.policy_horizon_weeks,
            "interval level": config.interval_level,
            "weekly budget": config.campaign.budget,
            "holdout share": config.campaign.holdout_share,
            "contacts": f"at most {config.contact.max_contacts} in {config.contact.window_weeks} weeks",
            "simulators": f"{config.simulator.training_members} to train, {config.simulator.members} to judge",
        },
        versions=numeric_versions(),
        commands=(
            f"decision-engine run {config.origin.path.name if config.origin.path else 'CONFIG.yaml'}",
            f"decision-engine plan show {told.plan.id}",
            f"decision-engine plan approve {told.plan.id} --by SOMEBODY-ELSE",
            f"decision-engine plan export {told.plan.id}",
        ),
    )
