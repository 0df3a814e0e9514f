"""Checks across the configuration: what no single field can say about itself.

They read the plain values of the YAML document and pass over what is malformed (the models tell of that), so that one message
can tell everything that is wrong.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from decision_engine.config.experiment import TABLES as OF_EXPERIMENTS
from decision_engine.config.experiment import check_experiment
from decision_engine.config.findings import Finding, nearest, say_no_file, suggest, suggest_file
from decision_engine.config.origin import Place
from decision_engine.config.responses import ACTION_NAME
from decision_engine.config.sources import SourceConfig, is_pattern
from simulations.errors import ConfigError
from simulations.tables import CANONICAL_TABLES


def check(values: dict[str, Any], folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with a configuration as a whole.

    Parameters
    ----------
    values : dict
        The YAML document.
    folder : Path
        Against which relative paths are read.
    """
    yield from _check_sources(_dict(values.get("sources")), folder)
    if isinstance(values.get("sources"), dict) and isinstance(values.get("actions"), list):
        yield from _check_tables(_dict(values.get("tables")), values["sources"], _action_names(values))
    yield from _check_actions(_list(values.get("actions")))
    yield from check_experiment(values, _action_names(values))
    if values.get("experiment") is None:
        yield from _check_responses(_list(values.get("actions")))
        yield from _check_time(_dict(values.get("time")))


def _check_sources(sources: dict[str, Any], folder: Path) -> Iterator[Finding]:
    for name, settings in sources.items():
        place: Place = ("sources", name)
        if not str(name).isidentifier():
            yield Finding(
                place=place,
                problem=f"source name {name!r} cannot be used in expressions",
                remedy="use letters, digits and _, a letter first",
            )
        try:
            source = SourceConfig.model_validate(settings)
        except ValueError:
            continue
        try:
            codecs.lookup(source.encoding)
        except LookupError:
            yield Finding(
                place=(*place, "encoding"),
                problem=f"encoding {source.encoding!r} is unknown",
                remedy="for example utf-8 or cp1252",
            )
        if source.file is None:
            continue
        try:
            path = source.path(folder)
        except ConfigError as error:
            key = "package" if "is not installed" in str(error) else "file"
            yield Finding(place=(*place, key), problem=str(error).rstrip("."))
            continue
        if not source.paths(folder) and not source.optional:
            yield Finding(place=(*place, "file"), problem=_absent(path), remedy=_nearby(path))


