"""The history's versions: what was read, kept under the digest of its rows, and what changed from one to the next.

    history/DIGEST/             a version: canonical tables as Parquet, and `manifest.json`
    history/DIGEST/readings/    how it was read: per content of the sources, the counts and the rows set aside
    history/latest.json         which version each configuration, by its name, was read to last
    history/digests.json        digests of files that did not change since

A version is made of accepted rows, not of names or times: the same file again, or a copy under another name, is the same
version. A row that a later file corrects makes a new one, and both stay readable.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.durable import write_atomically
from decision_engine.history.changes import TableChange, changes_between
from decision_engine.history.content import ask_databases, digest_sources
from decision_engine.history.file_digests import FileDigests
from decision_engine.history.ingest import QUARANTINE_FILE, absent_notes, read_history
from decision_engine.history.outside import Outside
from decision_engine.history.overlaps import Overlap
from decision_engine.history.quarantine import Quarantine
from decision_engine.history.record import COUNT_COLUMNS, History
from decision_engine.history.sources import used_sources
from decision_engine.history.tables_on_disk import StoredTables
from decision_engine.source import digest_of_module
from simulations.errors import HistoryError, InputError

_FORMAT = 1
_PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a history.

    Attributes
    ----------
    number : int
        Counted from 1 within the workspace.
    parent : int or None
        The version before it, of the same configuration.
    names : tuple of str
        Names of the configurations that were read to it.
    rows : mapping of str to int
        Rows of each table.
    first, last : str
        Time of the first and the last order within the weeks; empty for an experiment.
    first_read : str
        When it was first read.
    changes : mapping of str to TableChange
        What differs from the parent, by table; empty without one.
    megabytes : float
        What it takes on disk.
    """

    number: int
    digest: str
    parent: int | None
    names: tuple[str, ...]
    rows: Mapping[str, int]
    first: str
    last: str
    first_read: str
    changes: Mapping[str, TableChange]
    megabytes: float
    folder: Path

    def tables(self) -> StoredTables:
        """Return the version's tables."""
        return StoredTables(self.folder)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {
            "rows": dict(self.rows),
            "names": list(self.names),
            "changes": {table: asdict(change) for table, change in self.changes.items()},
            "megabytes": round(self.megabytes, 3),
            "folder": str(self.folder),
        }

    def summary(self) -> str:
        """Say what it holds and what changed, to be read aloud."""
        rows = ", ".join(f"{n:,} {table}" for table, n in self.rows.items())
        span = f"orders from {self.first[:10]} to {self.last[:10]}; " if self.first else ""
        said = f"Version {self.number} ({self.digest[:12]}): {rows}; {span}"
        said += f"{self.megabytes:,.1f} MB; first read {self.first_read[:16].replace('T', ' ')}."
        if self.parent is None:
            return said
        told = [f"{table} {change.summary()}" for table, change in self.changes.items() if change.any]
        return f"{said}\n  Against version {self.parent}: {'; '.join(told) or 'no row differs'}."


