"""JSON: one object a line, or a document that holds an array of them; every value as text, nested ones as JSON."""

from __future__ import annotations

import json
from array import array
from typing import Any

import numpy as np
import pyarrow as pa

from decision_engine.history.files import PlainFile
from decision_engine.history.json_documents import arrays_of
from decision_engine.history.lines import Misfit, Records
from simulations.errors import HistoryError

_BLOCK_ROWS = 65_536
_MARK = b"\xef\xbb\xbf"
_LARGEST = 1_000_000_000  # bytes of a document, which is read as a whole


def read_json(file: PlainFile) -> tuple[Records, pa.Table]:
    """Read a file of JSON lines, or a JSON document that holds one array of objects; what is no object is a misfit.

    Raises
    ------
    HistoryError
        If there is no object.
    """
    return _read_document(file) if _is_document(file) else _read_lines(file)


def _is_document(file: PlainFile) -> bool:
    """Whether a file holds one value rather than one a line: its first line is no whole object, or the only one."""
    with file.path.open("rb") as text:
        held = (line for line in text if line.removeprefix(_MARK).strip())
        first, second = next(held, b"").removeprefix(_MARK).strip(), next(held, None)
    values, reason = _object(first)
    if second is None and not reason:
        return any(value is not None and value.startswith("[{") and "}, {" in value for value in values.values())
    return bool(reason) and first[:1] in (b"[", b"{") and not _is_whole(second or b"")


def _is_whole(line: bytes) -> bool:
    return not _object(line)[1]


def _read_document(file: PlainFile) -> tuple[Records, pa.Table]:
    size = file.path.stat().st_size
    if size > _LARGEST:
        raise HistoryError(
            f"{file.name} is one JSON document of {size / 1e9:.1f} GB, which is more than is read as a whole; "
            "write one object a line, as `jq -c '.[]'` does."
        )
    try:
        arrays = arrays_of(file.path.read_bytes().removeprefix(_MARK).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise HistoryError(
            f"{file.name} is neither one JSON object a line nor a whole JSON document ({error}); was it cut off?"
        ) from None
    if not arrays:
        raise HistoryError(f"{file.name} holds no array of objects; right is one object with named values a line, or an array.")
    if len(arrays) > 1:
        keys = [one.key for one in arrays]
        raise HistoryError(
            f"{file.name} holds {len(keys)} arrays of objects ({', '.join(keys)}); write each as a file of its own, "
            f"as `jq -c '.{keys[0]}[]'` does."
        )
    blocks: list[pa.Table] = []
    objects = arrays[0].objects
    for start in range(0, len(objects), _BLOCK_ROWS):
        blocks.append(_table([_texts(value) for _, value in objects[start : start + _BLOCK_ROWS] if isinstance(value, dict)]))
    lines = np.array([line for line, _ in objects], dtype=np.int64)
    found = Records(rows=np.arange(1, lines.size + 1, dtype=np.int64), lines=lines, misfits=())
    return found, pa.concat_tables(blocks, promote_options="default")


def _read_lines(file: PlainFile) -> tuple[Records, pa.Table]:
    rows, lines, misfits = array("q"), array("q"), []
    blocks: list[pa.Table] = []
    held: list[dict[str, str | None]] = []
    row = 0
    with file.path.open("rb") as text:
        for line, raw in enumerate(text, start=1):
            content = raw.removeprefix(_MARK) if line == 1 else raw
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
    return _texts(value), ""


def _texts(value: dict[str, Any]) -> dict[str, str | None]:
    return {str(name): _text(part) for name, part in value.items()}


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
