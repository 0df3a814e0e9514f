"""Markup that is safe by its type: a plain string is escaped, only `Html` goes through as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_VOID = frozenset({"br", "hr", "meta"})
LONGEST_TEXT = 600  # signs of one piece of text; a longer one is cut, so that no cell of a table can swell a page


def printable(words: str) -> str:
    r"""Return text without the signs that no page may hold.

    Examples
    --------
    >>> printable("a\x00b")
    'ab'
    """
    return _UNPRINTABLE.sub("", words).encode("utf-8", "replace").decode("utf-8")


class Html(str):
    """Markup that has been escaped already."""

    __slots__ = ()


def escaped(words: str) -> Html:
    """Return text as markup; signs that no page may hold are dropped.

    Examples
    --------
    >>> escaped("<b> & co"), escaped(Html("<b>kept</b>"))
    ('&lt;b&gt; &amp; co', '<b>kept</b>')
    """
    if isinstance(words, Html):
        return words
    sound = printable(words)
    return Html(escape(sound if len(sound) <= LONGEST_TEXT else sound[: LONGEST_TEXT - 1] + "…"))


def element(tag: str, *children: str, **attributes: str | int | None) -> Html:
    """Return an element; a trailing underscore of an attribute is dropped, others become hyphens, None leaves it out.

    Examples
    --------
    >>> element("td", "a < b", class_="number", aria_label=None)
    '<td class="number">a &lt; b</td>'
    """
    given = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    said = "".join(f' {name}="{escaped(str(value))}"' for name, value in given.items())
    if tag in _VOID:
        return Html(f"<{tag}{said}>")
    return Html(f"<{tag}{said}>{''.join(escaped(child) for child in children)}</{tag}>")


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Return parts in a row, each escaped unless it is markup."""
    return Html(escaped(between).join(escaped(part) for part in parts))


def prose(words: str) -> Html:
    """Return a sentence as markup; names between backticks become those that a computer reads.

    Examples
    --------
    >>> prose("what `fit` lacks"), prose("a ` alone")
    ('what <code>fit</code> lacks', 'a ` alone')
    """
    pieces = words.split("`")
    if isinstance(words, Html) or len(pieces) % 2 == 0:
        return escaped(words)
    return joined(code(piece) if place % 2 else piece for place, piece in enumerate(pieces))


def paragraph(*parts: str, class_: str | None = None) -> Html:
    """Return a paragraph; parts follow each other after a space."""
    return element("p", joined(map(prose, parts), " "), class_=class_)


def heading(words: str) -> Html:
    """Return a heading inside a section."""
    return element("h3", words)


def bullets(items: Iterable[str]) -> Html:
    """Return a list, nothing where there are no items."""
    points = [element("li", prose(item)) for item in items]
    return element("ul", *points) if points else Html("")


def badge(words: str, kind: str = "") -> Html:
    """Return a word set off from the text; the word carries the meaning, the colour of its kind only helps."""
    return element("span", words, class_=f"badge {kind}".strip())


def note(*parts: str) -> Html:
    """Return a small remark."""
    return paragraph(*parts, class_="note")


def code(words: str) -> Html:
    """Return words as a name that a computer reads."""
    return element("code", words)
