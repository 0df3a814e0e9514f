"""A shop whose main job has been done once: tests read what it left, or work on a copy of its workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.product.command_line import Answer, decision_engine
from tests.product.generated_shop import QUICK, Shop, write_shop


@dataclass(frozen=True, kw_only=True)
class Done:
    """A shop, the workspace of its run, and what the run said."""

    shop: Shop
    workspace: Path
    answer: Answer

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = self.answer.document
        return document


def do(folder: Path, *changes: tuple[str, str]) -> Done:
    shop = write_shop(folder / "shop", *changes)
    answer = decision_engine("run", shop.configuration, "-w", folder / "workspace", "--workers", 0, "--json")
    assert answer.code == 0, answer.err
    return Done(shop=shop, workspace=folder / "workspace", answer=answer)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return a run with every stage at work."""
    return do(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return a run that leaves out what takes long."""
    return do(tmp_path_factory.mktemp("quick"), *QUICK)


Copy = Callable[[Done], Done]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Return a function that copies a run's shop and workspace, to be changed at will.

    Sources' paths are part of what a stage depends on only as the configuration writes them: relative to itself.
    """

    def make(done: Done) -> Done:
        shutil.copytree(done.shop.folder, tmp_path / "shop")
        shutil.copytree(done.workspace, tmp_path / "workspace")
        return Done(
            shop=Shop(folder=tmp_path / "shop", world=done.shop.world, history=done.shop.history),
            workspace=tmp_path / "workspace",
            answer=done.answer,
        )

    return make
