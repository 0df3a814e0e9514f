from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from decision_engine.cli.main import main
from decision_engine.config import Config, load_config
from decision_engine.history import History, HistoryStore, digest_sources
from decision_engine.history.file_digests import FileDigests
from simulations.errors import ConfigError, InputError
from tests.history.shop import SHOP, write_shop

HEADER = "customer,number,day,paid\n"
JANUARY = HEADER + "007,1,2024-01-02,5.5\nanna,2,2024-01-09,7\n"
FEBRUARY = HEADER + "anna,2,2024-01-09,8\nbert,3,2024-01-16,1\n"  # order 2 is corrected
PATTERN = SHOP.replace("{file: orders.csv}", "{file: 'orders_*.csv'}")
CORRECTING = PATTERN.replace("    source: orders\n", "    source: orders\n    corrections: last\n")


def _shop(folder: Path, shop: str = PATTERN, **orders: str) -> Config:
    path = write_shop(folder, shop)
    (folder / "orders.csv").unlink()
    for name, content in orders.items():
        (folder / f"{name}.csv").write_text(content)
    return load_config(path)


def _order_counts(history: History) -> list[int]:
    orders = history.counts[history.counts["table"] == "orders"]
    return [int(orders[name].sum()) for name in ("read", "accepted", "quarantined", "superseded", "repeated")]


def _changes(store: HistoryStore, number: int) -> dict[str, tuple[int, int, int]]:
    changes = store.version(number).changes
    return {table: (one.added, one.removed, one.corrected) for table, one in changes.items() if one.any}


def test_reading_the_same_files_again_changes_nothing(tmp_path: Path) -> None:
    config, store = _shop(tmp_path, orders_1=JANUARY), HistoryStore(tmp_path / "history")
    first = store.open(config)
    files = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.parquet")}
    again = store.open(config)
    assert (again.digest, again.number) == (first.digest, 1)
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.parquet")} == files
    assert len(store.versions()) == 1


def test_a_renamed_copy_is_known_by_its_content_and_rows_set_aside_name_the_file_as_it_is_called_now(tmp_path: Path) -> None:
    config = _shop(tmp_path, orders_1=JANUARY + "bert,9,never,1\n")
    store = HistoryStore(tmp_path / "history")
    first, key = store.open(config), digest_sources(config)
    (tmp_path / "orders_1.csv").rename(tmp_path / "orders_2024.csv")
    renamed = load_config(tmp_path / "shop.yaml")
    again = store.open(renamed)
    assert digest_sources(renamed) == key
    assert (again.digest, again.number) == (first.digest, 1)
    assert [Path(file).name for file in first.quarantine["file"]] == ["orders_1.csv"]
    assert [Path(file).name for file in again.quarantine["file"]] == ["orders_2024.csv"]
    assert [Path(file).name for file in again.counts["file"]] == ["orders_2024.csv", "contacts.csv", "people.csv"]


def test_files_whose_order_alone_changes_are_the_same_version(tmp_path: Path) -> None:
    more = HEADER + "bert,3,2024-01-16,1\n"
    config, store = _shop(tmp_path, orders_1=JANUARY, orders_2=more), HistoryStore(tmp_path / "history")
    first = store.open(config)
    (tmp_path / "orders_1.csv").rename(tmp_path / "orders_3.csv")
    again = store.open(load_config(tmp_path / "shop.yaml"))
    assert (again.number, again.digest) == (1, first.digest)
    assert len(store.versions()) == 1


def test_without_a_rule_a_row_of_a_known_key_is_set_aside(tmp_path: Path) -> None:
    history = HistoryStore(tmp_path / "history").open(_shop(tmp_path, orders_1=JANUARY, orders_2=FEBRUARY))
    assert history.table("orders")["revenue"].tolist() == [5.5, 7.0, 1.0]
    assert history.quarantine[["file", "row", "line", "column", "reason", "value"]].to_numpy().tolist() == [
        [str(tmp_path / "orders_2.csv"), 1, 2, "order_id", "already named an earlier row", "2"]
    ]


