"""`decision-engine check`: what the history holds, before anything is computed from it."""

from __future__ import annotations

import typer

from decision_engine.cli.options import AsJson, ConfigPath


def check(config: ConfigPath, json: AsJson = False) -> None:
    """Read everything the configuration names: what was accepted, what was set aside and why, and what it can support."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.stages.check import check_document, check_history, check_text

    settings = load_config(config)
    if settings.experiment is not None:
        from decision_engine.experiment.check import check_trial, trial_check_document, trial_check_text

        trial = check_trial(settings)
        if json:
            print_json(trial_check_document(trial))
        else:
            typer.echo(trial_check_text(trial))
        return
    checked = check_history(settings)
    if json:
        print_json(check_document(checked, settings))
    else:
        typer.echo(check_text(checked, settings))
