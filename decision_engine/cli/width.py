"""Width: lines for people end where their terminal does, and at 80 signs where nobody knows of one."""

from __future__ import annotations

import shutil
import textwrap

_UNKNOWN = 80  # columns where output goes to a file or a pipe
_NARROWEST = 40
_KEPT = "\x00"  # stands for the blank after "error:", so that a long path stays beside it


def columns() -> int:
    """Return the width that people have: of `COLUMNS`, else of the terminal, else 80."""
    return max(shutil.get_terminal_size((_UNKNOWN, 24)).columns, _NARROWEST)


def fold(text: str) -> str:
    r"""Break lines that are too long between words; what follows stands a little further in. No word is cut.

    Examples
    --------
    >>> import os
    >>> os.environ["COLUMNS"] = "40"
    >>> print(fold("short\n  shop.yaml, line 3, budget: unknown key `budget`."))
    short
      shop.yaml, line 3, budget: unknown key
          `budget`.
    >>> del os.environ["COLUMNS"]
    """
    width = columns()
    return "\n".join(line if len(line) <= width else _folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    kept = line.strip().replace("error: ", f"error:{_KEPT}", 1) if line.startswith("error: ") else line.strip()
    return textwrap.fill(
        kept,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_KEPT, " ")
