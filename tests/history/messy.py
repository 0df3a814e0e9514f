"""Files as they come from the world: each with what must become of it."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

HEADER = "customer,number,day,paid\n"
GOOD = "007,1,2024-01-02,5.5\nanna,2,2024-01-09,7\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Messy:
    """A file of orders that nobody shaped for us.

    Attributes
    ----------
    content : bytes, or a function that writes below a folder
        The file.
    accepted : int
        Orders that must come in.
    aside : dict of row (from 1) to (line or None, part of the reason)
        Rows that must be set aside.
    error : str
        Where nothing can be read: a pattern of the one message.
    users : tuple
        User ids that must come in, in order; not looked at where empty.
    """

    name: str
    content: bytes | Callable[[Path], None]
    file: str = "orders.csv"
    source: str = ""  # further settings of the source
    columns: str = "{user_id: customer, order_id: number, ordered_at: day, revenue: paid}"
    accepted: int = 0
    aside: dict[int, tuple[int | None, str]] = field(default_factory=dict)
    error: str = ""
    users: tuple[str, ...] = ()

    def write(self, folder: Path) -> str:
        """Write the file, and return the shop's configuration that reads it."""
        from tests.history.shop import SHOP, write_shop

        settings = f"{{file: '{self.file}'{', ' if self.source else ''}{self.source}}}"
        shop = SHOP.replace("{file: orders.csv}", settings)
        shop = shop.replace("{user_id: customer, order_id: number, ordered_at: day, revenue: paid}", self.columns)
        write_shop(folder, shop)
        (folder / "orders.csv").unlink()
        if callable(self.content):
            self.content(folder)
        else:
            (folder / self.file).write_bytes(self.content)
        return shop


def _orders(lines: str, header: str = HEADER, encoding: str = "utf-8") -> bytes:
    return (header + lines).encode(encoding)


def _zipped(content: bytes, name: str = "export/orders.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _two_zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", _orders(GOOD))
        archive.writestr("b.csv", _orders(GOOD))
    return out.getvalue()


def _truncated_parquet() -> bytes:
    out = io.BytesIO()
    rows = {"customer": ["a"] * 100, "number": range(100), "day": ["2024-01-02"] * 100, "paid": [1.0] * 100}
    pd.DataFrame(rows).to_parquet(out)
    return out.getvalue()[:-200]


def _files(**contents: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / f"{name}.csv").write_bytes(content)

    return write


def _type_change() -> bytes:
    lines = [f"u{k % 50},{k},2024-01-02,{k % 7 + 1}" for k in range(1, 20_481)]
    return _orders("\n".join([*lines, "late,A-20481,2024-01-03,twelve", "late,A-20482,2024-01-03,12.5"]) + "\n")


_LONG = 5_000_000

