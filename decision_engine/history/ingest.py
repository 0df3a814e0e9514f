"""Ingest: configured sources to canonical tables, with every row either accepted or set aside for a stated reason.

DuckDB does the work on columns, one query a mapping. The counts add up: rows read = rows accepted + rows quarantined.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from decision_engine.config.findings import Finding, raise_findings
from decision_engine.config.models import Config
from decision_engine.history.binding import bind_mappings
from decision_engine.history.databases import first_line
from decision_engine.history.mapping import BoundMapping
from decision_engine.history.privacy import read_pseudonym_key
from decision_engine.history.record import COUNT_COLUMNS, QUARANTINE_COLUMNS, History, digest_tables
from decision_engine.history.sources import ROW, OpenSource, SourceReader, quote
from simulations.errors import HistoryError
from simulations.tables import CANONICAL_TABLES, ColumnType, Table

_ARROW_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.TIME: pa.timestamp("us"),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.FLAG: pa.bool_(),
}
_WHEN = ("ordered_at", "exposed_at", "at")  # the column that says when a row happened


def read_history(config: Config) -> History:
    """Read all tables that a configuration maps.

    Raises
    ------
    ConfigError
        If a source is missing or an expression names a column that its source does not have; all findings in one message.
    HistoryError
        If a source cannot be read at all, or no order (of an experiment: no user) is accepted.
    """
    key = read_pseudonym_key(config)
    with SourceReader.of(config) as reader:
        bound, findings = bind_mappings(reader.connection, config, reader.sources, key)
        raise_findings(findings, config.origin)
        history = _Ingestion(
            config=config,
            reader=reader,
            bound=bound,
            quarantine=[],
            counts=[],
            notes=_notes(reader),
            pseudonyms=key is not None,
        ).run()
    needed = "orders" if config.experiment is None else "experiment"
    if not len(history.table(needed)):
        raise HistoryError(_none_left(config, history))
    return history


def check_sources(config: Config) -> list[Finding]:
    """Return what is wrong with the mappings, looking at the sources' columns only; raise if a source cannot be opened."""
    with SourceReader.of(config) as reader:
        return bind_mappings(reader.connection, config, reader.sources, read_pseudonym_key(config))[1]


def _notes(reader: SourceReader) -> list[str]:
    return [
        f"Source {source.name} is optional and absent ({source.file}): no rows from it."
        for source in reader.sources.values()
        if source.absent
    ]


def _none_left(config: Config, history: History) -> str:
    table = next(name for name in ("experiment", "orders", "items") if getattr(config.tables, name) is not None)
    what = "user" if table == "experiment" else "order"
    reasons = history.reasons()
    reasons = reasons[reasons["table"] == table]
    why = f"; most often {reasons['column'].iloc[0]} {reasons['reason'].iloc[0]}" if len(reasons) else ""
    return f"{config.origin.where(('tables', table))}: no {what} is left of {history.n_read:,} rows read{why}."


