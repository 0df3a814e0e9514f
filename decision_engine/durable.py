"""Files that appear complete or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import os
from pathlib import Path


def sync_and_rename(partial: Path, path: Path) -> None:
    """Make a written file durable, then give it its name: readers see the old file or the new one, never half of one."""
    with partial.open("rb+") as handle:
        os.fsync(handle.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file under a temporary name, sync it and rename it; where that fails nothing is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        sync_and_rename(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
