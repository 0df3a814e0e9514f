from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from decision_engine.history import History, HistoryStore, check_sources, digest_sources, read_history
from simulations.errors import ConfigError, HistoryError
from tests.history.shop import CONTACTS, ORDERS, SHOP, open_shop


def _ingest(folder: Path, shop: str = SHOP, **files: str | bytes) -> History:
    return read_history(open_shop(folder, shop, **files))


def _aside(history: History) -> list[tuple[Any, ...]]:
    frame = history.quarantine[["table", "row", "line", "column", "reason", "value"]]
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def test_clean_rows_become_canonical_tables(tmp_path: Path) -> None:
    history = _ingest(tmp_path)
    assert history.table("orders")["user_id"].tolist() == ["007", "anna"]
    assert history.table("orders")["ordered_at"].tolist() == [pd.Timestamp("2024-01-02 10:00"), pd.Timestamp("2024-01-09")]
    assert history.table("exposures")["action"].tolist() == ["coupon", "call"]
    assert history.table("exposures")["propensity"].isna().tolist() == [False, True]
    assert history.table("customers")["consent"].tolist() == [True, False]
    assert history.table("customers")["town"].tolist()[0] == "Ulm"
    assert (history.n_read, history.n_accepted, history.n_quarantined) == (6, 6, 0)
    assert len(history.quarantine) == 0
    assert history.table("reviews").columns.tolist() == ["user_id", "at", "text", "rating", "product_id"]


def test_each_broken_row_is_set_aside_with_row_line_column_reason_and_value(tmp_path: Path) -> None:
    orders = (
        "customer,number,day,paid\n"
        "007,1,2024-01-02,5.5\n"
        ",2,2024-01-02,1\n"
        "bert,3,yesterday,1\n"
        "bert,4,2024-01-03,dear\n"
        "bert,5,2024-01-03,nan\n"
        "bert,1,2024-01-04,2\n"
        "bert,7,0202-01-04,2\n"
    )
    contacts = "customer,day,what,p\n007,2024-01-01,Fax,0.5\n007,2024-01-01,Letter,0\n007,2024-01-01,Letter,1.5\n"
    history = _ingest(tmp_path, orders=orders, contacts=contacts, people="customer,may_write,town\n007,perhaps,Ulm\n")
    assert _aside(history) == [
        ("orders", 2, 3, "user_id", "is empty", None),
        ("orders", 3, 4, "ordered_at", "is not a time such as 2017-03-31 or 2017-03-31 14:05:00", "yesterday"),
        ("orders", 4, 5, "revenue", "is not a finite number", "dear"),
        ("orders", 5, 6, "revenue", "is not a finite number", "nan"),
        ("orders", 6, 7, "order_id", "already named an earlier row", "1"),
        ("orders", 7, 8, "ordered_at", "lies outside the years 1900 to 2199", "0202-01-04"),
        ("exposures", 1, 2, "action", "is not among the actions none, coupon, call", "Fax"),
        ("exposures", 2, 3, "propensity", "is not above 0", "0"),
        ("exposures", 3, 4, "propensity", "lies above 1", "1.5"),
        ("customers", 1, 2, "consent", "is neither yes nor no", "perhaps"),
    ]
    assert set(history.quarantine["file"]) == {str(tmp_path / f"{name}.csv") for name in ("orders", "contacts", "people")}
    assert history.reasons()["rows"].sum() == history.n_quarantined == 10


def test_lines_are_those_of_the_text_even_where_values_span_lines_and_records_do_not_fit(tmp_path: Path) -> None:
    orders = (
        b"customer,number,day,paid,note\n"  # line 1
        b'007,1,2024-01-02,5,"two\nlines"\n'  # lines 2 and 3
        b"\n"  # line 4, no record
        b"007,2,2024-01-03,5\n"  # line 5, too short
        b"007,3,2024-01-04,five,ok\n"  # line 6, no number
        b"007,4,2024-01-05,5,\xff\xfe\n"  # line 7, no UTF-8
        b"007,5,2024-01-06,5,ok,more\n"  # line 8, too long
        b"007,6,2024-01-07,5,ok\n"  # line 9
    )
    history = _ingest(tmp_path, orders=orders)
    assert sorted((row, line) for _, row, line, *_ in _aside(history)) == [
        (2, 5),
        (3, 6),
        (4, 7),
        (5, 8),
    ]
    assert history.table("orders")["order_id"].tolist() == ["1", "6"]
    reasons = set(history.quarantine["reason"])
    assert "4 values where the header names 5 columns" in reasons
    assert "bytes that the file's encoding does not know" in reasons
    counts = history.counts.set_index("table").loc["orders"]
    assert (counts["read"], counts["accepted"], counts["quarantined"]) == (6, 2, 4)


