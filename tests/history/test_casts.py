"""A value is cast once: what is judged is what is written, not a second reading of the same text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from decision_engine.history.binding import bind_mappings
from decision_engine.history.sources import SourceReader
from tests.history.shop import open_shop


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan["children"]:
        yield from _nodes(child)


def test_the_filter_of_accepted_rows_repeats_no_cast(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    with SourceReader.of(config) as reader:
        bound, findings = bind_mappings(reader.connection, config, reader.sources)
        assert not findings
        orders = next(mapping for mapping in bound if mapping.table.name == "orders")
        query = orders.accepted([column.name for column in orders.columns])
        ((_, told),) = reader.connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    filters = [node for plan in json.loads(told) for node in _nodes(plan) if node["name"].strip() == "FILTER"]
    assert filters
    assert not any("CAST" in json.dumps(node["extra_info"]).upper() for node in filters)