def _absent(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder, not a file"
    if odd := say_no_file(path):
        return odd
    return f"no file matches {path}" if is_pattern(str(path)) and path.parent.is_dir() else f"{path} does not exist"


def _nearby(path: Path) -> str:
    """Say what lies beside a missing file."""
    if path.is_dir():
        return f"it is a folder; name a file in it, or a pattern such as {path.name}/*.csv"
    if not path.parent.is_dir():
        return f"folder {path.parent} does not exist either; paths are relative to the configuration"
    names = sorted(p.name for p in path.parent.iterdir() if p.is_file() and not p.name.startswith("."))
    return suggest_file(path.name, names) if names else f"folder {path.parent} holds no file"


def _action_names(values: dict[str, Any]) -> list[str]:
    """Return the names of the actions, `none` first; nothing where one has no proper name, which is a finding of its own."""
    actions = _list(values.get("actions"))
    names = [str(action["name"]) for action in actions if isinstance(action, dict) and "name" in action]
    proper = len(names) == len(actions) > 0 and all(re.fullmatch(ACTION_NAME, name) for name in names)
    return ["none", *names] if proper else []


def _check_tables(tables: dict[str, Any], sources: dict[str, Any], actions: list[str]) -> Iterator[Finding]:
    if tables and not {"orders", "items", *OF_EXPERIMENTS} & set(tables):
        yield Finding(
            place=("tables",),
            problem="neither `orders` nor `items` is mapped",
            remedy="map one of them: without orders there is no history",
        )
    for name, mappings in tables.items():
        if name not in CANONICAL_TABLES:
            continue
        for index, mapping in enumerate(_list(mappings) or [mappings]):
            place: Place = ("tables", name, index) if isinstance(mappings, list) else ("tables", name)
            if isinstance(mapping, dict):
                yield from _check_mapping(name, mapping, place, sources, actions)


def _check_mapping(
    name: str, mapping: dict[str, Any], place: Place, sources: dict[str, Any], actions: list[str]
) -> Iterator[Finding]:
    table, columns = CANONICAL_TABLES[name], _dict(mapping.get("columns"))
    known = [column.name for column in table.columns]
    uses: list[tuple[Place, object]] = [((*place, "source"), mapping.get("source"))]
    uses += [
        ((*place, "join", j, "source"), join.get("source"))
        for j, join in enumerate(_list(mapping.get("join")))
        if isinstance(join, dict)
    ]
    for where, source in uses:
        if isinstance(source, str) and source not in sources:
            yield Finding(place=where, problem=f"source {source!r} is not declared", remedy=suggest(source, list(sources)))
    for column in columns:
        if column not in known and not table.extra_columns:
            yield Finding(
                place=(*place, "columns", column),
                problem=f"table {name} has no column {column!r}",
                remedy=suggest(column, known),
            )
    has_revenue = "revenue" in known or (name == "outcomes" and "revenue" in columns)
    if mapping.get("returns") is not None and not has_revenue:
        yield Finding(
            place=(*place, "returns"),
            problem=f"table {name} has no revenue that a return could turn",
            remedy="`returns` goes with orders and items, and with outcomes that have a `revenue`",
        )
    if mapping.get("corrections") not in (None, "none") and not table.key:
        yield Finding(
            place=(*place, "corrections"),
            problem=f"rows of {name} have no key by which a later row could correct an earlier one",
            remedy=f"`corrections` goes with {', '.join(found.name for found in CANONICAL_TABLES.values() if found.key)}",
        )
    meant = {nearest(column, known) for column in columns if column not in known} if not table.extra_columns else set()
    missing = [column for column in table.required if column not in columns and column not in meant]
    if columns and missing:
        yield Finding(
            place=(*place, "columns"),
            problem=f"table {name} needs {', '.join(missing)}",
            remedy=f"add `{missing[0]}:` with the source's column or an SQL expression",
        )
    for column, renames in _dict(mapping.get("values")).items():
        if column not in columns:
            yield Finding(
                place=(*place, "values", column),
                problem=f"column {column!r} is not mapped",
                remedy=suggest(column, list(columns)),
            )
        elif (name, column) in (("exposures", "action"), ("experiment", "treatment")):
            for raw, action in _dict(renames).items():
                if actions and str(action) not in actions:
                    yield Finding(
                        place=(*place, "values", column, raw),
                        problem=f"action {action!r} is not declared",
                        remedy=suggest(str(action), actions),
                    )


def _check_actions(actions: list[Any]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, action in enumerate(actions):
        name = action.get("name") if isinstance(action, dict) else None
        if not isinstance(name, str):
            continue
        if name == "none":
            yield Finding(
                place=("actions", index, "name"),
                problem="`none` is always there and need not be declared",
                remedy="remove it, or give this action another name",
            )
        if name in seen:
            yield Finding(
                place=("actions", index, "name"),
                problem=f"action {name!r} is declared twice",
                remedy="give each action a name of its own",
                first=("actions", seen[name], "name"),
            )
        seen.setdefault(name, index)


def _check_responses(actions: list[Any]) -> Iterator[Finding]:
    for index, action in enumerate(actions):
        if isinstance(action, dict) and action.get("response") is None:
            yield Finding(
                place=("actions", index, "response"),
                problem=f"action {action.get('name')!r} states no `response`",
                remedy="add `response:`: how the action is thought to shift behaviour, with spread",
                lacks=("actions", index, "response"),
            )
        if isinstance(action, dict) and action.get("gain") is not None:
            yield Finding(
                place=("actions", index, "gain"),
                problem="`gain` belongs to an experiment",
                remedy="take it out; `response` says how the action is thought to shift behaviour",
            )


def _check_time(time: dict[str, Any]) -> Iterator[Finding]:
    last, fitting = time.get("last_period"), time.get("last_fitting_period")
    if isinstance(last, int) and isinstance(fitting, int) and not fitting < last:
        yield Finding(
            place=("time", "last_fitting_period"),
            problem=f"week {fitting} leaves no week to judge on, the last one being {last}",
            remedy=f"it must be less than last_period, for example {max(1, last * 3 // 4)}",
        )
    seen: dict[str, int] = {}
    for index, holiday in enumerate(_list(time.get("holidays"))):
        name = holiday.get("name") if isinstance(holiday, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            yield Finding(
                place=("time", "holidays", index, "name"),
                problem=f"holiday {name!r} is declared twice",
                remedy="list the days of all years under one name",
                first=("time", "holidays", seen[name], "name"),
            )
        seen.setdefault(name, index)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
