"""Sources opened in DuckDB: a view each over Parquet, with the number of every row.

Whatever is no Parquet file becomes one first, every value as text, streamed into a temporary folder: no source has to fit into
memory. The database is locked before the first row is read: it may open the configured files and its temporary folders and
nothing else, whatever an expression in the configuration asks for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from decision_engine.config.models import Config
from decision_engine.config.origin import Origin, Place
from decision_engine.config.sources import SourceConfig
from decision_engine.history.copies import copies_among
from decision_engine.history.csv_files import write_csv_rows
from decision_engine.history.databases import Answer, first_line, store_answer
from decision_engine.history.files import PARQUET_MARK, PlainFile, plain_file
from decision_engine.history.json_files import read_json
from decision_engine.history.lines import Dialect, Records, check_columns, read_dialect
from decision_engine.history.sql import PARQUET as PARQUET
from decision_engine.history.sql import literal as literal
from decision_engine.history.sql import quote as quote
from decision_engine.history.workbooks import read_workbook
from simulations.errors import ConfigError, HistoryError, InputError

ROW = "__row"  # number of a row in its source, from 0; no source column may be called so
_MOST_MEMORY = 1_500_000_000  # bytes; what does not fit is written to the temporary folder


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """One file of a source, or a query's answer, as Parquet.

    Attributes
    ----------
    file : str
        What people know it by.
    path : Path
        Of the Parquet file that holds its rows.
    misfits : int
        Records that are no rows.
    dialect, text : Dialect, Path or None
        How a CSV file is written, and its text in UTF-8: from them lines are found when they are asked for.
    rejects : str or None
        Where DuckDB read a CSV file: name of its table of records that are no rows.
    records : Records or None
        Where the file was followed record by record: where they lie.
    open_quotes : mapping of int to str
        Lines of a CSV file that open a quote which is not closed, and how they begin.
    sparse : bool
        Whether its rows name their own columns, so that one which none of them names may be another file's.
    copy_of : str or None
        The file before it that holds the same bytes: its rows are read there, and this one has none.
    """

    file: str
    path: Path
    n_rows: int
    misfits: int = 0
    dialect: Dialect | None = None
    text: Path | None = None
    rejects: str | None = None
    records: Records | None = None
    open_quotes: Mapping[int, str] = field(default_factory=dict)
    sparse: bool = False
    copy_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSource:
    """A source as a view in DuckDB.

    Attributes
    ----------
    file : str
        What people know it by: a path, a pattern, or the database.
    columns : dict of str to str
        DuckDB type of each column.
    absent : bool
        The file is optional and not there; the view has no row, and expressions over it are not checked.
    files : tuple of OpenFile
        The files; row numbers go through them in turn.
    """

    name: str
    file: str
    settings: SourceConfig
    columns: dict[str, str] = field(default_factory=dict)
    absent: bool = False
    files: tuple[OpenFile, ...] = ()

    @property
    def view(self) -> str:
        """Name of the view, quoted."""
        return quote(f"source {self.name}")

    @property
    def n_rows(self) -> int:
        """Rows of all files."""
        return sum(file.n_rows for file in self.files)

    @property
    def n_misfits(self) -> int:
        """Records of all files that are no rows."""
        return sum(file.misfits for file in self.files)


def open_database(scratch: Path, readable: Sequence[Path] = (), folders: Sequence[Path] = ()) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB in memory that spills into `scratch` and may open the named files and folders, and nothing else."""
    connection = duckdb.connect(":memory:")
    listed = [f"[{', '.join(literal(str(path)) for path in paths)}]" for paths in ((scratch, *folders), readable)]
    settings = {
        "temp_directory": literal(str(scratch)),
        "memory_limit": literal(f"{memory_limit() // 1_000_000}MB"),
        "threads": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
        "allowed_directories": listed[0],
        "allowed_paths": listed[1],
        "TimeZone": literal("UTC"),
        # A filter over typed values stays above them: pushed below, it would hold every cast once more, made twice a row.
        "disabled_optimizers": literal("filter_pushdown"),
        "enable_progress_bar": "false",  # it is drawn on stdout, which is kept for results
        "python_enable_replacements": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")
    return connection


def memory_limit() -> int:
    """Return how many bytes DuckDB may hold: a quarter of the machine's, within bounds."""
    known = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else 4 * _MOST_MEMORY
    return max(500_000_000, min(_MOST_MEMORY, machine // 4))


class SourceReader:
    """Opens sources; a context manager that owns the DuckDB connection and its temporary files.

    Parameters
    ----------
    answers : mapping of str to Answer
        Answers of databases that were asked before.
    output : Path, optional
        A folder into which DuckDB may write.
    """

    def __init__(
        self,
        settings: Mapping[str, SourceConfig],
        origin: Origin,
        *,
        answers: Mapping[str, Answer] | None = None,
        output: Path | None = None,
    ) -> None:
        self.settings = settings
        self.origin = origin
        self.sources: dict[str, OpenSource] = {}
        self._answers = answers or {}
        self._output = output
        self._scratch = tempfile.TemporaryDirectory(prefix="decision-engine-", ignore_cleanup_errors=True)
        self._numbers = iter(range(1 << 60))
        self.connection: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, config: Config, *, answers: Mapping[str, Answer] | None = None, output: Path | None = None) -> Self:
        """Return the reader of what a configuration uses."""
        settings = {name: config.sources[name] for name in used_sources(config)}
        return cls(settings, config.origin, answers=answers, output=output)

    @property
    def folder(self) -> Path:
        """Folder of temporary files, into which DuckDB may write."""
        return Path(self._scratch.name)

    def __enter__(self) -> Self:
        try:
            self._open_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
        self._scratch.cleanup()

    def _open_all(self) -> None:
        paths = {name: self._paths(name) for name in self.settings}
        readable = [path for found in paths.values() for path in found]
        readable += [answer.path for answer in self._answers.values()]
        folders = [] if self._output is None else [self._output]
        self.connection = open_database(self.folder, readable, folders)
        for name in self.settings:
            try:
                self.sources[name] = self._open(name, paths[name])
            except InputError as error:
                raise type(error)(f"{self._said(('sources', name))}{error}") from None

    def _said(self, place: Place) -> str:
        """Return how a message about a place in the configuration begins; it names files alone where there is none yet."""
        return "" if self.origin.is_unwritten else f"{self.origin.where(place)}: "

    def _paths(self, name: str) -> list[Path]:
        """Return where a source's files lie; none for a database or an absent optional file."""
        settings = self.settings[name]
        if settings.file is None:
            return []
        place = ("sources", name, "file")
        try:
            paths = settings.paths(self.origin.folder)
        except ConfigError as error:
            raise ConfigError(f"{self._said(place)}{error}") from None
        if not paths and not settings.optional:
            raise ConfigError(f"{self._said(place)}there is no file {settings.path(self.origin.folder)}.")
        return paths

    def _open(self, name: str, paths: list[Path]) -> OpenSource:
        settings = self.settings[name]
        if settings.database is not None:
            shown = settings.shown_database()
            answer = self._answers.get(name) or store_answer(settings.database, str(settings.query), self._new_path())
            check_columns(answer.columns, "the query's answer")
            _refuse_reserved(answer.columns, shown)
            source = OpenSource(name=name, file=shown, settings=settings)
            return self._viewed(source, [self._counted(OpenFile(file=shown, path=answer.path, n_rows=0))])
        source = OpenSource(name=name, file=str(settings.path(self.origin.folder)), settings=settings)
        if not paths:
            return replace(source, absent=True)
        copies = copies_among(paths)
        files = [
            OpenFile(file=str(path), path=path, n_rows=0, copy_of=str(copies[path]))
            if path in copies
            else self._open_file(settings, path)
            for path in paths
        ]
        return self._viewed(replace(source, file=files[0].file) if len(files) == 1 else source, files)

    def _viewed(self, source: OpenSource, files: list[OpenFile]) -> OpenSource:
        """Put files of the same columns one after another, and make the source's view of them."""
        read = [file for file in files if file.copy_of is None]
        columns = [self._columns(file) for file in read]
        for file, found in zip(read[1:], columns[1:], strict=True):
            lacks, adds = set(columns[0]) - set(found), set(found) - set(columns[0])
            if (lacks or adds) and not (file.sparse and read[0].sparse):
                differs = [f"lacks {', '.join(sorted(lacks))}"] * bool(lacks) + [f"adds {', '.join(sorted(adds))}"] * bool(adds)
                raise HistoryError(
                    f"files of one pattern must have the same columns: {Path(file.file).name} {' and '.join(differs)}, "
                    f"compared with {Path(read[0].file).name}. Name them as sources of their own, and map each."
                )
        as_text = [name for name in columns[0] if _differ_in_kind([found.get(name, columns[0][name]) for found in columns])]
        for name in as_text:
            _refuse_objects_among_values(name, read, [found[name] for found in columns])
        queries, offset = [], 0
        for file in read:
            replaced = ", ".join(f"CAST({quote(name)} AS VARCHAR) AS {quote(name)}" for name in as_text)
            shown = "* EXCLUDE (file_row_number)" + (f" REPLACE ({replaced})" if replaced else "")
            queries.append(f"SELECT file_row_number + {offset} AS {ROW}, {shown} FROM {_rows(file.path)}")
            offset += file.n_rows
        self.connection.execute(f"CREATE TEMP VIEW {source.view} AS {' UNION ALL BY NAME '.join(queries)}")
        described = self.connection.sql(f"DESCRIBE SELECT * EXCLUDE ({ROW}) FROM {source.view}").fetchall()
        return replace(source, columns={str(row[0]): str(row[1]) for row in described}, files=tuple(files))

    def _columns(self, file: OpenFile) -> dict[str, str]:
        described = self.connection.sql(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {_rows(file.path)}").fetchall()
        return {str(row[0]): str(row[1]) for row in described}

    def _counted(self, file: OpenFile) -> OpenFile:
        (n_rows,) = self.connection.sql(f"SELECT count(*) FROM {_rows(file.path)}").fetchall()[0]
        return replace(file, n_rows=int(n_rows))

    def _new_path(self, suffix: str = ".parquet") -> Path:
        return self.folder / f"{next(self._numbers)}{suffix}"

    def _open_file(self, settings: SourceConfig, path: Path) -> OpenFile:
        file = plain_file(path, settings, self.folder)
        if file.format == "parquet" and not settings.names:
            return self._open_parquet(file)
        if file.format == "csv":
            return self._open_csv(settings, file)
        if settings.names:
            raise HistoryError(f"{file.name} is no CSV file: `names` are for one without a header; take them out.")
        if file.format == "jsonl":
            records, rows = read_json(file)
        else:
            records, rows = read_workbook(file, settings.sheet, settings.header_line)
        opened = OpenFile(file=file.name, path=self._new_path(), n_rows=rows.num_rows, sparse=file.format == "jsonl")
        return self._followed(opened, records, rows)

    def _followed(self, file: OpenFile, records: Records, rows: pa.Table) -> OpenFile:
        """Write down rows that Python read."""
        _refuse_reserved(rows.column_names, file.file)
        pq.write_table(rows, file.path)
        return replace(file, misfits=len(records.misfits), records=records)

    def _open_parquet(self, file: PlainFile) -> OpenFile:
        try:
            rows = f"read_parquet({literal(str(file.path))})"
            described = self.connection.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()
            _refuse_reserved([str(row[0]) for row in described], file.name)
            return self._counted(OpenFile(file=file.name, path=file.path, n_rows=0))
        except duckdb.Error as error:
            raise HistoryError(f"{file.name} cannot be read as Parquet: {_why_no_parquet(file.path, error)}") from None

    def _open_csv(self, settings: SourceConfig, file: PlainFile) -> OpenFile:
        dialect = read_dialect(file, settings.encoding, settings.delimiter, settings.names, settings.header_line)
        _refuse_reserved(dialect.columns, file.name)
        path = self._new_path()
        rows = write_csv_rows(self.connection, dialect, path, self._new_path)
        told = {name: getattr(rows, name) for name in rows.__slots__}
        return self._counted(OpenFile(file=file.name, path=path, n_rows=0, **told))


def _why_no_parquet(path: Path, error: duckdb.Error) -> str:
    """Say what is wrong with a file that should be Parquet, and what would be right: it begins and ends with the same mark."""
    with path.open("rb") as file:
        start = file.read(len(PARQUET_MARK))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(PARQUET_MARK)))
        end = file.read()
    if not size:
        return "it is empty. Fetch or write it again."
    if start != PARQUET_MARK:
        return "it does not begin as Parquet does. Say what it is as `format:`, for example csv, or fetch it again."
    if end != PARQUET_MARK:
        return f"it is cut off after {size:,} bytes, its end is missing. Fetch or write it again."
    return f"{first_line(error).rstrip('.')}. It may be damaged: fetch or write it again."


def _family(kind: str) -> str:
    """Return what kinds of values a type holds that fit under one column."""
    families = {
        "objects": kind.startswith(("STRUCT", "MAP", "UNION")) and not kind.endswith("]"),
        "lists": kind.endswith("]"),
        "numbers": kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or ("INT" in kind and not kind.startswith("INTERVAL")),
        "times": kind.startswith(("TIMESTAMP", "DATE")),
    }
    return next((name for name, holds in families.items() if holds), kind)


def _differ_in_kind(kinds: Sequence[str]) -> bool:
    return len({_family(kind) for kind in kinds}) > 1


def _refuse_objects_among_values(name: str, files: Sequence[OpenFile], kinds: Sequence[str]) -> None:
    """Refuse files of one pattern of which some hold objects or lists in a column and others plain values."""
    families = [_family(kind) for kind in kinds]
    other = next((k for k, family in enumerate(families) if family != families[0]), 0)
    if {"objects", "lists"} & set(families):
        raise HistoryError(
            f"files of one pattern must hold the same in column {name!r}: {Path(files[other].file).name} holds {kinds[other]}, "
            f"{Path(files[0].file).name} {kinds[0]}. Name them as sources of their own, and map each."
        )


def _rows(path: Path) -> str:
    return f"read_parquet({literal(str(path))}, file_row_number = true)"


def _refuse_reserved(columns: Sequence[str], file: str) -> None:
    if any(column.lower() in (ROW, "file_row_number") for column in columns):
        reserved = next(column for column in columns if column.lower() in (ROW, "file_row_number"))
        raise HistoryError(f"{file}: a column is called {reserved}, which is reserved for row numbers; give it another name.")


def used_sources(config: Config) -> list[str]:
    """Return the names of sources that some table reads, in the order of their declaration."""
    used = {
        name
        for mappings in config.tables.mapped().values()
        for mapping in mappings
        for name in (mapping.source, *(join.source for join in mapping.join))
    }
    return [name for name in config.sources if name in used]
