"""Doors: every folder has one, it is light, and what it offers exists."""

from __future__ import annotations

import ast
import json
import tomllib

import pytest

from tests.architecture.source_tree import CHECKOUT, PACKAGES, Module, modules
from tests.conftest import Interpreter

HEAVY = ("torch", "econml", "dowhy", "stable_baselines3", "sb3_contrib", "ray", "matplotlib", "optuna", "lightgbm", "interpret")
SLOW = (*HEAVY, "numba", "pandas", "scipy", "sklearn", "statsmodels", "pyarrow", "duckdb", "gymnasium")
DOORS = [module for module in modules().values() if module.is_door]


def _loaded(fresh_interpreter: Interpreter, code: str, names: tuple[str, ...]) -> object:
    return fresh_interpreter(
        f"import json, sys\n{code}\nprint()\nprint(json.dumps([name for name in {names!r} if name in sys.modules]))"
    )


def _literal(module: Module, name: str) -> object:
    """Return the value that a door assigns to `name`, None where it assigns nothing."""
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            if node.value is not None and ast.unparse(node.value) == "sorted(_HOME)":
                return sorted(_home(module))
            return ast.literal_eval(node.value) if node.value is not None else None
    return None


def _home(module: Module) -> dict[str, str]:
    home = _literal(module, "_HOME")
    return home if isinstance(home, dict) else {}


def test_every_folder_with_modules_has_a_door():
    """A folder without one would be left out of the wheel."""
    folders = {module.path.parent for module in modules().values()}
    without = sorted(folder.relative_to(CHECKOUT).as_posix() for folder in folders if not (folder / "__init__.py").exists())
    assert without == []


def test_every_package_says_that_it_is_typed():
    assert [package for package in PACKAGES if not (CHECKOUT / package / "py.typed").exists()] == []


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_door_says_what_it_offers(door):
    assert _literal(door, "__all__") is not None, f"{door.place}: no `__all__`"


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_what_a_door_exports_lazily_is_defined_in_its_home_and_known_to_the_type_checker(door):
    homes = _home(door)
    missing = [
        f"{name} in {home}"
        for name, home in homes.items()
        if home not in modules() or name not in modules()[home].defined_names()
    ]
    assert missing == []
    typed = {one.target for one in door.imports() if one.for_types_only}
    assert {f"{home}.{name}" for name, home in homes.items()} == typed, (
        f"{door.place}: under `if TYPE_CHECKING:` belong the names of `_HOME` and no others, as `from home import Name as Name`"
    )


def test_every_name_in_all_is_defined():
    unknown = []
    for module in modules().values():
        offered = _literal(module, "__all__")
        known = module.defined_names() | set(_home(module))
        unknown += [
            f"{module.place}: {name}" for name in (offered if isinstance(offered, list | tuple) else ()) if name not in known
        ]
    assert unknown == []


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_no_heavy_library(fresh_interpreter, package):
    assert _loaded(fresh_interpreter, f"import {package}", HEAVY) == []


def test_importing_every_door_loads_no_heavy_library(fresh_interpreter):
    code = "\n".join(f"import {door.name}" for door in DOORS)
    assert _loaded(fresh_interpreter, code, HEAVY) == []


def test_no_module_loads_a_heavy_library_when_it_is_imported():
    """Torch, EconML and the like take seconds to load; only the function that needs one imports it."""
    heavy = []
    for module in modules().values():
        for node in module.tree.body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            heavy += [f"{module.place}:{node.lineno} imports {name}" for name in names if name.split(".")[0] in HEAVY]
    assert heavy == []


def test_gymnasium_with_our_environments_registered_loads_neither_numba_nor_torch(fresh_interpreter):
    code = "import gymnasium, envs\nassert any(name.startswith('decision_engine/') for name in gymnasium.registry)"
    assert _loaded(fresh_interpreter, code, ("numba", "torch")) == []


def test_the_help_of_the_command_loads_nothing_slow(fresh_interpreter):
    code = (
        "sys.argv = ['decision-engine', '--help']\nfrom decision_engine.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code"
    )
    assert _loaded(fresh_interpreter, code, SLOW) == []


def test_every_declared_entry_point_exists(fresh_interpreter):
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {**project["scripts"], **{k: v for group in project["entry-points"].values() for k, v in group.items()}}
    code = f"import importlib, json\nfor place in {json.dumps(list(declared.values()))}:\n"
    code += "    module, name = place.split(':')\n    assert callable(getattr(importlib.import_module(module), name)), place\n"
    assert fresh_interpreter(code + "print('[]')") == []
