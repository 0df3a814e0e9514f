"""`decision-engine init`: a first configuration, written by looking at files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from decision_engine.cli.options import AsJson

_GAP = ': "NULL"'


def init(
    files: Annotated[
        list[str],
        typer.Argument(help="Files (CSV, TSV, JSON lines, Parquet, Excel, packed or not), patterns, or database URLs."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the configuration.")] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: the best guess stands.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a configuration that is there.")] = False,
    json: AsJson = False,
) -> None:
    """Look at FILES, guess what their columns mean, and write OUT/config.yaml: commented, ready for `check`."""
    from decision_engine.cli.options import print_json
    from decision_engine.cli.width import fold
    from decision_engine.config.placeholders import FILL_IN, find_placeholders, say_all
    from decision_engine.history.starter import write_starter
    from reports.numbers import plural
    from simulations.errors import ConfigError

    path = out / "config.yaml"
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; name another folder as --out, or say --force.")
    asking = not yes and not json and sys.stdin.isatty()
    starter = write_starter(files, path, _ask if asking else None)
    if json:
        print_json(
            {
                "config": str(path),
                "to_fill_in": list(starter.to_fill_in),
                "not_found": list(starter.not_found),
                "decisions": list(starter.decisions),
                "taken": list(starter.taken),
                "key_variable": starter.key_variable,
                "is_readable": starter.is_readable,
            }
        )
        return
    typer.echo(f"Written: {path}")
    marked = find_placeholders(starter.text)
    for line in (
        *(f"  {'answered' if asking else 'decided'}: {decision}" for decision in starter.decisions),
        *(f"  taken: {words}" for words in starter.taken),
        *(f"  not found: {words}" for words in starter.not_found),
        f"To fill in, marked {FILL_IN} in the file: {plural(len(marked), 'line')}",
        *(f"  {told}" for told in say_all(marked)),
    ):
        typer.echo(fold(line))
    if not starter.is_readable:
        gaps = [str(one.line) for one in marked if _GAP in one.written]
        lines = f"fill in line{'s' * (len(gaps) > 1)} {', '.join(gaps)}" if gaps else "mend what was not found"
        typer.echo(fold(f"First: {lines}; as it stands, {path} cannot be read"))
    if starter.key_variable is not None:
        typer.echo(f"First: export {starter.key_variable}=<a secret of 16 or more signs>, the key for pseudonyms")
    typer.echo(f"Next: decision-engine check {path}")


def _ask(question: str, options: Sequence[str]) -> int:
    typer.echo(question)
    for number, option in enumerate(options, start=1):
        typer.echo(f"  {number}. {option}")
    answer: int = typer.prompt("Which", default=1, type=int)
    return min(max(answer, 1), len(options)) - 1
