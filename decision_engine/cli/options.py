"""Options that several commands share, with their words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigPath = Annotated[Path, typer.Argument(help="The YAML configuration.", show_default=False)]
WorkspacePath = Annotated[Path, typer.Option("--workspace", "-w", help="Folder for everything the command writes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; everything else goes to stderr.")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Processes for the search; 0 runs it in this one. The plan is the same.", show_default=False),
]
DEFAULT_WORKSPACE = Path("workspace")


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    import json

    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str, allow_nan=False))
