"""The project speaks of itself alone: no folder of one machine, no registry, no bookkeeping of how it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source_tree import CHECKOUT

FOLDERS = (".ci", "benchmarks", "decision_engine", "docs", "envs", "examples", "policies", "reports", "simulations", "tests")
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".html", ".css", ".js", ".sql", ".json", ".svg", ""}

# Each pattern is broken in two here, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a folder of one machine": re.compile(r"(?<![\w.~-])/(" r"home|root|Users|work|opt|mnt)/\w"),
    "a package registry": re.compile("py" r"pi\.org|python" r"hosted|" "npm" r"js\.(org|com)|deb\." r"debian\.org"),
    "a numbered ticket": re.compile(r"\biss" r"ue #?\d+\b", re.IGNORECASE),
    "work left undone": re.compile(r"\bTO" r"DO\b|\bFIX" r"ME\b|\bX" r"XX\b"),
}


def _texts() -> Iterator[Path]:
    for path in sorted(CHECKOUT.iterdir()):
        if path.is_file() and (path.suffix in TEXT):
            yield path
    for folder in FOLDERS:
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def test_no_text_speaks_of_anything_but_the_project():
    found = [
        f"{path.relative_to(CHECKOUT)}:{number} names {what}: {line.strip()[:80]}"
        for path in _texts()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]
    assert found == []
