"""Content: what a configuration's sources hold, told by digests of their bytes and not by their names or times.

A file is hashed once: as long as its place, size, times and inode stay, its digest is taken from a cache in the workspace. A
file that changed within the last seconds is hashed each time, because a later change might leave its times as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_engine.config.models import Config
from decision_engine.durable import write_atomically
from decision_engine.history.databases import Answer, store_answer
from decision_engine.history.sources import used_sources
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


def ask_databases(config: Config, folder: Path) -> dict[str, Answer]:
    """Ask every database that a configuration reads, once; the answers lie in `folder`.

    Raises
    ------
    ConfigError, HistoryError
        If a database cannot be reached or refuses its query, with the place in the configuration.
    """
    answers: dict[str, Answer] = {}
    for name in used_sources(config):
        settings = config.sources[name]
        if settings.database is not None:
            try:
                answers[name] = store_answer(settings.database, str(settings.query), folder / f"answer {len(answers)}.parquet")
            except HistoryError as error:
                raise HistoryError(f"{config.origin.where(('sources', name))}: {error}") from None
    return answers


def digest_sources(config: Config, digests: FileDigests | None = None, answers: Mapping[str, Answer] | None = None) -> str:
    """Return the SHA-256 of everything the sources hold and how they are mapped: the key of what is made from them.

    What files are called does not count, only what they hold and in which order a pattern finds them. An absent optional file
    counts as none.

    Parameters
    ----------
    digests : FileDigests, optional
        Digests that are known already.
    answers : mapping of str to Answer, optional
        What databases answered; they are asked where left out.
    """
    with ExitStack() as stack:
        if answers is None:
            answers = ask_databases(config, Path(stack.enter_context(TemporaryDirectory(prefix="decision-engine-"))))
        digest = hashlib.sha256()
        for part in _parts(config, digests or FileDigests(), answers):
            digest.update(part + b"\n")
    return digest.hexdigest()


def _parts(config: Config, digests: FileDigests, answers: Mapping[str, Answer]) -> Iterator[bytes]:
    yield config.tables.model_dump_json().encode()
    variable = config.privacy.pseudonym_key
    yield hashlib.sha256(f"{variable} {os.environ.get(variable or '', '')}".encode()).digest()
    yield config.time.model_dump_json(exclude={"last_fitting_period"}).encode()
    yield repr(config.action_set().names).encode()  # exposures to others are set aside
    if config.experiment is not None:
        yield repr(config.experiment.outcomes).encode()  # they are numbers; other columns are text
    for name in used_sources(config):
        settings = config.sources[name]
        yield f"source {name} {settings.model_dump_json(exclude={'file', 'package', 'database', 'query'})}".encode()
        if settings.database is not None:
            yield answers[name].digest.encode()
            continue
        for path in settings.paths(config.origin.folder):
            yield f"file {settings.format_by_name(path)} {path.suffix.lower() == '.gz'} {digests.digest(path)}".encode()
