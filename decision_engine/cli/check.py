"""`decision-engine check`: what the history holds, before anything is computed from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, WorkspacePath


def check(
    config: ConfigPath,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Where to write the page with pictures; else into the workspace.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Read everything the configuration names: what was accepted, what was set aside and why, and what it can support."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.stages.check import check_history
    from decision_engine.stages.check_page import check_report
    from decision_engine.stages.check_words import check_document, check_text, judge
    from reports import render_check
    from reports.markup import printable

    settings = load_config(config)
    path = page or workspace / "reports" / f"check-{_file_name(settings.name)}.html"
    if settings.experiment is not None:
        from decision_engine.experiment.check import check_trial, trial_check_document, trial_check_text
        from decision_engine.experiment.check_page import trial_check_report
        from reports import render_trial_check

        trial = check_trial(settings)
        _write(path, render_trial_check(trial_check_report(trial, settings)))
        if json:
            print_json({**trial_check_document(trial, settings), "page": str(path)})
        else:
            typer.echo(f"{printable(trial_check_text(trial, settings))}\npage: {path}")
        return
    checked = check_history(settings)
    judged = judge(checked, settings)
    _write(path, render_check(check_report(checked, judged, settings)))
    if json:
        print_json({**check_document(checked, judged, settings), "page": str(path)})
    else:
        typer.echo(f"{printable(check_text(checked, judged, settings))}\npage: {path}")


def _file_name(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower()).strip("-")[:60] or "history"


def _write(path: Path, html: str) -> None:
    from decision_engine.durable import write_atomically
    from simulations.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, html.encode())
    except OSError as error:
        raise InputError(f"{path}: the page cannot be written ({error.strerror}); choose another place with --page.") from None
