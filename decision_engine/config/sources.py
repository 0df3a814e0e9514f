"""Where rows come from: a file, a file inside an installed package, or a query to a database."""

from __future__ import annotations

import os
import re
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulations.errors import ConfigError

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


class SourceConfig(BaseModel):
    """One source: `file`; or `package` and `file` inside it; or `database` and `query`.

    Names in the form ``${NAME}`` in `file` and `database` stand for environment variables, so that no password need be written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str | None = Field(
        None,
        min_length=1,
        description="Path of a file, plain or packed by gzip or zip, relative to the configuration; with `*`, `?` or `[...]`, "
        "a pattern of several files with the same columns.",
    )
    member: str | None = Field(None, min_length=1, description="File inside a zip archive, where it holds several.")
    sheet: str | None = Field(None, min_length=1, description="Sheet of an Excel workbook; empty: the first.")
    package: str | None = Field(None, min_length=1, description="Import name of the installed package that holds `file`.")
    database: str | None = Field(None, min_length=1, description="duckdb:///PATH, sqlite:///PATH or postgresql://... .")
    query: str | None = Field(None, min_length=1, description="SQL to ask the database; it should order its rows.")
    optional: bool = Field(False, description="Whether the file may be absent; it then gives no rows, and the run says so.")
    format: Literal["csv", "parquet", "jsonl", "excel"] | None = Field(
        None,
        description="Format of the file; empty: by its ending. `jsonl` is one JSON object a line, or one document that is "
        "or holds an array of objects.",
    )
    encoding: str = Field("utf-8", description="Text encoding of a CSV file, by its Python name.")
    delimiter: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Sign between values of a CSV file, a blank for any number of blanks and tabs; empty: found.",
    )
    header_line: int = Field(
        1,
        ge=1,
        le=1000,
        description="Line of a CSV file, or row of a sheet, that names the columns; what is above is passed over.",
    )
    names: tuple[str, ...] = Field(
        (), description="Names of the columns of a CSV file without a header, in their order; empty: its first line names them."
    )
    decimal: Literal[".", ","] = Field(".", description="Decimal sign in a CSV file's numbers.")
    thousands: Literal["", ".", ",", " ", "'", "\u00a0", "\u202f"] = Field(
        "", description="Sign between thousands in a CSV file's numbers; one that stands elsewhere makes a value no number."
    )
    time_formats: tuple[str, ...] = Field(
        (), description="How times are written, tried in turn, such as '%d.%m.%Y %H:%M'; empty: 2017-03-31 14:05:00."
    )
    time_zone: str | None = Field(
        None,
        min_length=1,
        description="Zone of times without an offset, such as UTC; empty: the shop's own (`time.time_zone`).",
    )
    personal: tuple[str, ...] = Field(
        (),
        description="Columns that never leave ingestion: usable in joins and conditions, and as a pseudonymised user_id. "
        "customer.email is the key `email` inside the objects of column `customer`.",
    )
    pseudonymised: bool = Field(
        False, description="Whether user ids in this source are pseudonyms already, as in what `plan export` wrote."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> SourceConfig:
        if (self.file is None) == (self.database is None):
            raise ValueError("a source needs either `file` (with `package` where it lies in one) or `database` with `query`")
        if (self.database is None) != (self.query is None):
            raise ValueError("`database` and `query` go together")
        if self.database is not None and self.package is not None:
            raise ValueError("`package` goes with `file`, not with `database`")
        if self.names and self.database is not None:
            raise ValueError("`names` are for a CSV file without a header; a query names its columns itself")
        if self.names and self.header_line > 1:
            raise ValueError("`names` are for a CSV file without a header, and `header_line` says which line is one")
        folded = [name.strip().lower() for name in self.names]
        if not all(folded) or len(set(folded)) < len(folded):
            raise ValueError("`names` must give each column a name of its own")
        for written in self.time_formats:
            if "%" not in written or "%z" in written.lower():
                raise ValueError(f"time format {written!r} must be made of signs such as %Y, %m, %d, %H and %M, without a zone")
        if self.time_zone is not None:
            check_zone(self.time_zone)
        if self.decimal == self.thousands:
            raise ValueError(f"`decimal` and `thousands` are both {self.decimal!r}; they must differ")
        return self

    def path(self, folder: Path) -> Path:
        """Return where the file should lie; it may be absent.

        Parameters
        ----------
        folder : Path
            Of the configuration.

        Raises
        ------
        ConfigError
            If the package is not installed, the file lies outside it, an environment variable is not set, or the source is a
            database.
        """
        if self.file is None:
            raise ConfigError("a database has no path; it is read by its query.")
        file = expand(self.file)
        if self.package is None:
            return Path(os.path.normpath(folder / Path(file).expanduser()))
        root = package_folder(self.package)
        path = Path(os.path.normpath(root / file))
        if not path.is_relative_to(root):
            raise ConfigError(f"{self.file} lies outside package {self.package}; name a file inside it.")
        return path

    def shown_database(self) -> str:
        """Return the database as people may see it, never with a password."""
        return expand(str(self.database)).rpartition("@")[2]

    def paths(self, folder: Path) -> list[Path]:
        """Return the files there are: one, or all that match the pattern in the order of their names; none if there is none.

        Raises
        ------
        ConfigError
            As `path` does.
        """
        path = self.path(folder)
        if path.is_file():
            return [path]
        if not is_pattern(str(path)):
            return []
        return sorted(Path(found) for found in glob(str(path), recursive=True) if Path(found).is_file())

    def format_by_name(self, path: Path) -> str:
        """Return the file's format: as declared, else by its ending, else "csv"."""
        return self.format or FORMATS.get(path.suffix.lower(), "csv")


def is_pattern(file: str) -> bool:
    """Whether a path stands for several files."""
    return any(sign in file for sign in "*?[")


def check_zone(name: str) -> str:
    """Return the name of a time zone; `ValueError` if there is none of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} is unknown; right is for example Europe/Berlin or UTC") from None
    return name


def package_folder(package: str) -> Path:
    """Return where a package is installed, without importing it."""
    try:
        spec = find_spec(package.partition(".")[0])
    except ValueError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"package {package} is not installed; install it, or point `file` at a copy and leave `package` out.")
    return Path(spec.submodule_search_locations[0], *package.split(".")[1:])


def expand(text: str) -> str:
    """Replace each ``${NAME}`` by the environment variable of that name.

    Raises
    ------
    ConfigError
        If one is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"environment variable {match[1]} is not set; set it, or write the value in its place.")
        return os.environ[match[1]]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)