@dataclass(slots=True, kw_only=True)
class _Ingestion:
    """One run over open sources; gathers what is set aside and counted."""

    config: Config
    reader: SourceReader
    bound: list[BoundMapping]
    quarantine: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    notes: list[str]
    pseudonyms: bool = False

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection that holds the sources."""
        return self.reader.connection

    def run(self) -> History:
        """Read table by table."""
        tables: dict[str, pa.Table] = {}
        told: set[str] = set()
        for name in self.config.tables.mapped():
            mappings = [mapping for mapping in self.bound if mapping.table.name == name]
            for mapping in mappings:
                told.add(mapping.base.name)
                self._stage(mapping)
            self._set_repeats_aside(CANONICAL_TABLES[name], mappings)
            tables[name] = self._collect(CANONICAL_TABLES[name], mappings)
        self._tell_misfits_of_joined_sources(told)
        if "orders" not in tables and "items" in tables:
            tables["orders"] = self._orders_from_items(tables["items"])
        counts = pd.DataFrame(self.counts, columns=list(COUNT_COLUMNS))
        quarantine = pd.DataFrame(self.quarantine, columns=list(QUARANTINE_COLUMNS)).astype({"row": "int64", "line": "Int64"})
        texts = [column for column in QUARANTINE_COLUMNS if column not in ("row", "line")]
        return History(
            tables={name: _to_frame(tables[name]) for name in CANONICAL_TABLES if name in tables},
            quarantine=quarantine.astype(dict.fromkeys(texts, "str")),
            counts=counts,
            digest=digest_tables(tables),
            notes=tuple(self.notes),
        )

    def _stage(self, mapping: BoundMapping) -> None:
        """Run a mapping's query into a table of its own."""
        staged = _staged(mapping)
        try:
            self.connection.execute(f"CREATE TEMP TABLE {staged} AS {mapping.query()}")
        except duckdb.Error as error:
            where = self.config.origin.where(("tables", mapping.table.name, mapping.index))
            used = [mapping.base, *(mapping.sources[join.source] for join in mapping.mapping.join)]
            withheld = self.pseudonyms or any(source.settings.personal for source in used)
            said = "what it says is withheld, as it may be personal." if withheld else first_line(error)
            raise HistoryError(
                f"{where}: an expression fails on a row: {said} Where a cast may fail, write TRY_CAST: "
                "rows whose value is then empty are quarantined."
            ) from None
        rows, distinct = self._numbers(f"SELECT count(*), count(DISTINCT {ROW}) FROM {staged}")
        if rows != distinct:
            where = self.config.origin.where(("tables", mapping.table.name, mapping.index))
            raise HistoryError(
                f"{where}: {distinct:,} rows became {rows:,}; expressions must give one value a row (no unnest)."
            )

    def _set_repeats_aside(self, table: Table, mappings: list[BoundMapping]) -> None:
        """Mark rows whose key an earlier row has, over all mappings of the table."""
        if not table.key or not mappings:
            return
        keys = ", ".join(quote(column) for column in table.key)
        union = " UNION ALL ".join(
            f"SELECT {number} AS mapping, {ROW}, {keys} FROM {_staged(mapping)} WHERE __broken IS NULL"
            for number, mapping in enumerate(mappings)
        )
        ranked = (
            f"SELECT mapping, {ROW}, row_number() OVER (PARTITION BY {keys} ORDER BY mapping, {ROW}) AS place FROM ({union})"
        )
        repeats = quote(f"repeats {table.name}")
        self.connection.execute(f"CREATE TEMP TABLE {repeats} AS SELECT mapping, {ROW} FROM ({ranked}) WHERE place > 1")
        for number, mapping in enumerate(mappings):
            value = f"CAST({quote(table.key[0])} AS VARCHAR)"
            self.connection.execute(
                f"UPDATE {_staged(mapping)} SET __broken = -1, __value = {value} "
                f"WHERE {ROW} IN (SELECT {ROW} FROM {repeats} WHERE mapping = {number})"
            )

    def _collect(self, table: Table, mappings: list[BoundMapping]) -> pa.Table:
        """Return the accepted rows of all mappings of a table, and book the others."""
        parts = []
        for mapping in mappings:
            names = ", ".join(quote(column.name) for column in mapping.columns)
            accepted = f"SELECT {names} FROM {_staged(mapping)} WHERE __broken IS NULL ORDER BY {ROW}"
            part = self.connection.sql(accepted).to_arrow_table()
            types = {column.name: _ARROW_TYPES[column.type] for column in mapping.columns}
            if mapping.mapping.returns:
                self._note_returns(table, mapping, part)
            parts.append(part.cast(pa.schema([(name, types[name]) for name in part.column_names])))
            self._book(table, mapping, part.num_rows)
            self.connection.execute(f"DROP TABLE {_staged(mapping)}")
        if not parts:
            return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in table.columns]).empty_table()
        return pa.concat_tables(parts, promote_options="default")

    def _note_returns(self, table: Table, mapping: BoundMapping, rows: pa.Table) -> None:
        revenue = rows.column("revenue").to_numpy()
        rule = " ".join(str(mapping.mapping.returns).split())
        self.notes.append(
            f"Returns in {table.name}: {int((revenue < 0).sum()):,} rows count as negative; the rule is `{rule}`."
        )

    def _book(self, table: Table, mapping: BoundMapping, n_accepted: int) -> None:
        """Count a mapping's rows, and tell of those set aside."""
        staged, checks = _staged(mapping), mapping.checks()
        source = mapping.base
        broken = self.connection.sql(
            f"SELECT {ROW}, __broken, __value FROM {staged} WHERE __broken IS NOT NULL ORDER BY {ROW}"
        ).fetchall()
        if broken:
            source = self.reader.with_lines(source.name)
        misfits = source.all_misfits()
        told: list[tuple[str, int, int | None, str | None, str, object]]
        told = [(file, misfit.row, misfit.line, None, misfit.reason, misfit.text) for file, misfit in misfits]
        for row, number, value in broken:
            check = checks[number] if number >= 0 else None
            column, reason = (check.column, check.reason) if check else (table.key[0], "already named an earlier row")
            told.append((*source.place_of(row), column, reason, value))
        for words in sorted(told, key=lambda words: words[:2]):
            self._set_aside(table.name, source, *words)
        n_source, n_staged = self._numbers(f"SELECT (SELECT count(*) FROM {source.view}), (SELECT count(*) FROM {staged})")
        self._count(
            table.name,
            source,
            read=n_staged + len(misfits),
            accepted=n_accepted,
            quarantined=len(broken) + len(misfits),
            left_out=n_source - n_staged,
            outside_periods=self._outside_periods(mapping),
        )

    def _outside_periods(self, mapping: BoundMapping) -> int:
        """Count accepted rows that fall into no week of the calendar."""
        when = next((name for name in _WHEN if name in mapping.mapping.columns), None)
        if when is None or when not in {column.name for column in mapping.table.columns}:
            return 0
        calendar = self.config.calendar()
        start = timedelta(hours=calendar.business_day_starts_at)
        first, last = (f"TIMESTAMP '{calendar.start_of(period)}' + INTERVAL '{start}'" for period in (0, calendar.n_periods))
        condition = f"__broken IS NULL AND NOT ({quote(when)} >= {first} AND {quote(when)} < {last})"
        return self._numbers(f"SELECT count(*) FROM {_staged(mapping)} WHERE {condition}")[0]

    def _tell_misfits_of_joined_sources(self, told: set[str]) -> None:
        """Book unreadable records of sources that are only looked up."""
        for name, mappings in self.config.tables.mapped().items():
            for join in (join for mapping in mappings for join in mapping.join):
                source = self.reader.sources[join.source]
                misfits = source.all_misfits()
                if source.name in told or not misfits:
                    continue
                told.add(source.name)
                for file, misfit in misfits:
                    self._set_aside(name, source, file, misfit.row, misfit.line, None, misfit.reason, misfit.text)
                n = len(misfits)
                self._count(name, source, read=n, accepted=0, quarantined=n, left_out=0, outside_periods=0)

    def _orders_from_items(self, items: pa.Table) -> pa.Table:
        """Sum order lines to orders: an order's time is that of its first line."""
        self.connection.register("accepted items", items)
        discount = ", round(sum(discount), 6) AS discount" if "discount" in items.column_names else ""
        orders = self.connection.sql(
            f"SELECT user_id, order_id, min(ordered_at) AS ordered_at, round(sum(revenue), 6) AS revenue{discount} "
            f'FROM "accepted items" GROUP BY user_id, order_id ORDER BY min(ordered_at), user_id, order_id'
        ).to_arrow_table()
        self.connection.unregister("accepted items")
        self.notes.append(f"Orders are not mapped: {orders.num_rows:,} orders are the sums of {items.num_rows:,} order lines.")
        return orders

    def _set_aside(
        self,
        table: str,
        source: OpenSource,
        file: str,
        row: int,
        line: int | None,
        column: str | None,
        reason: str,
        value: object,
    ) -> None:
        withheld = column is None and (source.settings.personal or self.pseudonyms)
        shown = "(withheld)" if withheld else value
        values = (table, source.name, file, row, line, column, reason, shown)
        self.quarantine.append(dict(zip(QUARANTINE_COLUMNS, values, strict=True)))

    def _count(self, table: str, source: OpenSource, **numbers: int) -> None:
        self.counts.append({"table": table, "source": source.name, "file": source.file, **numbers})

    def _numbers(self, query: str) -> tuple[int, ...]:
        return tuple(int(number) for number in self.connection.sql(query).fetchall()[0])


def _staged(mapping: BoundMapping) -> str:
    return quote(f"staged {mapping.table.name} {mapping.index}")


def _to_frame(table: pa.Table) -> pd.DataFrame:
    """Turn Arrow into pandas: texts as `str`, flags as `boolean`, times in microseconds."""
    frame: pd.DataFrame = table.to_pandas()
    flags = [name for name in table.column_names if pa.types.is_boolean(table.schema.field(name).type)]
    for name in flags:
        frame[name] = frame[name].astype("boolean")
    return frame