class HistoryStore:
    """Versions of histories in one folder; its user holds the workspace's lock while it writes.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, config: Config) -> History:
        """Return the history of a configuration: from the store where the sources hold what they held, else read and kept.

        Raises
        ------
        ConfigError, HistoryError
            As `read_history` does; and if a file changed while it was read.
        """
        self._clear_leftovers()
        self.folder.mkdir(parents=True, exist_ok=True)
        digests = FileDigests(self.folder / "digests.json")
        scratch = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self.folder))
        try:
            answers = ask_databases(config, scratch)
            key = _key(digest_sources(config, digests, answers))
            found = self._reading(key)
            kept = found is not None and self._is_whole(found.parent.parent, digests)
            if found is None or not kept:
                tables = scratch / "tables"
                tables.mkdir()
                history = read_history(config, tables, answers=answers)
                if _key(digest_sources(config, digests, answers)) != key:
                    raise HistoryError(f"{config.origin.where(('sources',))}: a file changed while it was read; run again.")
                found = self._keep(config, key, history, tables, digests)
            digests.save()
            self._note_latest(config.name, found.parent.parent.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return replace(self._load(config, found), was_kept=kept)

    def versions(self, name: str | None = None) -> list[Version]:
        """Return all versions, or those that configurations of one name were read to, in the order of their numbers."""
        found = [self._version(folder) for folder in self._folders()]
        return sorted((one for one in found if name is None or name in one.names), key=lambda one: one.number)

    def version(self, number: int) -> Version:
        """Return a version by its number.

        Raises
        ------
        InputError
            If there is none of that number.
        """
        versions = self.versions()
        for one in versions:
            if one.number == number:
                return one
        known = ", ".join(str(one.number) for one in versions) or "none"
        raise InputError(f"the workspace holds no version {number} of a history; it holds {known}.")

    def number_of(self, digest: str) -> int | None:
        """Return the number of the version with these rows; None where it is not kept."""
        folder = self.folder / digest
        return int(_read_json(folder / "manifest.json")["number"]) if (folder / "manifest.json").is_file() else None

    def _folders(self) -> list[Path]:
        return [
            path.parent for path in sorted(self.folder.glob("*/manifest.json")) if not path.parent.name.startswith(_PARTIAL)
        ]

    def _clear_leftovers(self) -> None:
        """Remove what a killed run left half-written."""
        for leftover in self.folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _reading(self, key: str) -> Path | None:
        return next(iter(sorted(self.folder.glob(f"*/readings/{key}.json"))), None)

    def _is_whole(self, folder: Path, digests: FileDigests) -> bool:
        """Tell whether a version's tables are those once written."""
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            return False
        files = _read_json(manifest)["files"]
        return all((folder / name).is_file() and digests.digest(folder / name) == told for name, told in files.items())

    def _keep(self, config: Config, key: str, history: History, tables: Path, digests: FileDigests) -> Path:
        """Keep what was read, as a new version or as another reading of one that holds the same rows."""
        quarantine = tables / QUARANTINE_FILE
        aside = quarantine.rename(tables.parent / QUARANTINE_FILE) if quarantine.is_file() else None
        folder = self.folder / history.digest
        if not self._is_whole(folder, digests):
            parent = self._latest().get(config.name)
            before = None if parent is None or parent == history.digest else self.folder / parent
            changes = {} if before is None else changes_between(StoredTables(before), StoredTables(tables))
            if before is not None and not any(change.any for change in changes.values()):
                folder = before  # the same rows in another order
            else:
                self._write_version(config, folder, tables, before, changes, digests)
        return self._write_reading(folder, config, key, history, aside)

    def _write_version(
        self,
        config: Config,
        folder: Path,
        tables: Path,
        before: Path | None,
        changes: Mapping[str, TableChange],
        digests: FileDigests,
    ) -> None:
        stored = StoredTables(tables)
        first, last = _span(stored, config)
        numbers = [one.number for one in self.versions() if one.folder != folder]
        old = _read_json(folder / "manifest.json") if (folder / "manifest.json").is_file() else {}
        manifest = {
            "format": _FORMAT,
            "number": old.get("number", max(numbers, default=0) + 1),
            "digest": folder.name,
            "parent": None if before is None else before.name,
            "rows": {name: stored.n_rows(name) for name in stored},
            "files": {f"{name}.parquet": digests.digest(stored.path(name)) for name in stored},
            "first": first,
            "last": last,
            "first_read": datetime.now(UTC).isoformat(timespec="seconds"),
            "changes": {name: asdict(change) for name, change in changes.items()},
        }
        for name in stored:
            with stored.path(name).open("rb+") as file:
                os.fsync(file.fileno())
        write_atomically(tables / "manifest.json", json.dumps(manifest, indent=1).encode())
        if folder.exists():  # a damaged version makes room for the same rows
            readings = folder / "readings"
            if readings.is_dir():
                readings.rename(tables / "readings")
            shutil.rmtree(folder)
        tables.rename(folder)

    def _write_reading(self, folder: Path, config: Config, key: str, history: History, aside: Path | None) -> Path:
        readings = folder / "readings"
        readings.mkdir(exist_ok=True)
        if aside is not None:
            aside.replace(readings / f"{key}.parquet")
        absent = absent_notes(config)
        plain = {
            "names": sorted({config.name, *self._names_of(readings / f"{key}.json")}),
            "counts": history.counts.drop(columns="file").to_dict(orient="records"),
            "members": {name: list(_members(config, name, files)) for name, files in (history.aside.files or {}).items()},
            "notes": [note for note in history.notes if note not in absent],
            "aside": aside is not None,
            "outside": [asdict(outside) for outside in history.outside],
            "overlaps": [asdict(overlap) for overlap in history.overlaps],
        }
        write_atomically(readings / f"{key}.json", json.dumps(plain, indent=1).encode())
        return readings / f"{key}.json"

    def _names_of(self, reading: Path) -> list[str]:
        return list(_read_json(reading)["names"]) if reading.is_file() else []

    def _load(self, config: Config, reading: Path) -> History:
        plain = _read_json(reading)
        if config.name not in plain["names"]:
            plain["names"] = sorted([*plain["names"], config.name])
            write_atomically(reading, json.dumps(plain, indent=1).encode())
        folder = reading.parent.parent
        files = {name: list(_shown(config, name, plain["members"].get(name, []))) for name in used_sources(config)}
        rows = [{**row, "file": _called(config, row["source"], files[row["source"]])} for row in plain["counts"]]
        return History(
            tables=StoredTables(folder),
            counts=pd.DataFrame(rows, columns=list(COUNT_COLUMNS)),
            aside=Quarantine(path=reading.with_suffix(".parquet") if plain["aside"] else None, files=files),
            notes=(*absent_notes(config), *plain["notes"]),
            number=int(_read_json(folder / "manifest.json")["number"]),
            known_digest=folder.name,
            outside=tuple(Outside(**outside) for outside in plain["outside"]),
            overlaps=tuple(Overlap.of(overlap) for overlap in plain["overlaps"]),
        )

    def _latest(self) -> dict[str, str]:
        path = self.folder / "latest.json"
        known = _read_json(path) if path.is_file() else {}
        return {name: digest for name, digest in known.items() if (self.folder / digest / "manifest.json").is_file()}

    def _note_latest(self, name: str, digest: str) -> None:
        latest = self._latest()
        if latest.get(name) != digest:
            write_atomically(self.folder / "latest.json", json.dumps({**latest, name: digest}, indent=1).encode())

    def _version(self, folder: Path) -> Version:
        manifest = _read_json(folder / "manifest.json")
        parent = manifest["parent"]
        names = {name for reading in folder.glob("readings/*.json") for name in self._names_of(reading)}
        return Version(
            number=int(manifest["number"]),
            digest=manifest["digest"],
            parent=None if parent is None else self.number_of(parent),
            names=tuple(sorted(names)),
            rows=manifest["rows"],
            first=manifest["first"],
            last=manifest["last"],
            first_read=manifest["first_read"],
            changes={name: TableChange(**change) for name, change in manifest["changes"].items()},
            megabytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
            folder=folder,
        )