def test_line_ends_of_two_kinds_are_followed(tmp_path: Path) -> None:
    orders = b'customer,number,day,paid\r\n007,1,2024-01-02,1\r\n"two\nlines",2,2024-01-03,2\r\nanna,3,never,3\r\nshort\r\n'
    history = _ingest(tmp_path, orders=orders)
    assert history.table("orders")["user_id"].tolist() == ["007", "two\nlines"]
    assert [(row, line) for _, row, line, *_ in _aside(history)] == [(3, 5), (4, 6)]


def test_a_file_in_another_encoding_with_decimal_commas_is_read(tmp_path: Path) -> None:
    orders = "customer;number;day;paid\nJürgen;1;2024-01-02;1.234,50\nZoë;2;2024-01-03;7\n".encode("cp1252")
    source = "orders: {file: orders.csv, encoding: cp1252, decimal: ',', thousands: '.'}"
    history = _ingest(tmp_path, SHOP.replace("orders: {file: orders.csv}", source), orders=orders)
    assert history.table("orders")["user_id"].tolist() == ["Jürgen", "Zoë"]
    assert history.table("orders")["revenue"].tolist() == [1234.5, 7.0]


def test_rows_outside_the_weeks_are_accepted_and_counted(tmp_path: Path) -> None:
    inside = "a,1,2024-01-01 05:00:00,1\na,2,2024-01-29 04:59:59,1\n"
    outside = "a,3,2024-01-01 04:59:59,1\na,4,2024-01-29 05:00:00,1\n"
    history = _ingest(tmp_path, orders="customer,number,day,paid\n" + inside + outside)
    counts = history.counts.set_index("table").loc["orders"]
    assert (counts["accepted"], counts["outside_periods"]) == (4, 2)
    config = open_shop(tmp_path, orders="customer,number,day,paid\n" + inside + outside)
    assert history.panel(config.action_set(), config.calendar()).order_days.sum() == 2


def test_rows_that_where_does_not_ask_for_are_counted_apart(tmp_path: Path) -> None:
    history = _ingest(tmp_path, SHOP.replace("    source: orders\n", "    source: orders\n    where: customer <> 'anna'\n"))
    counts = history.counts.set_index("table").loc["orders"]
    assert (counts["read"], counts["accepted"], counts["left_out"]) == (1, 1, 1)


def test_orders_are_the_sums_of_items_where_they_are_not_mapped(tmp_path: Path) -> None:
    lines = "customer,number,day,paid\na,1,2024-01-02 10:05:00,5.5\na,1,2024-01-02 10:00:00,0.7\nb,2,2024-01-03,1\n"
    history = _ingest(tmp_path, SHOP.replace("  orders:\n    source", "  items:\n    source"), orders=lines)
    assert history.table("orders").to_dict("list") == {
        "user_id": ["a", "b"],
        "order_id": ["1", "2"],
        "ordered_at": [pd.Timestamp("2024-01-02 10:00"), pd.Timestamp("2024-01-03")],
        "revenue": [6.2, 1.0],
    }
    assert "2 orders are the sums of 3 order lines" in history.summary()


