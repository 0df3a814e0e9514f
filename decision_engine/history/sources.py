"""Sources opened in DuckDB: a view each, with the number of every row, over text, or typed columns where they are Parquet.

The database lives in memory and is locked before the first row is read: it may open the configured files and nothing else,
whatever an expression in the configuration asks for.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from decision_engine.config.models import Config
from decision_engine.config.origin import Origin
from decision_engine.config.sources import SourceConfig, expand
from decision_engine.history.databases import first_line, query_database
from decision_engine.history.files import PlainFile, plain_file
from decision_engine.history.json_lines import read_json_lines
from decision_engine.history.lines import (
    LONGEST_LINE,
    Dialect,
    Misfit,
    Records,
    find_records,
    open_text,
    read_dialect,
    read_records,
)
from decision_engine.history.workbooks import read_workbook
from simulations.errors import ConfigError, HistoryError, InputError

ROW = "__row"  # number of a row in its source, from 0; no source column may be called so


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSource:
    """A source as a view in DuckDB.

    Attributes
    ----------
    file : str
        What people know it by: a path, or the database.
    columns : dict of str to str
        DuckDB type of each column.
    absent : bool
        The file is optional and not there; the view has no row, and expressions over it are not checked.
    misfits : tuple of Misfit
        Records of a text file that are no rows; of several files, see `parts`.
    parts : tuple of OpenSource
        The files, where a pattern stands for several; row numbers go through them in turn.
    """

    name: str
    file: str
    settings: SourceConfig
    columns: dict[str, str] = field(default_factory=dict)
    absent: bool = False
    misfits: tuple[Misfit, ...] = ()
    dialect: Dialect | None = None
    records: Records | None = None
    n_rows: int = 0
    parts: tuple[OpenSource, ...] = ()

    @property
    def view(self) -> str:
        """Name of the view, quoted."""
        return quote(f"source {self.name}")

    def place_of(self, row: int) -> tuple[str, int, int | None]:
        """Return a row's file, its number among all records there and its line, both from 1; no line where there is none."""
        for part in self.parts:
            if row < part.n_rows:
                return part.place_of(row)
            row -= part.n_rows
        if self.records is not None:
            return self.file, int(self.records.rows[row]), int(self.records.lines[row])
        return self.file, row + 1, None

    def all_misfits(self) -> list[tuple[str, Misfit]]:
        """Return the records that are no rows, each with its file."""
        return [(part.file, misfit) for part in self.parts or (self,) for misfit in part.misfits]


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL text."""
    return "'" + text.replace("'", "''") + "'"


class SourceReader:
    """Opens sources; a context manager that owns the DuckDB connection and its temporary files."""

    def __init__(self, settings: Mapping[str, SourceConfig], origin: Origin) -> None:
        self.settings = settings
        self.origin = origin
        self.sources: dict[str, OpenSource] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="decision-engine-")
        self.connection = duckdb.connect(":memory:")

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the reader of what a configuration uses."""
        return cls({name: config.sources[name] for name in used_sources(config)}, config.origin)

    def __enter__(self) -> Self:
        try:
            self._open_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._folder.cleanup()

    def _open_all(self) -> None:
        paths = {name: self._paths(name) for name in self.settings}
        readable = [str(path) for found in paths.values() for path in found]
        self.connection.execute(f"SET temp_directory = {literal(self._folder.name)}")
        self.connection.execute(f"SET allowed_directories = [{literal(self._folder.name)}]")
        self.connection.execute(f"SET allowed_paths = [{', '.join(literal(path) for path in readable)}]")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET python_enable_replacements = false")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")
        for name in self.settings:
            try:
                self.sources[name] = self._open(name, paths[name])
            except InputError as error:
                raise type(error)(f"{self.origin.where(('sources', name))}: {error}") from None

    def _paths(self, name: str) -> list[Path]:
        """Return where a source's files lie; none for a database or an absent optional file."""
        settings = self.settings[name]
        if settings.file is None:
            return []
        place = ("sources", name, "file")
        try:
            paths = settings.paths(self.origin.folder)
        except ConfigError as error:
            raise ConfigError(f"{self.origin.where(place)}: {error}") from None
        if not paths and not settings.optional:
            raise ConfigError(f"{self.origin.where(place)}: there is no file {settings.path(self.origin.folder)}.")
        return paths

    def _open(self, name: str, paths: list[Path]) -> OpenSource:
        settings = self.settings[name]
        shown = settings.path(self.origin.folder) if settings.file is not None else settings.database
        source = OpenSource(name=name, file=str(shown), settings=settings)
        if settings.database is not None:
            return self._open_database(source)
        if not paths:
            return replace(source, absent=True)
        if len(paths) == 1:
            return self._open_file(replace(source, file=str(paths[0])), paths[0])
        parts = [self._open_file(replace(source, name=f"{name} {k}", file=str(path)), path) for k, path in enumerate(paths)]
        return self._together(source, parts)

    def _together(self, source: OpenSource, parts: list[OpenSource]) -> OpenSource:
        """Put files of the same columns one after another."""
        first, names = parts[0], set(parts[0].columns)
        for part in parts[1:]:
            lacks, adds = names - set(part.columns), set(part.columns) - names
            if lacks or adds:
                differs = [f"lacks {', '.join(sorted(lacks))}"] * bool(lacks) + [f"adds {', '.join(sorted(adds))}"] * bool(adds)
                raise HistoryError(
                    f"files of one pattern must have the same columns: {Path(part.file).name} {' and '.join(differs)}, "
                    f"compared with {Path(first.file).name}. Name them as sources of their own, and map each."
                )
        queries, offset, counted = [], 0, []
        for part in parts:
            queries.append(f"SELECT * REPLACE ({ROW} + {offset} AS {ROW}) FROM {part.view}")
            counted.append(replace(part, n_rows=self._n_rows(part)))
            offset += counted[-1].n_rows
        self._create(source, " UNION ALL BY NAME ".join(queries))
        return self._described(source, parts=tuple(counted))

    def _open_file(self, source: OpenSource, path: Path) -> OpenSource:
        file = plain_file(path, source.settings, Path(self._folder.name))
        source = replace(source, file=file.name)
        if file.format == "parquet":
            return self._open_parquet(source, file)
        if file.format == "csv":
            return self._open_csv(source, file)
        read = read_json_lines(file) if file.format == "jsonl" else read_workbook(file, source.settings.sheet)
        self._register(source, read[1])
        return self._described(source, records=read[0], misfits=read[0].misfits)

    def _open_parquet(self, source: OpenSource, file: PlainFile) -> OpenSource:
        rows = f"read_parquet({literal(str(file.path))}, file_row_number = true)"
        try:
            described = self.connection.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()
            _refuse_reserved([str(row[0]) for row in described], file.name)
            self._create(source, f"SELECT file_row_number AS {ROW}, * EXCLUDE (file_row_number) FROM {rows}")
            return self._described(source)
        except duckdb.Error as error:
            raise HistoryError(f"{file.name} cannot be read: {first_line(error)}") from None

    def _open_csv(self, source: OpenSource, file: PlainFile) -> OpenSource:
        settings = source.settings
        dialect = read_dialect(file, settings.encoding, settings.delimiter)
        _refuse_reserved(dialect.columns, file.name)
        table, errors = quote(f"rows {source.name}"), quote(f"errors_{source.name}")
        options = {
            "auto_detect": "false",
            "header": "true",
            "delim": literal(dialect.delimiter),
            "quote": literal('"'),
            "escape": literal('"'),
            "columns": "{" + ", ".join(f"{literal(column)}: 'VARCHAR'" for column in dialect.columns) + "}",
            "max_line_size": str(LONGEST_LINE),
            "store_rejects": "true",  # records that are no rows go to a table of their own
            "rejects_table": literal(f"errors_{source.name}"),
            "rejects_scan": literal(f"scan_{source.name}"),
            "rejects_limit": "0",
        }
        settled = ", ".join(f"{key} = {value}" for key, value in options.items())
        rows = f"read_csv({literal(str(self._as_utf8(dialect)))}, {settled})"
        try:
            self.connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM {rows}")
        except (duckdb.Error, RuntimeError):  # what is no text at all can end in a bare error of the library below
            return self._follow_csv(source, dialect)
        self._create(source, f"SELECT rowid AS {ROW}, * FROM {table}")
        rejected = self.connection.sql(
            f"SELECT min(line), min(error_message), min(csv_line) FROM {errors} "
            "GROUP BY line_byte_position ORDER BY line_byte_position"
        ).fetchall()
        records, misfits = _match(find_records(dialect), self._n_rows(source), rejected) if rejected else (None, ())
        return self._described(source, dialect=dialect, records=records, misfits=misfits)

    def _follow_csv(self, source: OpenSource, dialect: Dialect) -> OpenSource:
        """Read a CSV file without DuckDB, which then gets the rows."""
        records, rows = read_records(dialect)
        self._register(source, rows)
        return self._described(source, dialect=dialect, records=records, misfits=records.misfits)

    def _register(self, source: OpenSource, rows: pa.Table) -> None:
        _refuse_reserved(rows.column_names, source.file)
        numbers = pa.array(np.arange(rows.num_rows, dtype=np.int64))
        self.connection.register(f"rows {source.name}", rows.append_column(ROW, numbers))
        self._create(source, f"SELECT * FROM {quote(f'rows {source.name}')}")

    def _n_rows(self, source: OpenSource) -> int:
        return int(self.connection.sql(f"SELECT count(*) FROM {source.view}").fetchall()[0][0])

    def _as_utf8(self, dialect: Dialect) -> Path:
        """Return the file itself, or a temporary copy in UTF-8; unknown bytes stay as they are, and DuckDB refuses them."""
        if dialect.encoding == "utf-8-sig":
            return dialect.path
        copy = Path(tempfile.mkstemp(suffix=".csv", dir=self._folder.name)[1])
        with (
            open_text(dialect.path, dialect.encoding) as text,
            copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
        ):
            while block := text.read(1 << 20):
                out.write(block)
        return copy

    def _open_database(self, source: OpenSource) -> OpenSource:
        rows = query_database(str(source.settings.database), str(source.settings.query))
        shown = expand(str(source.settings.database)).rpartition("@")[2]  # never a password
        self._register(source, rows)
        return self._described(replace(source, file=shown))

    def _create(self, source: OpenSource, query: str) -> None:
        self.connection.execute(f"CREATE TEMP VIEW {source.view} AS {query}")

    def _described(self, source: OpenSource, **others: Any) -> OpenSource:
        described = self.connection.sql(f"DESCRIBE SELECT * EXCLUDE ({ROW}) FROM {source.view}").fetchall()
        return replace(source, columns={str(row[0]): str(row[1]) for row in described}, **others)

    def with_lines(self, name: str) -> OpenSource:
        """Return a source whose rows know their lines, where it is a text file that can be followed."""
        source = self.sources[name]
        parts = tuple(self._followed(part) for part in source.parts)
        self.sources[name] = replace(source, parts=parts) if parts else self._followed(source)
        return self.sources[name]

    def _followed(self, source: OpenSource) -> OpenSource:
        if source.dialect is None or source.records is not None or source.misfits:
            return source  # it has no lines, knows them, or was followed before in vain
        records, misfits = _match(find_records(source.dialect), self._n_rows(source), ())
        return replace(source, records=records, misfits=misfits)


