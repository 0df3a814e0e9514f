"""Exports that overlap bring rows twice; where no key tells, a reader is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.config import Config
from decision_engine.history import History, HistoryStore, judge_readiness, read_history
from tests.history.shop import SHOP, open_shop

HEADER = "customer,number,day,paid\n"
LINES = [f"u{k % 9},{k // 2},2024-01-{1 + k % 28:02d} 10:00:00,{k % 7}.5\n" for k in range(200)]
ITEMS = SHOP.replace("  orders:\n    source", "  items:\n    source").replace("{file: orders.csv}", "{file: 'orders_*.csv'}")


def _config(folder: Path, shop: str = ITEMS, **files: list[str]) -> Config:
    return open_shop(folder, shop, **{name: HEADER + "".join(lines) for name, lines in files.items()})


def _beware(history: History, config: Config) -> list[str]:
    readiness = judge_readiness(history, history.panel(config.action_set(), config.calendar()), config)
    return [remark.words for remark in readiness.remarks if remark.kind == "overlap"]


def test_lines_in_two_files_of_a_source_are_counted_and_told_with_both_names(tmp_path: Path) -> None:
    config = _config(tmp_path, orders_1=LINES[:120], orders_2=LINES[80:])
    history = read_history(config)
    assert len(history.table("items")) == 240
    (words,) = _beware(history, config)
    assert "40 rows of items stand in both orders_1.csv and orders_2.csv" in words
    assert "33% of the smaller file" in words
    assert "leave the rows out of one of the files" in words


def test_equal_lines_within_a_file_may_be_two_units_and_are_not_told(tmp_path: Path) -> None:
    config = _config(tmp_path, orders_1=LINES[:100] * 2, orders_2=LINES[100:])
    history = read_history(config)
    assert history.overlaps == ()
    assert len(history.table("items")) == 300


def test_a_line_counts_as_often_as_both_files_have_it(tmp_path: Path) -> None:
    history = read_history(_config(tmp_path, orders_1=LINES[:20] * 3, orders_2=LINES[:20] * 2, orders_3=LINES[100:]))
    assert [(one.files, one.n, one.share) for one in history.overlaps] == [((0, 1), 40, 1.0)]


def test_rows_set_aside_and_columns_that_nobody_mapped_make_no_difference(tmp_path: Path) -> None:
    bad = ["u1,1,never,1\n"] * 50
    noted = [line.rstrip() + f",{k}\n" for k, line in enumerate(bad + LINES[:50])]
    others = [line.rstrip() + ",x\n" for line in LINES[:50]]
    files = {"orders_1": HEADER.strip() + ",note\n" + "".join(noted), "orders_2": HEADER.strip() + ",note\n" + "".join(others)}
    history = read_history(open_shop(tmp_path, ITEMS, **files))
    assert [(one.n, one.share) for one in history.overlaps] == [(50, 1.0)]


def test_a_few_equal_rows_may_be_chance(tmp_path: Path) -> None:
    assert read_history(_config(tmp_path, orders_1=LINES[:100], orders_2=LINES[91:])).overlaps == ()


def test_repeated_orders_are_set_aside_by_their_key_and_not_told_twice(tmp_path: Path) -> None:
    shop = SHOP.replace("{file: orders.csv}", "{file: 'orders_*.csv'}")
    history = read_history(_config(tmp_path, shop, orders_1=LINES[:120:2], orders_2=LINES[80::2]))
    assert history.overlaps == ()
    assert history.reasons()["reason"].tolist() == ["already named an earlier row"]


TWO = ITEMS.replace("{file: 'orders_*.csv'}", "{file: one.csv}").replace("sources:\n", "sources:\n  more: {file: two.csv}\n")
COLUMNS = "columns: {user_id: customer, order_id: number, ordered_at: day, revenue: paid}"
TWO = TWO.replace(
    f"    source: orders\n    {COLUMNS}\n", f"    - source: orders\n      {COLUMNS}\n    - source: more\n      {COLUMNS}\n"
)


def test_a_copy_that_is_a_source_of_its_own_is_recognised(tmp_path: Path) -> None:
    config = _config(tmp_path, TWO, one=LINES, two=LINES)
    history = read_history(config)
    assert history.notes[0] == (
        "two.csv (source more) is a copy of one.csv (source orders), and both are read as items: leave one of the two out."
    )
    (words,) = _beware(history, config)
    assert "200 rows of items stand in both one.csv and two.csv" in words


def test_a_file_that_two_sources_read_alike_is_told_and_one_that_they_share_out_is_not(tmp_path: Path) -> None:
    shop = TWO.replace("{file: two.csv}", "{file: one.csv}")
    notes = read_history(_config(tmp_path, shop, one=LINES)).notes
    assert notes[0] == "one.csv is read as items twice, by source orders and by source more: leave one of them out."
    parted = shop.replace("- source: orders\n", "- source: orders\n      where: customer < 'u4'\n")
    parted = parted.replace("- source: more\n", "- source: more\n      where: customer >= 'u4'\n")
    history = read_history(_config(tmp_path, parted, one=LINES))
    assert not any("twice" in note for note in history.notes)
    assert history.overlaps == ()


def test_a_copy_that_is_read_as_another_table_is_no_matter(tmp_path: Path) -> None:
    shop = SHOP.replace("{file: people.csv}", "{file: copy.csv}")
    people = "    columns: {user_id: customer, consent: may_write, town: town}"
    shop = shop.replace(people, "    columns: {user_id: customer}")
    history = read_history(_config(tmp_path, shop, orders=LINES[::2], copy=LINES[::2]))
    assert not any("copy" in note for note in history.notes)


@pytest.mark.parametrize("shop", [ITEMS, TWO], ids=["a pattern", "two sources"])
def test_the_store_keeps_what_overlaps(tmp_path: Path, shop: str) -> None:
    names = ("orders_1", "orders_2") if shop == ITEMS else ("one", "two")
    config = _config(tmp_path, shop, **{names[0]: LINES[:120], names[1]: LINES[80:]})
    store = HistoryStore(tmp_path / "history")
    read, kept = store.open(config), store.open(config)
    assert kept.was_kept
    assert kept.overlaps == read.overlaps != ()
    assert kept.names_of(kept.overlaps[0]) == [f"{name}.csv" for name in names]
