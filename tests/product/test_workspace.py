"""Stages are redone when something they read changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.durable import write_atomically
from decision_engine.workspace import StageOutcome, Workspace, digest_of
from simulations.errors import ArtifactError, InputError


class Counter:
    """A stage that counts how often it really runs."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, int]:
        self.calls += 1
        return {"calls": self.calls}


def run(workspace: Workspace, counter: Counter, **settings: object) -> StageOutcome[dict[str, int]]:
    return workspace.stage("count", counter, inputs=("in",), settings=settings, module="simulations.errors")


def test_a_stage_runs_once_until_its_settings_change(tmp_path: Path) -> None:
    counter = Counter()
    with Workspace(tmp_path).locked() as workspace:
        first, again, other = run(workspace, counter, a=1), run(workspace, counter, a=1), run(workspace, counter, a=2)
    assert (first.cached, again.cached, other.cached) == (False, True, False)
    assert again.result == {"calls": 1}
    assert other.result == {"calls": 2}
    assert first.key == again.key != other.key


@pytest.mark.parametrize("damage", ["cut", "altered", "no digest"])
def test_a_damaged_artifact_is_made_again(tmp_path: Path, damage: str) -> None:
    counter = Counter()
    with Workspace(tmp_path).locked() as workspace:
        run(workspace, counter)
        (artifact,) = workspace.artifacts.glob("*.pickle")
        content = artifact.read_bytes()
        if damage == "cut":
            artifact.write_bytes(content[:-3])
        elif damage == "altered":
            artifact.write_bytes(content[:-3] + b"xyz")
        else:
            artifact.with_suffix(".digest").unlink()
        assert run(workspace, counter).result == {"calls": 2}


def test_an_artifact_altered_between_lookup_and_reading_is_not_read(tmp_path: Path) -> None:
    with Workspace(tmp_path).locked() as workspace:
        run(workspace, Counter())
        found = run(workspace, Counter())
        (artifact,) = workspace.artifacts.glob("*.pickle")
        artifact.write_bytes(b"something else")
        with pytest.raises(ArtifactError, match="was changed"):
            _ = found.result


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.artifacts.mkdir(parents=True)
    (workspace.artifacts / "fit-123.partial").write_bytes(b"half")
    with workspace.locked():
        assert not list(workspace.artifacts.glob("*.partial"))


def test_a_second_process_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    with (
        Workspace(tmp_path).locked(),
        pytest.raises(InputError, match=r"process \d+ is using it"),
        Workspace(tmp_path).locked(),
    ):
        pass


def test_a_workspace_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"), Workspace(blocked / "workspace").locked():
        pass


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2, 3]}) == digest_of({"b": [2, 3], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_an_atomic_write_replaces_the_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_atomically(target, b"one")
    write_atomically(target, b"two")
    assert target.read_bytes() == b"two"
    assert [file.name for file in target.parent.iterdir()] == ["file.txt"]
