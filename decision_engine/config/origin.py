"""A YAML document with the line of each key, so that a message can point at what it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from decision_engine.config.placeholders import Placeholder, find_placeholders
from simulations.errors import ConfigError

Place = tuple[str | int, ...]  # ("actions", 1, "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a configuration was written: its file, the line of each place in it, and lines that are still to be filled in."""

    path: Path | None = None
    lines: dict[Place, int] = field(default_factory=dict)
    placeholders: tuple[Placeholder, ...] = ()

    @property
    def name(self) -> str:
        """What people know the configuration by."""
        return self.path.name if self.path is not None else "configuration"

    @property
    def folder(self) -> Path:
        """Folder against which relative paths are read."""
        return self.path.parent if self.path is not None else Path()

    @property
    def is_unwritten(self) -> bool:
        """Whether there is no such file yet: it is about to be written, and no message may point into it."""
        return self.path is not None and not self.lines

    def locate(self, place: Sequence[str | int]) -> tuple[Place, int | None]:
        """Return the deepest written part of `place`, and its line.

        Steps that were not written (an index into what is written as a single thing) are passed over.
        """
        found: Place = ()
        for step in place:
            if (*found, step) in self.lines:
                found = (*found, step)
        return found, self.lines.get(found)

    def where(self, place: Sequence[str | int]) -> str:
        """Say a place for people: ``shop.yaml, line 12, actions[1].cost``."""
        _, line = self.locate(place)
        parts = [self.name]
        if line is not None:
            parts.append(f"line {line}")
        if place:
            parts.append(spell(self._as_written(place)))
        return ", ".join(parts)

    def marked(self, place: Place) -> list[Placeholder]:
        """Return what is still to be filled in on the lines of a place and of all within it."""
        lines = {line for written, line in self.lines.items() if written[: len(place)] == place}
        return [placeholder for placeholder in self.placeholders if placeholder.line in lines]

    def on_line(self, place: Sequence[str | int]) -> str:
        """Say where something stands in this file: ``on line 12``; by its place where no line is known."""
        _, line = self.locate(place)
        return f"as {spell(place)}" if line is None else f"on line {line}"

    def _as_written(self, place: Sequence[str | int]) -> Place:
        """Leave out an index into what was written as a single thing."""
        kept: Place = ()
        for step in place:
            if not isinstance(step, int) or not self.lines or (*kept, step) in self.lines:
                kept = (*kept, step)
        return kept


def spell(place: Sequence[str | int]) -> str:
    """Write a place as people do.

    Examples
    --------
    >>> spell(("actions", 1, "cost"))
    'actions[1].cost'
    """
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


class _Loader(yaml.SafeLoader):
    """YAML whose `on`, `off`, `yes` and `no` are words, as in YAML 1.2 (a join says `on:`), and whose dates are read later."""


_READ_LATER = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _READ_LATER]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", yaml.SafeLoader.yaml_implicit_resolvers["t"][0][1], list("tTfF"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a YAML file holds: its values, its origin, and the places where a key was written twice."""

    values: object
    origin: Origin
    repeated: tuple[Place, ...]


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises
    ------
    ConfigError
        If the file is missing, no UTF-8 text, or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        nearby = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        hint = f" In that folder there is: {', '.join(nearby)}." if nearby else ""
        raise ConfigError(f"{path}: no such configuration file.{hint}") from None
    except IsADirectoryError:
        inside = sorted(p.name for p in path.glob("*.y*ml"))
        hint = f" Name the file, for example {path / inside[0]}." if inside else " Name the YAML file in it."
        raise ConfigError(f"{path}: is a folder.{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error}).") from None
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Place, int] = {(): 1}
        repeated: list[Place] = []
        if node is not None:
            for place, line in _walk(node, (), 0):
                if place in lines:
                    repeated.append(place)
                else:
                    lines[place] = line
        values = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise ConfigError(f"{path.name}{spot}: this is not YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path.name}: this is not YAML: {error}.") from None
    finally:
        loader.dispose()
    origin = Origin(path=path, lines=lines, placeholders=find_placeholders(text))
    return Document(values=values, origin=origin, repeated=tuple(repeated))


def _walk(node: yaml.Node, place: Place, depth: int) -> Iterator[tuple[Place, int]]:
    """Yield each key's and list item's place and line, counted from 1."""
    if depth > 32:
        raise yaml.MarkedYAMLError(problem="nested deeper than 32 levels", problem_mark=node.start_mark)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            here = (*place, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = (*place, index)
            yield here, value.start_mark.line + 1
            yield from _walk(value, here, depth + 1)
