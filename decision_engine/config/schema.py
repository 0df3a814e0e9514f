"""The configuration's JSON Schema: for editors that complete and check YAML while it is written."""

from __future__ import annotations

import json
from typing import Any

from decision_engine.config.models import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OF_HISTORIES = ("time", "margin_share")  # needed where no experiment is configured


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration.

    Examples
    --------
    >>> "actions" in config_schema()["required"]
    True
    """
    schema = Config.model_json_schema()
    tables = schema["$defs"]["TablesConfig"]["properties"]
    for table in tables.values():
        several = next(option for option in table["anyOf"] if option.get("type") == "array")
        table["anyOf"].insert(0, dict(several["items"]))  # a single mapping may stand for a list of one
    join = schema["$defs"]["JoinConfig"]["properties"]["on"]
    described = {key: join.pop(key) for key in list(join) if key in ("title", "description")}
    schema["$defs"]["JoinConfig"]["properties"]["on"] = {
        **described,
        "anyOf": [dict(join), {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    }
    for name, field in schema["$defs"]["ResponseConfig"]["properties"].items():
        if name != "duration_weeks":
            _also_a_number(field)
    schema["$defs"]["ActionConfig"]["properties"]["gain"]["anyOf"].append({"type": "number"})
    names = schema["$defs"]["ExperimentConfig"]["properties"]
    for key in ("outcomes", "covariates", "categories"):
        names[key] = {"description": names[key]["description"], "anyOf": [{"type": "string"}, names[key]]}
    schema["required"] = [key for key in schema["required"] if key not in _OF_HISTORIES]
    schema["anyOf"] = [{"required": ["experiment"]}, {"required": list(_OF_HISTORIES)}]
    return {"$schema": DIALECT, **schema}


def _also_a_number(field: dict[str, Any]) -> None:
    """Let a plain number stand for a mean without spread."""
    spread = {"$ref": field.pop("$ref")}
    field["anyOf"] = [spread, {"type": "number"}]


def config_schema_json() -> str:
    """Return the schema as a JSON document, ready to be written to a file."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"
