"""Placeholders: lines of a configuration that somebody still has to fill in.

What no file can tell, such as a margin or the cost of a contact, stands in a first configuration as a plain value with a mark
in the comment behind it. The value makes the file valid; the mark says that nobody has vouched for it. Whoever writes the true
value, or agrees with the one that stands there, takes the mark out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FILL_IN = "FILL IN"
_MARKED = re.compile(rf"^\s*(?:- )?(?P<written>[^#\s].*?)\s+#\s*(?P<comment>.*\b{FILL_IN}\b.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A marked line: its number, what is written there, and what should be."""

    line: int
    written: str
    wanted: str

    def say(self) -> str:
        """Return it as one line."""
        return f"line {self.line}: {self.written}" + (f" ({self.wanted})" if self.wanted else "")


def find_placeholders(text: str) -> tuple[Placeholder, ...]:
    """Return the marked lines of a YAML document; a line that is nothing but a comment marks nothing.

    Examples
    --------
    >>> find_placeholders("margin_share: 0.25 # FILL IN: margin of revenue")[0].say()
    'line 1: margin_share: 0.25 (margin of revenue)'
    >>> find_placeholders("# lines marked FILL IN are yours")
    ()
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        marked = _MARKED.match(line)
        if marked:
            wanted = marked["comment"].partition(FILL_IN)[2].lstrip(": ").strip()
            found.append(Placeholder(line=number, written=marked["written"], wanted=wanted))
    return tuple(found)


def warn_of(placeholders: tuple[Placeholder, ...], file: str) -> str:
    """Say what is still to be filled in, as a sentence and a line each; nothing where all is."""
    if not placeholders:
        return ""
    n = len(placeholders)
    head = (
        f"{file}: {n} {'line holds a placeholder' if n == 1 else 'lines hold placeholders'} that nobody has vouched for. "
        f"Write the true value, and take the mark {FILL_IN} out."
    )
    return "\n".join([head, *(f"  {placeholder.say()}" for placeholder in placeholders)])
