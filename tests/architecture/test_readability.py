"""A reader finds ideas by their names, and every public name says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source_tree import Module, modules

ATTIC = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff"}
LONGEST_FUNCTION = 80  # lines
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _public(body: list[ast.stmt]) -> Iterator[Definition]:
    """Yield public functions and classes of a module, and public methods of those classes."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def _is_overload(node: Definition) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_module_or_folder_is_an_attic():
    attics = [module.place for module in modules().values() if ATTIC & set(module.name.split("."))]
    assert attics == []


def test_every_module_says_what_it_holds():
    silent = [module.place for module in modules().values() if not ast.get_docstring(module.tree)]
    assert silent == []


def test_every_public_name_has_a_docstring():
    silent = [
        f"{module.place}:{node.lineno} {node.name}"
        for module in modules().values()
        for node in _public(module.tree.body)
        if not ast.get_docstring(node) and not _is_overload(node)
    ]
    assert silent == []


def test_every_function_says_what_it_returns():
    untyped = [
        f"{module.place}:{node.lineno} {node.name}"
        for module in modules().values()
        for node in _functions(module)
        if node.returns is None
    ]
    assert untyped == []


def test_functions_fit_a_screen():
    long = [
        f"{module.place}:{node.lineno} {node.name} has {length} lines"
        for module in modules().values()
        for node in _functions(module)
        if (length := (node.end_lineno or node.lineno) - node.lineno) > LONGEST_FUNCTION
    ]
    assert long == []


def test_annotations_are_postponed_everywhere():
    eager = [
        module.place
        for module in modules().values()
        if not any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in module.tree.body)
    ]
    assert eager == []