def test_an_exported_plan_is_read_back_as_exposures_beside_the_old_ones(tmp_path: Path) -> None:
    mapping = (
        "  exposures:\n    - source: contacts\n      columns: {user_id: customer, exposed_at: day, action: what}\n"
        "      values: {action: {Letter: coupon}}\n"
        "    - source: exported\n      columns: {user_id: user_id, exposed_at: exposed_at, action: action,"
        " propensity: propensity, cost: cost, channel: channel}\n"
    )
    start, end = SHOP.index("  exposures:"), SHOP.index("  customers:")
    shop = SHOP[:start] + mapping + SHOP[end:]
    shop = shop.replace("sources:\n", "sources:\n  exported: {file: exposures.csv, optional: true}\n")
    first = _ingest(tmp_path, shop)
    assert "optional and absent" in first.summary()
    assert len(first.table("exposures")) == 2
    exported = (
        "user_id,exposed_at,action,propensity,cost,channel\n007,2024-01-22,call,0.9,3.0,phone\nanna,2024-01-22,none,0.1,0,\n"
    )
    second = _ingest(tmp_path, shop, exposures=exported)
    assert second.table("exposures")["propensity"].tolist()[2:] == [0.9, 0.1]
    assert second.counts.query("table == 'exposures'")["accepted"].tolist() == [2, 2]
    assert first.digest != second.digest


def test_a_join_looks_up_one_partner_a_row(tmp_path: Path) -> None:
    join = "    join: [{source: people, on: {customer: customer}, keep: first, order_by: may_write}]\n"
    shop = SHOP.replace("    source: contacts\n", "    source: contacts\n" + join).replace("propensity: p}", "channel: town}")
    people = "customer,may_write,town\n007,yes,Ulm\n007,no,Bonn\n"
    history = _ingest(tmp_path, shop, people=people)
    channels = history.table("exposures")["channel"]
    assert channels[0] == "Bonn"
    assert channels.isna().tolist() == [False, True]


def test_a_join_that_would_multiply_rows_is_refused(tmp_path: Path) -> None:
    shop = SHOP.replace("    source: contacts\n", "    source: contacts\n    join: [{source: people, on: [customer]}]\n")
    with pytest.raises(ConfigError, match=r"line 12, tables\.exposures\.join\[0\]\.keep: .*customer 007 2 times.*keep: first"):
        _ingest(tmp_path, shop, people="customer,may_write,town\n007,yes,Ulm\n007,no,Bonn\n")


def test_unknown_columns_are_told_together_with_line_and_close_match(tmp_path: Path) -> None:
    shop = SHOP.replace("revenue: paid", "revenue: payd").replace("town: town", "town: upper(twon)")
    with pytest.raises(ConfigError) as raised:
        _ingest(tmp_path, shop)
    told = str(raised.value)
    assert "shop.yaml: 2 things to mend." in told
    assert "line 9, tables.orders.columns.revenue: the source has no column 'payd'. Did you mean `paid`?" in told
    assert "columns.town: the source has no column 'twon'. Did you mean `town`?" in told
    assert len(check_sources(open_shop(tmp_path, shop))) == 2


@pytest.mark.parametrize("expression", ["nosuchfunction(paid)", "paid +", "1; DROP TABLE x", "sum(paid)", "paid, day"])
def test_what_is_no_expression_over_the_columns_is_refused(tmp_path: Path, expression: str) -> None:
    shop = SHOP.replace("revenue: paid", f'revenue: "{expression}"')
    with pytest.raises(ConfigError, match=r"shop.yaml, line 9, tables\.orders\.columns\.revenue: this is "):
        _ingest(tmp_path, shop)


def test_expressions_cannot_read_files_that_are_not_configured(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("word\nxyzzy\n")
    expression = f"(SELECT word FROM read_csv('{tmp_path / 'secret.csv'}'))"
    with pytest.raises(ConfigError, match="file system operations are disabled"):
        _ingest(tmp_path, SHOP.replace("town: town", f'town: "{expression}"'))


def test_an_expression_that_multiplies_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="2 rows became 4"):
        _ingest(tmp_path, SHOP.replace("town: town", 'town: "unnest([1, 2])"'))


def test_a_cast_that_fails_on_a_row_names_the_mapping_and_the_way_out(tmp_path: Path) -> None:
    orders = "customer,number,day,paid\na,1,2024-01-02,x\n"
    with pytest.raises(HistoryError, match=r"line 7, tables\.orders: an expression fails on a row.*TRY_CAST"):
        _ingest(tmp_path, SHOP.replace("revenue: paid", 'revenue: "CAST(paid AS DOUBLE) * 2"'), orders=orders)


def test_a_history_without_a_single_order_is_refused_with_the_most_frequent_reason(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"no order is left of .* most often ordered_at is not a time"):
        _ingest(tmp_path, orders="customer,number,day,paid\na,1,never,1\nb,2,never,1\n")


