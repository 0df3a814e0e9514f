"""Copies: files of one pattern that hold the same bytes, of which only the first is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from decision_engine.history.file_digests import FileDigests
from simulations.errors import HistoryError


def copies_among(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the files that are copies of an earlier one, and which; only files of one size are read for it.

    Raises
    ------
    HistoryError
        If a file cannot be read.
    """
    try:
        sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    except OSError as error:
        raise HistoryError(f"{error.filename} cannot be read: {error.strerror}.") from None
    n_alike, digests = Counter(sizes.values()), FileDigests()
    first: dict[str, Path] = {}
    copies: dict[Path, Path] = {}
    for path, size in sizes.items():
        if size and n_alike[size] > 1 and (original := first.setdefault(digests.digest(path), path)) is not path:
            copies[path] = original
    return copies
