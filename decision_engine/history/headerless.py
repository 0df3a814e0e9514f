"""Files without a header: their first line holds values like those below it, and names no columns."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from pathlib import Path

from decision_engine.history.lines import DELIMITERS

_BEGINNING = 1 << 16
_LOOKED_AT = 200  # lines
_ALIKE = 0.9  # share of a column's values that are of the kind of the first
_NUMBER = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?[0-9]*[.,][0-9]+")
_TIME = re.compile(
    r"(19|20)[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])"
    r"|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T][0-9:.]+ ?(Z|UTC|[AP]M|[+-][0-9:]+)?)?"
)
_MARKED = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9-]{4,}")  # letters and digits, as of an id


def names_for_headerless(path: Path, encoding: str, member: str | None = None) -> list[str]:
    """Return a name for each column of a CSV file whose first line holds values; none where it names the columns.

    A first line of values has a time or an amount where the lines below have one, and nowhere a word above numbers.
    """
    text = _beginning(path, member).decode(encoding.replace("utf-8", "utf-8-sig"), "replace")
    lines = text.splitlines()[:_LOOKED_AT]
    if len(lines) < 3 or not lines[0].strip():
        return []
    delimiter = max(DELIMITERS, key=lines[0].count)
    try:
        rows = [row for row in csv.reader(io.StringIO("\n".join(lines[:-1])), delimiter=delimiter) if row]
    except csv.Error:
        return []
    if not rows:
        return []
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(first) < 2 or len(below) < 2:
        return []
    kinds = [_kind(value) for value in first]
    for place, kind in enumerate(kinds):
        values = [row[place].strip() for row in below if row[place].strip()]
        alike = sum(_kind(value) == kind for value in values)
        numbers = sum(_kind(value) in ("number", "fraction") for value in values)
        alike = max(alike, numbers) if kind in ("number", "fraction") else alike
        if kind and values and alike < _ALIKE * len(values):
            return []
    told = {"time", "fraction"} & set(kinds) and sum(kind not in ("", "words") for kind in kinds) >= 2
    return [f"column_{number}" for number in range(1, len(first) + 1)] if told else []


def _kind(value: str) -> str:
    kinds = {"time": _TIME, "fraction": _FRACTION, "number": _NUMBER, "id": _MARKED}
    written = value.strip()
    return next((kind for kind, form in kinds.items() if form.fullmatch(written)), "words" if written else "")


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
