"""A document: one HTML file that needs nothing else, readable on a screen, a phone and paper, by day and by night.

It asks no network for anything, and its own policy forbids it to; figures are drawn inside it and there is no script.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.markup import Html, element, escaped, joined, paragraph

_STYLE = Path(__file__).parent / "static" / "document.css"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a document: a heading and what stands under it, one piece of markup after the other."""

    heading: str
    body: tuple[Html, ...]

    @property
    def anchor(self) -> str:
        """Name by which the contents refer to it."""
        return re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-") or "section"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A title, a line below it, and sections."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def to_html(self) -> str:
        """Return the whole file.

        Examples
        --------
        >>> page = Document(title="A & B", subtitle="", sections=()).to_html()
        >>> "<title>A &amp; B</title>" in page, "<script" in page
        (True, False)
        """
        anchors = _distinct([section.anchor for section in self.sections])
        parts = [_section(section, anchor) for section, anchor in zip(self.sections, anchors, strict=True)]
        body = element(
            "body",
            element("header", element("h1", self.title), paragraph(self.subtitle, class_="subtitle") if self.subtitle else ""),
            _contents(self.sections, anchors),
            element("main", *parts),
        )
        return f'<!DOCTYPE html>\n<html lang="en">\n{_head(self.title)}\n{body}\n</html>\n'


def _head(title: str) -> Html:
    style = Html(_STYLE.read_text(encoding="utf-8"))
    return element(
        "head",
        element("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{escaped(_POLICY)}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        element("style", style),
    )


def _contents(sections: Sequence[Section], anchors: Sequence[str]) -> Html:
    if len(sections) < 2:
        return Html("")
    links = [
        element("li", element("a", section.heading, href=f"#{anchor}"))
        for section, anchor in zip(sections, anchors, strict=True)
    ]
    return element("nav", element("ul", *links), aria_label="Contents")


def _section(section: Section, anchor: str) -> Html:
    return element("section", element("h2", section.heading, id=anchor), joined(section.body, "\n"), aria_labelledby=anchor)


def _distinct(anchors: Sequence[str]) -> list[str]:
    """Return the anchors, those that occur again with a number."""
    seen: dict[str, int] = {}
    names = []
    for anchor in anchors:
        seen[anchor] = seen.get(anchor, 0) + 1
        names.append(anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}")
    return names
