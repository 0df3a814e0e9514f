"""JSON documents: an array of objects, or one object that holds such an array, as exports of shops and of APIs are.

Each object of the array is a row; its line is the one on which it begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentArray:
    """An array of objects in a document: the key that holds it, if any, and each object with the line where it begins."""

    key: str
    objects: list[tuple[int, object]]


def arrays_of(text: str) -> list[DocumentArray]:
    r"""Return the arrays of objects in a JSON document: itself, or those that its keys hold.

    Numbers stay as they are written.

    Raises
    ------
    ValueError
        If the text is no JSON document.

    Examples
    --------
    >>> [found] = arrays_of('{"page": 1, "orders": [{"id": 7},\n {"id": 8}]}')
    >>> found.key, found.objects
    ('orders', [(1, {'id': '7'}), (2, {'id': '8'})])
    """
    reader = _Reader(text)
    start = reader.sign(0)
    if start == "[":
        objects, place = reader.array(reader.skip(0))
        found = [DocumentArray(key="", objects=objects)]
    elif start == "{":
        found, place = reader.keys(reader.skip(0))
    else:
        raise ValueError("neither an object nor an array")
    if reader.skip(place) != len(text):
        raise ValueError("goes on after its end")
    return [one for one in found if one.objects and all(isinstance(value, dict) for _, value in one.objects)]


class _Reader:
    """Goes through a document from its start, counting lines on the way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
        self._counted, self._line = 0, 1

    def skip(self, place: int) -> int:
        found = _BLANK.match(self.text, place)
        return found.end() if found else place

    def sign(self, place: int) -> str:
        place = self.skip(place)
        return self.text[place : place + 1]

    def array(self, place: int) -> tuple[list[tuple[int, object]], int]:
        """Return an array's values with their lines, and the place after it."""
        return [(self._line_of(at), value) for at, value in self._values(place)], self._end

    def keys(self, place: int) -> tuple[list[DocumentArray], int]:
        """Return the arrays that an object's keys hold, and the place after it."""
        found: list[DocumentArray] = []
        place = self.skip(place + 1)
        while self.sign(place) != "}":
            key, place = self._decoder.raw_decode(self.text, self.skip(place))
            if self.sign(place) != ":":
                raise ValueError("a key without a value")
            place = self.skip(self.skip(place) + 1)
            if self.sign(place) == "[":
                objects, place = self.array(place)
                found.append(DocumentArray(key=str(key), objects=objects))
            else:
                _, place = self._decoder.raw_decode(self.text, place)
            place = self._after_value(place, "}")
        return found, self.skip(place) + 1

    def _values(self, place: int) -> Iterator[tuple[int, object]]:
        place = self.skip(place + 1)
        while self.sign(place) != "]":
            place = self.skip(place)
            value, end = self._decoder.raw_decode(self.text, place)
            yield place, value
            place = self._after_value(end, "]")
        self._end = self.skip(place) + 1

    def _after_value(self, place: int, end: str) -> int:
        """Return the place of the next value, or of the end."""
        sign = self.sign(place)
        if sign == ",":
            return self.skip(self.skip(place) + 1)
        if sign != end:
            raise ValueError("values without a comma between them" if sign else "cut off before its end")
        return place

    def _line_of(self, place: int) -> int:
        self._line += self.text.count("\n", self._counted, place)
        self._counted = place
        return self._line
