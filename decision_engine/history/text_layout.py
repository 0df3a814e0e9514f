"""How a text file is laid out: which sign stands between values, and which line, if any, names the columns."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from decision_engine.history.headerless import holds_values
from decision_engine.history.lines import BLANKS, DELIMITERS, split_at_blanks

_SERVER_LOG = re.compile(r'\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ ')
_BEGINNING = 1 << 16
_LOOKED_AT = 200  # lines
_MOSTLY = 0.9  # share of lines that must hold the same number of values
_FULL = 0.8  # share of the usual values that a header must name
_TITLE = 0.5  # share of them below which a line is a title


def is_server_log(path: Path, encoding: str) -> bool:
    """Whether a file is the log of a web server, in the common or the combined format."""
    lines = _beginning(path, None).decode(encoding, "replace").splitlines()[:_LOOKED_AT]
    return bool(lines) and sum(_SERVER_LOG.match(line) is not None for line in lines) > _MOSTLY * len(lines)


def layout_of(path: Path, encoding: str, member: str | None = None) -> dict[str, object]:
    """Return the settings that a CSV file needs besides its encoding: `delimiter`, `header_line`, `names`.

    Nothing is said of what reading finds by itself: a comma, semicolon, tab or bar between values, and a first line that names
    the columns.
    """
    text = _beginning(path, member).decode(encoding.replace("utf-8", "utf-8-sig"), "replace")
    lines = text.splitlines()[:_LOOKED_AT]
    lines = lines[:-1] if len(text) >= _BEGINNING and len(lines) < _LOOKED_AT else lines  # the last one may be cut off
    hint = lines[0].strip().lower() if lines else ""
    if hint.startswith("sep=") and len(hint) == len("sep=,"):
        return {"delimiter": lines[0].strip()[-1], "header_line": 2}
    delimiter = _delimiter(lines)
    rows = _rows(lines, delimiter)
    found: dict[str, object] = {"delimiter": BLANKS} if delimiter == BLANKS else {}
    if (header := header_line(rows)) > 1:
        return {**found, "header_line": header}
    if holds_values([row for row in rows if row]):
        found["names"] = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
    return found


def header_line(rows: Sequence[Sequence[str]]) -> int:
    """Return the line, from 1, that names the columns where titles stand above it; 1 where the first one does.

    Parameters
    ----------
    rows : sequence of sequence of str
        The values of the first lines; those of an empty line are none.
    """
    filled = [sum(bool(value.strip()) for value in row) for row in rows]
    usual = max((n for n in filled if n > 1), key=filled.count, default=0)
    if not filled or usual < 2 or filled.count(usual) * 2 <= len([n for n in filled if n]) or filled[0] > _TITLE * usual:
        return 1
    return next(number for number, n in enumerate(filled, start=1) if n >= _FULL * usual)


def _delimiter(lines: Sequence[str]) -> str:
    """Return the sign that most lines hold equally often; blanks where no sign does and lines hold the same number of words."""
    filled = [line for line in lines if line.strip()]
    agreed = {sign: _most_frequent([line.count(sign) for line in filled if sign in line]) for sign in reversed(DELIMITERS)}
    best = max(agreed, key=lambda sign: agreed[sign])
    words, usual = _most_frequent([len(split_at_blanks(line)) for line in filled])
    is_table = len(filled) >= 3 and usual >= 3 and words >= _MOSTLY * len(filled)
    return BLANKS if is_table and agreed[best][0] <= len(filled) / 2 else best


def _most_frequent(counts: Sequence[int]) -> tuple[int, int]:
    """Return how often the most frequent count is there, and that count."""
    return max(((n, count) for count, n in Counter(counts).items()), default=(0, 0))


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    if delimiter == BLANKS:
        return [split_at_blanks(line) for line in lines]
    try:
        return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error:
        return []


def _beginning(path: Path, member: str | None) -> bytes:
    """Return the first bytes of a file, packed or not; none of one that cannot be read, which reading will tell."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed:
                return packed.read(_BEGINNING)
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(member or archive.namelist()[0]) as packed:
                return packed.read(_BEGINNING)
        with path.open("rb") as plain:
            return plain.read(_BEGINNING)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, IndexError, KeyError, RuntimeError, NotImplementedError):
        return b""
