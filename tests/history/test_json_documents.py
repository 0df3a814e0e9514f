"""JSON documents: arrays of objects are rows, wherever the document holds them, with the line on which each begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter
from decision_engine.history.json_documents import arrays_of
from simulations.errors import HistoryError

ORDERS = [
    {"id": k, "created_at": f"2024-0{k % 6 + 1}-11 10:00:00", "customer": {"id": k % 40, "email": f"c{k % 40}@shop.example"},
     "total_price": f"{10 + k}.50", "line_items": [{"sku": "a"}, {"sku": "b"}]}
    for k in range(200)
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.text() | st.integers().map(str)
OBJECTS = st.dictionaries(st.text(), SCALARS | st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS), min_size=1)


@pytest.mark.parametrize("indent", [None, 2], ids=["on one line", "indented"])
@pytest.mark.parametrize("document", [ORDERS, {"page": 3, "orders": ORDERS, "next": None}], ids=["array", "answer of an API"])
def test_a_document_becomes_a_history_like_the_same_objects_one_a_line(
    tmp_path: Path, document: object, indent: int | None
) -> None:
    (tmp_path / "orders.json").write_text(json.dumps(document, indent=indent))
    (tmp_path / "orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in ORDERS))
    tables = []
    for name in ("orders.json", "orders.jsonl"):
        write_starter([str(tmp_path / name)], tmp_path / "config.yaml")
        tables.append(read_history(load_config(tmp_path / "config.yaml")).table("orders"))
    assert len(tables[0]) == 200
    assert tables[0].equals(tables[1])


def test_a_bad_row_is_named_by_the_line_on_which_its_object_begins(tmp_path: Path) -> None:
    orders = [dict(order) for order in ORDERS]
    orders[50]["total_price"] = "much"
    text = json.dumps({"orders": orders}, indent=1)
    (tmp_path / "orders.json").write_text(text)
    write_starter([str(tmp_path / "orders.json")], tmp_path / "config.yaml")
    history = read_history(load_config(tmp_path / "config.yaml"))
    begins = 1 + text[: text.index('"id": 50,')].rstrip("{ \n").count("\n") + 1
    assert list(history.quarantine["line"]) == [begins]
    assert list(history.quarantine["row"]) == [51]


def test_one_order_a_line_is_no_document_though_it_holds_items(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in ORDERS[:120]))
    write_starter([str(tmp_path / "orders.jsonl")], tmp_path / "config.yaml")
    assert len(read_history(load_config(tmp_path / "config.yaml")).table("orders")) == 120


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps({"orders": ORDERS, "customers": ORDERS}), r"holds 2 arrays of objects \(orders, customers\)"),
        ('{\n"orders": 3\n}', "holds no array of objects"),
        (json.dumps({"orders": ORDERS}, indent=1)[:-40], "was it cut off"),
        ("[1, 2, 3]", "holds no array of objects"),
    ],
)
def test_what_cannot_be_rows_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "orders.json").write_text(text)
    with pytest.raises(HistoryError, match=said):
        write_starter([str(tmp_path / "orders.json")], tmp_path / "config.yaml")


@given(objects=st.lists(OBJECTS, min_size=1, max_size=8), indent=st.none() | st.integers(0, 3))
def test_arrays_are_found_as_json_reads_them(objects: list[dict[str, object]], indent: int | None) -> None:
    [bare] = arrays_of(json.dumps(objects, indent=indent))
    [held] = arrays_of(json.dumps({"a": {"b": [{}]}, "rows": objects, "c": 1}, indent=indent))
    assert [value for _, value in bare.objects] == [value for _, value in held.objects] == objects
    assert (bare.key, held.key) == ("", "rows")
    lines = [line for line, _ in held.objects]
    assert lines == sorted(lines)
