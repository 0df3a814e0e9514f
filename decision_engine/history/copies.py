"""Copies: files of one pattern that hold the same bytes, of which only the first is read."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from simulations.errors import HistoryError


def copies_among(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the files that are copies of an earlier one, and which; only files of one size are read for it.

    Raises
    ------
    HistoryError
        If a file cannot be read.
    """
    same_size: dict[int, list[Path]] = defaultdict(list)
    copies: dict[Path, Path] = {}
    try:
        for path in paths:
            if path.is_file() and (size := path.stat().st_size):
                same_size[size].append(path)
        for alike in same_size.values():
            first: dict[bytes, Path] = {}
            for path in alike if len(alike) > 1 else ():
                original = first.setdefault(_digest(path), path)
                if original is not path:
                    copies[path] = original
    except OSError as error:
        raise HistoryError(f"{error.filename} cannot be read: {error.strerror}.") from None
    return copies


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
