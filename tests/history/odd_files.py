"""How odd files come about: packed, cut short, merged, marked, linked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "customer,number,day,paid\n"
GOOD = "007,1,2024-01-02,5.5\nanna,2,2024-01-09,7\n"


def orders(lines: str, header: str = HEADER, encoding: str = "utf-8") -> bytes:
    return (header + lines).encode(encoding)


def zipped(content: bytes, name: str = "export/orders.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def two_zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", orders(GOOD))
        archive.writestr("b.csv", orders(GOOD))
    return out.getvalue()


def damaged_parquet() -> bytes:
    out = io.BytesIO()
    rows = {"customer": [f"u{k}" for k in range(400)], "number": range(400), "day": ["2024-01-02"] * 400, "paid": [1.0] * 400}
    pd.DataFrame(rows).to_parquet(out)
    content = bytearray(out.getvalue())
    content[60:400] = bytes(byte ^ 0x5A for byte in content[60:400])
    return bytes(content)


def truncated_parquet() -> bytes:
    out = io.BytesIO()
    rows = {"customer": ["a"] * 100, "number": range(100), "day": ["2024-01-02"] * 100, "paid": [1.0] * 100}
    pd.DataFrame(rows).to_parquet(out)
    return out.getvalue()[:-200]


def typed_parquet(folder: Path) -> None:
    when = pa.array([1_704_190_200_000_000_000, 1_704_800_000_000_000_000], pa.timestamp("ns", "America/New_York"))
    columns = {
        "customer": pa.array(["007", "anna"]).dictionary_encode(),
        "number": pa.array(["1", "2"], pa.large_string()),
        "day": when,
        "paid": pa.array([Decimal("5.50"), Decimal("7.00")], pa.decimal128(10, 2)),
    }
    pq.write_table(pa.table(columns), folder / "orders.parquet")


def encrypted_zip() -> bytes:
    """Mark a member as encrypted, in its own header and in the archive's list."""
    content = bytearray(zipped(orders(GOOD)))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def zip_of_nothing() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w"):
        pass
    return out.getvalue()


def workbook(rows: list[list[object]], *, merged: str = "") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        from openpyxl import Workbook

        book = Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(row)
        if merged:
            sheet.merge_cells(merged)
        hidden = book.create_sheet("Hidden")
        hidden.append(["x"])
        hidden.sheet_state = "hidden"
        book.save(folder / "orders.xlsx")

    return write


def loop(folder: Path) -> None:
    (folder / "orders.csv").symlink_to("orders.csv")


def wide() -> bytes:
    header = HEADER.strip() + "".join(f",c{k}" for k in range(1996)) + "\n"
    return orders("a,1,2024-01-02,1" + ",0" * 1996 + "\nb,2,2024-01-02,1" + ",0" * 1995 + "\n", header)


def files(**contents: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / f"{name}.csv").write_bytes(content)

    return write


def type_change() -> bytes:
    lines = [f"u{k % 50},{k},2024-01-02,{k % 7 + 1}" for k in range(1, 20_481)]
    return orders("\n".join([*lines, "late,A-20481,2024-01-03,twelve", "late,A-20482,2024-01-03,12.5"]) + "\n")
