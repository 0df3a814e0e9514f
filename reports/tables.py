"""Tables: one description of columns, two renderings, as a page's table and as plain text for a terminal.

What rests on an assumption says so in words beside the number, in both renderings.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from reports import numbers
from reports.markup import Html, badge, element, joined, note

if TYPE_CHECKING:
    import pandas as pd

ASSUMED = "assumed"
_FIT_A_PHONE = 4  # columns
_NARROWEST = 10  # signs to which a column of words may be wrapped
_GAP = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    heading : str
        With the unit, where there is one.
    values : tuple of str
        Columns of the frame that it shows.
    show : callable
        Writes one row's values, in that order, as text; see `reports.numbers`.
    align : "left" or "right"
        Numbers go right.
    assumed : str or None
        Column of the frame that says whether this number is assumed: true, or the word "assumed".
    """

    heading: str
    values: tuple[str, ...]
    show: Callable[..., str] = numbers.text
    align: Literal["left", "right"] = "right"
    assumed: str | None = None

    def cell(self, row: Mapping[Any, Any]) -> str:
        """Write one row's cell."""
        return self.show(*(row[name] for name in self.values))

    def is_assumed(self, row: Mapping[Any, Any]) -> bool:
        """Say whether one row's number is assumed."""
        if self.assumed is None:
            return False
        mark = row[self.assumed]
        if self.cell(row) == numbers.MISSING:  # no number, nothing to assume
            return False
        return mark == ASSUMED if isinstance(mark, str) else not numbers.is_missing(mark) and bool(mark)


def words_column(heading: str, name: str) -> Column:
    """Return a column of words."""
    return Column(heading=heading, values=(name,), align="left")


def number_column(heading: str, name: str, decimals: int | None = None, *, assumed: str | None = None) -> Column:
    """Return a column of numbers."""
    return Column(heading=heading, values=(name,), show=lambda value: numbers.number(value, decimals), assumed=assumed)


def money_column(heading: str, name: str, frame: pd.DataFrame, *, assumed: str | None = None) -> Column:
    """Return a column of amounts, all with the decimals that suit the largest of the frame's."""
    places = numbers.money_decimals(frame[name])
    return Column(heading=heading, values=(name,), show=lambda value: numbers.money(value, decimals=places), assumed=assumed)


def share_column(heading: str, name: str, *, signed: bool = False) -> Column:
    """Return a column of shares, in per cent."""
    return Column(heading=heading, values=(name,), show=lambda value: numbers.share(value, signed=signed))


def estimate_column(
    heading: str, names: tuple[str, str, str], frame: pd.DataFrame, *, scale: float = 1.0, assumed: str | None = None
) -> Column:
    """Return a column of amounts with their intervals, from the columns of estimate, low and high; times `scale`."""
    places = numbers.money_decimals(value * scale for name in names for value in frame[name].dropna())

    def show(estimate: float, low: float, high: float) -> str:
        if numbers.is_missing(estimate):
            return numbers.MISSING
        centre = numbers.number(estimate * scale, places)
        if numbers.is_missing(low) or numbers.is_missing(high):
            return centre
        return f"{centre} ({numbers.interval(low * scale, high * scale, places)})"

    return Column(heading=heading, values=names, show=show, assumed=assumed)


def plain_columns(frame: pd.DataFrame) -> list[Column]:
    """Return a column for each of the frame's, read off its type and name.

    Words go left, dates lose their clock, names that end in `share`, `rate` or `chance` are shares, other numbers have the
    decimals that suit the column; underscores become spaces.
    """
    return [_plain_column(str(name), frame[name].convert_dtypes()) for name in frame.columns]


def _plain_column(name: str, values: pd.Series) -> Column:
    heading = name.removeprefix("n_").replace("_", " ")
    heading = heading[:1].upper() + heading[1:]
    if values.dtype.kind == "M":
        return Column(heading=heading, values=(name,), show=lambda value: numbers.text(value)[:10], align="left")
    if values.dtype.kind not in "iuf":
        return words_column(heading, name)
    if name.endswith(("share", "rate", "chance")):
        return share_column(heading, name)
    return number_column(heading, name, numbers.decimals_for(values))


