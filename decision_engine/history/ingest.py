"""Ingest: configured sources to canonical tables, with every row either accepted or set aside for a stated reason.

DuckDB streams the rows from the sources into a Parquet file for each canonical table, so that no table has to fit into memory.
The counts add up: rows read = accepted + quarantined + superseded + repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from decision_engine.config.findings import Finding, raise_findings
from decision_engine.config.models import Config
from decision_engine.history.binding import bind_mappings
from decision_engine.history.copies import copies_between_sources
from decision_engine.history.cures import say_first
from decision_engine.history.databases import Answer, first_line
from decision_engine.history.empty_weeks import placed_in_time
from decision_engine.history.mapping import BoundMapping
from decision_engine.history.outcome_sums import sum_outcomes
from decision_engine.history.outside import Outside, count_outside, find_outside
from decision_engine.history.overlaps import Overlap, find_overlaps
from decision_engine.history.personal_values import say_withheld
from decision_engine.history.privacy import read_pseudonym_key
from decision_engine.history.quarantine import Quarantine
from decision_engine.history.record import COUNT_COLUMNS, WHEN, History
from decision_engine.history.repeats import Repeats, drop_repeats, judge_repeats, repeats_set_aside
from decision_engine.history.setting_aside import Aside, say_crossovers, told
from decision_engine.history.sources import PARQUET, OpenSource, SourceReader, literal, quote, used_sources
from decision_engine.history.tables_on_disk import OwnFolder, StoredTables
from decision_engine.history.weekly import LARGEST, orders_of, weekly_orders_of_lines
from simulations.errors import HistoryError
from simulations.panel import WeeklyPanel, assemble_panel
from simulations.tables import CANONICAL_TABLES, ColumnType, Table

QUARANTINE_FILE = "quarantine.parquet"
_SQL_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.TIME: "TIMESTAMP",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.FLAG: "BOOLEAN",
}
_UNREADABLE_FILE = re.compile(r'Failed to read file "([^"]+)"')  # how DuckDB tells of a damaged Parquet file
_PANEL_TABLES = ("orders", "items", "exposures", "customers")


def read_history(config: Config, folder: Path | None = None, *, answers: Mapping[str, Answer] | None = None) -> History:
    """Read all tables that a configuration maps.

    Parameters
    ----------
    folder : Path, optional
        An empty folder for the tables; a temporary one, which lives as long as the history does, where left out.
    answers : mapping of str to Answer, optional
        What databases answered already, by source.

    Raises
    ------
    ConfigError
        If a source is missing or an expression names a column that its source does not have; all findings in one message.
    HistoryError
        If a source cannot be read at all, or no order (of an experiment: no user) is accepted.
    """
    owner = OwnFolder() if folder is None else None
    with _opened(config, folder if owner is None else owner.path, answers) as ingestion:
        history = ingestion.run(owner)
    if not history.tables or not _n_rows(history, "orders" if config.experiment is None else "experiment"):
        raise HistoryError(_none_left(config, history))
    return history


@dataclass(frozen=True, kw_only=True)
class PanelReading:
    """A weekly panel read straight from the sources, and what was counted on the way."""

    panel: WeeklyPanel
    history: History


def read_panel(config: Config) -> PanelReading:
    """Read the weekly panel, without writing down order lines that only serve to make it.

    The history holds the tables that were needed, but for those lines; rows are validated, set aside and counted as ever.

    Raises
    ------
    ConfigError, HistoryError
        As `read_history` does.
    """
    owner = OwnFolder()
    with placed_in_time(config), _opened(config, owner.path, None) as ingestion:
        return ingestion.run_to_panel(owner)


def check_sources(config: Config) -> list[Finding]:
    """Return what is wrong with the mappings, looking at the sources' columns only; raise if a source cannot be opened."""
    with SourceReader.of(config) as reader:
        return bind_mappings(reader.connection, config, reader.sources, read_pseudonym_key(config))[1]


@contextmanager
def _opened(config: Config, output: Path | None, answers: Mapping[str, Answer] | None) -> Iterator[_Ingestion]:
    key = read_pseudonym_key(config)
    with SourceReader.of(config, answers=answers, output=output) as reader:
        bound, findings = bind_mappings(reader.connection, config, reader.sources, key)
        raise_findings(findings, config.origin)
        yield _Ingestion(
            config=config,
            reader=reader,
            bound=bound,
            output=output or reader.folder,
            aside=Aside(connection=reader.connection, withhold=key is not None),
            notes=[*absent_notes(config), *copy_notes(reader.sources.values()), *copies_between_sources(config)],
            pseudonyms=key is not None,
        )


