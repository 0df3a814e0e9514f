"""`decision-engine check`: what the history holds, before anything is computed from it."""

from __future__ import annotations

import typer

from decision_engine.cli.options import AsJson, ConfigPath


def check(config: ConfigPath, json: AsJson = False) -> None:
    """Read everything the configuration names and say what was accepted, what was set aside and why."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.stages.check import check_history, data_document

    checked = check_history(load_config(config))
    if json:
        print_json(data_document(checked))
    else:
        typer.echo(checked.history.summary())
        typer.echo(checked.quality.summary())