def _refuse_reserved(columns: Sequence[str], file: str) -> None:
    if any(column.lower() == ROW for column in columns):
        raise HistoryError(f"{file}: a column is called {ROW}, which is reserved for row numbers; give it another name.")


def _match(
    found: Records | None, n_rows: int, rejected: Sequence[tuple[Any, ...]]
) -> tuple[Records | None, tuple[Misfit, ...]]:
    """Pair the lines found in the text with DuckDB's rows; where they do not agree, keep DuckDB's word and know no lines."""
    if found is not None and found.rows.size == n_rows and len(found.misfits) == len(rejected):
        return found, found.misfits
    misfits = (
        Misfit(row=int(line) - 1, line=int(line), reason=str(message).split("\n")[0].rstrip("."), text=str(text or "")[:200])
        for line, message, text in rejected
    )
    return None, tuple(misfits)


def used_sources(config: Config) -> list[str]:
    """Return the names of sources that some table reads, in the order of their declaration."""
    used = {
        name
        for mappings in config.tables.mapped().values()
        for mapping in mappings
        for name in (mapping.source, *(join.source for join in mapping.join))
    }
    return [name for name in config.sources if name in used]


def digest_sources(config: Config) -> str:
    """Return the SHA-256 of everything the sources hold and how they are mapped: the key of what is made from them.

    Files are hashed as they lie; databases are asked. An absent optional file counts as empty.
    """
    digest = hashlib.sha256()
    for part in _parts(config):
        digest.update(part)
    return digest.hexdigest()


def _parts(config: Config) -> Iterator[bytes]:
    yield config.tables.model_dump_json().encode()
    variable = config.privacy.pseudonym_key
    yield hashlib.sha256(f"{variable} {os.environ.get(variable or '', '')}".encode()).digest()
    yield config.time.model_dump_json().encode()
    yield repr(config.action_set().names).encode()  # exposures to others are set aside
    if config.experiment is not None:
        yield repr(config.experiment.outcomes).encode()  # they are numbers; other columns are text
    for name in used_sources(config):
        settings = config.sources[name]
        yield f"source {name} {settings.model_dump_json()}\n".encode()
        if settings.database is not None:
            rows = query_database(settings.database, str(settings.query))
            yield repr((rows.column_names, rows.to_pydict())).encode()
            continue
        for path in settings.paths(config.origin.folder):
            yield f"file {path.name}\n".encode()  # quarantined rows name it
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    yield block
