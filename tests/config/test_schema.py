"""The published JSON Schema is that of the models, and editors find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.config.origin import read_document
from decision_engine.config.schema import config_schema, config_schema_json

LINE = "# yaml-language-server: $schema="


def test_the_published_schema_is_the_one_of_the_models(checkout: Path) -> None:
    published = (checkout / "docs/configuration.schema.json").read_text(encoding="utf-8")
    assert published == config_schema_json(), "write it anew: decision-engine schema > docs/configuration.schema.json"


def test_every_example_names_the_published_schema_first(checkout: Path) -> None:
    examples = sorted((checkout / "examples").glob("*.yaml"))
    assert len(examples) >= 5
    for example in examples:
        first = example.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(LINE)
        assert (example.parent / first.removeprefix(LINE)).resolve() == (checkout / "docs/configuration.schema.json").resolve()


def test_the_schema_accepts_every_example_and_refuses_a_misspelt_key(checkout: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="only a validator can tell")
    validator = jsonschema.Draft202012Validator(config_schema())
    for example in sorted((checkout / "examples").glob("*.yaml")):
        document = read_document(example).values
        assert isinstance(document, dict)
        assert [error.message for error in validator.iter_errors(document)] == []
        document["margin_shares"] = 0.5
        assert len(list(validator.iter_errors(document))) == 1
