from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_engine.config import Config
from decision_engine.history import History, digest_sources, read_history
from decision_engine.history.sources import open_database
from simulations.errors import ConfigError, HistoryError, MissingExtraError
from tests.history.shop import ORDERS, SHOP, open_shop

KEY = "a key that nobody can guess"
PRIVATE = SHOP.replace("sources:\n", "privacy: {pseudonym_key: SHOP_KEY}\nsources:\n")


def _ingest(folder: Path, shop: str = SHOP, **files: str | bytes) -> History:
    return read_history(open_shop(folder, shop, **files))


def _source(settings: str, name: str = "orders") -> str:
    return SHOP.replace(f"{{file: {name}.csv}}", f"{{file: {name}.csv, {settings}}}")


def test_users_become_keyed_hashes_in_every_table_and_nothing_tells_their_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY)
    people = "customer,may_write,town\n007,yes,Ulm\nanna,no\nanna,perhaps,Bonn\nanna,yes,\nanna,no,\n"
    history = _ingest(tmp_path, PRIVATE, people=people)
    expected = [hmac.new(KEY.encode(), user.encode(), hashlib.sha256).hexdigest()[:32] for user in ("007", "anna")]
    for table in ("orders", "exposures", "customers"):
        assert history.table(table)["user_id"].tolist() == expected
    assert history.n_quarantined == 3
    assert "anna" not in history.quarantine.to_csv()


def test_pseudonyms_and_digests_change_with_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for key in (KEY, KEY * 5):
        monkeypatch.setenv("SHOP_KEY", key)
        config = open_shop(tmp_path, PRIVATE)
        digests |= {digest_sources(config), read_history(config).digest}
        user = read_history(config).table("orders")["user_id"][1]
        assert user == hmac.new(key.encode(), b"anna", hashlib.sha256).hexdigest()[:32]
    assert len(digests) == 4


@pytest.mark.parametrize(("key", "said"), [("", "SHOP_KEY is not set"), ("short", "5 bytes and could be guessed")])
def test_a_key_that_is_missing_or_short_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("SHOP_KEY", key)
    with pytest.raises(ConfigError, match=said):
        _ingest(tmp_path, PRIVATE)


def test_ids_that_are_pseudonyms_already_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY)
    shop = PRIVATE.replace("{file: contacts.csv}", "{file: contacts.csv, pseudonymised: true}")
    assert _ingest(tmp_path, shop).table("exposures")["user_id"].tolist() == ["007", "anna"]


@pytest.mark.parametrize("expression", ["town", "upper(people.TOWN)", "CASE WHEN town = 'Ulm' THEN 1 END", "to_json(people)"])
def test_personal_columns_cannot_be_mapped(tmp_path: Path, expression: str) -> None:
    shop = _source("personal: [town]", "people").replace("town: town", f'area: "{expression}"')
    with pytest.raises(ConfigError, match=r"columns\.area: column 'town' is personal and never leaves ingestion"):
        _ingest(tmp_path, shop)


def test_personal_columns_may_be_used_in_conditions_and_are_not_shown_where_a_record_does_not_fit(tmp_path: Path) -> None:
    shop = _source("personal: [town]", "people").replace("town: town", 'vip: "1"')
    shop = shop.replace("    source: people\n", "    source: people\n    where: town = 'Ulm'\n")
    history = _ingest(tmp_path, shop, people="customer,may_write,town\n007,yes,Ulm\nanna,no,Bonn\nbert,yes,Ulm,more\n")
    assert history.table("customers")["user_id"].tolist() == ["007"]
    assert history.quarantine["value"].tolist() == ["(withheld)"]


def test_an_unknown_personal_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.people\.personal: the source has no column 'twon'. Did you mean `town`"):
        _ingest(tmp_path, _source("personal: [twon]", "people").replace(", town: town", ""))


