"""Open quotes: lines of a CSV file with a quote that nobody closes, which would swallow the rows after them.

A quoted value may span lines. A quote that was never meant as one takes everything up to the next for a value: whole rows would
be gone, counted as one. Each record is therefore held against the grammar of quoting. Where it breaks, only the line that opens
the quote is no row; it is blotted out in a copy of the text, byte by byte, so that the lines after it are read as rows of their
own and every place stays where it was.
"""

from __future__ import annotations

import mmap
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from decision_engine.history.lines import LONGEST_LINE, Dialect

NOT_CLOSED = "opens a quote that is not closed; the lines after it count as rows of their own"
_BLOCK_BYTES = 16 << 20
_EXCERPT = 200
_BULK = 1000  # records matched at once
_BLOT = b"x"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuote:
    """A line that opens a quote which is not closed: its number from 1, its bytes in the file, and how it begins."""

    line: int
    start: int
    stop: int
    text: str


def spans_lines(path: Path, n_records: int) -> bool:
    """Whether a text holds quotes, and may hold more lines than records and a header: only then can a quote swallow lines."""
    n_ends, quoted, last, end = 0, False, b"", b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            end = end or _line_end(block)
            n_ends += block.count(end) if end else 0
            quoted = quoted or b'"' in block
            last = block[-1:]
    return quoted and n_ends + (last != end) > n_records + 1


def find_open_quotes(path: Path, dialect: Dialect) -> list[OpenQuote]:
    """Find the lines of a CSV file's text in UTF-8 that open a quote which is not closed.

    A quote that is closed by the rules counts as open all the same where the record would be several rows if its quotes were
    plain signs: one sign too many in one line, and one in another.
    """
    if not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return list(_open_quotes(text, dialect.delimiter.encode(), len(dialect.columns), header=dialect.has_header))


def blot_out(path: Path, quotes: list[OpenQuote], dialect: Dialect, target: Path) -> None:
    """Write a copy of a text in which the lines of open quotes are as long as they were, and no row."""
    shutil.copyfile(path, target)
    blot = _BLOT if len(dialect.columns) > 1 else dialect.delimiter.encode()
    with target.open("rb+") as file:
        for quote in quotes:
            file.seek(quote.start)
            file.write(blot * (quote.stop - quote.start))


def _line_end(block: bytes) -> bytes:
    return b"\n" if b"\n" in block else b"\r" if b"\r" in block else b""


def _open_quotes(text: mmap.mmap, delimiter: bytes, n_columns: int, *, header: bool) -> Iterator[OpenQuote]:
    grammar = _Grammar(delimiter, _line_end(text[:_BLOCK_BYTES]) or b"\n")
    place = 3 if text[:3] == b"\xef\xbb\xbf" else 0
    lines = _LineNumbers(text, grammar.end)
    while place < len(text):
        if header:
            found = grammar.record.match(text, place)
            if found is None:
                return  # what the header names cannot be told
            header, place = not found[0].strip(), found.end()
            continue
        if bulk := grammar.one_line.match(text, place):
            place = bulk.end()
            continue
        limit = min(len(text), place + LONGEST_LINE)
        found = grammar.record.match(text, place, limit)
        whole = found is not None and (found.end() < limit or limit == len(text))
        if found is not None and whole and not _several_rows(found[0].splitlines(), delimiter, n_columns):
            place = found.end()
            continue
        stop = text.find(grammar.end, place)
        stop = len(text) if stop < 0 else stop
        content = text[place:stop].rstrip(b"\r")
        if grammar.open_line.fullmatch(content):
            excerpt = content[:_EXCERPT].decode("utf-8", "replace")
            yield OpenQuote(line=lines.of(place), start=place, stop=place + len(content), text=excerpt)
        place = stop + 1


def _several_rows(lines: list[bytes], delimiter: bytes, n_columns: int) -> bool:
    """Whether the lines of a record look like rows that two stray quotes hold together."""
    if len(lines) < 2 or n_columns < 3:
        return False
    return all(line.count(delimiter) + 1 == n_columns for line in lines)


class _Grammar:
    """The records of a CSV file as patterns: those of one line many at a time, one that may span lines, and an open line."""

    def __init__(self, delimiter: bytes, end: bytes) -> None:
        self.end = end
        apart = re.escape(delimiter)
        other = b"[^%b%b]*+" % (apart, end) if len(delimiter) == 1 else b"(?:(?!%b)[^%b])*+" % (apart, end)
        plain = b'(?! *")' + other
        within, across = (b' *+"(?:[^"%b]++|"")*+" *+' % but for but in (end, b""))
        record, line = (b"(?:%b|%b)(?:%b(?:%b|%b))*+\r?" % (q, plain, apart, q, plain) for q in (across, within))
        self.record = re.compile(b"%b(?:%b|\\Z)" % (record, end))
        loose = b"(?:%b%b|%b)" % (within, other, plain)  # a quoted value that goes on is no reason to lose sight of the next
        self.open_line = re.compile(b'(?:%b%b)*+ *+"(?:[^"]++|"")*+' % (loose, apart))
        self.one_line = re.compile(b"(?:%b%b){1,%d}+" % (line, end, _BULK))


class _LineNumbers:
    """Counts lines up to places that are asked for in ascending order."""

    def __init__(self, text: mmap.mmap, end: bytes) -> None:
        self._text, self._end = text, end
        self._counted = self._n = 0

    def of(self, place: int) -> int:
        """Return the line of a byte, from 1."""
        while self._counted < place:
            upto = min(place, self._counted + _BLOCK_BYTES)
            self._n += self._text[self._counted : upto].count(self._end)
            self._counted = upto
        return self._n + 1
