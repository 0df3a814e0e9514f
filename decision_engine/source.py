"""Which of our own source files a module runs, and their digest: what a stored result must not outlive.

The imports of a module are followed as text, those inside functions and behind lazy doors included, so that no list of
folders has to be kept by hand and forgotten.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("decision_engine", "envs", "policies", "reports", "simulations")
_RESOURCES = {".css", ".html", ".j2"}


@cache
def digest_of_module(module: str) -> str:
    """Return the digest of a module's source and of all that it imports of ours, directly or not.

    Examples
    --------
    >>> digest_of_module("simulations.errors") == digest_of_module("simulations.arrays")
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(files_of(module)):
        digest.update(file.relative_to(ROOT).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def files_of(module: str) -> set[Path]:
    """Return the files that a module runs: its own, those it imports, and the pages' resources beside them."""
    waiting, seen = [module], set[str]()
    files: set[Path] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _file(name)
        if file is None:
            continue
        files.add(file)
        files.update(one for one in file.parent.rglob("*") if one.suffix in _RESOURCES)
        waiting += [one for one in _imports(file) if one.split(".")[0] in PACKAGES]
        files.update(_doors_above(name))
    return files


def _doors_above(module: str) -> Iterator[Path]:
    """Yield the doors that an import of a module goes through; what they offer lazily it does not run."""
    while "." in module:
        module = module.rsplit(".", 1)[0]
        file = _file(module)
        if file is not None:
            yield file


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    return place / "__init__.py" if (place / "__init__.py").is_file() else None


@cache
def _imports(file: Path) -> tuple[str, ...]:
    return tuple(_imported(ast.parse(file.read_text(encoding="utf-8"))))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
