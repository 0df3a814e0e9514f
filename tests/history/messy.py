"""Files as they come from the world: each with what must become of it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.history.odd_files import (
    GOOD,
    HEADER,
    damaged_parquet,
    encrypted_zip,
    files,
    loop,
    orders,
    truncated_parquet,
    two_zipped,
    type_change,
    typed_parquet,
    wide,
    workbook,
    zip_of_nothing,
    zipped,
)


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


_LONG = 5_000_000

MESSY = (
    Messy(name="clean", content=orders(GOOD), accepted=2, users=("007", "anna")),
    Messy(name="a byte-order mark", content=b"\xef\xbb\xbf" + orders(GOOD), accepted=2, users=("007", "anna")),
    Messy(
        name="utf-16 with its mark", content=orders(GOOD, encoding="utf-16"), source="encoding: utf-16", accepted=2,
        users=("007", "anna"),
    ),
    Messy(
        name="utf-16 cut in the middle of a sign", content=orders(GOOD, encoding="utf-16") + b"x", source="encoding: utf-16",
        error="orders.csv cannot be read as utf-16 to its end.*is it whole",
    ),
    Messy(name="utf-16 taken for utf-8", content=orders(GOOD, encoding="utf-16"), error="encoding: utf-16"),
    Messy(
        name="latin-1 declared", content=orders("Zoë,1,2024-01-02,5\n", encoding="latin-1"), source="encoding: latin-1",
        accepted=1, users=("Zoë",),
    ),
    Messy(
        name="latin-1 taken for utf-8", content=orders("Zoë,1,2024-01-02,5\nanna,2,2024-01-03,1\n", encoding="latin-1"),
        accepted=1, aside={1: (2, "encoding")},
    ),
    Messy(
        name="decimal commas", content=orders('a,1,2024-01-02,"1.234,50"\nb,2,2024-01-02,"7,5"\n'),
        source="decimal: ',', thousands: '.'", accepted=2,
    ),
    Messy(
        name="decimal commas nobody declared", content=orders('a,1,2024-01-02,"7,5"\nb,2,2024-01-02,7\n'),
        accepted=1, aside={1: (2, "finite number")},
    ),
    Messy(
        name="date orders mixed, none declared", content=orders("a,1,31/01/2024,1\nb,2,01/31/2024,1\nc,3,2024-01-31,1\n"),
        accepted=1, aside={1: (2, "not a time"), 2: (3, "not a time")},
    ),
    Messy(
        name="date orders mixed, one declared", content=orders("a,1,31/01/2024,1\nb,2,01/31/2024,1\nc,3,05/01/2024 10:00,1\n"),
        source="time_formats: ['%d/%m/%Y', '%d/%m/%Y %H:%M']", accepted=2, aside={2: (3, "none of the times")},
    ),
    Messy(name="a type change at row 20,481", content=type_change(), accepted=20_481, aside={20_481: (20_482, "finite")}),
    Messy(
        name="duplicate headers", content=orders(GOOD, "customer,number,day,day\n"), error="column 'day' is named twice",
    ),
    Messy(
        name="headers that differ in case", content=orders("a,1,2024-01-02,1,2\n", "customer,number,day,paid,Paid\n"),
        error="named twice",
    ),
    Messy(
        name="ragged rows", content=orders("a,1,2024-01-02\nb,2,2024-01-02,1\nc,3,2024-01-02,1,x,y\n"), accepted=1,
        aside={1: (2, "3 values"), 3: (4, "6 values")},
    ),
    Messy(name="an empty file", content=b"", error="the file is empty"),
    Messy(name="blanks only", content=b"\n\n  \n", error="has no header"),
    Messy(name="a header only", content=HEADER.encode(), error="no order is left"),
    Messy(name="a header without its line end", content=HEADER.strip().encode(), error="no order is left"),
    Messy(name="no line end at the end", content=orders(GOOD).rstrip(), accepted=2),
    Messy(
        name="a column that is always empty", content=orders("a,1,2024-01-02,\nb,2,2024-01-02,\n"),
        error="no order is left .* revenue is empty",
    ),
    Messy(
        name="a further column that is always empty",
        content=orders("a,1,2024-01-02,1,\nb,2,2024-01-02,2,\n", "customer,number,day,paid,note\n"), accepted=2,
    ),
    Messy(name="negative prices", content=orders("a,1,2024-01-02,-5\nb,2,2024-01-02,5\n"), accepted=2),
    Messy(
        name="dates in 1970 and 2099", content=orders("a,1,1970-01-01,1\nb,2,2099-12-31,1\nc,3,2024-01-02,1\n"), accepted=3,
    ),
    Messy(
        name="dates in the year 1 and 9999", content=orders("a,1,0001-01-01,1\nb,2,9999-12-31,1\nc,3,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "outside the years"), 2: (3, "outside the years")},
    ),
    Messy(
        name="days that no calendar has", 
        content=orders("a,1,2024-02-30,1\nb,2,2024-13-01,1\nc,3,2024-01-02 25:00,1\nd,4,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "not a time"), 2: (3, "not a time"), 3: (4, "not a time")},
    ),
    Messy(name="leading zeros", content=orders("007,1,2024-01-02,1\n7,2,2024-01-02,1\n"), accepted=2, users=("007", "7")),
    Messy(
        name="ids of 20 digits", content=orders("12345678901234567890,1,2024-01-02,1\n12345678901234567891,2,2024-01-02,1\n"),
        accepted=2, users=("12345678901234567890", "12345678901234567891"),
    ),
    Messy(name="emoji", content=orders("🛒🇩🇪,1,2024-01-02,1\n"), accepted=1, users=("🛒🇩🇪",)),
    Messy(
        name="line ends and quotes inside values",
        content=orders('"an\nna ""the"" first",1,2024-01-02,1\nbert,2,never,1\n'), accepted=1,
        aside={2: (4, "not a time")}, users=('an\nna "the" first',),
    ),
    Messy(
        name="a quote that nobody closes", content=orders('a,1,2024-01-02,1\n"b,2,2024-01-02,1\nc,3,2024-01-02,1\n'),
        accepted=2, aside={2: (3, "opens a quote that is not closed")}, users=("a", "c"),
    ),
    Messy(
        name="a quote closed by the next one", content=orders('a,1,2024-01-02,1\nb,2,2024-01-02,"5\nc,3,2024-01-02,1\n') +
        b'd,4,2024-01-02,"1"\n', accepted=3, aside={2: (3, "opens a quote that is not closed")}, users=("a", "c", "d"),
    ),
    Messy(
        name="blank lines and a quote that nobody closes",
        content=orders('\na,1,2024-01-02,1\n\n\nb,2,2024-01-02,"5\nc,3,never,1\n\nd,4,2024-01-02,1\n'), accepted=2,
        aside={2: (6, "opens a quote"), 3: (7, "not a time")}, users=("a", "d"),
    ),
    Messy(
        name="a quote inside a plain value", content=orders('a"b,1,2024-01-02,1\nc,2,2024-01-02,1\n'), accepted=2,
        users=('a"b', "c"),
    ),
    Messy(name="gzip", content=gzip.compress(orders(GOOD)), file="orders.csv.gz", accepted=2),
    Messy(name="gzip cut short", content=gzip.compress(orders(GOOD * 500))[:-40], file="orders.csv.gz", error="orders.csv.gz"),
    Messy(name="plain text called gzip", content=orders(GOOD), file="orders.csv.gz", error="orders.csv.gz"),
    Messy(name="gzip called plain text", content=gzip.compress(orders(GOOD)), accepted=2),
    Messy(name="zip", content=zipped(orders(GOOD)), file="orders.zip", accepted=2),
    Messy(name="zip of two files", content=two_zipped(), file="orders.zip", error="holds 2 files.*member"),
    Messy(name="zip of two files, one named", content=two_zipped(), file="orders.zip", source="member: b.csv", accepted=2),
    Messy(name="zip cut short", content=zipped(orders(GOOD))[:-20], file="orders.zip", error="orders.zip"),
    Messy(name="a truncated Parquet file", content=truncated_parquet(), file="orders.parquet", error="cannot be read"),
    Messy(name="a Parquet file with damaged pages", content=damaged_parquet(), file="orders.parquet", error="orders.parquet"),
    Messy(name="an empty Parquet file", content=b"", file="orders.parquet", error="cannot be read"),
    Messy(
        name="a directory where a file was expected", content=lambda folder: (folder / "orders.csv").mkdir(),
        error="is a folder",
    ),
    Messy(
        name="several files of one shape",
        content=files(orders_1=orders("a,1,2024-01-02,1\n"), orders_2=orders("b,2,never,1\n")),
        file="orders_*.csv", accepted=1, aside={1: (2, "not a time")},
    ),
    Messy(
        name="two files with columns in another order",
        content=files(
            orders_1=orders("a,1,2024-01-02,1\n"), orders_2=orders("1,2024-01-02,2,b\n", "paid,day,number,customer\n")
        ),
        file="orders_*.csv", accepted=2, users=("a", "b"),
    ),
    Messy(
        name="two files with different columns",
        content=files(orders_1=orders("a,1,2024-01-02,1\n"), orders_2=orders("b,2,2024-01-02\n", "customer,number,day\n")),
        file="orders_*.csv", error="orders_2.csv lacks paid",
    ),
    Messy(name="a pattern that no file has", content=files(other=b""), file="orders_*.csv", error="no file"),
    Messy(
        name="a line of 5 MB", content=orders("a,1,2024-01-02,1\n" + "x" * _LONG + ",2,2024-01-02,1\nb,3,2024-01-02,1\n"),
        accepted=2, aside={2: (3, "longer than")},
    ),
    Messy(name="a header of 5 MB", content=b"x" * _LONG, error="header"),
    Messy(name="CRLF", content=orders(GOOD).replace(b"\n", b"\r\n"), accepted=2, users=("007", "anna")),
    Messy(name="carriage returns alone", content=orders(GOOD).replace(b"\n", b"\r"), accepted=2, users=("007", "anna")),
    Messy(
        name="zero bytes", content=orders("a\x00b,1,2024-01-02,1\nc,2,2024-01-02,1\n"), accepted=2, users=("a\x00b", "c"),
    ),
    Messy(name="noise", content=bytes(range(256)) * 40, error="orders"),
    Messy(name="semicolons", content=orders(GOOD).replace(b",", b";"), accepted=2),
    Messy(name="tabs", content=orders(GOOD).replace(b",", b"\t"), file="orders.tsv", accepted=2),
    Messy(name="bars", content=orders(GOOD).replace(b",", b"|"), accepted=2),
    Messy(
        name="quoted numbers and blanks around values", content=orders(' 007 ,"1", 2024-01-02 ," 5.5 "\n'), accepted=1,
        users=("007",),
    ),
    Messy(
        name="infinite and not a number",
        content=orders("a,1,2024-01-02,inf\nb,2,2024-01-02,NaN\nc,3,2024-01-02,1e400\nd,4,2024-01-02,1\n"),
        accepted=1, aside={1: (2, "finite"), 2: (3, "finite"), 3: (4, "finite")},
    ),
    Messy(
        name="amounts that no money is", content=orders("a,1,2024-01-02,1e308\nb,2,2024-01-02,-1e31\nc,3,2024-01-02,1e15\n"),
        accepted=1, aside={1: (2, "lies beyond"), 2: (3, "lies beyond")},
    ),
    Messy(
        name="Parquet with zoned nanoseconds, dictionaries and decimals", content=typed_parquet, file="orders.parquet",
        accepted=2, users=("007", "anna"),
    ),
    Messy(
        name="the same order twice", content=orders("a,1,2024-01-02,1\na,1,2024-01-02,1\n"), accepted=1,
        aside={2: (3, "already named")},
    ),
    Messy(
        name="blank lines between rows", content=orders("\na,1,2024-01-02,1\n\n\nb,2,never,1\n\n"), accepted=1,
        aside={2: (6, "not a time")},
    ),
    Messy(
        name="a column called as our row number", content=orders("a,1,2024-01-02,1,9\n", "customer,number,day,paid,__row\n"),
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
    Messy(name="gzip of gzip", content=gzip.compress(gzip.compress(orders(GOOD))), file="orders.csv.gz", accepted=2),
    Messy(name="gzip of zip", content=gzip.compress(zipped(orders(GOOD))), file="orders.csv.gz", accepted=2),
    Messy(name="zip of gzip", content=zipped(gzip.compress(orders(GOOD)), "orders.csv.gz"), file="orders.zip", accepted=2),
    Messy(name="zip of zip", content=zipped(zipped(orders(GOOD)), "orders.zip"), file="orders.zip", accepted=2),
    Messy(name="zip without a file", content=zip_of_nothing(), file="orders.zip", error="archive without any file"),
    Messy(name="zip with a password", content=encrypted_zip(), file="orders.zip", error="password.*Unpack it by hand"),
    Messy(name="bzip2", content=bz2.compress(orders(GOOD)), error="packed by bzip2; unpack it"),
    Messy(name="xz", content=lzma.compress(orders(GOOD)), file="orders.csv.xz", error="packed by xz; unpack it"),
    Messy(name="an Excel workbook of the old kind", content=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), file="orders.xls",
          error="old kind.*save it as .xlsx"),
    Messy(name="a web page called Excel", content=b"\n<html><table><tr><td>1</td></tr></table></html>\n", file="orders.xls",
          error="is HTML or XML"),
    Messy(
        name="Excel with dates as numbers, an error and a hidden sheet", file="orders.xlsx",
        content=workbook([["customer", "number", "day", "paid"], ["007", 1, "2024-01-02", 5.5], ["anna", 2, 45300.5, 7],
                           ["bert", 3, "2024-01-02", "#N/A"]]),
        accepted=1, aside={2: (3, "not a time"), 3: (4, "finite number")}, users=("007",),
    ),
    Messy(
        name="Excel with a merged title above the header", file="orders.xlsx",
        content=workbook(
            [["Orders of 2024"], ["customer", "number", "day", "paid"], ["007", 1, "2024-01-02", 5.5]], merged="A1:D1"
        ),
        error="row 1 names one column.*`header_line`",
    ),
    Messy(
        name="a title above the header", content=b"Orders of 2024\n\n" + orders(GOOD),
        error="most lines after it hold 4 values.*line 3",
    ),
    Messy(
        name="a hint for Excel in the first line", content=b"sep=;\n" + orders(GOOD).replace(b",", b";"),
        error="delimiter: ';'",
    ),
    Messy(
        name="a header whose quote nobody closes", content=orders(GOOD, 'customer,"number,day,paid\n'),
        error="line 1: the header opens a quote",
    ),
    Messy(
        name="a column without a name at either end",
        content=orders("0,a,1,2024-01-02,1,\n1,b,2,never,1,\n", f",{HEADER.strip()},\n"),
        accepted=1, aside={2: (3, "not a time")},
    ),
    Messy(
        name="column names with quotes, line ends and blanks around them",
        content=orders("a,1,2024-01-02,1\nb,2,never,1\n", '"the ""customer"""," order\nnumber ", day ,"paid; \\ ""EUR"""\n'),
        columns='{user_id: \'"the ""customer"""\', order_id: "\\"order\\nnumber\\"", ordered_at: day, '
        'revenue: \'"paid; \\ ""EUR"""\'}',
        accepted=1, aside={2: (4, "not a time")},
    ),
    Messy(name="a column twice in other letters", content=orders("a,1,2024-01-02,1,2\n", "customer,number,day,paid,PAID\n"),
          error="'PAID' is named twice|'paid' is named twice"),
    Messy(name="utf-32 declared", content=orders(GOOD, encoding="utf-32"), source="encoding: utf-32", accepted=2),
    Messy(name="utf-32 taken for utf-8", content=orders(GOOD, encoding="utf-32"), error="encoding: utf-32"),
    Messy(
        name="line ends of three kinds", content=orders("a,1,2024-01-02,1\r\nb,2,never,1\nc,3,2024-01-02,1\r\n"), accepted=2,
        aside={2: (3, "not a time")},
    ),
    Messy(
        name="zero bytes after the last row", content=orders(GOOD) + bytes(500), accepted=2, aside={3: (4, "1 values")},
    ),
    Messy(
        name="a total below the rows", content=orders(GOOD + "TOTAL,,,12.5\n\n(2 rows)\n"), accepted=2,
        aside={3: (4, "is empty"), 4: (6, "1 values")},
    ),
    Messy(
        name="numbers in other writings",
        content=orders("a,1,2024-01-02,٣\nb,2,2024-01-02,\uff11\uff12\nc,3,2024-01-02,0x10\nd,4,2024-01-02,1_000\ne,5,2024-01-02,-\n"
                        "f,6,2024-01-02,+.5\n"),
        accepted=1, aside={k: (k + 1, "finite number") for k in range(1, 6)}, users=("f",),
    ),
    Messy(
        name="clocks in the gap of summer time", source="time_zone: Europe/Berlin",
        content=orders("a,1,2024-03-31 02:30:00,1\nb,2,2024-03-31T02:30:00+01:00,1\nc,3,2024-10-27 02:30:00,1\n"
                        "d,4,2024-01-02 10:61:00,1\n"),
        accepted=3, aside={4: (5, "not a time")},
    ),
    Messy(name="two thousand columns", content=wide(), accepted=1, aside={2: (3, "1999 values where the header names 2000")}),
    Messy(name="a link to itself", content=loop, error="is a link to orders.csv, where no file is"),
    Messy(
        name="one JSON array", file="orders.json",
        content=b'[\n {"customer": "a", "number": 1, "day": "2024-01-02", "paid": 1},\n {"customer": "b", "number": 2, '
        b'"day": "2024-01-02", "paid": "much"}\n]\n',
        accepted=1, aside={2: (3, "number")},
    ),
    Messy(
        name="a JSON document that is cut off", file="orders.json",
        content=b'[\n {"customer": "a", "number": 1, "day": "2024-01-02", "paid": 1},\n {"customer": ',
        error="neither one JSON object a line nor a whole JSON document.*cut off",
    ),
    Messy(
        name="JSON lines of mixed types", file="orders.jsonl",
        content=(
            b'{"customer": 7, "number": "1", "day": "2024-01-02", "paid": "5.5"}\r\n'
            b'{"customer": {"id": 7}, "number": 2.0, "day": "2024-01-02", "paid": true}\r\n'
            b'{"customer": null, "number": 3, "day": "2024-01-02", "paid": 1}\r\n'
            b'{"customer": "c", "number": 4, "day": 20240102.5, "paid": NaN}\r\n'
            + b'{"customer": "d", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\r\n"
        ),
        accepted=1,
        aside={2: (2, "finite number"), 3: (3, "is empty"), 4: (4, "not a time"), 5: (5, "is no JSON")}, users=("7",),
    ),
)  # fmt: skip
