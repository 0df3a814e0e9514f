"""The source tree as data: the modules of the five packages, read as text and never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# What each package may import besides itself: one direction, downward.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "reports": frozenset(),
    "simulations": frozenset(),
    "envs": frozenset({"simulations"}),
    "policies": frozenset({"envs", "simulations"}),
    "decision_engine": frozenset({"policies", "envs", "simulations", "reports"}),
}
PACKAGES = tuple(MAY_IMPORT)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module or name, as `module` or `module.name`, and where."""

    target: str
    line: int
    for_types_only: bool


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its import path, its place and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_door(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def place(self) -> str:
        return self.path.relative_to(CHECKOUT).as_posix()

    def imports(self) -> Iterator[Import]:
        """Yield every import of the file, also those inside functions."""
        yield from _imports_under(self.tree, for_types_only=False)

    def defined_names(self) -> set[str]:
        """Return the names that the module binds at its top level."""
        return set(_bound_names(self.tree.body))


def _imports_under(node: ast.AST, *, for_types_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, for_types_only)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import("." * child.level + f"{child.module or ''}.{alias.name}", child.lineno, for_types_only)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports_under(child, for_types_only=True)
        else:
            yield from _imports_under(child, for_types_only=for_types_only)


def _bound_names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
            case ast.Assign():
                yield from (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If():
                yield from _bound_names(node.body + node.orelse)
            case ast.Try():
                yield from _bound_names(node.body + [line for handler in node.handlers for line in handler.body])


@cache
def modules() -> dict[str, Module]:
    """Return every module of the five packages, by import path."""
    found = {}
    for package in PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    return found


def module_of(target: str) -> str | None:
    """Return which of our modules an imported name lives in, None where it is not ours."""
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in modules():
            return name
    return None