MESSY = (
    Messy(name="clean", content=_orders(GOOD), accepted=2, users=("007", "anna")),
    Messy(name="a byte-order mark", content=b"\xef\xbb\xbf" + _orders(GOOD), accepted=2, users=("007", "anna")),
    Messy(
        name="utf-16 with its mark", content=_orders(GOOD, encoding="utf-16"), source="encoding: utf-16", accepted=2,
        users=("007", "anna"),
    ),
    Messy(name="utf-16 taken for utf-8", content=_orders(GOOD, encoding="utf-16"), error="encoding: utf-16"),
    Messy(
        name="latin-1 declared", content=_orders("Zoë,1,2024-01-02,5\n", encoding="latin-1"), source="encoding: latin-1",
        accepted=1, users=("Zoë",),
    ),
    Messy(
        name="latin-1 taken for utf-8", content=_orders("Zoë,1,2024-01-02,5\nanna,2,2024-01-03,1\n", encoding="latin-1"),
        accepted=1, aside={1: (2, "encoding")},
    ),
    Messy(
        name="decimal commas", content=_orders('a,1,2024-01-02,"1.234,50"\nb,2,2024-01-02,"7,5"\n'),
        source="decimal: ',', thousands: '.'", accepted=2,
    ),
    Messy(
        name="decimal commas nobody declared", content=_orders('a,1,2024-01-02,"7,5"\nb,2,2024-01-02,7\n'),
        accepted=1, aside={1: (2, "finite number")},
    ),
    Messy(
        name="date orders mixed, none declared", content=_orders("a,1,31/01/2024,1\nb,2,01/31/2024,1\nc,3,2024-01-31,1\n"),
        accepted=1, aside={1: (2, "not a time"), 2: (3, "not a time")},
    ),
    Messy(
        name="date orders mixed, one declared", content=_orders("a,1,31/01/2024,1\nb,2,01/31/2024,1\nc,3,05/01/2024 10:00,1\n"),
        source="time_formats: ['%d/%m/%Y', '%d/%m/%Y %H:%M']", accepted=2, aside={2: (3, "none of the times")},
    ),
    Messy(name="a type change at row 20,481", content=_type_change(), accepted=20_481, aside={20_481: (20_482, "finite")}),
    Messy(
        name="duplicate headers", content=_orders(GOOD, "customer,number,day,day\n"), error="column 'day' is named twice",
    ),
    Messy(
        name="headers that differ in case", content=_orders("a,1,2024-01-02,1,2\n", "customer,number,day,paid,Paid\n"),
        error="named twice",
    ),
    Messy(
        name="ragged rows", content=_orders("a,1,2024-01-02\nb,2,2024-01-02,1\nc,3,2024-01-02,1,x,y\n"), accepted=1,
        aside={1: (2, "3 values"), 3: (4, "6 values")},
    ),
    Messy(name="an empty file", content=b"", error="the file is empty"),
    Messy(name="blanks only", content=b"\n\n  \n", error="has no header"),
    Messy(name="a header only", content=HEADER.encode(), error="no order is left"),
    Messy(name="a header without its line end", content=HEADER.strip().encode(), error="no order is left"),
    Messy(name="no line end at the end", content=_orders(GOOD).rstrip(), accepted=2),
    Messy(
        name="a column that is always empty", content=_orders("a,1,2024-01-02,\nb,2,2024-01-02,\n"),
        error="no order is left .* revenue is empty",
    ),
    Messy(
        name="a further column that is always empty",
        content=_orders("a,1,2024-01-02,1,\nb,2,2024-01-02,2,\n", "customer,number,day,paid,note\n"), accepted=2,
    ),
    Messy(name="negative prices", content=_orders("a,1,2024-01-02,-5\nb,2,2024-01-02,5\n"), accepted=2),
    Messy(
        name="dates in 1970 and 2099", content=_orders("a,1,1970-01-01,1\nb,2,2099-12-31,1\nc,3,2024-01-02,1\n"), accepted=3,
    ),
    Messy(
        name="dates in the year 1 and 9999", content=_orders("a,1,0001-01-01,1\nb,2,9999-12-31,1\nc,3,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "outside the years"), 2: (3, "outside the years")},
    ),
    Messy(
        name="days that no calendar has", 
        content=_orders("a,1,2024-02-30,1\nb,2,2024-13-01,1\nc,3,2024-01-02 25:00,1\nd,4,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "not a time"), 2: (3, "not a time"), 3: (4, "not a time")},
    ),
    Messy(name="leading zeros", content=_orders("007,1,2024-01-02,1\n7,2,2024-01-02,1\n"), accepted=2, users=("007", "7")),
    Messy(
        name="ids of 20 digits", content=_orders("12345678901234567890,1,2024-01-02,1\n12345678901234567891,2,2024-01-02,1\n"),
        accepted=2, users=("12345678901234567890", "12345678901234567891"),
    ),
    Messy(name="emoji", content=_orders("🛒🇩🇪,1,2024-01-02,1\n"), accepted=1, users=("🛒🇩🇪",)),
    Messy(
        name="line ends and quotes inside values",
        content=_orders('"an\nna ""the"" first",1,2024-01-02,1\nbert,2,never,1\n'), accepted=1,
        aside={2: (4, "not a time")}, users=('an\nna "the" first',),
    ),
    Messy(
        name="a quote that nobody closes", content=_orders('a,1,2024-01-02,1\n"b,2,2024-01-02,1\nc,3,2024-01-02,1\n'),
        accepted=2, aside={2: (3, "opens a quote that is not closed")}, users=("a", "c"),
    ),
    Messy(
        name="a quote closed by the next one", content=_orders('a,1,2024-01-02,1\nb,2,2024-01-02,"5\nc,3,2024-01-02,1\n') +
        b'd,4,2024-01-02,"1"\n', accepted=3, aside={2: (3, "opens a quote that is not closed")}, users=("a", "c", "d"),
    ),
    Messy(
        name="blank lines and a quote that nobody closes",
        content=_orders('\na,1,2024-01-02,1\n\n\nb,2,2024-01-02,"5\nc,3,never,1\n\nd,4,2024-01-02,1\n'), accepted=2,
        aside={2: (6, "opens a quote"), 3: (7, "not a time")}, users=("a", "d"),
    ),
    Messy(
        name="a quote inside a plain value", content=_orders('a"b,1,2024-01-02,1\nc,2,2024-01-02,1\n'), accepted=2,
        users=('a"b', "c"),
    ),
    Messy(name="gzip", content=gzip.compress(_orders(GOOD)), file="orders.csv.gz", accepted=2),
    Messy(name="gzip cut short", content=gzip.compress(_orders(GOOD * 500))[:-40], file="orders.csv.gz", error="orders.csv.gz"),
    Messy(name="plain text called gzip", content=_orders(GOOD), file="orders.csv.gz", error="orders.csv.gz"),
    Messy(name="gzip called plain text", content=gzip.compress(_orders(GOOD)), accepted=2),
    Messy(name="zip", content=_zipped(_orders(GOOD)), file="orders.zip", accepted=2),
    Messy(name="zip of two files", content=_two_zipped(), file="orders.zip", error="holds 2 files.*member"),
    Messy(name="zip of two files, one named", content=_two_zipped(), file="orders.zip", source="member: b.csv", accepted=2),
    Messy(name="zip cut short", content=_zipped(_orders(GOOD))[:-20], file="orders.zip", error="orders.zip"),
    Messy(name="a truncated Parquet file", content=_truncated_parquet(), file="orders.parquet", error="cannot be read"),
    Messy(name="an empty Parquet file", content=b"", file="orders.parquet", error="cannot be read"),
    Messy(
        name="a directory where a file was expected", content=lambda folder: (folder / "orders.csv").mkdir(),
        error="is a folder",
    ),
    Messy(
        name="several files of one shape",
        content=_files(orders_1=_orders("a,1,2024-01-02,1\n"), orders_2=_orders("b,2,never,1\n")),
        file="orders_*.csv", accepted=1, aside={1: (2, "not a time")},
    ),
    Messy(
        name="two files with columns in another order",
        content=_files(
            orders_1=_orders("a,1,2024-01-02,1\n"), orders_2=_orders("1,2024-01-02,2,b\n", "paid,day,number,customer\n")
        ),
        file="orders_*.csv", accepted=2, users=("a", "b"),
    ),
    Messy(
        name="two files with different columns",
        content=_files(orders_1=_orders("a,1,2024-01-02,1\n"), orders_2=_orders("b,2,2024-01-02\n", "customer,number,day\n")),
        file="orders_*.csv", error="orders_2.csv lacks paid",
    ),
    Messy(name="a pattern that no file has", content=_files(other=b""), file="orders_*.csv", error="no file"),
    Messy(
        name="a line of 5 MB", content=_orders("a,1,2024-01-02,1\n" + "x" * _LONG + ",2,2024-01-02,1\nb,3,2024-01-02,1\n"),
        accepted=2, aside={2: (3, "longer than")},
    ),
    Messy(name="a header of 5 MB", content=b"x" * _LONG, error="header"),
    Messy(name="CRLF", content=_orders(GOOD).replace(b"\n", b"\r\n"), accepted=2, users=("007", "anna")),
    Messy(name="carriage returns alone", content=_orders(GOOD).replace(b"\n", b"\r"), accepted=2, users=("007", "anna")),
    Messy(
        name="zero bytes", content=_orders("a\x00b,1,2024-01-02,1\nc,2,2024-01-02,1\n"), accepted=2, users=("a\x00b", "c"),
    ),
    Messy(name="noise", content=bytes(range(256)) * 40, error="orders"),
    Messy(name="semicolons", content=_orders(GOOD).replace(b",", b";"), accepted=2),
    Messy(name="tabs", content=_orders(GOOD).replace(b",", b"\t"), file="orders.tsv", accepted=2),
    Messy(name="bars", content=_orders(GOOD).replace(b",", b"|"), accepted=2),
    Messy(
        name="quoted numbers and blanks around values", content=_orders(' 007 ,"1", 2024-01-02 ," 5.5 "\n'), accepted=1,
        users=("007",),
    ),
    Messy(
        name="infinite and not a number",
        content=_orders("a,1,2024-01-02,inf\nb,2,2024-01-02,NaN\nc,3,2024-01-02,1e400\nd,4,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "finite"), 2: (3, "finite"), 3: (4, "finite")},
    ),
    Messy(
        name="the same order twice", content=_orders("a,1,2024-01-02,1\na,1,2024-01-02,1\n"), accepted=1,
        aside={2: (3, "already named")},
    ),
    Messy(
        name="blank lines between rows", content=_orders("\na,1,2024-01-02,1\n\n\nb,2,never,1\n\n"), accepted=1,
        aside={2: (6, "not a time")},
    ),
    Messy(
        name="a column called as our row number", content=_orders("a,1,2024-01-02,1,9\n", "customer,number,day,paid,__row\n"),
        error="__row",
    ),
    Messy(
        name="JSON lines", file="orders.jsonl",
        content=(
            b'{"customer": "007", "number": 1, "day": "2024-01-02", "paid": 5.5, "tags": ["a"]}\n'
            b'{"customer": "anna", "number": 2, "day": "2024-01-09"\n\n'
            b"[1, 2]\n"
            b'{"customer": "bert", "number": 12345678901234567890, "day": "2024-01-09", "paid": "7", "note": null}\n'
        ),
        accepted=2, aside={2: (2, "JSON"), 3: (4, "JSON object")}, users=("007", "bert"),
    ),
)  # fmt: skip
