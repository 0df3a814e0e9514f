"""Excel workbooks: one sheet, one of its rows the header, every value as text."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa

from decision_engine.history.files import PlainFile
from decision_engine.history.lines import Misfit, Records, check_columns
from simulations.errors import HistoryError, MissingExtraError


def read_workbook(file: PlainFile, sheet: str | None, header_line: int = 1) -> tuple[Records, pa.Table]:
    """Read a sheet, the first one where none is named; rows above the header or without any value are passed over.

    Raises
    ------
    MissingExtraError
        If openpyxl is not installed.
    HistoryError
        If the file is no workbook, or has no such sheet, or no header.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError(f'{file.name}: Excel needs openpyxl: pip install "decision-engine[excel]".') from None
    try:
        book = load_workbook(file.path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the broken part raised
        raise HistoryError(f"{file.name} is no Excel workbook that can be read: {error}.") from None
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise HistoryError(f"{file.name} has no sheet {sheet!r}; it has {', '.join(book.sheetnames)}.")
        cells = book[sheet or book.sheetnames[0]].iter_rows(values_only=True)
        return _gather(file.name, [tuple(row) for row in cells], header_line)
    finally:
        book.close()


def _gather(name: str, cells: list[tuple[Any, ...]], header_line: int) -> tuple[Records, pa.Table]:
    header = [_text(value) or "" for value in cells[header_line - 1]] if len(cells) >= header_line else []
    while header and not header[-1]:
        header.pop()
    columns = check_columns(header, name)
    rows: list[list[str | None]] = []
    lines: list[int] = []
    numbers: list[int] = []
    misfits: list[Misfit] = []
    number = 0
    for line, row in enumerate(cells[header_line:], start=header_line + 1):
        values = [_text(value) for value in row]
        if not any(values):
            continue
        number += 1
        if any(values[len(columns) :]):
            text = ", ".join(value or "" for value in values)[:200]
            reason = f"values beyond the {len(columns)} columns that the header names"
            misfits.append(Misfit(row=number, line=line, reason=reason, text=text))
            continue
        rows.append([*values, *[None] * len(columns)][: len(columns)])
        lines.append(line)
        numbers.append(number)
    if len(columns) == 1 and len(misfits) > len(rows):
        raise HistoryError(
            f"{name}: row {header_line} names one column, and most rows after it hold several values. "
            "If the header is further down, name its row as `header_line`."
        )
    table = pa.table({column: pa.array([row[k] for row in rows], pa.string()) for k, column in enumerate(columns)})
    found = Records(
        rows=np.array(numbers, dtype=np.int64), lines=np.array(lines, dtype=np.int64), misfits=tuple(misfits)
    )  # fmt: skip
    return found, table


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value).strip() or None
