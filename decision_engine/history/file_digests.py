"""Digests of files, remembered between runs.

A file is hashed once: as long as its place, size, times and inode stay, its digest is taken from a cache in the workspace. A
file that changed within the last seconds is hashed each time, because a later change might leave its times as they are.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from decision_engine.durable import write_atomically
from simulations.errors import HistoryError

FRESH_SECONDS = 3.0  # a change this recent may be followed by another that no time tells


class FileDigests:
    """SHA-256 of files by content, remembered for files that did not change.

    Parameters
    ----------
    cache : Path, optional
        Where digests are kept between runs; without one they are kept as long as this object.
    fresh_seconds : float
        Age below which a change of a file is too recent for its digest to be remembered.
    """

    def __init__(self, cache: Path | None = None, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._cache = cache
        self._fresh_ns = int(fresh_seconds * 1e9)
        self._known: dict[str, list[object]] = {}
        self._changed = False
        if cache is not None and cache.is_file():
            try:
                loaded = json.loads(cache.read_text(encoding="utf-8"))
            except ValueError:  # a damaged cache costs time and nothing else
                loaded = {}
            self._known = loaded if isinstance(loaded, dict) else {}

    def digest(self, path: Path) -> str:
        """Return a file's digest.

        Raises
        ------
        HistoryError
            If the file cannot be read.
        """
        place = str(path.absolute())
        try:
            before = _identity(path)
            known = self._known.get(place)
            if isinstance(known, list) and known[:-1] == before:
                return str(known[-1])
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            fresh = time.time_ns() - max(path.stat().st_mtime_ns, path.stat().st_ctime_ns) < self._fresh_ns
            if _identity(path) == before and not fresh:
                self._known[place] = [*before, found]
                self._changed = True
        except OSError as error:
            raise HistoryError(f"{path} cannot be read: {error.strerror}.") from None
        return found

    def save(self) -> None:
        """Write down what is known; digests of files that are gone are forgotten."""
        if self._cache is None or not self._changed:
            return
        kept = {place: known for place, known in self._known.items() if Path(place).is_file()}
        write_atomically(self._cache, json.dumps(kept, indent=0, sort_keys=True).encode())
        self._changed = False


def _identity(path: Path) -> list[object]:
    """Return what changes when a file does: size, times, and where it lies on which disk."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev]
