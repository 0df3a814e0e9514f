"""The workspace: where a run keeps its stages' artifacts, so that a second run redoes only what changed.

A stage's key is a hash of its inputs' keys, its settings, the source that it runs and the versions of the numeric libraries.
An artifact is written under a temporary name, synced and renamed, and carries the digest of its bytes: one that is missing, cut
short or altered is computed again. One process at a time holds the workspace's lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pickle
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Generic, TypeVar

from decision_engine.durable import sync_and_rename, write_atomically
from decision_engine.source import digest_of_module
from simulations.errors import ArtifactError, InputError

Result = TypeVar("Result")
Other = TypeVar("Other")

_NUMERIC = ("numpy", "scipy", "pandas", "numba", "scikit-learn", "lightgbm", "interpret-core", "econml", "dowhy", "torch",
            "stable-baselines3", "sb3-contrib", "gymnasium", "optuna", "duckdb", "pyarrow")  # fmt: skip


def digest_of(value: object) -> str:
    """Return a digest of plain data (numbers, text, lists, mappings), the same whatever the order of a mapping's keys."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's content, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def numeric_versions() -> dict[str, str]:
    """Return the versions of the libraries whose numbers reach a result."""
    versions = {}
    for name in _NUMERIC:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return versions


@dataclass(slots=True)
class StageOutcome(Generic[Result]):
    """What a stage left: its key for the stages after it, how long it took, and its result, read when first asked for."""

    name: str
    key: str
    seconds: float
    cached: bool
    _load: Callable[[], Result]
    _result: list[Result] = field(default_factory=list)

    @property
    def result(self) -> Result:
        """The stage's result."""
        if not self._result:
            self._result.append(self._load())
        return self._result[0]

    def then(self, finish: Callable[[Result], Other]) -> StageOutcome[Other]:
        """Return the outcome with a result made of this one, when it is first asked for."""
        return StageOutcome(self.name, self.key, self.seconds, self.cached, lambda: finish(self.result))


class Workspace:
    """A folder that holds artifacts, the ledger of plans, exports and reports.

    Parameters
    ----------
    root : path
        Made where it does not exist.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    @property
    def artifacts(self) -> Path:
        """Folder of the stages' artifacts."""
        return self.root / "artifacts"

    @property
    def history(self) -> Path:
        """Folder of the versions of the history."""
        return self.root / "history"

    @property
    def ledger(self) -> Path:
        """File of the ledger of plans."""
        return self.root / "ledger.sqlite"

    @property
    def reports(self) -> Path:
        """Folder of the reports."""
        return self.root / "reports"

    @contextmanager
    def locked(self) -> Iterator[Workspace]:
        """Hold the workspace for this process; what a killed run left half-written is cleared away.

        Raises
        ------
        InputError
            If another process holds it, or the folder cannot be written.
        """
        try:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            handle = (self.root / ".lock").open("a+")
        except OSError as error:
            raise InputError(
                f"workspace {self.root}: cannot be written ({error.strerror}); choose another with --workspace."
            ) from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read().strip() or "unknown"
                raise InputError(
                    f"workspace {self.root}: process {holder} is using it; wait for it, or choose another with --workspace."
                ) from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            for leftover in self.artifacts.glob("*.partial"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            yield self

    def stage(
        self,
        name: str,
        compute: Callable[[], Result],
        *,
        inputs: Sequence[str] = (),
        settings: Mapping[str, object] | None = None,
        module: str,
    ) -> StageOutcome[Result]:
        """Return the stage's stored result, or compute and store it.

        Parameters
        ----------
        compute : callable without arguments
            Called only when nothing valid is stored under the key.
        inputs : keys of earlier stages or digests of files
        settings : the part of the configuration that the stage reads
        module : name of the module that the stage runs; an edit of anything it imports of ours starts it anew
        """
        key = digest_of([name, list(inputs), settings or {}, digest_of_module(module), numeric_versions()])
        path = self.artifacts / f"{name}-{key}.pickle"
        began = time.perf_counter()
        if _is_whole(path):
            return StageOutcome(name, key, time.perf_counter() - began, True, lambda: _read(path))
        result = compute()
        _write(path, result)
        return StageOutcome(name, key, time.perf_counter() - began, False, lambda: _read(path), [result])


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".digest")


def _is_whole(path: Path) -> bool:
    """Tell whether an artifact is there and its bytes are those once written."""
    expected = _digest_path(path)
    return path.is_file() and expected.is_file() and expected.read_text() == digest_of_file(path)


def _read(path: Path) -> Result:  # type: ignore[type-var]
    if not _is_whole(path):
        raise ArtifactError(f"artifact {path.name} was changed while the run was using it; run again.")
    with path.open("rb") as handle:
        return pickle.load(handle)  # type: ignore[no-any-return]


def _write(path: Path, result: object) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as handle:
        pickle.dump(result, handle, protocol=pickle.HIGHEST_PROTOCOL)
    digest = digest_of_file(partial)
    write_atomically(_digest_path(path), digest.encode())
    sync_and_rename(partial, path)
