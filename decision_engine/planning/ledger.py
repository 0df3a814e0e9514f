"""The ledger: plans that never change, and what happened to them, in the order in which it happened.

An SQLite file with two tables that only grow. Each entry carries the hash of the one before it, so that an entry changed,
removed or slipped in later is found by `verify`. What a chain cannot show by itself is a missing end: keep `head()` elsewhere
and hand it to `verify`. Writers take turns (`BEGIN IMMEDIATE`); an entry is on disk when the call returns (WAL, full
synchronisation).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from decision_engine.planning.approval import CARRIED_OUT, PlanEvent, PlanState, after, check_name
from decision_engine.planning.plan import Plan
from simulations.errors import ArtifactError, PlanError

_BEGINNING = "0" * 64
_WAIT_SECONDS = 60.0
_MIGRATIONS = (
    """
    CREATE TABLE plans (
        digest TEXT PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (name, version));
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL REFERENCES plans (digest), event TEXT NOT NULL, actor TEXT NOT NULL,
        at TEXT NOT NULL, details TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE);
    CREATE INDEX entries_of_a_plan ON entries (digest, sequence);
    CREATE TRIGGER plans_stay BEFORE UPDATE ON plans BEGIN SELECT RAISE(ABORT, 'a plan never changes'); END;
    CREATE TRIGGER plans_remain BEFORE DELETE ON plans BEGIN SELECT RAISE(ABORT, 'a plan is never removed'); END;
    CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'an entry never changes'); END;
    CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;
    """,
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One thing that happened to one plan.

    Attributes
    ----------
    sequence : int
        1 for the first entry of the ledger, without a gap.
    details : mapping
        What belongs to the event: a comment, a manifest, measured outcomes.
    previous, hash : str
        SHA-256 of the entry before and of this one.
    """

    sequence: int
    digest: str
    event: PlanEvent
    actor: str
    at: str
    details: Mapping[str, Any]
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """Return the hash that the contents call for."""
        parts = [self.sequence, self.digest, str(self.event), self.actor, self.at, self.details, self.previous]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