def absent_notes(config: Config) -> list[str]:
    """Return a note for each optional source whose file is not there."""
    return [
        f"Source {name} is optional and absent ({settings.path(config.origin.folder)}): no rows from it."
        for name in used_sources(config)
        if (settings := config.sources[name]).file is not None and not settings.paths(config.origin.folder)
    ]


def copy_notes(sources: Iterable[OpenSource]) -> list[str]:
    """Return a note for each file that was not read because an earlier one of its pattern holds the same bytes."""
    return [
        f"{Path(file.file).name} is a copy of {Path(file.copy_of).name}: its rows count once."
        for source in sources
        for file in source.files
        if file.copy_of is not None
    ]


def _n_rows(history: History, table: str) -> int:
    tables = history.tables
    return tables.n_rows(table) if isinstance(tables, StoredTables) else len(tables[table])


def _none_left(config: Config, history: History) -> str:
    table = next(name for name in ("experiment", "orders", "items") if getattr(config.tables, name) is not None)
    what = "user" if table == "experiment" else "order"
    reason = history.main_reason(table)
    why = f"; most often {reason}{say_first(history, config, table)}" if reason else ""
    where = config.origin.where(("tables", table))
    marked = config.origin.marked(("tables", table))
    unfilled = f" Still to be filled in is {marked[0].say()}." if marked else ""
    read = history.counts[history.counts["table"] == table]
    if len(read) and not read[["read", "left_out"]].to_numpy().any():
        files = ", ".join(Path(file).name for file in read["file"])
        is_text = any(suffix in files.lower() for suffix in (".csv", ".tsv", ".txt"))
        holds = "holds a header alone and no row" if is_text else "holds no row"
        return f"{where}: no {what} is left: {files} {holds}.{unfilled}"
    return f"{where}: no {what} is left of {history.n_read:,} row{'s' * (history.n_read != 1)} read{why}.{unfilled}"


