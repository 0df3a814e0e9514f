"""Places of records in a CSV file: the number and the line of those that were set aside, found at the speed of reading.

DuckDB numbers the rows that it reads and knows the byte at which a record begins that is no row. One pass over the bytes, a
block at a time, turns both into record numbers and lines: a record begins where a line does, unless a quote is open or the line
is blank. Where that does not agree with what DuckDB read (a stray quote inside a plain value), the pass says so, and the file
is followed record by record instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, IntArray

_BLOCK_BYTES = 16 << 20
_QUOTE, _LINE_FEED, _RETURN = 0x22, 0x0A, 0x0D
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where records lie: number among all records of the file and first line of each, both counted from 1."""

    records: IntArray
    lines: IntArray

    @classmethod
    def gathered(cls, parts: list[Places]) -> Places:
        """Return several as one, in turn."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(
            records=np.concatenate([empty, *(part.records for part in parts)]),
            lines=np.concatenate([empty, *(part.lines for part in parts)]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlaces:
    """Places of rows and of records that are no rows, in the order in which they were asked for."""

    rows: Places
    misfits: Places


def find_places(path: Path, *, n_rows: int, rows: IntArray, misfits: IntArray, has_header: bool = True) -> FoundPlaces | None:
    """Find where rows and misfits of a CSV file in UTF-8 lie.

    Parameters
    ----------
    n_rows : int
        Rows that DuckDB read.
    rows : (n,) int array, ascending
        Numbers of the rows asked for, from 0.
    misfits : (m,) int array, ascending
        First byte of every record that is no row, from 0; or that of a blank line before it.
    has_header : bool
        Whether the first record names the columns.

    Returns
    -------
    FoundPlaces or None
        None where the records found are not those that DuckDB read.
    """
    counter = _Counter(rows=rows, misfits=misfits)
    for starts, lines, blanks in _record_starts(path, has_header=has_header):
        if not counter.count(starts, lines, blanks):
            return None
    if counter.n_rows != n_rows or counter.n_misfits != misfits.size or counter.n_told != rows.size:
        return None
    return FoundPlaces(rows=Places.gathered(counter.of_rows), misfits=Places.gathered(counter.of_misfits))


class _Counter:
    """Numbers records as they come, and keeps the places that were asked for."""

    def __init__(self, *, rows: IntArray, misfits: IntArray) -> None:
        self.rows, self.misfits = rows, misfits
        self.n_rows = self.n_misfits = self.n_told = 0
        self.of_rows: list[Places] = []
        self.of_misfits: list[Places] = []
        self.blanks = np.zeros(0, dtype=np.int64)

    def count(self, starts: IntArray, lines: IntArray, blanks: IntArray) -> bool:
        """Give a block's records their numbers; False where a misfit begins neither where a record does nor a blank line."""
        self.blanks = np.concatenate([self.blanks, blanks])
        if not starts.size:
            return True
        records = np.arange(starts.size, dtype=np.int64) + (self.n_rows + self.n_misfits + 1)
        stop = int(np.searchsorted(self.misfits, starts[-1], side="right"))
        here = self.misfits[self.n_misfits : stop]
        at = np.searchsorted(starts, here)
        begun = (starts[at] == here) | np.isin(here, self.blanks)
        if not begun.all() or (np.diff(at) == 0).any():
            return False
        self.blanks = blanks[blanks > starts[-1]]
        fits = np.ones(starts.size, dtype=np.bool_)
        fits[at] = False
        self.of_misfits.append(Places(records=records[at], lines=lines[at]))
        kept = np.flatnonzero(fits)
        until = int(np.searchsorted(self.rows, self.n_rows + kept.size))
        wanted = kept[self.rows[self.n_told : until] - self.n_rows]
        self.of_rows.append(Places(records=records[wanted], lines=lines[wanted]))
        self.n_rows, self.n_misfits, self.n_told = self.n_rows + kept.size, stop, until
        return True


def _record_starts(path: Path, *, has_header: bool) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Yield the first byte and the line of each record after the header, and the first byte of each blank line, by blocks."""
    state = _LineState(before_header=has_header)
    with path.open("rb") as file:
        mark = file.read(len(_MARK))
        kept, offset = (b"", len(_MARK)) if mark == _MARK else (mark, 0)
        end = None
        while True:
            block = file.read(_BLOCK_BYTES)
            data = kept + block
            if end is None and data:
                end = _LINE_FEED if b"\n" in data or not block else _RETURN if b"\r" in data else None
            cut = data.rfind(bytes([end])) + 1 if end is not None and block else len(data)
            if cut:
                yield state.starts(np.frombuffer(data, dtype=np.uint8, count=cut), offset, end or _LINE_FEED)
            kept, offset = data[cut:], offset + cut
            if not block:
                return


class _LineState:
    """What a block's lines need to know of the lines before: how many there were, and whether a quote is open."""

    def __init__(self, *, before_header: bool) -> None:
        self.n_lines = 0
        self.open_quote = False
        self.before_header = before_header

    def starts(self, data: NDArray[np.uint8], offset: int, end: int) -> tuple[IntArray, IntArray, IntArray]:
        """Return where records begin in whole lines, the numbers of those lines, and where blank lines begin."""
        ends = np.flatnonzero(data == end)
        if data[-1] != end:
            ends = np.append(ends, data.size)
        starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
        blank = (ends - starts == 0) | ((ends - starts == 1) & (data[starts] == _RETURN))
        inside = self._inside_quotes(data, ends)
        chosen = np.flatnonzero(~inside & ~blank)
        lines = chosen + (self.n_lines + 1)
        self.n_lines += ends.size
        if self.before_header and chosen.size:
            chosen, lines, self.before_header = chosen[1:], lines[1:], False
        return starts[chosen] + offset, lines, starts[blank & ~inside] + offset

    def _inside_quotes(self, data: NDArray[np.uint8], ends: IntArray) -> BoolArray:
        """Return which lines begin while a quote is open."""
        quotes = np.flatnonzero(data == _QUOTE)
        if not quotes.size:
            return np.full(ends.size, self.open_quote)
        odd = np.diff(np.searchsorted(quotes, ends), prepend=0) % 2
        open_after = (np.cumsum(odd) + self.open_quote) % 2 == 1
        inside = np.concatenate([[self.open_quote], open_after[:-1]])
        self.open_quote = bool(open_after[-1])
        return inside