def _key(content: str) -> str:
    """Return the key of a reading: what the sources hold, and the code that reads them."""
    reader = digest_of_module("decision_engine.history.ingest")
    return hashlib.sha256(f"{content} {reader} {duckdb.__version__}".encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); remove the folder {path.parent}, and the history is read anew."
        ) from None
    return loaded if isinstance(loaded, dict) else {}


def _members(config: Config, source: str, files: Sequence[str]) -> Iterator[str]:
    """Yield what each file's name says beyond its path: the member of an archive."""
    if config.sources[source].file is not None:
        for path, file in zip(config.sources[source].paths(config.origin.folder), files, strict=True):
            yield file.removeprefix(str(path))


def _shown(config: Config, source: str, members: list[str]) -> Iterator[str]:
    """Yield what a source's files are called now."""
    settings = config.sources[source]
    if settings.database is not None:
        yield settings.shown_database()
        return
    for path, member in zip(settings.paths(config.origin.folder), members, strict=False):
        yield f"{path}{member}"


def _called(config: Config, source: str, files: list[str]) -> str:
    return files[0] if len(files) == 1 else str(config.sources[source].path(config.origin.folder))


def _span(tables: StoredTables, config: Config) -> tuple[str, str]:
    """Return the time of the first and the last order within the weeks; empty texts where there are no orders."""
    if "orders" not in tables:
        return "", ""
    history = History(tables=tables, counts=pd.DataFrame())
    orders = history.describe("orders", config.calendar())
    orders = history.describe("orders") if orders["first"] is pd.NaT else orders
    return str(orders["first"]), str(orders["last"])
