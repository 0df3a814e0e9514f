"""JSON lines: one object a line, every value as text, nested ones as JSON."""

from __future__ import annotations

import json
import re
from array import array
from typing import Any

import numpy as np
import pyarrow as pa

from decision_engine.history.files import PlainFile
from decision_engine.history.lines import Misfit, Records
from simulations.errors import HistoryError

_BLOCK_ROWS = 65_536
_ARRAY_OF_OBJECTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")


def read_json_lines(file: PlainFile) -> tuple[Records, pa.Table]:
    """Read a file of JSON lines; what is no object is a misfit.

    Raises
    ------
    HistoryError
        If no line holds an object.
    """
    with file.path.open("rb") as text:
        if _ARRAY_OF_OBJECTS.match(text.read(1 << 10)):
            raise HistoryError(
                f"{file.name} is one JSON array; right is one object with named values a line, as `jq -c '.[]'` writes them."
            )
    rows, lines, misfits = array("q"), array("q"), []
    blocks: list[pa.Table] = []
    held: list[dict[str, str | None]] = []
    row = 0
    with file.path.open("rb") as text:
        for line, raw in enumerate(text, start=1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw
            if not content.strip():
                continue
            row += 1
            values, reason = _object(content)
            if reason:
                excerpt = content[:200].decode("utf-8", "replace").rstrip()
                misfits.append(Misfit(row=row, line=line, reason=reason, text=excerpt))
                continue
            rows.append(row)
            lines.append(line)
            held.append(values)
            if len(held) == _BLOCK_ROWS:
                blocks.append(_table(held))
                held.clear()
    blocks.append(_table(held))
    table = pa.concat_tables(blocks, promote_options="default")
    if not table.column_names:
        why = f" ({misfits[0].reason}, line {misfits[0].line})" if misfits else ""
        raise HistoryError(f"{file.name}: no line holds a JSON object{why}; right is one object with named values a line.")
    found = Records(rows=np.array(rows, dtype=np.int64), lines=np.array(lines, dtype=np.int64), misfits=tuple(misfits))
    return found, table


def _object(content: bytes) -> tuple[dict[str, str | None], str]:
    """Return a line's values as text; or why there are none."""
    try:
        value = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    except UnicodeDecodeError:
        return {}, "bytes that are no UTF-8"
    except (ValueError, RecursionError):
        return {}, "is no JSON"
    if not isinstance(value, dict):
        return {}, "is no JSON object with named values"
    return {str(name): _text(part) for name, part in value.items()}, ""


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _table(rows: list[dict[str, str | None]]) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: pa.array([_valid(row.get(name)) for row in rows], pa.string()) for name in names})


def _valid(text: str | None) -> str | None:
    """Return a text without lone surrogates, which no file can hold."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
