"""Cures: what to write into a configuration where most rows of a table were set aside for a reason that one setting mends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decision_engine.config.models import Config
from decision_engine.history.privacy import WITHHELD
from decision_engine.history.quarantine import say_place
from decision_engine.history.record import History

NO_NUMBER = "is not a finite number"
UNDECODED = "bytes that the file's encoding does not know"
_LONGEST = 60  # signs of a value that is shown
_DECIMAL_COMMA = re.compile(r"[^0-9]*[0-9]{1,3}([. \u00a0']?[0-9]{3})*,[0-9]+[^0-9]*")
_THOUSANDS_COMMA = re.compile(r"[^0-9]*[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?[^0-9]*")
_SIGN = re.compile(r"[+-]?[0-9.,]*[0-9]")


def say_first(history: History, config: Config, table: str) -> str:
    """Say where the first row stands that a table lost for its most frequent reason, what it holds, and what would mend it."""
    first = history.aside.first_places()
    first = first[first["table"] == table]
    if first.empty:
        return ""
    row = {str(name): value for name, value in first.iloc[0].items()}
    is_shown = isinstance(row["column"], str) and isinstance(row["value"], str) and row["value"] != WITHHELD
    value = row["value"] if is_shown else ""
    shown = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}\u2026"
    cured = _cure(row, value, config)
    return f"; the first is {say_place(row)}{f', {shown!r}' if shown else ''}{f'; {cured}' if cured else ''}"


def _cure(row: Mapping[str, Any], value: str, config: Config) -> str:
    source = config.sources[str(row["source"])]
    if row["reason"] == UNDECODED and source.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
        return f"if {Path(str(row['file'])).name} is not in UTF-8, say `encoding: latin-1` of source {row['source']}"
    if row["reason"] != NO_NUMBER or not value:
        return ""
    signs = _SIGN.sub("", value, count=1).strip()
    settings = "" if source.decimal == "," or source.thousands else _comma(value)
    cures = [f"say {settings} of source {row['source']}"] if settings else []
    if signs and len(signs) <= 3 and not signs.isalnum():
        column = str(row["column"])
        cures.append(f"take the sign out, as in `{column}: \"replace({column}, '{signs}', '')\"`")
    return " and ".join(cures)


def _comma(value: str) -> str:
    """Return the settings by which a number with a comma is read; nothing where it has none."""
    if _THOUSANDS_COMMA.fullmatch(value):
        return '`thousands: ","`' if "." in value else '`thousands: ","` or `decimal: ","`, whichever its comma is,'
    if not _DECIMAL_COMMA.fullmatch(value):
        return ""
    return '`decimal: ","` and `thousands: "."`' if "." in value else '`decimal: ","`'
