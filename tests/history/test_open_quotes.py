"""A quote that nobody closes costs the line it stands in, and never a row after it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_engine.history import History, read_history
from decision_engine.history.files import PlainFile
from decision_engine.history.lines import read_dialect
from decision_engine.history.open_quotes import NOT_CLOSED, find_open_quotes, spans_lines
from tests.history.shop import SHOP, open_shop

HEADER = "customer,number,day,paid\n"
GOOD = "a,{},2024-01-02,1\n"
Told = list[tuple[int, int, str]]


def _read(folder: Path, lines: str | bytes, header: str = HEADER, source: str = "{file: orders.csv}") -> History:
    content = header.encode() + (lines if isinstance(lines, bytes) else lines.encode())
    return read_history(open_shop(folder, SHOP.replace("{file: orders.csv}", source), orders=content))


def _aside(history: History) -> Told:
    aside = history.quarantine[history.quarantine["table"] == "orders"]
    return [
        (int(row), int(line), str(reason)) for row, line, reason in aside[["row", "line", "reason"]].itertuples(index=False)
    ]


def _good(*numbers: int) -> str:
    return "".join(GOOD.format(number) for number in numbers)


@pytest.mark.parametrize(
    ("lines", "open_lines", "n_good"),
    [
        (_good(1, 2) + '"b,3,2024-01-02,1\n' + _good(4, 5), [4], 4),
        (_good(1, 2) + 'b,3,2024-01-02,"1\n' + _good(4, 5), [4], 4),
        (_good(1) + '"b,2,2024-01-02,1\n' + _good(3) + '"d",4,2024-01-02,1\n' + _good(5), [3], 4),
        (_good(1) + 'b,2,2024-01-02,"1\n' + _good(3) + 'd,4,2024-01-02,"1"\n' + _good(5), [3], 4),
        (_good(1) + 'b,2,2024-01-02,"1\nb,3,2024-01-02,"1\nb,4,2024-01-02,"1\n' + _good(5), [3, 4, 5], 2),
        (_good(1) + 'b"x,2,"2024-01-02,1\n' + _good(3), [3], 2),
        (_good(1) + '"b"x,2,"2024-01-02,1\n' + _good(3), [3], 2),
        (_good(1) + '"\n' + _good(3), [3], 2),
    ],
    ids=[
        "first value, to the end", "last value, to the end", "to the next quoted first value", "to the next quoted last value",
        "line after line", "after a quote inside a value", "after a quoted value that goes on", "alone on its line",
    ],
)  # fmt: skip
def test_only_the_line_of_the_open_quote_is_set_aside(tmp_path: Path, lines: str, open_lines: list[int], n_good: int) -> None:
    history = _read(tmp_path, lines)
    assert _aside(history) == [(line - 1, line, NOT_CLOSED) for line in open_lines]
    counts = history.counts.set_index("table").loc["orders"]
    assert counts["accepted"] == n_good == len(history.table("orders"))
    assert counts["read"] == n_good + len(open_lines) == lines.count("\n") + (not lines.endswith("\n"))
    written = lines.splitlines()
    assert history.quarantine["value"].tolist() == [written[line - 2] for line in open_lines]


def test_an_open_quote_in_the_last_line_swallows_nothing_and_is_told(tmp_path: Path) -> None:
    history = _read(tmp_path, _good(1) + '"b,2,2024-01-02,1')
    assert _aside(history) == [(2, 3, "holds a quote that is not closed, or a value that goes on after its closing quote")]


def test_two_stray_quotes_that_happen_to_make_one_value_do_not_hide_the_rows_between(tmp_path: Path) -> None:
    history = _read(tmp_path, '"b,2,2024-01-02,1\n' + _good(3) + '"",4,2024-01-02,1\ne",5,2024-01-02,1\n')
    assert _aside(history)[0] == (1, 2, NOT_CLOSED)
    assert history.table("orders")["order_id"].tolist() == ["3", "5"]
    assert history.counts.set_index("table").loc["orders", "read"] == 4


def test_values_that_span_lines_stay_whole_beside_an_open_quote(tmp_path: Path) -> None:
    header = "customer,number,day,paid,note\n"
    lines = (
        'a,1,2024-01-02,1,"good, but\nlate, sadly\n"\nb,2,2024-01-02,1,"oh\nc,3,never,1,"fine\n\n,,,,"\nd,4,2024-01-02,1,ok\n'
    )
    history = _read(tmp_path, lines, header)
    assert history.table("orders")["order_id"].tolist() == ["1", "4"]
    assert [(row, line) for row, line, _ in _aside(history)] == [(2, 5), (3, 6)]


def test_places_are_right_where_blank_lines_and_an_open_quote_meet(tmp_path: Path) -> None:
    lines = '\na,1,2024-01-02,1\n\n\nb,2,2024-01-02,"5\nc,3,never,1\n\n\nshort\n\nd,4,2024-01-02,1\n'
    history = _read(tmp_path, lines)
    assert [(row, line) for row, line, _ in _aside(history)] == [(2, 6), (3, 7), (4, 10)]
    assert history.table("orders")["order_id"].tolist() == ["1", "4"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_any_line_end_and_encoding_will_do(tmp_path: Path, end: str, encoding: str) -> None:
    text = (HEADER + _good(1) + 'ü,2,2024-01-02,"5\n' + _good(3) + "c,4,never,1\n").replace("\n", end)
    history = _read(tmp_path, text.encode(encoding), "", f"{{file: orders.csv, encoding: {encoding}}}")
    assert [(row, line) for row, line, _ in _aside(history)] == [(2, 3), (4, 5)]
    assert history.quarantine["value"].tolist() == ['ü,2,2024-01-02,"5', "never"]


def test_an_open_quote_at_the_beginning_of_a_large_file_costs_one_line_and_little_time(tmp_path: Path) -> None:
    n = 200_000
    started = time.monotonic()
    history = _read(tmp_path, '"b,x,2024-01-02,1\n' + "".join(GOOD.format(number) for number in range(n)))
    assert history.counts.query("table == 'orders'")[["read", "accepted"]].to_numpy().tolist() == [[n + 1, n]]
    assert time.monotonic() - started < 30


def test_a_source_of_one_column_is_followed_too(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text('name\n"a\nb\nc"x\nd\n')
    dialect = read_dialect(PlainFile(path=path, name="one.csv", format="csv"), "utf-8", None)
    assert [one.line for one in find_open_quotes(path, dialect)] == [2]
    assert spans_lines(path, 2)
    assert not spans_lines(path, 4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", '"a"', '"a, b"', 'a"b', "é", '"a""b"']), st.sampled_from([None, None, 0, 1, 3])),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_is_accepted_or_set_aside_wherever_quotes_stray(rows: list[tuple[str, int | None]], end: str) -> None:
    lines, strayed = [], []
    for number, (user, stray) in enumerate(rows):
        values = [user, str(number), "2024-01-02", "1"]
        if stray is not None and '"' not in values[stray]:
            values[stray] = '"' + values[stray]
            strayed.append(number + 2)
        lines.append(",".join(values) + end)
    with tempfile.TemporaryDirectory() as name:
        history = _read(Path(name), f"sure,x,2024-01-02,1{end}" + "".join(lines))
        counts = history.counts.set_index("table").loc["orders"]
        assert counts["read"] == len(lines) + 1 == counts["accepted"] + counts["quarantined"]
        assert [row for row, _, _ in _aside(history)] == strayed
