"""What changed from one version of a history to the next: rows added, removed, and corrected under the same key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from decision_engine.history.sources import literal, open_database, quote
from decision_engine.history.tables_on_disk import StoredTables
from simulations.tables import CANONICAL_TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What differs in one table; rows without a key can only be added and removed.

    Attributes
    ----------
    columns : int
        Columns that only one of both has.
    """

    added: int
    removed: int
    corrected: int
    columns: int = 0

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.corrected or self.columns)

    def summary(self) -> str:
        """Say it in few words."""
        told = [f"{n:,} {word}" for word in ("added", "removed", "corrected") if (n := getattr(self, word))]
        return ", ".join([*told, *([f"{self.columns} columns differ"] if self.columns else [])])


def changes_between(before: StoredTables, after: StoredTables) -> dict[str, TableChange]:
    """Compare two versions table by table."""
    with TemporaryDirectory(prefix="decision-engine-") as scratch:
        connection = open_database(Path(scratch), folders=[before.folder, after.folder])
        try:
            return {name: _compare(connection, name, before, after) for name in dict.fromkeys([*before, *after])}
        finally:
            connection.close()


def _compare(connection: duckdb.DuckDBPyConnection, name: str, before: StoredTables, after: StoredTables) -> TableChange:
    if name not in before or name not in after:
        there = after if name in after else before
        n = there.n_rows(name)
        return TableChange(added=n if name in after else 0, removed=0 if name in after else n, corrected=0)
    old, new = before.columns(name), after.columns(name)
    common = [column for column in new if column in old]
    n_columns = len(set(old) ^ set(new))
    row = f"hash({', '.join(quote(column) for column in common)})"
    rows = [f"read_parquet({literal(str(tables.path(name)))})" for tables in (before, after)]
    key = CANONICAL_TABLES[name].key
    if name == "orders" and "items" in after:  # orders are sums of lines: their numbers are each user's own
        key = ("user_id", *key)
    if not key or not set(key) <= set(common):
        counted = [f"(SELECT {row} AS h, count(*) AS n FROM {table} GROUP BY h)" for table in rows]
        added, removed = connection.execute(
            "SELECT sum(greatest(more, 0)), sum(greatest(-more, 0)) FROM (SELECT coalesce(a.n, 0) - coalesce(b.n, 0) AS more "
            f"FROM {counted[0]} b FULL JOIN {counted[1]} a USING (h))"
        ).fetchall()[0]
        return TableChange(added=int(added or 0), removed=int(removed or 0), corrected=0, columns=n_columns)
    keys = ", ".join(quote(column) for column in key)
    keyed = [f"(SELECT {keys}, {row} AS h FROM {table})" for table in rows]
    added, removed, corrected = connection.execute(
        "SELECT count(*) FILTER (b.h IS NULL), count(*) FILTER (a.h IS NULL), count(*) FILTER (a.h <> b.h) "
        f"FROM {keyed[0]} b FULL JOIN {keyed[1]} a USING ({keys})"
    ).fetchall()[0]
    return TableChange(added=int(added), removed=int(removed), corrected=int(corrected), columns=n_columns)
