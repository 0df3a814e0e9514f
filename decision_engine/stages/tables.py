"""Tables that a run leaves beside its report: everybody's profile, the shortlists, and the rows that were set aside.

They are for people and their spreadsheets: text that looks like a formula is defused. Each is named after the stage that it
comes from, so that a table never changes under a report that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from decision_engine.durable import write_atomically
from decision_engine.history import History
from decision_engine.planning.export import safe_text
from decision_engine.profiles import Profiles
from decision_engine.stages.check import Checked
from decision_engine.workspace import StageOutcome

_KEY = 12  # characters of a stage's key in a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFiles:
    """Paths of the tables, relative to the workspace."""

    profiles: Path
    shortlists: Path
    quarantine: Path


def write_tables(checked: StageOutcome[Checked], profiled: StageOutcome[Profiles], workspace: Path) -> TableFiles:
    """Write what is not there yet into the workspace's folder `tables`; results are read only where that is needed."""
    files = TableFiles(
        profiles=Path("tables", f"profiles-{profiled.key[:_KEY]}.csv"),
        shortlists=Path("tables", f"shortlists-{profiled.key[:_KEY]}.csv"),
        quarantine=write_quarantine(checked.key, lambda: checked.result.history, workspace),
    )
    _write_once(workspace / files.profiles, lambda: profiled.result.users)
    _write_once(workspace / files.shortlists, lambda: profiled.result.shortlists)
    return files


def write_quarantine(key: str, history: Callable[[], History], workspace: Path) -> Path:
    """Write the rows that were set aside, if they are not there yet; return the file's path in the workspace.

    Parameters
    ----------
    key : str
        Of the stage that read the history.
    """
    file = Path("tables", f"quarantine-{key[:_KEY]}.csv")
    _write_once(workspace / file, lambda: history().quarantine)
    return file


def _write_once(path: Path, frame: Callable[[], pd.DataFrame]) -> None:
    if not path.exists():
        write_atomically(path, _csv(frame()))


def _csv(frame: pd.DataFrame) -> bytes:
    texts = {name: frame[name].map(_cell) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])}
    return frame.assign(**texts).to_csv(index=False, lineterminator="\n").encode()


def _cell(value: object) -> object:
    if isinstance(value, tuple | list):
        value = "; ".join(str(part) for part in value)
    return safe_text(value) if isinstance(value, str) else value