@pytest.mark.parametrize(
    ("header", "said"),
    [("", "the file is empty"), (" , ,\n", "has no header"), ("customer,number,day,day\n", "column 'day' is named twice")],
)
def test_a_file_without_a_usable_header_is_refused(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        _ingest(tmp_path, orders=header)


def test_a_file_that_is_not_parquet_is_refused_in_words(tmp_path: Path) -> None:
    shop = SHOP.replace("{file: orders.csv}", "{file: orders.csv, format: parquet}")
    with pytest.raises(HistoryError, match=r"line 3, sources\.orders: .*orders\.csv cannot be read"):
        _ingest(tmp_path, shop)


def test_parquet_rows_have_a_number_and_no_line_and_whole_numbers_are_read_as_ids(tmp_path: Path) -> None:
    rows = {
        "customer": [7.0, None, 8.0],
        "number": [1, 2, 3],
        "day": pd.to_datetime(["2024-01-02"] * 3),
        "paid": [1.0, 2.0, float("inf")],
    }
    pd.DataFrame(rows).to_parquet(tmp_path / "orders.parquet")
    history = _ingest(tmp_path, SHOP.replace("{file: orders.csv}", "{file: orders.parquet}"))
    assert history.table("orders")["user_id"].tolist() == ["7"]
    assert _aside(history) == [
        ("orders", 2, None, "user_id", "is empty", None),
        ("orders", 3, None, "revenue", "is not a finite number", "inf"),
    ]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_query_gives_the_same_rows_as_the_file(tmp_path: Path, kind: str) -> None:
    plain = _ingest(tmp_path)
    statements = [
        "CREATE TABLE o (customer TEXT, number INTEGER, day TEXT, paid REAL)",
        "INSERT INTO o VALUES ('007', 1, '2024-01-02 10:00:00', 5.5), ('anna', 2, '2024-01-09', 7)",
    ]
    path = tmp_path / f"shop.{kind}"
    connection = sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))
    for statement in statements:
        connection.execute(statement)
    if isinstance(connection, sqlite3.Connection):
        connection.commit()
    connection.close()
    source = f'{{database: "{kind}:///{path}", query: SELECT * FROM o ORDER BY number}}'
    shop = SHOP.replace("{file: orders.csv}", source)
    assert _ingest(tmp_path, shop).digest == plain.digest
    with pytest.raises(HistoryError, match=r"sources\.orders: .*shop\.(sqlite|duckdb): the database refuses the query: .*nope"):
        _ingest(tmp_path, shop.replace("FROM o ", "FROM nope "))
    with pytest.raises(ConfigError, match=r"sources\.orders: database .*gone does not exist"):
        _ingest(tmp_path, shop.replace(f"shop.{kind}", f"shop.{kind}gone"))


def test_the_digests_follow_the_content_and_nothing_else(tmp_path: Path) -> None:
    config = open_shop(tmp_path)
    first, key = read_history(config), digest_sources(config)
    assert read_history(config).digest == first.digest
    renamed = open_shop(tmp_path, SHOP.replace("Corner shop", "Shop"))
    assert (digest_sources(renamed), read_history(renamed).digest) == (key, first.digest)
    changed = open_shop(tmp_path, orders=ORDERS.replace("5.5", "5.6"))
    assert digest_sources(changed) != key
    assert read_history(changed).digest != first.digest


def test_saving_and_loading_change_nothing(tmp_path: Path) -> None:
    config = open_shop(tmp_path, contacts=CONTACTS + "x,never,call,\n")
    history, store = read_history(config), HistoryStore(tmp_path / "history")
    for kept in (store.open(config), store.open(config)):
        assert (kept.digest, kept.notes, kept.number) == (history.digest, history.notes, 1)
        assert list(kept.tables) == list(history.tables)
        for name in history.tables:
            pd.testing.assert_frame_equal(kept.table(name), history.table(name))
        pd.testing.assert_frame_equal(kept.quarantine, history.quarantine)
        pd.testing.assert_frame_equal(kept.counts, history.counts)
        pd.testing.assert_frame_equal(kept.reasons(), history.reasons())
