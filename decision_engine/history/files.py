"""Files as they lie: patterns become lists of files, archives are unpacked, formats told by their first bytes."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from decision_engine.config.sources import SourceConfig
from simulations.errors import ConfigError, HistoryError

_GZIP, _ZIP, PARQUET_MARK = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFile:
    """One file, ready to be read.

    Attributes
    ----------
    path : Path
        Where its bytes lie: the file itself, or an unpacked copy.
    name : str
        What people know it by.
    format : str
        "csv", "jsonl", "parquet" or "excel".
    """

    path: Path
    name: str
    format: str


def plain_file(path: Path, settings: SourceConfig, folder: Path) -> PlainFile:
    """Unpack a file into a folder where it is packed, and tell its format.

    Raises
    ------
    ConfigError
        If a zip archive holds several files and none is named, or another than the one named.
    HistoryError
        If an archive is broken.
    """
    start = _first_bytes(path)
    if start.startswith(_GZIP):
        with _told(path), gzip.open(path, "rb") as packed:
            copy = _unpack(packed, folder)
        inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        return PlainFile(path=copy, name=str(path), format=_format(copy, inner, settings))
    if path.suffix.lower() == ".gz":
        raise HistoryError(f"{path} is called gzip and is not; rename it, or pack it again.")
    if settings.format_by_name(path) == "excel":
        return PlainFile(path=path, name=str(path), format="excel")
    if start.startswith(_ZIP) or path.suffix.lower() == ".zip":
        with _told(path), zipfile.ZipFile(path) as archive:
            member = _member(archive, path, settings.member)
            with archive.open(member) as packed:
                copy = _unpack(packed, folder)
        return PlainFile(path=copy, name=f"{path}:{member}", format=_format(copy, Path(member), settings))
    return PlainFile(path=path, name=str(path), format=_format(path, path, settings))


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}.") from None


def _format(path: Path, name: Path, settings: SourceConfig) -> str:
    if settings.format is None and _first_bytes(path) == PARQUET_MARK:
        return "parquet"
    return settings.format_by_name(name)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise HistoryError(f"{path} cannot be unpacked: {error}. Fetch it again; it may have been cut short.") from None


def _unpack(packed: IO[bytes] | gzip.GzipFile, folder: Path) -> Path:
    copy = folder / f"unpacked {sum(1 for _ in folder.iterdir())}"
    with copy.open("wb") as out:
        while block := packed.read(_BLOCK):
            out.write(block)
    return copy


def _member(archive: zipfile.ZipFile, path: Path, wanted: str | None) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if wanted is not None:
        if wanted not in names:
            raise ConfigError(f"{path} holds no {wanted}; it holds {', '.join(names[:20])}.")
        return wanted
    if len(names) != 1:
        raise ConfigError(f"{path} holds {len(names)} files; name one as `member:` ({', '.join(names[:20])}).")
    return names[0]
