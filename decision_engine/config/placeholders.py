"""Placeholders: lines of a configuration that somebody still has to fill in.

What no file can tell, such as a margin or the cost of a contact, stands in a first configuration as a plain value with a mark
in the comment behind it. The value makes the file valid; the mark says that nobody has vouched for it. Whoever writes the true
value, or agrees with the one that stands there, takes the mark out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FILL_IN = "FILL IN"
_SHOWN = 3  # lines of one question whose numbers are told
_MARKED = re.compile(rf"^\s*(?:- )?(?P<written>[^#\s].*?)\s+#\s*(?P<comment>.*\b{FILL_IN}\b.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A marked line: its number, what is written there, and what should be."""

    line: int
    written: str
    wanted: str

    def say(self) -> str:
        """Return it as one line."""
        return _said(f"line {self.line}", self)


def say_all(placeholders: Sequence[Placeholder]) -> list[str]:
    r"""Return a line a question: lines that say the same and ask the same are told together.

    Examples
    --------
    >>> text = "- cost: 0.1 # FILL IN: of one contact\n- cost: 0.1 # FILL IN: of one contact\nbudget: 9 # FILL IN"
    >>> say_all(find_placeholders(text))
    ['lines 1, 2: cost: 0.1 (of one contact)', 'line 3: budget: 9']
    """
    groups: dict[tuple[str, str], list[Placeholder]] = {}
    for one in placeholders:
        groups.setdefault((one.written, one.wanted), []).append(one)
    told = []
    for group in groups.values():
        numbers = ", ".join(str(one.line) for one in group[:_SHOWN])
        more = f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else ""
        told.append(_said(f"line{'s' * (len(group) > 1)} {numbers}{more}", group[0]))
    return told


def _said(where: str, one: Placeholder) -> str:
    return f"{where}: {one.written}" + (f" ({one.wanted})" if one.wanted else "")


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
    return "\n".join([head, *(f"  {told}" for told in say_all(placeholders))])
