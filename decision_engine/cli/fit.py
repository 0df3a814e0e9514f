"""`decision-engine fit`: the simulators, and a card that says what they are worth."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, WorkspacePath
from decision_engine.cli.width import fold


def fit(
    config: ConfigPath,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Also judge the bands at eight points of the history; takes eight more fits.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Fit the simulators and write their card: how they forecast weeks they did not see, and how alike their lives are."""
    from decision_engine.card_job import run_card_job
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.progress import Progress
    from decision_engine.workspace import Workspace

    done = run_card_job(load_config(config), Workspace(workspace), rolling=rolling, progress=Progress())
    if json:
        print_json(done.document)
    else:
        typer.echo(f"{done.text}\n{fold(f'card: {done.page} and {done.json.name}')}")