def test_a_later_file_that_corrects_is_a_new_version_and_both_stay_readable(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history")
    first = store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY))
    second = store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY, orders_2=FEBRUARY))
    assert second.table("orders")[["order_id", "revenue"]].to_numpy().tolist() == [["1", 5.5], ["2", 8.0], ["3", 1.0]]
    assert _order_counts(second) == [4, 3, 0, 1, 0]
    assert (first.number, second.number) == (1, 2)
    assert _changes(store, 2) == {"orders": (1, 0, 1)}
    assert store.version(1).tables()["orders"]["revenue"].tolist() == [5.5, 7.0]
    assert store.version(2).tables()["orders"]["revenue"].tolist() == [5.5, 8.0, 1.0]
    assert store.version(2).parent == 1


def test_going_back_to_old_files_is_the_old_version(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history")
    for february, expected in ((False, 1), (True, 2), (False, 1), (True, 2)):
        files = {"orders_1": JANUARY} | ({"orders_2": FEBRUARY} if february else {})
        (tmp_path / "orders_2.csv").unlink(missing_ok=True)
        assert store.open(_shop(tmp_path, CORRECTING, **files)).number == expected


def test_a_file_that_says_the_same_in_other_bytes_repeats_every_row_and_changes_nothing(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history")
    first = store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY))
    again = store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY, orders_2=JANUARY + "\n"))
    assert _order_counts(again) == [4, 2, 0, 0, 2]
    assert (again.number, again.digest) == (first.number, first.digest)
    assert "2 repeated" in again.summary()