def test_times_are_moved_to_the_shops_zone(tmp_path: Path) -> None:
    orders = (
        "customer,number,day,paid\n"
        "a,1,2024-01-02 23:30:00,1\n"  # in the source's zone
        "a,2,2024-01-02T23:30:00Z,1\n"
        "a,3,2024-01-02 23:30:00+02:00,1\n"
        "a,4,2024-01-02 23:30:00 +99:00,1\n"
    )
    shop = _source("time_zone: America/New_York").replace("first_day:", "time_zone: Europe/Berlin, first_day:")
    history = _ingest(tmp_path, shop, orders=orders)
    expected = ["2024-01-03 05:30", "2024-01-03 00:30", "2024-01-02 22:30"]
    assert history.table("orders")["ordered_at"].tolist() == [pd.Timestamp(time) for time in expected]
    assert history.quarantine["row"].tolist() == [4]


def test_typed_times_with_a_zone_are_moved_too(tmp_path: Path) -> None:
    day = pd.to_datetime(["2024-07-02 22:30"]).tz_localize("UTC")
    pd.DataFrame({"customer": ["a"], "number": [1], "day": day, "paid": [1.0]}).to_parquet(tmp_path / "orders.parquet")
    shop = SHOP.replace("{file: orders.csv}", "{file: orders.parquet}")
    shop = shop.replace("first_day:", "time_zone: Europe/Berlin, first_day:")
    assert _ingest(tmp_path, shop).table("orders")["ordered_at"].tolist() == [pd.Timestamp("2024-07-03 00:30")]