def html_table(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    *,
    caption: str,
    limit: int = 20,
    file: str | None = None,
    total: Sequence[str] | None = None,
) -> Html:
    """Render a frame's first rows.

    Parameters
    ----------
    caption : str
        What the table shows, above it.
    limit : int
        Rows shown; what is left out is said below the table.
    file : str, optional
        Where all rows are.
    total : sequence of str, optional
        A last row of sums, one text a column.
    """
    head = element("tr", *(element("th", column.heading, scope="col", class_=column.align) for column in columns))
    rows = [_html_row(row, columns) for row in frame.head(limit).to_dict("records")]
    foot = Html("")
    if total is not None:
        cells = [element("td", words, class_=column.align) for words, column in zip(total[1:], columns[1:], strict=True)]
        foot = element("tfoot", element("tr", element("th", total[0], scope="row", class_=columns[0].align), *cells))
    table = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", head),
        element("tbody", *rows),
        foot,
        class_="wide" if len(columns) > _FIT_A_PHONE else None,
    )
    scrolled = element("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0)
    return joined([scrolled, note(left_out)]) if (left_out := _left_out(frame, limit, file)) else scrolled


def _html_row(row: dict[Any, Any], columns: Sequence[Column]) -> Html:
    cells = []
    for place, column in enumerate(columns):
        words, kind = column.cell(row), str(column.align)
        if column.is_assumed(row):  # the mark may stand below its number, or a table of several would be wider than the page
            words, kind = joined([element("span", words, class_="whole"), " ", badge(ASSUMED, ASSUMED)]), f"{kind} marked"
        if place == 0:
            cells.append(element("th", words, scope="row", class_=kind))
        else:  # the heading stands beside the value where a narrow screen shows a row as a card
            cells.append(element("td", element("span", words), class_=kind, data_heading=column.heading))
    return element("tr", *cells)


def _left_out(frame: pd.DataFrame, limit: int, file: str | None) -> str:
    if len(frame) <= limit:
        return ""
    where = f"; all rows are in {file}" if file else ""
    return f"Showing {limit:,} of {len(frame):,}{where}."


def text_table(
    frame: pd.DataFrame, columns: Sequence[Column], *, width: int = 80, limit: int = 20, file: str | None = None
) -> str:
    """Render a frame's first rows as plain text no wider than `width` signs.

    Words are wrapped where the table is too wide; where that does not help, the last columns are left out, which is said.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"name": ["none", "coupon"], "value": [0.0, -1.25], "source": ["fixed", "assumed"]})
    >>> columns = [words_column("policy", "name"), money_column("value", "value", frame, assumed="source")]
    >>> print(text_table(frame, columns))
    policy            value
    ------  ---------------
    none               0.00
    coupon  -1.25 (assumed)
    """
    records = frame.head(limit).to_dict("records")
    shown, widths = list(columns), [_width(column, records) for column in columns]
    while (room := _fitted(shown, widths, width)) is None:
        shown, widths = shown[:-1], widths[:-1]
    lines = _text_line([column.heading for column in shown], shown, room)
    lines.append(_GAP.join("-" * size for size in room))
    for row in records:
        lines += _text_line([_text_cell(column, row) for column in shown], shown, room)
    if len(shown) < len(columns):
        dropped = "Too wide to show: " + numbers.listing(column.heading for column in columns[len(shown) :]) + "."
        lines += textwrap.wrap(dropped, width)
    if left_out := _left_out(frame, limit, file):
        lines += textwrap.wrap(left_out, width)
    return plain("\n".join(lines))


def plain(words: str) -> str:
    """Write dashes, minus signs and dots as a terminal of any encoding shows them."""
    return words.replace("−", "-").replace("–", "-").replace("…", "...").replace("∞", "inf")


def _text_cell(column: Column, row: dict[Any, Any]) -> str:
    words = " ".join(column.cell(row).split())
    return f"{words} ({ASSUMED})" if column.is_assumed(row) else words


def _width(column: Column, records: Sequence[dict[Any, Any]]) -> int:
    return max([len(column.heading), *(len(_text_cell(column, row)) for row in records)])


def _fitted(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int] | None:
    """Return the widths to print, columns of words narrowed, the widest first; None where the table does not fit."""
    room = list(widths)
    while (over := sum(room) + len(_GAP) * (len(room) - 1) - width) > 0:
        soft = [place for place, column in enumerate(columns) if column.align == "left" and room[place] > _NARROWEST]
        if not soft:
            if len(columns) > 1:
                return None
            return [width]
        widest = max(soft, key=lambda place: room[place])
        others = sorted((room[place] for place in soft), reverse=True)
        floor = others[1] if len(others) > 1 and others[1] < room[widest] else room[widest] - 1
        room[widest] = max(room[widest] - over, min(floor, room[widest] - 1), _NARROWEST)
    return room


def _text_line(cells: Sequence[str], columns: Sequence[Column], room: Sequence[int]) -> list[str]:
    wrapped = [textwrap.wrap(cell, size) or [""] for cell, size in zip(cells, room, strict=True)]
    lines = []
    for depth in range(max(len(part) for part in wrapped)):
        parts = [
            (part[depth] if depth < len(part) else "").rjust(size) if column.align == "right"
            else (part[depth] if depth < len(part) else "").ljust(size)
            for part, column, size in zip(wrapped, columns, room, strict=True)
        ]  # fmt: skip
        lines.append(_GAP.join(parts).rstrip())
    return lines