class Ledger:
    """Plans and their events in one SQLite file; made where there is none.

    Parameters
    ----------
    path : Path
        The file.
    clock : callable, optional
        Tells the time written into entries; times are no part of any digest of a plan.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
    ...     ledger.entries()
    []
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self.path = path
        self.clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_SECONDS)
        try:
            self._prepare()
        except sqlite3.DatabaseError as fault:
            self._connection.close()
            raise ArtifactError(f"{path}: cannot be used as a ledger ({fault}); move it away or name another file.") from fault
        except ArtifactError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the ledger cannot be used afterwards."""
        self._connection.close()

    def record(self, plan: Plan, *, maker: str) -> Plan:
        """Store a plan and return it with its version; the same plan again changes nothing and returns the same version."""
        name = check_name(maker, "made")
        sealed = plan.sealed()
        if plan.digest != sealed.digest:
            raise PlanError(f"{plan.id}: the contents do not match the digest; only a plan as it was made can be recorded.")
        with self._writing():
            known = self._row("SELECT version FROM plans WHERE digest = ?", plan.digest)
            if known is not None:
                return replace(plan, version=int(known[0]))
            campaign = plan.settings.name
            latest = self._row("SELECT COALESCE(MAX(version), 0) FROM plans WHERE name = ?", campaign)
            version = int(latest[0]) + 1 if latest else 1
            recorded = replace(plan, version=version)
            body = zlib.compress(json.dumps(recorded.to_json(), sort_keys=True, allow_nan=False).encode())
            self._connection.execute("INSERT INTO plans VALUES (?, ?, ?, ?)", (plan.digest, campaign, version, body))
            self._append(plan.digest, PlanEvent.MADE, name, {"version": version})
        return recorded

    def approve(self, plan_id: str, *, by: str, digest: str, comment: str = "") -> PlanState:
        """Approve the plan whose `digest` was seen; by somebody other than its maker."""
        return self._step(plan_id, PlanEvent.APPROVED, by, digest, {"comment": comment})

    def reject(self, plan_id: str, *, by: str, digest: str, comment: str = "") -> PlanState:
        """Reject the plan whose `digest` was seen; by somebody other than its maker."""
        return self._step(plan_id, PlanEvent.REJECTED, by, digest, {"comment": comment})

    def exported(self, plan_id: str, *, by: str, digest: str, manifest: Mapping[str, Any]) -> PlanState:
        """Enter that the plan was exported; `manifest` names the files and their digests."""
        return self._step(plan_id, PlanEvent.EXPORTED, by, digest, manifest)

    def measured(self, plan_id: str, *, by: str, digest: str, outcomes: Mapping[str, Any]) -> PlanState:
        """Enter what the plan brought."""
        return self._step(plan_id, PlanEvent.MEASURED, by, digest, outcomes)

    def plan(self, plan_id: str) -> Plan:
        """Return a recorded plan.

        Parameters
        ----------
        plan_id : str
            Its id, its digest, the beginning of either that fits one plan alone, or "latest".
        """
        row = self._row("SELECT body FROM plans WHERE digest = ?", self.find(plan_id))
        assert row is not None
        try:
            document = json.loads(zlib.decompress(row[0]))
        except (zlib.error, ValueError) as fault:
            raise ArtifactError(f"{self.path}: {plan_id} cannot be read ({fault}); restore the ledger from a copy.") from fault
        return Plan.from_json(document)

    def state(self, plan_id: str) -> PlanState:
        """Return where a plan stands, by going through its entries."""
        return self._state_of(self.find(plan_id))

    def plans(self) -> list[tuple[str, str, int]]:
        """Return (digest, name, version) of every plan, in the order in which they were made."""
        rows = self._connection.execute(
            "SELECT p.digest, p.name, p.version FROM plans p JOIN entries e ON e.digest = p.digest AND e.event = ? "
            "ORDER BY e.sequence",
            (str(PlanEvent.MADE),),
        )
        return [(str(digest), str(name), int(version)) for digest, name, version in rows]

    def carried_out(self) -> list[Plan]:
        """Return the plans that were exported, measured since or not, in the order in which they were made."""
        return [self.plan(digest) for digest, _, _ in self.plans() if self._state_of(digest).status in CARRIED_OUT]

    def entries(self, plan_id: str | None = None) -> list[LedgerEntry]:
        """Return all entries, or one plan's, oldest first."""
        if plan_id is None:
            return list(self._read("ORDER BY sequence"))
        return list(self._read("WHERE digest = ? ORDER BY sequence", self.find(plan_id)))

    def head(self) -> str:
        """Return the hash of the last entry: kept elsewhere, it shows later whether the end is missing."""
        row = self._row("SELECT hash FROM entries ORDER BY sequence DESC LIMIT 1")
        return _BEGINNING if row is None else str(row[0])

    def verify(self, *, head: str | None = None) -> int:
        """Check the whole chain and every plan's digest; return the number of entries.

        Parameters
        ----------
        head : str, optional
            A hash noted earlier; it must still be in the chain.

        Raises
        ------
        PlanError
            At the first entry or plan that is not as it was written.
        """
        previous, seen, made = _BEGINNING, {_BEGINNING}, set[str]()
        entries = self.entries()
        states: dict[str, PlanState] = {}
        for number, entry in enumerate(entries, start=1):
            if entry.sequence != number or entry.previous != previous or entry.hash != entry.expected_hash():
                raise PlanError(
                    f"{self.path}: entry {number} ({entry.event} by {entry.actor!r}) is not as written, or one is missing."
                )
            if entry.event is PlanEvent.MADE:
                made.add(entry.digest)
                states[entry.digest] = PlanState(digest=entry.digest, maker=entry.actor)
            else:
                states[entry.digest] = after(states[entry.digest], entry.event, actor=entry.actor, digest=entry.digest)
            previous = entry.hash
            seen.add(previous)
        for digest, name, version in self._connection.execute("SELECT digest, name, version FROM plans").fetchall():
            plan = self.plan(digest)
            if digest not in made or (plan.digest, plan.settings.name, plan.version) != (digest, name, version):
                raise PlanError(f"{self.path}: plan {digest[:12]} is not the one that was recorded.")
        if head is not None and head not in seen:
            raise PlanError(f"{self.path}: the entry with hash {head[:12]} is gone; the ledger's end was cut off or rewritten.")
        return len(entries)

    def find(self, plan_id: str) -> str:
        """Return the digest of the plan that `plan_id` names; `PlanError` if none or several do."""
        known = self.plans()
        if plan_id == "latest" and known:
            return known[-1][0]
        wanted = plan_id.removeprefix("plan-").lower()
        found = [digest for digest, _, _ in known if wanted and digest.startswith(wanted)]
        if len(found) != 1:
            listed = ", ".join(f"plan-{digest[:12]}" for digest, _, _ in known[-5:]) or "none yet"
            what = "names no plan" if not found else f"fits {len(found)} plans"
            raise PlanError(f"plan {plan_id!r} {what} in {self.path}; the last ones are: {listed}.")
        return found[0]

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        with self._writing():
            row = self._row("PRAGMA user_version")
            present = int(row[0]) if row else 0
            if present > len(_MIGRATIONS):
                raise ArtifactError(
                    f"{self.path}: ledger of version {present}, {len(_MIGRATIONS)} is known; use a newer decision-engine."
                )
            for number, script in enumerate(_MIGRATIONS[present:], start=present + 1):
                for statement in _statements(script):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _row(self, query: str, *arguments: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(query, arguments).fetchone()
        return row

    def _read(self, rest: str, *arguments: object) -> Iterator[LedgerEntry]:
        columns = "sequence, digest, event, actor, at, details, previous, hash"
        for sequence, digest, event, actor, at, details, previous, own in self._connection.execute(
            f"SELECT {columns} FROM entries {rest}", arguments
        ):
            yield LedgerEntry(
                sequence=sequence,
                digest=digest,
                event=PlanEvent(event),
                actor=actor,
                at=at,
                details=json.loads(details),
                previous=previous,
                hash=own,
            )

    def _state_of(self, digest: str) -> PlanState:
        entries = list(self._read("WHERE digest = ? ORDER BY sequence", digest))
        state = PlanState(digest=digest, maker=entries[0].actor)
        for entry in entries[1:]:
            state = after(state, entry.event, actor=entry.actor, digest=entry.digest)
        return state

    def _step(self, plan_id: str, event: PlanEvent, actor: str, digest: str, details: Mapping[str, Any]) -> PlanState:
        with self._writing():
            found = self.find(plan_id)
            state = after(self._state_of(found), event, actor=actor, digest=digest)
            self._append(found, event, check_name(actor, str(event)), details)
        return state

    def _append(self, digest: str, event: PlanEvent, actor: str, details: Mapping[str, Any]) -> None:
        last = self._row("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1")
        sequence, previous = (int(last[0]) + 1, str(last[1])) if last else (1, _BEGINNING)
        text = json.dumps(details, sort_keys=True, ensure_ascii=True, allow_nan=False)
        at = self.clock().astimezone(UTC).isoformat(timespec="seconds")
        entry = LedgerEntry(
            sequence=sequence,
            digest=digest,
            event=event,
            actor=actor,
            at=at,
            details=json.loads(text),
            previous=previous,
            hash="",
        )
        self._connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (sequence, digest, str(event), actor, at, text, previous, entry.expected_hash()),
        )


def _statements(script: str) -> Iterator[str]:
    """Split a script where SQLite says that a statement is complete (a trigger holds semicolons of its own)."""
    pending = ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
