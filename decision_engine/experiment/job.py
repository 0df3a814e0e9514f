"""The main job on an experiment: check -> effects -> evaluate -> plan -> report. Nobody's life is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decision_engine.config.models import Config
from decision_engine.history import History
from decision_engine.planning import Ledger, Plan
from decision_engine.workspace import StageOutcome, digest_of

if TYPE_CHECKING:
    from decision_engine.experiment.check import CheckedTrial
    from decision_engine.experiment.effects import TrialEffects
    from decision_engine.experiment.evaluate import TrialPolicies
    from decision_engine.experiment.plan import TrialPlan
    from decision_engine.experiment.report import TrialWritten
    from decision_engine.pipeline import Stages

_ESTIMATING = ("experiment", "seed", "interval_level", "margin_share", "actions")
_CHOOSING = (*_ESTIMATING, "campaign")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialJob:
    """What a run on an experiment leaves: the plan as recorded, the page, and the parts of the JSON document."""

    plan: Plan
    html: str
    parts: dict[str, Any]


def run_trial(config: Config, stages: Stages, *, maker: str) -> TrialJob:
    """Run the stages of an experiment in a workspace that is held."""
    from decision_engine.experiment import check, effects, evaluate, plan

    history, checked = stages.run_check(
        "reading the experiment: groups, sizes, what was known before", config,
        lambda history: check.survey_trial(history, config), lambda survey, history: survey.of(history),
        room="experiment", settings=config.part("tables", *_ESTIMATING),
    )  # fmt: skip
    estimated: StageOutcome[TrialEffects] = stages.run(
        "effects", "what each action changes, on average and by user",
        lambda: effects.estimate_trial(checked.result.trial, checked.result.assignment, config),
        room="experiment", after=(checked,), settings=config.part(*_ESTIMATING),
    )  # fmt: skip
    evaluated: StageOutcome[TrialPolicies] = stages.run(
        "evaluate", "ways of choosing, judged by the experiment's own users",
        lambda: evaluate.compare_policies(checked.result.trial, checked.result.assignment, estimated.result, config),
        room="experiment", after=(checked, estimated), settings=config.part(*_CHOOSING),
    )  # fmt: skip
    planned: StageOutcome[TrialPlan] = stages.run(
        "plan", "who gets what",
        lambda: plan.plan_after_trial(checked.result.trial, estimated.result, evaluated.result, config),
        room="experiment", after=(checked, estimated, evaluated),
        settings=config.part(*_CHOOSING, "name", "currency", "margin_source"),
    )  # fmt: skip
    with Ledger(stages.workspace.ledger) as ledger:
        recorded = ledger.record(planned.result.plan, maker=maker)
    written = _tell(config, stages, history, (checked, estimated, evaluated, planned), recorded)
    return TrialJob(plan=recorded, html=written.result.html, parts=written.result.parts)


def _tell(
    config: Config,
    stages: Stages,
    history: History,
    done: tuple[StageOutcome[CheckedTrial], StageOutcome[TrialEffects], StageOutcome[TrialPolicies], StageOutcome[TrialPlan]],
    recorded: Plan,
) -> StageOutcome[TrialWritten]:
    from decision_engine.experiment import report
    from decision_engine.stages.tables import write_quarantine

    checked, estimated, evaluated, planned = done
    quarantine = write_quarantine(history, stages.workspace.root)
    return stages.run(
        "report", "the page that tells it all",
        lambda: report.write_trial_report(
            report.TrialTold(
                config=config, checked=checked.result, effects=estimated.result, policies=evaluated.result,
                planned=planned.result, plan=recorded, quarantine=quarantine, stages=done,
            )
        ),
        room="experiment", after=done, settings={},
        inputs=(digest_of(config.model_dump(mode="json")), str(recorded.version), history.reading),
    )  # fmt: skip
