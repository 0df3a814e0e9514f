"""The built wheel: it carries the five packages and nothing else, and works away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("decision_engine", "envs", "policies", "reports", "simulations")
BESIDE = ("pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    # The checkout must not be found by chance, so PYTHONPATH is what the test says or nothing.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _source_files(root: Path) -> set[str]:
    """Return what a wheel should carry: every file of the five packages that is not a compiled left-over."""
    return {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def source(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the wheel is built from, because a build leaves files beside its sources."""
    copy = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(checkout / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(checkout / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the tools at hand, without the network."""
    target = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a folder of its own; its dependencies are those of this interpreter."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", target)
    _run(sys.executable, "-m", "pip", "install", *options, wheel, cwd=target)
    return target


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return somebody's folder, which happens to hold a folder named `reports`."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "notes.txt").write_text("Ours, and no Python.\n", encoding="utf-8")
    return tmp_path


def test_the_wheel_carries_exactly_the_files_of_the_five_packages(source, wheel):
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert carried == _source_files(source)


def test_the_wheel_names_its_licence_and_its_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [archive.read(name).decode() for name in names if name.endswith(".dist-info/entry_points.txt")]
    assert any(name.endswith("LICENSE") for name in names)
    assert "decision-engine = decision_engine.cli.main:main" in entry_points


def test_installed_packages_are_found_beside_a_foreign_folder_of_the_same_name(installed, foreign):
    code = f"import {', '.join(PACKAGES)}\nprint(*({'.__file__, '.join(PACKAGES)}.__file__), sep='\\n')"
    places = _run(sys.executable, "-c", code, cwd=foreign, PYTHONPATH=str(installed)).splitlines()
    assert places == [str(installed / package / "__init__.py") for package in PACKAGES]


def test_the_installed_command_answers_away_from_the_checkout(installed, foreign):
    answer = _run(installed / "bin" / "decision-engine", "--help", cwd=foreign, PYTHONPATH=str(installed))
    assert "decision-engine" in answer


def test_every_installed_module_can_be_found_away_from_the_checkout(installed, foreign):
    """Folders without a door are left out of a wheel; each module's import path must lead to the installed file."""
    files = [name for name in _source_files(installed) if name.endswith(".py")]
    modules = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files)
    code = f"from importlib.util import find_spec\nprint(*[find_spec(name).origin for name in {modules!r}], sep='\\n')"
    places = _run(sys.executable, "-c", code, cwd=foreign, PYTHONPATH=str(installed)).splitlines()
    assert [place for place in places if not place.startswith(str(installed))] == []
