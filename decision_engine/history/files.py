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
_DEEPEST = 3  # archives within archives
_BEGINNING = 64  # bytes that tell a file's kind
_UNPACK, _EXPORT = "unpack it, and name what was in it", "export the table as CSV or .xlsx, and name that"
_OTHER_KINDS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"bzh9", b"bzh1", b"bzh5"), "packed by bzip2", _UNPACK),
    ((b"\xfd7zxz",), "packed by xz", _UNPACK),
    ((b"\x28\xb5\x2f\xfd",), "packed by zstd", _UNPACK),
    ((b"7z\xbc\xaf",), "packed by 7-Zip", _UNPACK),
    ((b"rar!",), "packed by RAR", _UNPACK),
    ((b"\xd0\xcf\x11\xe0",), "an Excel workbook of the old kind, or one with a password", "save it as .xlsx, without one"),
    ((b"%pdf",), "a PDF", _EXPORT),
    ((b"<!doctype", b"<html", b"<table", b"<?xml"), "HTML or XML", _EXPORT),
    ((b"sqlite format 3",), "an SQLite database", "name it as sqlite:///PATH, with a query"),
)


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
    """Unpack a file into a folder where it is packed, and what is packed in it, and tell its format.

    Raises
    ------
    ConfigError
        If a zip archive holds several files and none is named, or another than the one named.
    HistoryError
        If an archive is broken, or the file is of a kind that holds no table that could be read.
    """
    start = _first_bytes(path)
    if path.suffix.lower() == ".gz" and not start.startswith(_GZIP):
        raise HistoryError(f"{path} is called gzip and is not; rename it, or pack it again.")
    if settings.format_by_name(path) == "excel" and not start.startswith(_GZIP):
        _refuse_other_kinds(start, str(path))
        return PlainFile(path=path, name=str(path), format="excel")
    return _unpacked(path, str(path), Path(path.name), settings, folder)


def _unpacked(path: Path, name: str, called: Path, settings: SourceConfig, folder: Path, depth: int = 0) -> PlainFile:
    """Return what is packed in a file, and in that again, or the file itself; `called` is the innermost name so far."""
    start = _first_bytes(path)
    if start.startswith(_GZIP) and depth < _DEEPEST:
        with _told(name), gzip.open(path, "rb") as packed:
            copy = _unpack(packed, folder)
        inner = called.with_suffix("") if called.suffix.lower() == ".gz" else called
        return _unpacked(copy, name, inner, settings, folder, depth + 1)
    if (start.startswith(_ZIP) or called.suffix.lower() == ".zip") and depth < _DEEPEST:
        with _told(name), zipfile.ZipFile(path) as archive:
            member = _member(archive, name, settings.member)
            with archive.open(member) as packed:
                copy = _unpack(packed, folder)
        return _unpacked(copy, f"{name}:{member}", Path(member), settings, folder, depth + 1)
    kind = "parquet" if settings.format is None and start[:4] == PARQUET_MARK else settings.format_by_name(called)
    if kind != "parquet":
        _refuse_other_kinds(start, name)
    return PlainFile(path=path, name=name, format=kind)


def _refuse_other_kinds(start: bytes, name: str) -> None:
    """Tell files of kinds that hold no table by how they begin, where the format's own reader would speak of something else."""
    for marks, kind, remedy in _OTHER_KINDS:
        if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(marks):
            raise HistoryError(f"{name} is {kind}; {remedy}.")


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}.") from None


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:  # a password, or a way of packing that this machine does not know
        raise HistoryError(f"{name} cannot be unpacked: {error}. Unpack it by hand, and name what was in it.") from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise HistoryError(f"{name} cannot be unpacked: {error}. Fetch it again; it may have been cut short.") from None


def _unpack(packed: IO[bytes] | gzip.GzipFile, folder: Path) -> Path:
    copy = folder / f"unpacked {sum(1 for _ in folder.iterdir())}"
    with copy.open("wb") as out:
        while block := packed.read(_BLOCK):
            out.write(block)
    return copy


def _member(archive: zipfile.ZipFile, path: str, wanted: str | None) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if wanted is not None:
        if wanted not in names:
            raise ConfigError(f"{path} holds no {wanted}; it holds {', '.join(names[:20])}.")
        return wanted
    if not names:
        raise HistoryError(f"{path} is an archive without any file.")
    if len(names) != 1:
        raise ConfigError(f"{path} holds {len(names)} files; name one as `member:` ({', '.join(names[:20])}).")
    return names[0]
