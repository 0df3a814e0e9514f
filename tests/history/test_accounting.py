"""For tables of messy values: no row is lost, and the panel is what a plain reading of the accepted rows gives."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_engine.config import Config, load_config
from decision_engine.history import History, HistoryStore, digest_sources, read_history, read_panel
from decision_engine.history.files import PlainFile
from decision_engine.history.lines import find_records, read_dialect
from decision_engine.history.places import find_places
from simulations.errors import ConfigError
from tests.history.shop import SHOP, write_shop

HEADER = ("customer", "number", "day", "paid")
Row = tuple[str, ...]
users = st.sampled_from(["007", "anna", " zoë ", "7", "🛒", "two\nlines", 'with "quotes"', "", "  "])
inside = ["2024-01-01", "2024-01-01 04:59:59", "2024-01-07 05:00:00", "2024-01-20 12:00"]
days = st.sampled_from([*inside, "2023-12-31", "2025-01-01", "2024-02-31", "", "soon"])
money = st.sampled_from(["1", "0.1", "0.2", "-2.5", "1e2", "0", "33.333333", "1e17", "", "x", "inf"])
rows = st.lists(st.tuples(users, st.sampled_from(["1", "2", "3", "4", "5"]), days, money), max_size=12)
ragged = st.lists(st.sampled_from([("a",), ("a", "b"), ("1", "2", "3", "4", "5")]), max_size=2)
SURE = ("sure", "0", "2024-01-03", "1")
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _text(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([HEADER, *rows])
    return out.getvalue()


def _shop(folder: Path, *files: Sequence[Row], corrections: str = "none", table: str = "orders") -> Config:
    shop = SHOP.replace("{file: orders.csv}", "{file: 'orders_*.csv'}")
    rule = f"    source: orders\n    corrections: {corrections}\n" if table == "orders" else "    source: orders\n"
    shop = shop.replace("  orders:\n    source: orders\n", f"  {table}:\n{rule}")
    path = write_shop(folder, shop)
    (folder / "orders.csv").unlink()
    for old in folder.glob("orders_*.csv"):
        old.unlink()
    for number, content in enumerate(files):
        (folder / f"orders_{number}.csv").write_text(_text(content), encoding="utf-8")
    return load_config(path)


def _orders(history: History, table: str = "orders") -> pd.Series[int]:
    counts = history.counts[history.counts["table"] == table]
    return counts.drop(columns=["table", "source", "file"]).sum()


@few
@given(first=rows, second=rows, short=ragged, corrections=st.sampled_from(["none", "last"]))
def test_every_row_is_accepted_set_aside_superseded_or_repeated(
    first: list[Row], second: list[Row], short: list[Row], corrections: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = read_history(_shop(folder, [SURE, *first, *short], second, corrections=corrections))
        counts, aside = _orders(history), history.quarantine[history.quarantine["table"] == "orders"]
        assert counts["read"] == 1 + len(first) + len(short) + len(second)
        assert counts["read"] == counts[["accepted", "quarantined", "superseded", "repeated"]].sum()
        assert counts["accepted"] == len(history.table("orders")) == history.table("orders")["order_id"].nunique()
        assert counts["quarantined"] == len(aside) == history.reasons()["rows"].sum()
        for file, content in ((folder / "orders_0.csv", [SURE, *first, *short]), (folder / "orders_1.csv", second)):
            told = aside[aside["file"] == str(file)]
            assert told["row"].is_unique
            lines = _lines_of(content)
            assert [lines[row - 1] for row in told["row"]] == told["line"].tolist()
        assert aside["file"].isin([str(folder / "orders_0.csv"), str(folder / "orders_1.csv")]).all()
        assert aside["reason"].str.len().gt(0).all()
        if corrections == "none":
            assert counts["superseded"] == counts["repeated"] == 0
        else:
            assert not aside["reason"].eq("already named an earlier row").any()
            last = _last_of_each_key([SURE, *first, *second])
            found = history.table("orders").set_index("order_id")["revenue"].to_dict()
            assert found == pytest.approx({key: value for key, value in last.items() if key in found})
            assert set(found) == set(last)


def _lines_of(rows: Sequence[Row]) -> list[int]:
    """Return the first line of each record, by the text that was written."""
    lines, line = [], 2
    for row in rows:
        lines.append(line)
        line += 1 + sum(value.count("\n") for value in row)
    return lines


def _last_of_each_key(rows: Sequence[Row]) -> dict[str, float]:
    last = {}
    for user, number, day, paid in rows:
        if user.strip() and _time(day) is not None and _number(paid) is not None:
            last[number] = float(paid)
    return last


def _time(text: str) -> pd.Timestamp | None:
    try:
        return pd.Timestamp(text) if text else None
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text) if np.isfinite(float(text)) else None
    except ValueError:
        return None


@few
@given(content=rows, table=st.sampled_from(["orders", "items"]))
def test_the_panel_is_a_plain_fold_of_the_accepted_rows(content: list[Row], table: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        config = _shop(Path(name), [SURE, *content], table=table)
        history, read = read_history(config), read_panel(config)
        panel = history.panel(config.action_set(), config.calendar())
        orders: dict[tuple[str, str], tuple[pd.Timestamp, float]] = {}
        for row in history.table(table).to_dict(orient="records"):
            name_of_order = (row["user_id"], row["order_id"])
            at, paid = orders.get(name_of_order, (row["ordered_at"], 0.0))
            orders[name_of_order] = (min(at, row["ordered_at"]), paid + row["revenue"])
        visits: dict[tuple[str, int], set[int]] = defaultdict(set)
        revenue: dict[tuple[str, int], float] = defaultdict(float)
        for (user, _), (at, paid) in orders.items():
            day = (at - pd.Timestamp("2024-01-01 05:00")) // pd.Timedelta(days=1)
            if 0 <= day < 28:
                revenue[user, day // 7] += paid
                if paid >= 0:
                    visits[user, day // 7].add(day)
        for found in (panel, read.panel):
            assert found.user_ids.tolist() == sorted({user for user, _ in orders} | {"007", "anna"})
            for place, user in enumerate(found.user_ids):
                for week in range(4):
                    assert found.order_days[place, week] == len(visits[user, week])
                    assert found.revenue[place, week] == pytest.approx(revenue[user, week], rel=1e-6, abs=1e-6)
        assert _orders(read.history, table).to_dict() == _orders(history, table).to_dict()
        assert read.history.reasons().to_dict() == history.reasons().to_dict()


@few
@given(content=rows)
def test_reading_twice_is_reading_once_and_a_renamed_copy_is_the_same_version(content: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, store = _shop(folder, [SURE, *content]), HistoryStore(folder / "history")
        first, key = store.open(config), digest_sources(config)
        (folder / "orders_0.csv").rename(folder / "orders_of_this_year.csv")
        again = store.open(config)
        assert (again.digest, again.number, digest_sources(config)) == (first.digest, 1, key)
        pd.testing.assert_frame_equal(again.table("orders"), first.table("orders"))
        assert len(store.versions()) == 1


def test_digests_and_panels_are_the_same_with_any_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    lines = [
        (f"u{rng.integers(50)}", f"o{k // 3}", f"2024-01-{1 + k % 28:02d} 12:00:00", f"{rng.lognormal():.15g}")
        for k in range(30_000)
    ]
    config = _shop(tmp_path, [SURE, *lines[::2]], lines[1::2], table="items")
    found = set()
    for cores in ({0}, {0, 1}, set(range(7))):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: cores)
        history, read = read_history(config), read_panel(config)
        panel = history.panel(config.action_set(), config.calendar())
        found.add((history.digest, panel.revenue.tobytes(), read.panel.revenue.tobytes(), panel.order_days.tobytes()))
    assert len(found) == 1
    assert panel.revenue.tobytes() == read.panel.revenue.tobytes()


records_and_more = [
    "a,1,2,3\n",
    '"a\nb",1,2,3\n',
    "\n",
    "short\n",
    '"x""y",1,2,3\n',
    "a,b,c,d,e\n",
    '"\n\n",,,\n',
    "é,1,2,3\n",
]


@few
@given(
    parts=st.lists(st.sampled_from(records_and_more), max_size=30),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)
def test_places_found_in_one_pass_are_those_found_record_by_record(parts: list[str], end: str, mark: bool) -> None:
    content = ("customer,number,day,paid\n" + "".join(parts)).replace("\n", end).encode()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "orders.csv"
        path.write_bytes(b"\xef\xbb\xbf" * mark + content)
        records = find_records(read_dialect(PlainFile(path=path, name="orders.csv", format="csv"), "utf-8", None))
        assert records is not None
        starts = _starts(path.read_bytes(), mark)
        misfits = np.array([starts[misfit.row - 1] for misfit in records.misfits], dtype=np.int64)
        n = records.rows.size
        found = find_places(path, n_rows=n, rows=np.arange(n), misfits=misfits)
        assert found is not None
        assert found.rows.records.tolist() == records.rows.tolist()
        assert found.rows.lines.tolist() == records.lines.tolist()
        assert found.misfits.records.tolist() == [misfit.row for misfit in records.misfits]
        assert found.misfits.lines.tolist() == [misfit.line for misfit in records.misfits]
        assert find_places(path, n_rows=n + 1, rows=np.arange(n), misfits=misfits) is None


def _starts(content: bytes, mark: bool) -> list[int]:
    """Return the first byte of each record after the header, sign by sign."""
    starts, quoted, at_start, position = [], False, True, 3 * mark
    for position in range(3 * mark, len(content)):
        sign = content[position : position + 1]
        if at_start and sign not in (b"\n", b"\r"):
            starts.append(position)
            at_start = False
        if sign == b'"':
            quoted = not quoted
        at_start = at_start or (sign == b"\n" and not quoted)
    return starts[1:]


def test_an_expression_that_differs_each_time_is_refused(tmp_path: Path) -> None:
    config = write_shop(tmp_path, SHOP.replace("    source: orders\n", "    source: orders\n    where: random() < 0.5\n"))
    with pytest.raises(ConfigError, match=r"tables\.orders\.where: random\(\) gives another value each time.*hash"):
        read_history(load_config(config))


def test_large_and_small_amounts_sum_to_the_same_in_any_order(tmp_path: Path) -> None:
    amounts = ["1e17", "0.1", "-1e17", "0.2", "12.5"]
    sums = set()
    for order in (amounts, amounts[::-1]):
        config = _shop(tmp_path, [("anna", "1", "2024-01-03", paid) for paid in order], table="items")
        sums |= set(read_history(config).table("orders")["revenue"]) | {
            float(value) for value in read_panel(config).panel.revenue.sum(axis=1) if value
        }
    assert len({np.float32(value) for value in sums}) == 1


def test_a_file_that_is_gone_while_the_history_is_opened_is_told(tmp_path: Path) -> None:
    config = _shop(tmp_path, [SURE])
    (tmp_path / "orders_0.csv").unlink()
    with pytest.raises(ConfigError, match="there is no file"):
        HistoryStore(tmp_path / "history").open(config)
    assert not list((tmp_path / "history").glob(".partial-*"))