@pytest.mark.parametrize(
    ("settings_", "said"),
    [("time_zone: Moon/Base", "time zone 'Moon/Base' is unknown"), ("time_formats: ['yyyy']", "must be made of signs")],
)
def test_zones_and_formats_that_do_not_exist_are_refused(tmp_path: Path, settings_: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _ingest(tmp_path, _source(settings_))


def test_returns_are_negative_orders_by_a_stated_rule(tmp_path: Path) -> None:
    rows = ["a,1,2024-01-02,5,ok", "a,2,2024-01-03,4,back", "a,3,2024-01-04,-3,back", "a,4,2024-01-05,1,"]
    orders = "\n".join(["customer,number,day,paid,state", *rows])
    shop = SHOP.replace("    source: orders\n", "    source: orders\n    returns: state = 'back'\n")
    history = _ingest(tmp_path, shop, orders=orders)
    assert history.table("orders")["revenue"].tolist() == [5.0, -4.0, -3.0, 1.0]
    assert "Returns in orders: 2 rows count as negative; the rule is `state = 'back'`." in history.summary()


def test_a_workbook_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "orders.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(MissingExtraError, match=r'pip install "decision-engine\[excel\]"'):
        _ingest(tmp_path, SHOP.replace("orders.csv", "orders.xlsx"))


def test_a_workbook_gives_rows_with_their_lines(tmp_path: Path) -> None:
    openpyxl: ModuleType = pytest.importorskip("openpyxl", reason="the extra `excel` is not installed")
    book = openpyxl.Workbook()
    rows = [["customer", "number", "day", "paid"], ["007", 1, pd.Timestamp("2024-01-02 10:00").to_pydatetime(), 5.5]]
    for row in [*rows, [None] * 4, ["anna", 2, "never", 7]]:
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    history = _ingest(tmp_path, SHOP.replace("orders.csv", "orders.xlsx"))
    assert history.table("orders")["user_id"].tolist() == ["007"]
    assert history.quarantine[["row", "line"]].to_numpy().tolist() == [[2, 4]]


def test_json_lines_and_csv_of_the_same_rows_are_the_same_history(tmp_path: Path) -> None:
    plain = _ingest(tmp_path)
    names, *rows = (line.split(",") for line in ORDERS.splitlines())
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    (tmp_path / "orders.jsonl").write_text("\n".join(lines))
    assert _ingest(tmp_path, SHOP.replace("orders.csv", "orders.jsonl")).digest == plain.digest


@settings(max_examples=30)
@given(
    st.one_of(
        st.binary(max_size=120),
        st.lists(st.sampled_from([*'",;\n\r\t x1é\x00\ufeff', "2024-01-02", "a,1,2024-01-02,1\n", "\n\n"])).map(
            lambda parts: ("customer,number,day,paid\n" + "".join(parts)).encode()
        ),
    )
)
def test_any_file_is_read_whole_or_refused_in_words(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        config = open_shop(Path(folder), orders=content)
        try:
            history = read_history(config)
        except (HistoryError, ConfigError):
            return
    counts = history.counts
    assert (counts["read"] == counts["accepted"] + counts["quarantined"]).all()
    assert counts["quarantined"].sum() == len(history.quarantine)


@settings(max_examples=20)
@given(
    st.lists(st.one_of(st.binary(max_size=20), st.just(b'{"customer": "a", "number": "1", "day": "2024-01-02", "paid": 1}')))
)
def test_any_json_lines_are_read_whole_or_refused_in_words(lines: list[bytes]) -> None:
    content = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    with TemporaryDirectory() as folder:
        (Path(folder) / "orders.jsonl").write_bytes(content)
        config = open_shop(Path(folder), SHOP.replace("orders.csv", "orders.jsonl"))
        try:
            history = read_history(config)
        except (HistoryError, ConfigError):
            return
    orders = history.counts[history.counts["table"] == "orders"]
    assert orders["read"].sum() == sum(bool(line.strip()) for line in lines)


def test_nothing_is_drawn_on_stdout_while_a_history_is_read(tmp_path: Path) -> None:
    connection = open_database(tmp_path)
    assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
    connection.close()


def _two_parquets(folder: Path, *changed: Mapping[str, object]) -> Config:
    for number, columns in enumerate(changed):
        rows = {
            "customer": [f"u{number}"],
            "number": [str(number)],
            "day": [pd.Timestamp("2024-01-02")],
            "paid": [5.0],
            **columns,
        }
        pd.DataFrame(rows).to_parquet(folder / f"orders_{number}.parquet")
    return open_shop(folder, SHOP.replace("{file: orders.csv}", "{file: 'orders_*.parquet'}"))


def test_columns_of_other_types_in_another_part_become_text_and_are_judged_row_by_row(tmp_path: Path) -> None:
    parts = ({"paid": [5]}, {"paid": ["7.5"], "day": ["2024-01-03"]}, {"paid": [pd.Timestamp("2024-01-01")]}, {"paid": [True]})
    history = read_history(_two_parquets(tmp_path, *parts))
    assert history.table("orders")["revenue"].tolist() == [5.0, 7.5]
    assert history.table("orders")["ordered_at"].dt.day.tolist() == [2, 3]
    assert history.quarantine["reason"].tolist() == ["is not a finite number"] * 2


def test_objects_in_one_part_and_plain_values_in_another_are_refused_with_part_and_column(tmp_path: Path) -> None:
    config = _two_parquets(tmp_path, {}, {"customer": [{"id": "u1"}]})
    said = r"sources\.orders: .* column 'customer': orders_1\.parquet holds STRUCT\(id VARCHAR\), orders_0\.parquet VARCHAR"
    with pytest.raises(HistoryError, match=said):
        read_history(config)


def test_a_key_that_no_object_of_a_part_has_is_empty_there(tmp_path: Path) -> None:
    first = '{"customer": "a", "number": 1, "day": "2024-01-02", "paid": 1, "discount": 2}\n'
    second = '{"customer": "b", "number": 2, "day": "2024-01-02", "paid": 1, "shop": "Ulm"}\n'
    (tmp_path / "orders_1.jsonl").write_text(first)
    (tmp_path / "orders_2.jsonl").write_text(second)
    shop = SHOP.replace("{file: orders.csv}", "{file: 'orders_*.jsonl'}").replace(
        "revenue: paid}", "revenue: paid, category: shop}"
    )
    assert _ingest(tmp_path, shop).table("orders")["category"].fillna("none").tolist() == ["none", "Ulm"]
