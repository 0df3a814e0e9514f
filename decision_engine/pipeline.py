"""The main job: a history becomes a plan and a report, stage by stage, each taken from the workspace where nothing changed.

    check -> profile -> effects -> fit -> search -> evaluate -> plan -> report

Judging stages see only the fitting weeks; `effects` and `fit` then do their work once more on the whole history for the plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from decision_engine.config.findings import raise_findings
from decision_engine.config.models import Config
from decision_engine.durable import write_atomically
from decision_engine.history import HistoryStore, check_sources
from decision_engine.planning import Ledger, Plan
from decision_engine.planning.approval import login_name
from decision_engine.progress import Progress
from decision_engine.workspace import StageOutcome, Workspace, digest_of

if TYPE_CHECKING:
    from decision_engine.history import History
    from decision_engine.profiles import Profiles
    from decision_engine.stages.check import Checked
    from decision_engine.stages.effects import Estimated
    from decision_engine.stages.evaluate import Evaluated
    from decision_engine.stages.fit import Fitted
    from decision_engine.stages.plan import Planned
    from decision_engine.stages.report import Written
    from decision_engine.stages.search import Searched

Result = TypeVar("Result")
Found = TypeVar("Found")


@dataclass(slots=True)
class Stages:
    """The stages of one run, in the order in which they ran."""

    workspace: Workspace
    progress: Progress
    done: list[StageOutcome[Any]] = field(default_factory=list)

    def run(
        self,
        name: str,
        about: str,
        compute: Callable[[], Result],
        *,
        after: tuple[StageOutcome[Any], ...] = (),
        inputs: tuple[str, ...] = (),
        settings: dict[str, Any],
        room: str = "stages",
    ) -> StageOutcome[Result]:
        """Run a stage, or take what is stored of it, and remember how long it took; `room` is the folder of its module."""
        keys = (*(stage.key for stage in after), *inputs)
        with self.progress.stage(name, about):
            outcome = self.workspace.stage(
                name, compute, inputs=keys, settings=settings, module=f"decision_engine.{room}.{name}"
            )
        self.done.append(outcome)
        return outcome

    def run_check(
        self,
        about: str,
        config: Config,
        survey: Callable[[History], Found],
        together: Callable[[Found, History], Result],
        *,
        settings: dict[str, Any],
        room: str = "stages",
    ) -> tuple[History, StageOutcome[Result]]:
        """Read the history, or take the version that the workspace keeps; what is found in it depends on its rows alone."""
        with self.progress.stage("check", about):
            began = time.perf_counter()
            history = HistoryStore(self.workspace.history).open(config)
            found = self.workspace.stage(
                "check", lambda: survey(history),
                inputs=(history.digest,), settings=settings, module=f"decision_engine.{room}.check",
            )  # fmt: skip
            checked = found.then(lambda survey: together(survey, history))
            checked.seconds, checked.cached = time.perf_counter() - began, found.cached and history.was_kept
        self.done.append(checked)
        return history, checked


@dataclass(frozen=True, slots=True, kw_only=True)
class MainJob:
    """What a run leaves: the plan, the report's path, and the documents that `--json` and the terminal print."""

    plan: Plan
    report: Path
    stages: tuple[StageOutcome[Any], ...]
    parts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the run's one JSON document; docs/run.md lists its keys."""
        timings = [{"name": s.name, "seconds": round(s.seconds, 3), "cached": s.cached} for s in self.stages]
        first = {"assignment": self.parts["assignment"]} if "assignment" in self.parts else {}  # of an experiment
        return {**first, "stages": timings, **self.parts, "plan": self.plan.totals(), "report": str(self.report)}

    def to_text(self) -> str:
        """Return what the terminal shows at the end: the policies, the plan, and where the report is."""
        if "assignment" in self.parts:
            from decision_engine.experiment.report import trial_text

            return trial_text(self.parts, self.plan, self.report)
        from decision_engine.stages.report import run_text

        return run_text(self.parts, self.plan, self.report)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Hold numeric libraries to one thread, so that no sum's order, and no result, depends on the number of cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def run_main_job(
    config: Config, workspace: Workspace, *, workers: int | None = None, maker: str | None = None, progress: Progress
) -> MainJob:
    """Run the main job in a workspace.

    Parameters
    ----------
    workers : int, optional
        Processes of the search; the configuration's where left out. No result depends on it.
    maker : str, optional
        Who answers for the plan in the ledger; the login name where left out.

    Raises
    ------
    InputError
        If the history cannot be used, or another process holds the workspace.
    """
    if not workspace.root.exists():  # what is wrong with the input is told before a folder is made
        raise_findings(check_sources(config), config.origin)
    with workspace.locked(), single_threaded():
        return _run(
            config, Stages(workspace, progress), config.search.workers if workers is None else workers, maker or login_name()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learned:
    """Stages that say what the history holds and how the users live."""

    history: History
    checked: StageOutcome[Checked]
    profiled: StageOutcome[Profiles]
    estimated: StageOutcome[Estimated]
    fitted: StageOutcome[Fitted]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """Stages that choose a policy and make the plan."""

    searched: StageOutcome[Searched]
    evaluated: StageOutcome[Evaluated]
    planned: StageOutcome[Planned]


_TIME = ("time", "seed", "effect_horizon_weeks", "interval_level")
FITTING = (*_TIME, "margin_share", "actions", "contact", "service", "simulator")  # what the simulators depend on
_CHOOSING = (*_TIME, "policy_horizon_weeks", "margin_share", "actions", "contact", "campaign", "policies")


def check_stage(config: Config, stages: Stages) -> tuple[History, StageOutcome[Checked]]:
    """Read the history and say what it holds; stop where no simulator could be fitted."""
    from decision_engine.stages import check

    history, checked = stages.run_check(
        "reading and validating the history", config,
        lambda history: check.survey(history, config), lambda found, history: found.of(history),
        settings=config.part("time", "actions", "service"),
    )  # fmt: skip
    check.refuse_hopeless(checked.result, config)
    return history, checked


def fit_stages(
    config: Config, stages: Stages, checked: StageOutcome[Checked]
) -> tuple[StageOutcome[Estimated], StageOutcome[Fitted]]:
    """Estimate what each action changes, then fit the simulators."""
    from decision_engine.stages import effects, fit

    estimated: StageOutcome[Estimated] = stages.run(
        "effects", "what each action changes, and whether the data can tell",
        lambda: effects.estimate(checked.result.panel, checked.result.history, config),
        after=(checked,), settings=config.part(*_TIME, "margin_share", "actions"),
    )  # fmt: skip
    fitted: StageOutcome[Fitted] = stages.run(
        "fit", "simulators of the users, judged on weeks they did not see",
        lambda: fit.fit_simulators(checked.result.panel, estimated.result, config),
        after=(checked, estimated), settings=config.part(*FITTING),
    )  # fmt: skip
    return estimated, fitted


def _learn(config: Config, stages: Stages) -> _Learned:
    from decision_engine.stages import profile

    history, checked = check_stage(config, stages)
    profiled: StageOutcome[Profiles] = stages.run(
        "profile", "states, segments, churn and interests of each user", lambda: profile.profile(checked.result, config),
        after=(checked,), settings=config.part(*_TIME, "margin_share"),
    )  # fmt: skip
    estimated, fitted = fit_stages(config, stages, checked)
    return _Learned(history=history, checked=checked, profiled=profiled, estimated=estimated, fitted=fitted)


def _decide(config: Config, stages: Stages, learned: _Learned, workers: int) -> _Decided:
    from decision_engine.stages import evaluate, plan, search

    checked, fitted = learned.checked, learned.fitted
    choosing = config.part(*_CHOOSING)
    searched: StageOutcome[Searched] = stages.run(
        "search", "settings of the policies, on training simulators",
        lambda: search.search_settings(
            checked.result.panel, fitted.result, config,
            key=digest_of([checked.key, fitted.key, choosing, config.search.users]),
            workers=workers, folder=stages.workspace.root / "studies",
            on_step=partial(stages.progress.step, "trials"),
        ),
        after=(checked, fitted), settings={**choosing, "trials": config.search.trials, "users": config.search.users},
    )  # fmt: skip
    evaluated: StageOutcome[Evaluated] = stages.run(
        "evaluate", "every policy beside doing nothing, on simulators none has seen",
        lambda: evaluate.evaluate(
            checked.result.panel, checked.result.history, fitted.result, searched.result.settings, config,
            on_step=partial(stages.progress.step, "policies"),
        ),
        after=(checked, fitted, searched), settings=choosing,
    )  # fmt: skip
    planned: StageOutcome[Planned] = stages.run(
        "plan", "who gets what in the coming week",
        lambda: plan.plan_week(
            checked.result.panel, checked.result.history.tables.get("exposures"),
            fitted.result, evaluated.result, searched.result.settings, config,
        ),
        after=(checked, fitted, searched, evaluated),
        settings={**choosing, **config.part("name", "currency", "margin_source")},
    )  # fmt: skip
    return _Decided(searched=searched, evaluated=evaluated, planned=planned)


def _tell(config: Config, stages: Stages, learned: _Learned, decided: _Decided, recorded: Plan) -> StageOutcome[Written]:
    from decision_engine.stages import report, tables

    files = tables.write_tables(learned.history, learned.profiled, stages.workspace.root)
    before = tuple(stages.done)
    return stages.run(
        "report", "the page that tells it all",
        lambda: report.write_report(
            report.Told(
                config=config, checked=learned.checked.result, profiled=learned.profiled.result,
                estimated=learned.estimated.result, fitted=learned.fitted.result, searched=decided.searched.result,
                evaluated=decided.evaluated.result, planned=decided.planned.result,
                plan=recorded, tables=files, stages=before,
            )
        ),
        after=before, settings={},
        inputs=(
            digest_of([config.model_dump(mode="json"), [line.say() for line in config.origin.placeholders]]),
            str(recorded.version), learned.history.reading,
        ),
    )  # fmt: skip


def _run(config: Config, stages: Stages, workers: int, maker: str) -> MainJob:
    if config.experiment is not None:
        return _run_experiment(config, stages, maker)
    learned = _learn(config, stages)
    decided = _decide(config, stages, learned, workers)
    with Ledger(stages.workspace.ledger) as ledger:
        recorded = ledger.record(decided.planned.result.plan, maker=maker)
    written = _tell(config, stages, learned, decided, recorded)
    return _job(stages, recorded, written.result.html, written.result.parts)


def _run_experiment(config: Config, stages: Stages, maker: str) -> MainJob:
    """Run the shorter road of an experiment; see `decision_engine.experiment`."""
    from decision_engine.experiment.job import run_trial

    done = run_trial(config, stages, maker=maker)
    return _job(stages, done.plan, done.html, done.parts)


def _job(stages: Stages, plan: Plan, html: str, parts: dict[str, Any]) -> MainJob:
    page = stages.workspace.reports / f"{plan.id}.html"
    write_atomically(page, html.encode())
    return MainJob(plan=plan, report=page, stages=tuple(stages.done), parts=parts)
