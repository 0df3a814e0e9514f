"""The job behind `simulate`: `check`, `effects` and `fit` as in the main job, then lives under policies and a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_engine.card_job import file_name
from decision_engine.config.models import Config
from decision_engine.durable import write_atomically
from decision_engine.pipeline import FITTING, Stages, check_stage, fit_stages, single_threaded
from decision_engine.policy_names import check_policies
from decision_engine.progress import Progress
from decision_engine.scenario import Scenario
from decision_engine.workspace import StageOutcome, Workspace, digest_of
from simulations.errors import InputError

if TYPE_CHECKING:
    from decision_engine.stages.simulate import Simulated


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateJob:
    """What a simulation leaves: its document, its words, and the Parquet file of its weeks."""

    document: dict[str, Any]
    text: str
    file: Path


def run_simulate_job(
    config: Config,
    scenario: Scenario,
    workspace: Workspace,
    *,
    policies: tuple[str, ...],
    n_users: int | None,
    weeks: int | None,
    out: Path | None,
    progress: Progress,
) -> SimulateJob:
    """Fit the simulators in a workspace, or take them from it, and let users live.

    Parameters
    ----------
    weeks : int, optional
        `policy_horizon_weeks` where left out.
    out : Path, optional
        The Parquet file; one in the workspace where left out.

    Raises
    ------
    InputError
        If the history cannot be used, the configuration is of an experiment, or a policy or an action is not there.
    """
    from decision_engine.config.findings import raise_findings
    from decision_engine.history import check_sources

    if config.experiment is not None:
        raise InputError(
            f"{config.origin.name}: an experiment, one row a user, has no history and no simulator; "
            f"`decision-engine run {config.origin.name}` compares policies on it."
        )
    usual, config = config, scenario.of_config(config)
    check_policies(config, policies)  # before anything is fitted
    scenario.check_weeks(weeks or config.policy_horizon_weeks)
    if not workspace.root.exists():
        raise_findings(check_sources(config), config.origin)
    with workspace.locked(), single_threaded():
        return _run(usual, config, scenario, Stages(workspace, progress), policies, n_users, weeks, out)


def _run(
    usual: Config,
    config: Config,
    scenario: Scenario,
    stages: Stages,
    policies: tuple[str, ...],
    n_users: int | None,
    weeks: int | None,
    out: Path | None,
) -> SimulateJob:
    from decision_engine.stages import simulate
    from reports.simulation import simulation_text

    _, checked = check_stage(config, stages)
    _, fitted = fit_stages(config, stages, checked)
    length = weeks or config.policy_horizon_weeks
    asked = [list(policies), n_users, length, repr(scenario)]
    lived: StageOutcome[Simulated] = stages.run(
        "simulate", "users who live under each policy",
        lambda: simulate.simulate(
            checked.result.panel, fitted.result, config, scenario, policies=policies, n_users=n_users, weeks=length,
            on_step=partial(stages.progress.step, "lives"),
        ),
        after=(checked, fitted), inputs=(digest_of(asked),),
        settings=config.part(*FITTING, "policy_horizon_weeks", "campaign", "policies"),
    )  # fmt: skip
    path = out or stages.workspace.reports / f"simulation-{file_name(config.name)}-{lived.key[:12]}.parquet"
    write_parquet(path, lived.result)
    assumed = scenario.sentences(usual.campaign.budget, config.currency)
    document = simulate.simulate_document(lived.result, assumed, config.currency)
    text = simulation_text(
        lived.result.comparison.to_frame(),
        lived.result.weekly,
        config.currency,
        n_users=lived.result.n_users,
        weeks=length,
        level=config.interval_level,
        assumed=assumed,
    )
    return SimulateJob(document={**document, "weekly": str(path)}, text=text, file=path)


def write_parquet(path: Path, simulated: Simulated) -> None:
    """Write the weeks: a row a policy, week and quantity."""
    from io import BytesIO

    buffer = BytesIO()
    simulated.weekly.to_parquet(buffer, index=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written ({error.strerror or error}); name another file.") from None
