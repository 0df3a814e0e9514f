"""`decision-engine history`: the versions of the history that a workspace keeps."""

from __future__ import annotations

from typing import Annotated

import typer

from decision_engine.cli.options import DEFAULT_WORKSPACE, AsJson, ConfigPath, WorkspacePath


def history(
    config: ConfigPath,
    workspace: WorkspacePath = DEFAULT_WORKSPACE,
    version: Annotated[int | None, typer.Option(min=1, help="Show one version, with its files.", show_default=False)] = None,
    json: AsJson = False,
) -> None:
    """List what CONFIG's history was, version by version: rows, span, size, and what each changed against the one before."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import load_config
    from decision_engine.history import HistoryStore
    from decision_engine.workspace import Workspace

    store = HistoryStore(Workspace(workspace).history)
    name = load_config(config).name
    versions = store.versions(name) if version is None else [store.version(version)]
    if json:
        print_json({"name": name, "versions": [one.to_json() for one in versions]})
    elif not versions:
        typer.echo(f"Workspace {workspace} keeps no history of {name!r} yet; `decision-engine run {config}` reads one.")
    else:
        for one in versions:
            typer.echo(one.summary())
            if version is not None:
                for table in one.rows:
                    typer.echo(f"  {table}: {one.tables().path(table)}")
        typer.echo(f"{sum(one.megabytes for one in versions):,.1f} MB in total, below {store.folder}.")
