"""Texts as they are written into a YAML document by hand: plain where that is the same text, else in quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./()+-]*[A-Za-z0-9_)]|[A-Za-z_]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # what YAML reads as something else
_WIDTH = 100


def yaml_text(text: str) -> str:
    """Write a text as YAML.

    Examples
    --------
    >>> yaml_text("order_id"), yaml_text("No"), yaml_text("a: b")
    ('order_id', '"No"', '"a: b"')
    """
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else quoted(text)


def quoted(text: str) -> str:
    """Write a text as YAML in quotes."""
    return json.dumps(text, ensure_ascii=False)


def on_one_line(settings: Mapping[str, object]) -> str:
    """Write settings, some of them lists or numbers, as one YAML mapping on one line."""
    parts = [
        f"{key}: [{', '.join(yaml_text(str(v)) for v in value)}]"
        if isinstance(value, list)
        else f"{key}: {value if isinstance(value, int) else yaml_text(str(value))}"
        for key, value in settings.items()
    ]
    return "{" + ", ".join(parts) + "}"


def folded(opening: str, items: Iterable[str], closing: str) -> list[str]:
    """Write a list over as many lines as it needs."""
    lines, indent = [opening], " " * len(opening)
    texts = [yaml_text(item) for item in items]
    for place, item in enumerate(texts):
        piece = item + (", " if place + 1 < len(texts) else "")
        if len(lines[-1]) + len(piece) > _WIDTH and lines[-1].strip() != opening.strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += piece
    lines[-1] += closing
    return lines
