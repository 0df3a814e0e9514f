"""`decision-engine run`: the main job."""

from __future__ import annotations

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, Workers, WorkspacePath
from decision_engine.cli.width import fold


def run(
    config: ConfigPath,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    json: AsJson = False,
    workers: Workers = None,
) -> None:
    """Do the main job: history to plan and report; stages that nothing changed are taken from the workspace."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.config.placeholders import warn_of
    from decision_engine.pipeline import run_main_job
    from decision_engine.progress import Progress
    from decision_engine.workspace import Workspace

    settings, progress = load_config(config), Progress()
    if warning := warn_of(settings.origin.placeholders, settings.origin.name):
        progress.say(fold(warning))
    outcome = run_main_job(settings, Workspace(workspace), workers=workers, progress=progress)
    if json:
        print_json(outcome.to_json())
    else:
        from reports.markup import printable

        typer.echo(printable(outcome.to_text()))