@dataclass(slots=True, kw_only=True)
class _Ingestion:
    """One run over open sources; gathers what is set aside and counted."""

    config: Config
    reader: SourceReader
    bound: list[BoundMapping]
    output: Path
    aside: Aside
    notes: list[str]
    counts: list[dict[str, Any]] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)
    pseudonyms: bool = False

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection that holds the sources."""
        return self.reader.connection

    def run(self, owner: object) -> History:
        """Read table by table."""
        for name in self.config.tables.mapped():
            self._read_table(CANONICAL_TABLES[name])
        if self.config.tables.orders is None and self.config.tables.items is not None:
            self._orders_from_items()
        if self.config.tables.outcomes is not None:
            self.notes += sum_outcomes(self.connection, self.output, self.config)
        return self._finish(owner)

    def run_to_panel(self, owner: object) -> PanelReading:
        """Read what a panel needs; lines that are summed to orders stream through."""
        items = self._mappings("items")
        streams = self.config.tables.orders is None and len(items) == 1 and not items[0].mapping.returns
        for name in self.config.tables.mapped():
            if name in _PANEL_TABLES and not (streams and name == "items"):
                self._read_table(CANONICAL_TABLES[name])
        actions, calendar = self.config.action_set(), self.config.calendar()
        if not streams:
            if self.config.tables.orders is None:
                self._orders_from_items()
            history = self._finish(owner)
            return PanelReading(panel=history.panel(actions, calendar), history=history)
        (mapping,) = items
        lines = mapping.accepted(["user_id", "order_id", "ordered_at", "revenue"], order=False)
        with self._expressions(mapping):
            weekly, n_lines, n_outside = weekly_orders_of_lines(self.connection, lines, calendar)
        self._book(CANONICAL_TABLES["items"], mapping, n_lines, Repeats(), None, outside=n_outside)
        history = self._finish(owner)
        exposures, customers = history.tables.get("exposures"), history.tables.get("customers")
        panel = assemble_panel(weekly, exposures, customers, actions=actions, calendar=calendar)
        return PanelReading(panel=panel, history=history)

    def _finish(self, owner: object) -> History:
        self._tell_misfits_of_joined_sources()
        path = self.output / QUARANTINE_FILE
        if self.aside.n:
            self.aside.write(path)
        files = {name: [file.file for file in source.files] for name, source in self.reader.sources.items()}
        return History(
            tables=StoredTables(self.output, owner),
            counts=pd.DataFrame(self.counts, columns=list(COUNT_COLUMNS)),
            aside=Quarantine(path=path if self.aside.n else None, files=files, owner=owner),
            notes=tuple(self.notes),
            outside=tuple(self.outside),
            overlaps=tuple(self.overlaps),
        )

    def _mappings(self, table: str) -> list[BoundMapping]:
        return [mapping for mapping in self.bound if mapping.table.name == table]

    @contextmanager
    def _expressions(self, mapping: BoundMapping) -> Iterator[None]:
        """Tell in words when an expression of a mapping fails on a row, or the machine has no room left."""
        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise HistoryError(f"the history cannot be written: {first_line(error)}") from None
        except duckdb.Error as error:
            used = [mapping.base, *(mapping.sources[join.source] for join in mapping.mapping.join)]
            damaged = _UNREADABLE_FILE.search(str(error))
            if damaged:
                raise HistoryError(
                    f"{self._where(mapping)}: {damaged[1]} is damaged: its rows cannot be unpacked. Fetch or write it again."
                ) from None
            withheld = self.pseudonyms or any(source.settings.personal for source in used)
            said = "what it says is withheld, as it may be personal." if withheld else first_line(error)
            raise HistoryError(
                f"{self._where(mapping)}: an expression fails on a row: {said} Where a cast may fail, write TRY_CAST: "
                "rows whose value is then empty are quarantined."
            ) from None

    def _where(self, mapping: BoundMapping) -> str:
        return self.config.origin.where(("tables", mapping.table.name, mapping.index))

    def _read_table(self, table: Table) -> None:
        """Write a table's accepted rows, and book all others."""
        mappings = self._mappings(table.name)
        target = self.output / f"{table.name}.parquet"
        parts = [self.reader.folder / f"{table.name} {mapping.index}.parquet" for mapping in mappings]
        if len(parts) == 1:
            parts = [target]
        written = [self._write(mapping, part) for mapping, part in zip(mappings, parts, strict=True)]
        self.overlaps += find_overlaps(self.connection, table, mappings)
        repeats = judge_repeats(self.connection, table, mappings, parts)
        for k, (mapping, part) in enumerate(zip(mappings, parts, strict=True)):
            kept = part
            if repeats[k].n:
                kept = self.reader.folder / f"{table.name} {mapping.index} kept.parquet"
                drop_repeats(self.connection, k, part, kept)
                kept.replace(part)
            if repeats[k].differing and table.name != "experiment":
                self.notes.append(
                    f"Corrections: {repeats[k].differing:,} rows of {table.name} name an earlier row and say something else. "
                    "They are set aside; where later rows correct earlier ones, say `corrections: last` there."
                )
            repeated = repeats_set_aside(k, mapping, table) if repeats[k].aside else None
            if table.name == "experiment" and repeats[k].crossing:
                self.notes.append(say_crossovers(repeats[k].crossing, last=True))
            free = [one.name for one in mapping.columns if one.type is ColumnType.TEXT and mapping.is_free(one.name)]
            self.notes += say_withheld(self.connection, part, free, f"{table.name} from {mapping.base.name}")
            self._book(table, mapping, written[k] - repeats[k].n, repeats[k], repeated, part=part)
        if parts != [target]:
            self._together(table, mappings, parts, target)

    def _write(self, mapping: BoundMapping, path: Path) -> int:
        """Write the rows of a mapping that keep the contract; return how many."""
        rows = mapping.accepted([column.name for column in mapping.columns])
        columns = ", ".join(
            f"CAST({quote(column.name)} AS {_SQL_TYPES[column.type]}) AS {quote(column.name)}" for column in mapping.columns
        )
        with self._expressions(mapping):
            copied = self.connection.execute(f"COPY (SELECT {columns} FROM ({rows})) TO {literal(str(path))} ({PARQUET})")
        return int(copied.fetchall()[0][0])

    def _together(self, table: Table, mappings: list[BoundMapping], parts: list[Path], target: Path) -> None:
        """Put the parts of a table into one file; columns that a part lacks are empty there."""
        found = {column.name: column.type for mapping in mappings for column in mapping.columns}
        known = [column.name for column in table.columns if column.name in found or not mappings]
        types = {column.name: column.type for column in table.columns} | found
        names = known + [name for name in found if name not in known]
        rows = " UNION ALL BY NAME ".join(f"SELECT * FROM read_parquet({literal(str(part))})" for part in parts)
        empty = ", ".join(f"CAST(NULL AS {_SQL_TYPES[types[name]]}) AS {quote(name)}" for name in names)
        rows = rows or f"SELECT {empty} WHERE false"
        listed = ", ".join(quote(name) for name in names)
        self.connection.execute(f"COPY (SELECT {listed} FROM ({rows})) TO {literal(str(target))} ({PARQUET})")
        for part in parts:
            part.unlink()

    def _book(
        self,
        table: Table,
        mapping: BoundMapping,
        n_accepted: int,
        repeats: Repeats,
        repeated: str | None,
        *,
        part: Path | None = None,
        outside: int = 0,
    ) -> None:
        """Count a mapping's rows, and set those aside that do not count."""
        source = mapping.base
        n_asked = source.n_rows if mapping.mapping.where is None else self._count_rows(mapping.asked_for())
        if n_asked < source.n_rows:
            rule = " ".join(str(mapping.mapping.where).split())
            n = source.n_rows - n_asked
            rows = f"{n:,} row{'s' * (n > 1)}"
            self.notes.append(f"Left out of {table.name}: {rows}, for which `{rule}` does not hold.")
        n_broken = n_asked - n_accepted - repeats.n
        broken = None
        if n_broken:
            with self._expressions(mapping):
                self.connection.execute(f"CREATE OR REPLACE TEMP TABLE broken AS {mapping.broken()}")
            found = self._count_rows("SELECT * FROM broken")
            if found != n_broken:
                raise HistoryError(
                    f"{self._where(mapping)}: {n_asked:,} rows became {n_accepted + repeats.n + found:,}; "
                    "expressions must give one value a row (no unnest)."
                )
            broken = told(mapping, "broken")
        rows = " UNION ALL ".join(query for query in (broken, repeated) if query is not None)
        n_aside = self.aside.add(table.name, mapping, rows or None)
        if part is not None:
            outside = self._outside_periods(mapping, part)
            if mapping.mapping.returns:
                self._note_returns(table, mapping, part)
        self._count(
            table.name,
            source,
            read=n_asked + source.n_misfits,
            accepted=n_accepted,
            quarantined=n_aside,
            superseded=repeats.superseded,
            repeated=repeats.repeated,
            left_out=source.n_rows - n_asked,
            outside_periods=outside,
        )

    def _note_returns(self, table: Table, mapping: BoundMapping, part: Path) -> None:
        n = self._count_rows(f"SELECT revenue FROM read_parquet({literal(str(part))}) WHERE revenue < 0")
        rule = " ".join(str(mapping.mapping.returns).split())
        self.notes.append(f"Returns in {table.name}: {n:,} rows count as negative; the rule is `{rule}`.")

    def _outside_periods(self, mapping: BoundMapping, part: Path) -> int:
        """Count accepted rows that fall into no week of the calendar, and note where the first stands."""
        when = WHEN.get(mapping.table.name)
        if when is None:
            return 0
        calendar = self.config.calendar()
        counts = count_outside(self.connection, when, part, calendar)
        if counts[0]:
            with self._expressions(mapping):
                self.outside.append(find_outside(self.connection, mapping, when, calendar, counts))
        return counts[0]

    def _tell_misfits_of_joined_sources(self) -> None:
        """Book unreadable records of sources that are only looked up."""
        for name, mappings in self.config.tables.mapped().items():
            for join in (join for mapping in mappings for join in mapping.join):
                source = self.reader.sources[join.source]
                n = self.aside.add_misfits(name, source)
                if n:
                    self._count(name, source, read=n, quarantined=n)

    def _orders_from_items(self) -> None:
        """Sum order lines to orders."""
        items, target = self.output / "items.parquet", self.output / "orders.parquet"
        lines = f"SELECT * FROM read_parquet({literal(str(items))})"
        described = self.connection.sql(f"DESCRIBE {lines}").fetchall()
        discount = "discount" in {str(row[0]) for row in described}
        sizes = ["abs(revenue)", *(["abs(discount)"] * discount)]
        (largest,) = self.connection.execute(f"SELECT max(greatest({', '.join(sizes)}, 0)) FROM ({lines})").fetchall()[0]
        orders = orders_of(lines, discount=discount, large=largest is not None and largest >= LARGEST)
        copied = self.connection.execute(
            f"COPY ({orders} ORDER BY min(ordered_at), user_id, order_id) TO {literal(str(target))} ({PARQUET})"
        )
        n_orders, n_items = int(copied.fetchall()[0][0]), self._count_rows(lines)
        self.notes.append(f"Orders are not mapped: {n_orders:,} orders are the sums of {n_items:,} order lines.")

    def _count(self, table: str, source: OpenSource, **numbers: int) -> None:
        numbers = dict.fromkeys(COUNT_COLUMNS[3:], 0) | numbers
        self.counts.append({"table": table, "source": source.name, "file": source.file, **numbers})

    def _count_rows(self, query: str) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
