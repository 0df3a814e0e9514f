"""Candidates: what stands behind the files, patterns and database URLs that somebody names, as sources to be looked at."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from decision_engine.config.findings import say_no_file, suggest_file
from decision_engine.config.sources import FORMATS, SourceConfig, is_pattern
from decision_engine.history.encodings import text_encoding
from decision_engine.history.text_layout import header_line, is_server_log, layout_of
from simulations.errors import ConfigError, HistoryError

_DATABASES = {".duckdb": "duckdb", ".ddb": "duckdb", ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite"}
_SQLITE = b"SQLite format 3\x00"
_ROWS_LOOKED_AT = 200


def find_sources(files: Sequence[str], folder: Path) -> dict[str, dict[str, object]]:
    """Return each source as it will be written, by a name of its own.

    Every table of a database, sheet of a workbook and member of a zip archive is a source.

    Raises
    ------
    ConfigError, HistoryError
        If there is no such file, or what is there holds no table.
    """
    found: dict[str, dict[str, object]] = {}
    for file in files:
        url = file if "://" in file else _database_url(Path(file).expanduser())
        candidates = _tables(url) if url is not None else _parts(file, folder)
        for name, written in candidates:
            found[_free(name, found)] = written
    return found


def _database_url(path: Path) -> str | None:
    """Return the URL of a file that is a database; None for any other."""
    kind = _DATABASES.get(path.suffix.lower())
    if kind is None or not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(16)
    kind = "sqlite" if start == _SQLITE else "duckdb" if start[8:12] == b"DUCK" else kind
    return f"{kind}:///{path.absolute()}"


def _tables(url: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each table of a database, by its name; those of another schema than the usual one under both names."""
    from decision_engine.history.databases import query_rows

    query = (
        "SELECT 'main' AS place, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name"
        if url.startswith("sqlite")
        else "SELECT table_schema AS place, table_name AS name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY table_schema, table_name"
    )
    answer = query_rows(url, query)
    if not answer:
        raise ConfigError(f"{url.rpartition('@')[2]}: the database holds no table.")
    for place, table in answer:
        usual = place in ("main", "public")
        quoted = table.replace('"', '""')
        shown = f'"{quoted}"' if usual else f'"{place}"."{quoted}"'
        yield table if usual else f"{place}_{table}", {"database": url, "query": f"SELECT * FROM {shown}"}


def _parts(file: str, folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what a file holds: itself, or the sheets of a workbook, or the members of an archive."""
    path = Path(file).expanduser()
    settings = SourceConfig(file=os.path.relpath(path.absolute(), folder.absolute()))
    paths = settings.paths(folder.absolute())
    if not paths:
        raise ConfigError(_missing(path))
    written: dict[str, object] = {"file": settings.file}
    name = re.sub(r"\.(gz|zip|csv|tsv|txt|parquet|pq|jsonl?|ndjson|xlsx|xlsm)\b", "", path.name)
    first = paths[0]
    kind = settings.format_by_name(Path(str(first).removesuffix(".gz")))
    if kind == "excel":
        sheets = _sheets(first)
        for sheet, header in sheets.items():
            further = {"sheet": sheet} | ({"header_line": header} if header > 1 else {})
            yield name if len(sheets) == 1 else sheet, written | further
        return
    members = _members(first)
    if len(members) > 1:
        yield from ((Path(member).stem, {**written, "member": member}) for member in members)
        return
    if kind == "csv" and first.suffix.lower() not in (".gz", ".zip"):
        encoding = text_encoding(first)
        if encoding != "utf-8":
            written["encoding"] = encoding
    if kind == "csv" and is_server_log(first, str(written.get("encoding", "utf-8"))):
        raise ConfigError(
            f"{path} is the log of a web server: its lines are requests, which tell neither who bought nor for how much. Name "
            "an export of orders, or make a table of the log first: user, time, order and amount in columns of their own."
        )
    if kind == "csv":
        written |= layout_of(first, str(written.get("encoding", "utf-8")))
    yield name, written


def _missing(path: Path) -> str:
    if path.is_dir():
        endings = sorted({one.suffix for one in path.iterdir() if one.suffix.lower() in FORMATS})
        return f"{path} is a folder; name its files, for example {path}/*{endings[0] if endings else '.csv'}."
    if is_pattern(str(path)):
        return f"{path}: no file matches this pattern."
    if odd := say_no_file(path):
        return f"{odd}."
    beside = sorted(one.name for one in path.parent.iterdir() if one.suffix.lower() in FORMATS) if path.parent.is_dir() else []
    return f"{path}: there is no such file" + (f"; {suggest_file(path.name, beside)}" if beside else ".")


def _sheets(path: Path) -> dict[str, int]:
    """Return a workbook's sheets that hold anything, each with the row that names its columns."""
    from simulations.errors import MissingExtraError

    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError(f'{path}: Excel needs openpyxl: pip install "decision-engine[excel]".') from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the broken part raised
        raise HistoryError(f"{path} is no Excel workbook that can be read: {error}.") from None
    try:
        held = {}
        for sheet in book.sheetnames:
            rows = book[sheet].iter_rows(max_row=_ROWS_LOOKED_AT, values_only=True)
            cells = [["" if value is None else str(value) for value in row] for row in rows]
            if any(any(row) for row in cells):
                held[sheet] = header_line(cells)
    finally:
        book.close()
    if not held:
        raise HistoryError(f"{path}: the workbook holds no value.")
    return held


def _members(path: Path) -> list[str]:
    """Return the files in a zip archive; none for anything else, or for one that cannot be read, which reading will tell."""
    if path.suffix.lower() != ".zip":
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return []
    return [name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/")]


def _free(name: str, taken: dict[str, dict[str, object]]) -> str:
    """Return a name that can be used in expressions and is not taken."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "source"
    plain = plain if plain[0].isalpha() else f"s_{plain}"
    free, number = plain, 2
    while free in taken:
        free, number = f"{plain}_{number}", number + 1
    return free
