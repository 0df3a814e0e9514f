"""Imports point one way, and there is no circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from tests.architecture.source_tree import MAY_IMPORT, PACKAGES, module_of, modules


def _circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def _module_graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for module in modules().values():
        homes = {module_of(one.target) for one in module.imports() if not one.for_types_only}
        graph[module.name] = {home for home in homes if home is not None and home != module.name}
    return graph


def test_packages_import_only_what_lies_below_them():
    against = [
        f"{module.place}:{one.line} imports {one.target}"
        for module in modules().values()
        for one in module.imports()
        if (other := one.target.split(".")[0]) in PACKAGES
        and other != (own := module.name.split(".")[0])
        and other not in MAY_IMPORT[own]
    ]
    assert against == []


def test_imports_are_absolute():
    relative = [
        f"{module.place}:{one.line}" for module in modules().values() for one in module.imports() if one.target.startswith(".")
    ]
    assert relative == []


def test_no_package_imports_tests_or_benchmarks():
    wrong = [
        f"{module.place}:{one.line} imports {one.target}"
        for module in modules().values()
        for one in module.imports()
        if one.target.split(".")[0] in {"tests", "benchmarks", "examples"}
    ]
    assert wrong == []


def test_modules_import_each_other_in_no_circle():
    """Imports inside functions count: a late import that closes a circle hides it, it does not open it."""
    assert _circle(_module_graph()) == []


def test_sibling_folders_import_each_other_in_no_circle():
    """`policies.ope` may use `policies.search` or the other way round, never both."""
    graph: dict[str, set[str]] = {}
    for name, targets in _module_graph().items():
        own = name.split(".")
        for target in targets:
            other = target.split(".")
            shared = next((i for i, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), None)
            if shared and len(own) > shared + 1 and len(other) > shared + 1:
                graph.setdefault(".".join(own[: shared + 1]), set()).add(".".join(other[: shared + 1]))
    assert _circle(graph) == []
