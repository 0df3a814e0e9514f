"""Tables that a run leaves beside its report: everybody's profile, the shortlists, and the rows that were set aside.

They are for people and their spreadsheets: text that looks like a formula is defused. Each is named after what it is made of,
so that a table never changes under a report that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from decision_engine.durable import sync_and_rename
from decision_engine.history import History
from decision_engine.planning.export import safe_text
from decision_engine.profiles import Profiles
from decision_engine.workspace import StageOutcome

_KEY = 12  # characters of a stage's key in a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFiles:
    """Paths of the tables, relative to the workspace."""

    profiles: Path
    shortlists: Path
    quarantine: Path


def write_tables(history: History, profiled: StageOutcome[Profiles], workspace: Path) -> TableFiles:
    """Write what is not there yet into the workspace's folder `tables`; results are read only where that is needed."""
    files = TableFiles(
        profiles=Path("tables", f"profiles-{profiled.key[:_KEY]}.csv"),
        shortlists=Path("tables", f"shortlists-{profiled.key[:_KEY]}.csv"),
        quarantine=write_quarantine(history, workspace),
    )
    _write_once(workspace / files.profiles, lambda: profiled.result.users)
    _write_once(workspace / files.shortlists, lambda: profiled.result.shortlists)
    return files


def write_quarantine(history: History, workspace: Path) -> Path:
    """Write the rows that were set aside, if they are not there yet; return the file's path in the workspace."""
    file = Path("tables", f"quarantine-{history.aside.digest[:_KEY]}.csv")
    _write_parts_once(workspace / file, lambda: history.aside.parts())
    return file


def _write_once(path: Path, frame: Callable[[], pd.DataFrame]) -> None:
    _write_parts_once(path, lambda: iter((frame(),)))


def _write_parts_once(path: Path, parts: Callable[[], Iterator[pd.DataFrame]]) -> None:
    """Write frames of the same columns one after another, of which one at a time is in memory."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as out:
        for number, frame in enumerate(parts()):
            out.write(_csv(frame, header=number == 0))
    sync_and_rename(partial, path)


def _csv(frame: pd.DataFrame, *, header: bool) -> bytes:
    texts = {name: frame[name].map(_cell) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])}
    return frame.assign(**texts).to_csv(index=False, header=header, lineterminator="\n").encode()


def _cell(value: object) -> object:
    if isinstance(value, tuple | list):
        value = "; ".join(str(part) for part in value)
    return safe_text(value) if isinstance(value, str) else value