def test_what_was_set_aside_belongs_to_the_reading_where_accepted_rows_are_the_same(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history")
    clean = store.open(_shop(tmp_path, orders_1=JANUARY))
    broken = store.open(_shop(tmp_path, orders_1=JANUARY + "bert,9,never,1\n"))
    assert (clean.number, broken.number) == (1, 1)
    assert (clean.n_quarantined, broken.n_quarantined) == (0, 1)
    assert (len(clean.quarantine), len(broken.quarantine)) == (0, 1)


def test_a_table_that_was_damaged_is_read_again(tmp_path: Path) -> None:
    config, store = _shop(tmp_path, orders_1=JANUARY), HistoryStore(tmp_path / "history")
    first = store.open(config)
    path = store.version(1).tables().path("orders")
    path.write_bytes(path.read_bytes()[:-8])
    again = store.open(config)
    assert (again.number, again.digest) == (1, first.digest)
    pd.testing.assert_frame_equal(again.table("orders"), first.table("orders"))


def test_lines_without_a_key_are_compared_as_rows(tmp_path: Path) -> None:
    shop = PATTERN.replace("  orders:\n    source", "  items:\n    source")
    store = HistoryStore(tmp_path / "history")
    store.open(_shop(tmp_path, shop, orders_1=JANUARY + "anna,2,2024-01-09,7\n"))
    store.open(_shop(tmp_path, shop, orders_1=JANUARY.replace("5.5", "6.5")))
    assert _changes(store, 2) == {"items": (1, 2, 0), "orders": (0, 0, 2)}


def test_corrections_need_a_key(tmp_path: Path) -> None:
    contacts = "    source: contacts\n    corrections: last\n"
    with pytest.raises(ConfigError, match=r"corrections: rows of exposures have no key .*orders, products, customers"):
        _shop(tmp_path, PATTERN.replace("    source: contacts\n", contacts), orders_1=JANUARY)


def test_a_digest_is_remembered_only_while_the_file_is_the_same(tmp_path: Path) -> None:
    path, cache = tmp_path / "orders.csv", tmp_path / "digests.json"
    path.write_text("one")
    first = FileDigests(cache)
    before = first.digest(path)
    first.save()
    assert not cache.exists()  # so fresh that a change might not be seen
    old = 1_600_000_000_000_000_000
    os.utime(path, ns=(old, old))
    path.write_text("two")
    os.utime(path, ns=(old, old))
    assert FileDigests(cache).digest(path) != before


def test_a_file_that_stayed_is_not_hashed_again(tmp_path: Path) -> None:
    path, cache = tmp_path / "orders.csv", tmp_path / "digests.json"
    path.write_text("one")
    digests = FileDigests(cache, fresh_seconds=-1.0)
    told = digests.digest(path)
    digests.save()
    cache.write_text(cache.read_text().replace(told, "as remembered"))
    assert FileDigests(cache).digest(path) == "as remembered"
    path.write_text("two")
    assert len(FileDigests(cache).digest(path)) == 64
    cache.write_text("damaged")
    assert len(FileDigests(cache).digest(path)) == 64


def test_the_list_of_versions_tells_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = HistoryStore(tmp_path / "workspace" / "history")
    store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY))
    store.open(_shop(tmp_path, CORRECTING, orders_1=JANUARY, orders_2=FEBRUARY))
    command = ["decision-engine", "history", str(tmp_path / "shop.yaml"), "-w", str(tmp_path / "workspace")]

    def call(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", [*command, *options])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
        return capsys.readouterr().out

    text = call()
    assert "Version 1 (" in text
    assert "3 orders, 2 exposures, 2 customers; orders from 2024-01-02 to 2024-01-16" in text
    assert "Against version 1: orders 1 added, 1 corrected." in text
    versions = json.loads(call("--json"))["versions"]
    assert [(one["number"], one["parent"], one["rows"]["orders"]) for one in versions] == [(1, None, 2), (2, 1, 3)]
    assert versions[1]["changes"]["orders"] == {"added": 1, "removed": 0, "corrected": 1, "columns": 0}
    assert str(store.version(1).tables().path("orders")) in call("--version", "1")
    with pytest.raises(InputError, match="holds no version 9 of a history; it holds 1, 2"):
        store.version(9)


def test_a_history_of_another_configuration_has_no_parent_in_this_one(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history")
    store.open(_shop(tmp_path, orders_1=JANUARY))
    other = store.open(_shop(tmp_path, PATTERN.replace("Corner shop", "Other shop"), orders_1=FEBRUARY))
    assert other.number == 2
    assert store.version(2).parent is None
    assert [one.number for one in store.versions("Other shop")] == [2]


def test_a_copy_among_the_files_of_a_pattern_counts_once_and_is_named(tmp_path: Path) -> None:
    config = _shop(tmp_path, orders_1=JANUARY, orders_2=FEBRUARY, **{"orders_1 (copy)": JANUARY})
    history = HistoryStore(tmp_path / "history").open(config)
    (tmp_path / "alone").mkdir()
    alone = _shop(tmp_path / "alone", orders_1=JANUARY, orders_2=FEBRUARY)
    assert _order_counts(history) == _order_counts(HistoryStore(tmp_path / "alone" / "history").open(alone))
    assert "orders_1.csv is a copy of orders_1 (copy).csv: its rows count once." in history.notes
    again = HistoryStore(tmp_path / "history").open(config)
    assert again.notes == history.notes


def test_rows_that_nobody_asked_for_are_told(tmp_path: Path) -> None:
    config = _shop(
        tmp_path, PATTERN.replace("    source: orders\n", "    source: orders\n    where: number <> '1'\n"), orders_1=JANUARY
    )
    said = HistoryStore(tmp_path / "history").open(config).summary()
    assert "Left out of orders: 1 row, for which `number <> '1'` does not hold." in said


def test_rows_that_would_correct_earlier_ones_are_told_with_what_lets_them(tmp_path: Path) -> None:
    said = HistoryStore(tmp_path / "history").open(_shop(tmp_path, orders_1=JANUARY, orders_2=FEBRUARY)).summary()
    assert "Corrections: 1 rows of orders name an earlier row and say something else." in said
    assert "say `corrections: last` there" in said
    again = HistoryStore(tmp_path / "other").open(_shop(tmp_path, orders_1=JANUARY, orders_2=JANUARY + "\n")).summary()
    assert "Corrections:" not in again
