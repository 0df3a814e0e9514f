"""Repeats: rows of a table whose key another row has, and which of them counts.

Without a rule the first row counts and later ones are set aside. With `corrections: last` a later row counts: the earlier one
is superseded, or merely repeated where both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from decision_engine.history.mapping import BoundMapping
from decision_engine.history.privacy import WITHHELD
from decision_engine.history.setting_aside import CROSSOVER, REPEAT
from decision_engine.history.sources import PARQUET, ROW, literal, quote
from simulations.tables import Table

VERDICTS = "repeats"  # the table of DuckDB with a row for each that does not count: part, place, verdict, value, crosses


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How many rows of one mapping do not count, by verdict.

    Of those aside, `differing` say something else than the row that counts; of those superseded, `crossing` are a user's in
    another group of an experiment, once a user.
    """

    aside: int = 0
    differing: int = 0
    superseded: int = 0
    repeated: int = 0
    crossing: int = 0

    @property
    def n(self) -> int:
        """All of them."""
        return self.aside + self.superseded + self.repeated


def judge_repeats(
    connection: duckdb.DuckDBPyConnection, table: Table, mappings: Sequence[BoundMapping], parts: Sequence[Path]
) -> list[Repeats]:
    """Find the accepted rows whose key another row has; the rows of each mapping lie in a Parquet file of their own."""
    connection.execute(f"DROP TABLE IF EXISTS {VERDICTS}")
    if not table.key or not parts:
        return [Repeats()] * len(parts)
    keys = ", ".join(quote(column) for column in table.key)
    rows = " UNION ALL BY NAME ".join(
        f"SELECT {part} AS part, file_row_number AS place, * EXCLUDE (file_row_number) "
        f"FROM read_parquet({literal(str(path))}, file_row_number = true)"
        for part, path in enumerate(parts)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT h FROM (SELECT hash({keys}) AS h FROM ({rows})) "
        "GROUP BY h HAVING count(*) > 1"
    )
    if not connection.execute("SELECT count(*) FROM suspects").fetchall()[0][0]:
        return [Repeats()] * len(parts)
    correcting = [part for part, mapping in enumerate(mappings) if mapping.mapping.corrections == "last"]
    corrects = f"part IN ({', '.join(map(str, correcting))})" if correcting else "false"
    columns = sorted({column.name for mapping in mappings for column in mapping.columns})
    group = quote("treatment") if table.name == "experiment" else "NULL"
    packed = ", ".join(quote(column) for column in columns)
    connection.execute(
        f"CREATE TEMP TABLE {VERDICTS} AS "
        f"WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY part, place) AS k FROM ({rows}) "
        f"WHERE hash({keys}) IN (SELECT h FROM suspects)), "
        f"able AS (SELECT *, k = 1 OR {corrects} AS can_win FROM numbered), "
        f"won AS (SELECT *, max(CASE WHEN can_win THEN k END) OVER (PARTITION BY {keys}) AS winner, "
        f"ROW({packed}) AS everything FROM able), "
        f"winners AS (SELECT {keys}, everything AS said, {group} AS said_group FROM won WHERE k = winner), "
        f"judged AS (SELECT *, {group} IS DISTINCT FROM said_group AS other FROM won JOIN winners USING ({keys}) "
        "WHERE k <> winner) "
        f"SELECT part, place, CAST({quote(table.key[0])} AS VARCHAR) AS value, "
        "everything IS DISTINCT FROM said AS differs, "
        f"other AND row_number() OVER (PARTITION BY {keys}, other ORDER BY part, place) = 1 AS crosses, "
        "CASE WHEN NOT can_win THEN 'aside' WHEN differs THEN 'superseded' ELSE 'repeated' END AS verdict "
        "FROM judged"
    )
    counted = connection.execute(
        f"SELECT part, verdict, count(*), count(*) FILTER (differs), count(*) FILTER (crosses) FROM {VERDICTS} GROUP BY ALL"
    )
    found: list[dict[str, int]] = [{} for _ in parts]
    for part, verdict, n, n_differing, n_crossing in counted.fetchall():
        found[part][verdict] = n
        if verdict == "aside":
            found[part]["differing"] = n_differing
        if verdict == "superseded":
            found[part]["crossing"] = n_crossing
    return [Repeats(**numbers) for numbers in found]


def repeats_set_aside(part: int, mapping: BoundMapping, table: Table) -> str:
    """Return SQL of a mapping's rows that are set aside as repeats: number in the source, column, reason, value."""
    numbered = f"SELECT {ROW}, row_number() OVER () - 1 AS place FROM ({mapping.accepted([ROW])})"
    key = table.key[0]
    reason = f"CASE WHEN crosses THEN {literal(CROSSOVER)} ELSE {literal(REPEAT)} END"
    value = literal(WITHHELD) if mapping.withholds and not mapping.is_hashed(key) else "value"
    return (
        f"SELECT {ROW} AS row_number, {literal(key)} AS column_name, {reason} AS reason, {value} AS value "
        f"FROM ({numbered}) JOIN {VERDICTS} v USING (place) WHERE v.part = {part} AND v.verdict = 'aside'"
    )


def drop_repeats(connection: duckdb.DuckDBPyConnection, part: int, source: Path, target: Path) -> None:
    """Copy a mapping's rows without those that do not count."""
    connection.execute(
        f"COPY (SELECT * EXCLUDE (file_row_number) FROM read_parquet({literal(str(source))}, file_row_number = true) "
        f"WHERE file_row_number NOT IN (SELECT place FROM {VERDICTS} WHERE part = {part}) ORDER BY file_row_number) "
        f"TO {literal(str(target))} ({PARQUET})"
    )
