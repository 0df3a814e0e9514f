"""The documents' examples run, their commands exist, their links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from decision_engine.cli.main import app
from decision_engine.config import load_config
from decision_engine.pipeline import run_main_job
from decision_engine.progress import Progress
from decision_engine.workspace import Workspace
from tests.conftest import CHECKOUT
from tests.product.generated_shop import QUICK, write_shop

DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("examples/*.md")])
NAMES = [str(document.relative_to(CHECKOUT)) for document in DOCUMENTS]
PATHS_OF_SOME_MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp|root|home|Users|var|mnt)\b")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(document: Path, language: str) -> list[str]:
    return [body for found, body in _FENCE.findall(document.read_text()) if found == language]


def _command_lines(document: Path) -> list[str]:
    """Return the lines of indented and fenced blocks that call the command."""
    lines = [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in document.read_text().splitlines()]
    return [line for line in lines if line.startswith("decision-engine ")]


def test_the_documents_are_there():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/plan.md", "docs/run.md",
            "docs/configuration.md", "examples/README.md"} <= set(NAMES)  # fmt: skip


@pytest.mark.slow
def test_the_readme_runs_from_its_first_python_line_to_its_last(tmp_path, monkeypatch, capsys):
    """On a small shop under the name of the large one: same code, other data."""
    shop = write_shop(tmp_path / "examples", *QUICK)
    configuration = shop.configuration.rename(tmp_path / "examples" / "complete_journey.yaml")
    monkeypatch.chdir(tmp_path)
    run_main_job(load_config(configuration), Workspace("workspace"), workers=0, progress=Progress(quiet=True))
    namespace: dict[str, object] = {"__name__": "readme"}
    blocks = _blocks(CHECKOUT / "README.md", "python")
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, "README.md", "exec", dont_inherit=True), namespace)
    printed = capsys.readouterr().out
    assert "order-days a user" in printed
    assert "quiet ones" in printed
    assert "best of 6 trials" in printed


def test_the_shortest_configuration_in_the_documents_is_whole(tmp_path, monkeypatch):
    from decision_engine.stages.check import check_history

    text = _blocks(CHECKOUT / "docs/configuration.md", "yaml")[0]
    assert len(text.splitlines()) <= 10
    (tmp_path / "shop.yaml").write_text(text)
    orders = ["customer,number,day,total"]
    orders += [f"u{k % 7},o{k},2024-{1 + k // 28:02d}-{1 + k % 28:02d} 12:00:00,{10 + k % 5}.50" for k in range(300)]
    (tmp_path / "orders.csv").write_text("\n".join(orders) + "\n")
    checked = check_history(load_config(tmp_path / "shop.yaml"))
    assert checked.history.n_quarantined == 0
    assert checked.panel.n_users == 7


def test_every_key_of_the_configuration_is_explained():
    from decision_engine.config import models
    from decision_engine.config.responses import ResponseConfig
    from decision_engine.config.sources import SourceConfig
    from simulations.tables import CANONICAL_TABLES

    text = (CHECKOUT / "docs/configuration.md").read_text()
    sections: list[type[BaseModel]] = [ResponseConfig, SourceConfig]
    sections += [found for found in vars(models).values() if isinstance(found, type) and issubclass(found, BaseModel)]
    keys = {key for section in sections for key in section.model_fields}
    keys |= {column.name for table in CANONICAL_TABLES.values() for column in table.columns}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_the_documents_exist_with_their_options(name):
    for line in _command_lines(CHECKOUT / name):
        words = shlex.split(line, comments=True)[1:]
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, f"{name}: `{line}` names no command that there is"
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        asked = {word for word in words if word.startswith("-")}
        assert asked <= known | {"--help"}, f"{name}: `{line}` uses options that there are not: {sorted(asked - known)}"


@pytest.mark.parametrize("name", NAMES)
def test_targets_and_files_named_by_commands_exist(name):
    text = (CHECKOUT / name).read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for script in re.findall(r"\.venv/bin/python ([\w/]+\.py)", text):
        assert (CHECKOUT / script).is_file(), f"{name} calls {script}"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_reads_its_file_and_lists_what_it_makes():
    said = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert {"make setup", "make test", "make bench"} <= {" ".join(line.split()[:2]) for line in said.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_every_benchmark_that_prints_a_document_is_run_by_make_bench():
    planned = subprocess.run(["make", "-n", "bench"], cwd=CHECKOUT, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    for script in sorted((CHECKOUT / "benchmarks").glob("*.py")):
        runs = 'if __name__ == "__main__"' in script.read_text()
        assert (f"benchmarks/{script.name}" in planned.stdout) == runs, script.name


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_lead_somewhere(name):
    document = CHECKOUT / name
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_no_document_knows_the_machine_it_was_written_on(name):
    found = PATHS_OF_SOME_MACHINE.findall((CHECKOUT / name).read_text())
    assert found == []


def test_pictures_are_small():
    for picture in (CHECKOUT / "docs/images").glob("*"):
        assert os.path.getsize(picture) <= 300_000, picture.name


def test_the_table_of_examples_has_each_of_them_and_counts_those_whose_data_are_elsewhere():
    folder = CHECKOUT / "examples"
    text = (folder / "README.md").read_text()
    files = {path.name for path in folder.glob("*.yaml")}
    assert set(re.findall(r"^\| \[([\w.]+)\]", text, re.MULTILINE)) == files
    elsewhere = {name for name in files if "How to obtain the data" in "\n".join((folder / name).read_text().split("\n")[:6])}
    assert files - elsewhere == {"complete_journey.yaml"}
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert f"The data of the other {words[len(elsewhere)]} are not part" in text
    for name in elsewhere:
        variable = f"{name.removesuffix('.yaml').split('_offers')[0].upper()}_DATA"
        assert variable in (folder / name).read_text()
    (shortest,) = (body for body in _blocks(CHECKOUT / "docs/configuration.md", "yaml") if body.startswith("name: My shop"))
    assert f"a configuration of {words[len(shortest.splitlines())]} lines" in text
