"""Load a configuration: YAML to frozen models, or one message that tells all that is wrong with it, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from decision_engine.config.checks import check
from decision_engine.config.findings import Finding, nearest, raise_findings, suggest
from decision_engine.config.models import Config
from decision_engine.config.origin import Document, Origin, Place, read_document


def load_config(path: str | Path) -> Config:
    """Load and check the configuration in a YAML file.

    The columns that expressions name are checked when the history is read, see `decision_engine.history`.

    Raises
    ------
    ConfigError
        Names file, line and key of each finding, what is wrong, and what would be right.
    """
    return validate(read_document(Path(path).expanduser().absolute()))


def validate(document: Document) -> Config:
    """Turn a document into a configuration, or raise all that is wrong with it as one `ConfigError`."""
    values, origin = document.values, document.origin
    twice = set(document.repeated)
    findings = [_repeated(place) for place in document.repeated if not any(place[:k] in twice for k in range(len(place)))]
    if not isinstance(values, dict):
        found = "is empty" if values is None else f"holds a {type(values).__name__}, not keys with values"
        raise_findings([Finding(place=(), problem=f"the file {found}", remedy="start from one of the examples")], origin)
    else:
        findings += check(values, origin.folder)
    config: Config | None = None
    try:
        config = Config.model_validate(values, context=origin)
    except ValidationError as error:
        findings += _translate(error, values, origin)
    raise_findings(findings, origin)
    assert config is not None, "a failed validation yields at least one finding"
    return config


def _repeated(place: Place) -> Finding:
    return Finding(place=place, problem=f"key `{place[-1]}` is written twice", remedy="keep one of the two")


def _translate(error: ValidationError, values: object, origin: Origin) -> Iterator[Finding]:
    """Yield the models' errors in our words."""
    for detail in error.errors(include_url=False):
        written = _written(detail["loc"], origin)
        meant = _meant(detail)
        yield Finding(
            place=written,
            problem=_problem(detail, written, values),
            remedy=_remedy(detail),
            lacks=written if detail["type"] == "missing" else (),
            supplies=(*written[:-1], meant) if meant else (),
        )


def _meant(detail: ErrorDetails) -> str:
    """Return the key that an unknown one may stand for; nothing where none is near."""
    parent = _annotation_at(detail["loc"][:-1]) if detail["type"] == "extra_forbidden" else None
    return nearest(str(detail["loc"][-1]), list(parent.model_fields)) if parent is not None else ""


def _written(place: tuple[str | int, ...], origin: Origin) -> Place:
    """Drop the steps that validation added: the index 0 of a single mapping, the mark of a dictionary's key."""
    kept: Place = ()
    for i, step in enumerate(place):
        last = i == len(place) - 1
        if step != "[key]" and (last or (*kept, step) in origin.lines):
            kept = (*kept, step)
    return kept


def _problem(detail: ErrorDetails, place: Place, values: object) -> str:
    key, given, kind = (place[-1] if place else ""), detail["input"], detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key `{key}`"
    if kind == "missing":
        name = _name_at(place[:-1], values)
        return f"{name}states no `{key}`" if name else f"`{key}` is missing"
    if kind == "value_error":
        return str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    shown = "empty" if given is None else repr(given) if isinstance(given, str) else str(given)
    if kind == "string_pattern_mismatch":
        return f"{shown} is not possible"
    if kind == "too_short":
        return "it should hold one thing at least"
    said = re.sub(r" or instance of \w+$", "", detail["msg"][0].lower() + detail["msg"][1:])
    for theirs, ours in (
        ("a valid tuple", "a list"),
        ("a valid dictionary", "keys with values"),
        ("input should", "it should"),
    ):
        said = said.replace(theirs, ours)
    if isinstance(given, dict | list):
        return said
    return f"{shown} is not possible: {said}"


def _name_at(place: Place, values: object) -> str:
    """Return "action 'care' " where the place is a declared action, else nothing."""
    if len(place) == 2 and place[0] == "actions" and isinstance(values, dict):
        action = values["actions"][place[1]]
        if isinstance(action, dict) and "name" in action:
            return f"action {action['name']!r} "
    return ""


def _remedy(detail: ErrorDetails) -> str:
    """Say what would be right: the nearest known key, or the field's own sentence."""
    place = detail["loc"]
    if detail["type"] == "extra_forbidden":
        parent = _annotation_at(place[:-1])
        return suggest(str(place[-1]), list(parent.model_fields)) if parent is not None else ""
    parent = _annotation_at(place[:-1])
    field = parent.model_fields.get(str(place[-1])) if parent is not None and place else None
    if field is None or not field.description:
        return ""
    lead = f"add `{place[-1]}:`: " if detail["type"] == "missing" else f"`{place[-1]}` is: "
    return lead + field.description[0].lower() + field.description[1:]


def _annotation_at(place: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the model that stands at a place of the configuration, if one does."""
    annotation: Any = Config
    for step in place:
        model = _model_in(annotation)
        if model is not None and step in model.model_fields:
            annotation = model.model_fields[str(step)].annotation
        elif get_origin(annotation := _strip(annotation)) in (tuple, list, dict):
            annotation = get_args(annotation)[1 if get_origin(annotation) is dict else 0]
        else:
            return None
    return _model_in(annotation)


def _strip(annotation: Any) -> Any:
    """Look through `Annotated[...]` and `... | None`."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    stripped = _strip(annotation)
    return stripped if isinstance(stripped, type) and issubclass(stripped, BaseModel) else None
