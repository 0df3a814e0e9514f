"""Files as analysts have them: `init` reads every row of each, whatever its language, clock, signs and nesting."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from simulations.errors import ConfigError, HistoryError
from tests.history.odd_files import damaged_parquet

N = 500
RNG = np.random.default_rng(17)
WHEN = pd.Timestamp("2024-01-01 06:00:00") + pd.to_timedelta(np.sort(RNG.integers(0, 150 * 24 * 60, N)), unit="min")
USERS = [f"{k:05d}" for k in RNG.integers(1, 70, N)]
PAID = np.round(RNG.gamma(2, 900, N), 2)
TOTAL = float(PAID.sum())
NUMBERS = [f"N{k}" for k in range(N)]


def _german(folder: Path) -> list[str]:
    amounts = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in PAID]
    frame = pd.DataFrame({"Bestellnummer": NUMBERS, "Kundennummer": USERS, "Bestelldatum": WHEN.strftime("%d.%m.%Y %H:%M"),
                          "Umsatz": amounts, "Straße": [f"Weg {user}" for user in USERS]})  # fmt: skip
    (folder / "verkauf.csv").write_bytes(frame.to_csv(index=False, sep=";").encode("cp1252"))
    return ["verkauf.csv"]


def _chinese(folder: Path) -> list[str]:
    frame = pd.DataFrame(
        {"订单号": NUMBERS, "用户编号": USERS, "下单时间": WHEN.strftime("%Y/%m/%d %H:%M:%S"), "实付金额": PAID}
    )
    (folder / "订单.csv").write_bytes(frame.to_csv(index=False).encode("gb18030"))
    return ["订单.csv"]


def _signs(folder: Path) -> list[str]:
    frame = pd.DataFrame({"customer_id": USERS, "order_id": NUMBERS, "order_date": WHEN.strftime("%d/%m/%Y"),
                          "total": [f"€{value:,.2f}" for value in PAID]})  # fmt: skip
    frame.to_csv(folder / "sales.csv", index=False)
    return ["sales.csv"]


def _epoch(unit: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        stamps = WHEN.astype(f"datetime64[{unit}]").astype("int64")
        pd.DataFrame({"uid": USERS, "order_id": NUMBERS, "created_ts": stamps, "amount": PAID}).to_csv(
            folder / "log.csv", index=False
        )
        return ["log.csv"]

    return write


def _nested(folder: Path) -> list[str]:
    lines = []
    for k in range(N):
        order = {"id": NUMBERS[k], "price": {"total": float(PAID[k]), "currency": "EUR"}}
        event: dict[str, object] = {"timestamp": WHEN[k].isoformat() + "Z", "user": {"id": USERS[k], "geo": {"country": "DE"}}}
        lines.append({"event": "purchase", **event, "order": order})
        lines.append({"event": "view", **event, "order": None})
    (folder / "events.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return ["events.jsonl"]


def _months(folder: Path) -> list[str]:
    frame = pd.DataFrame({"customer_id": USERS, "order_id": NUMBERS, "order_date": WHEN, "total": PAID})
    for month, part in frame.groupby(WHEN.month):
        part.to_csv(folder / f"sales_{month:02d}.csv", index=False)
    return ["sales_*.csv"]


def _months_one_by_one(folder: Path) -> list[str]:
    _months(folder)
    return sorted(path.name for path in folder.glob("sales_*.csv"))


def _lines_without_numbers(folder: Path) -> list[str]:
    pieces = 1 + np.arange(N) % 3
    frame = pd.DataFrame({"customer_key": USERS, "sold_at": WHEN, "sku": [f"P{k % 40}" for k in range(N)], "qty": pieces,
                          "unit_price": PAID / pieces})  # fmt: skip
    frame.to_parquet(folder / "lines.parquet")
    return ["lines.parquet"]


def _tables() -> dict[str, pd.DataFrame]:
    orders = pd.DataFrame({"customer_id": USERS, "order_id": NUMBERS, "order_date": WHEN.astype(str), "total": PAID})
    people = pd.DataFrame({"id": sorted(set(USERS)), "newsletter": "yes", "city": "Ulm"})
    people["email"] = people["id"] + "@example.org"
    mails = pd.DataFrame({"customer_id": USERS, "sent_at": (WHEN + pd.Timedelta(hours=5)).astype(str), "propensity": 0.5,
                          "campaign": np.where(np.arange(N) % 2 == 0, "spring", "none"), "cost": 0.05})  # fmt: skip
    return {"orders": orders, "people": people, "mailings": mails}


def _sqlite(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "shop.db")
    for name, frame in _tables().items():
        frame.to_sql(name, connection, index=False)
    connection.close()
    return ["shop.db"]


def _duckdb(folder: Path) -> list[str]:
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("CREATE SCHEMA crm")
        for name, frame in _tables().items():
            connection.register("frame", frame)
            connection.execute(f"CREATE TABLE {'crm.' if name == 'people' else ''}{name} AS SELECT * FROM frame")
            connection.unregister("frame")
    return ["shop.duckdb"]


def _zip(folder: Path) -> list[str]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, frame in _tables().items():
            archive.writestr(f"export/{name}.csv", frame.to_csv(index=False))
    (folder / "export.zip").write_bytes(out.getvalue())
    return ["export.zip"]


def _two_clocks(folder: Path) -> list[str]:
    days = [f"{when:%d.%m.%Y}" if k % 5 else f"{when:%Y-%m-%d}" for k, when in enumerate(WHEN)]
    pd.DataFrame({"customer_id": USERS, "order_id": NUMBERS, "order_date": days, "total": PAID}).to_csv(
        folder / "sales.csv", index=False
    )
    return ["sales.csv"]


def _comma_beside_point(folder: Path) -> list[str]:
    amounts = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in PAID]
    frame = pd.DataFrame({"customer_id": USERS, "order_id": NUMBERS, "order_date": WHEN, "betrag": amounts,
                          "discount": np.round(RNG.uniform(0.05, 0.95, N), 2)})  # fmt: skip
    frame.to_csv(folder / "sales.csv", index=False, sep=";")
    return ["sales.csv"]


SHAPES: dict[str, tuple[Callable[[Path], list[str]], tuple[str, ...]]] = {
    "semicolons, decimal commas, German": (
        _german,
        ("encoding: cp1252", 'decimal: ","', "%d.%m.%Y %H:%M", 'personal: ["Straße"]'),
    ),
    "Chinese in GB 18030": (_chinese, ("encoding: gb18030",)),
    "a currency's sign and days before months": (_signs, ("currency: EUR # as total says", 'thousands: ","', "%d/%m/%Y")),
    "seconds since 1970": (_epoch("s"), ("to_timestamp(TRY_CAST(created_ts AS DOUBLE)) #", "time_zone: UTC # FILL IN")),
    "milliseconds since 1970": (_epoch("ms"), ("to_timestamp(TRY_CAST(created_ts AS DOUBLE) / 1000) #",)),
    "events with objects inside": (_nested, ("currency: EUR", "where: \"event = 'purchase'\"", "'$.price.total'", "'$.id'")),
    "a file a month, by pattern": (_months, ("sales_*.csv",)),
    "a file a month, one by one": (_months_one_by_one, ("sales_01", "sales_05")),
    "order lines without a number": (_lines_without_numbers, ("no order number", "product_id: sku", "quantity: qty")),
    "SQLite": (_sqlite, ("consent: newsletter", "personal: [email]", "cost: cost", "propensity: propensity", "none")),
    "DuckDB with a schema": (_duckdb, ('SELECT * FROM \\"crm\\".\\"people\\"', "personal: [email]")),
    "a zip of three tables": (_zip, ("member: export/orders.csv", "consent: newsletter")),
    "two ways to write a day": (_two_clocks, ('time_formats: ["%d.%m.%Y", "%Y-%m-%d"]',)),
    "decimal commas beside decimal points": (_comma_beside_point, ("replace(", "discount: discount")),
}


def _start(folder: Path, files: list[str]) -> tuple[str, History]:
    text = write_starter([str(folder / file) for file in files], folder / "new" / "config.yaml").text
    return text, read_history(load_config(folder / "new" / "config.yaml"))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_of_every_shape_is_read(tmp_path: Path, shape: str) -> None:
    write, told = SHAPES[shape]
    text, history = _start(tmp_path, write(tmp_path))
    for part in told:
        assert part in text
    orders = history.table("orders")
    assert history.n_quarantined == 0
    assert len(orders) == len({*zip(USERS, WHEN, strict=True)} if "without" in shape else NUMBERS)
    assert orders["revenue"].sum() == pytest.approx(TOTAL)
    assert set(orders["user_id"]) == set(USERS)
    assert (orders["ordered_at"].min().date(), orders["ordered_at"].max().date()) == (WHEN.min().date(), WHEN.max().date())
    if {"people", "mailings"} <= {file.partition(".")[0] for file in history.counts["source"]}:
        assert len(history.table("exposures")) == N


def test_sheets_of_a_workbook_are_sources_each(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="Excel needs openpyxl")
    with pd.ExcelWriter(tmp_path / "book.xlsx") as book:
        for name, frame in _tables().items():
            frame.to_excel(book, sheet_name=name, index=False)
    text, history = _start(tmp_path, ["book.xlsx"])
    assert "sheet: mailings" in text
    assert history.table("orders")["revenue"].sum() == pytest.approx(TOTAL)


def test_amounts_in_an_accountants_brackets_are_negative(tmp_path: Path) -> None:
    _signs(tmp_path)
    frame = pd.read_csv(tmp_path / "sales.csv", dtype=str)
    frame.loc[::10, "total"] = [f"({value})" for value in frame["total"][::10]]
    frame.to_csv(tmp_path / "sales.csv", index=False)
    _, history = _start(tmp_path, ["sales.csv"])
    assert history.n_quarantined == 0
    assert history.table("orders")["revenue"].sum() == pytest.approx(TOTAL - 2 * sum(PAID[::10]))


def test_a_damaged_file_is_told_by_init(tmp_path: Path) -> None:
    (tmp_path / "orders.parquet").write_bytes(damaged_parquet())
    with pytest.raises(HistoryError, match=r"orders\.parquet cannot be read: .*Is it damaged"):
        write_starter([str(tmp_path / "orders.parquet")], tmp_path / "config.yaml")


def test_the_weeks_are_read_off_the_orders(tmp_path: Path) -> None:
    text, _ = _start(tmp_path, _signs(tmp_path))
    n_weeks = ((WHEN.max().normalize() - WHEN.min().normalize()).days + 1) // 7
    assert f"first_day: {WHEN.min().date()}" in text
    assert f"last_period: {n_weeks} " in text
    assert "last_fitting_period: 16 " in text


def test_rows_that_name_nobody_or_no_time_say_exactly_why_they_cannot_be_used(tmp_path: Path) -> None:
    pd.DataFrame({"text": [f"review number {k} of a book" for k in range(60)], "stars": 5}).to_csv(
        tmp_path / "a.csv", index=False
    )
    pd.DataFrame({"customer_id": USERS, "amount": PAID}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(HistoryError) as told:
        _start(tmp_path, ["a.csv"])
    said = str(told.value).splitlines()
    assert said[1].startswith("  a: no column says who (a user, customer or member) or when (a date or time) or for how much")
    starter = write_starter([str(tmp_path / name) for name in ("a.csv", "b.csv")], tmp_path / "config.yaml")
    assert starter.not_found[0] == "b: no column says when (a date or time)"
    assert "Looked at and not used: a." in starter.text


def test_a_folder_or_a_misspelt_file_is_told_with_what_lies_there(tmp_path: Path) -> None:
    _signs(tmp_path)
    with pytest.raises(ConfigError, match=r"is a folder; name its files, for example .*/\*.csv"):
        write_starter([str(tmp_path)], tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match=r"there is no such file; did you mean `sales\.csv`\?"):
        write_starter([str(tmp_path / "sale.csv")], tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match=r"there is no such file; in that folder there is sales\.csv"):
        write_starter([str(tmp_path / "people.parquet")], tmp_path / "config.yaml")


def test_rounds_that_name_nobody_are_decisions_of_their_own(tmp_path: Path) -> None:
    """A uniform log of 40 articles: more than can be told apart, so that halves are made, whose probability is known."""
    n = 2_000
    article = RNG.integers(0, 40, n)
    log = pd.DataFrame({"timestamp": pd.date_range("2024-01-01", periods=n, freq="5min").astype(str), "item_id": article,
                        "click": (RNG.random(n) < 0.1).astype(int), "propensity_score": 1 / 40})  # fmt: skip
    log.to_parquet(tmp_path / "log.parquet")
    text, history = _start(tmp_path, ["log.parquet"])
    assert history.table("exposures")["propensity"].eq(0.5).all()
    assert history.table("exposures")["user_id"].is_unique
    assert len(history.table("orders")) == log["click"].sum()
    assert "nobody is named" in text
    log["propensity_score"] = RNG.uniform(0.01, 0.05, n)
    log.to_parquet(tmp_path / "log.parquet")
    assert "propensity" not in _start(tmp_path, ["log.parquet"])[1].table("exposures")


def _parts(folder: Path, *frames: pd.DataFrame) -> list[str]:
    names = [f"part_{k}.csv" for k in range(1, len(frames) + 1)]
    for name, frame in zip(names, frames, strict=True):
        frame.to_csv(folder / name, index=False)
    return names


@pytest.mark.parametrize("view", ["SELECT * FROM sales", "SELECT * FROM sales WHERE day < '2024-04-01'"])
@pytest.mark.parametrize("name", ["recent", "with_all"])  # before the table by name, and after it
def test_a_view_over_a_table_without_order_numbers_is_not_read_twice(tmp_path: Path, view: str, name: str) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE sales (customer_id TEXT, day TEXT, paid REAL)")
        rows = [(f"C{k % 50:03d}", f"2024-{1 + k % 6:02d}-{1 + k % 28:02d}", 5.5 + k % 37) for k in range(600)]
        shop.executemany("INSERT INTO sales VALUES (?, ?, ?)", rows)
        shop.execute(f"CREATE VIEW {name} AS {view}")
        shop.commit()
    starter = write_starter([str(tmp_path / "shop.db")], tmp_path / "config.yaml")
    history = read_history(load_config(tmp_path / "config.yaml"))
    assert history.table("orders")["revenue"].sum() == pytest.approx(sum(paid for _, _, paid in rows))
    left_out = "sales" if view == "SELECT * FROM sales" and name == "recent" else name
    assert f"items: {left_out} holds the same orders and is not read" in starter.taken


def test_parts_without_order_numbers_are_all_read(tmp_path: Path) -> None:
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(600) // 4, unit="D")
    frame = pd.DataFrame({"customer_id": [f"C{k % 50:03d}" for k in range(600)], "day": when.astype(str), "paid": 9.5})
    names = _parts(tmp_path, frame.iloc[:300], frame.iloc[300:])
    write_starter([str(tmp_path / name) for name in names], tmp_path / "config.yaml")
    assert read_history(load_config(tmp_path / "config.yaml")).n_read == 600


def test_a_part_with_a_column_more_is_another_part_and_one_with_the_same_orders_is_a_copy(tmp_path: Path) -> None:
    day = pd.Timestamp("2024-01-01")
    frame = pd.DataFrame({
        "customer_id": [f"C{k % 50:03d}" for k in range(600)], "order_id": [f"R{k}" for k in range(600)],
        "order_date": (day + pd.to_timedelta(np.arange(600) // 4, unit="D")).astype(str),
        "total": np.round(np.random.default_rng(3).gamma(2, 12, 600), 2), "shop": ["north", "south"] * 300,
    })  # fmt: skip
    first, later = frame.iloc[:300], frame.iloc[300:].assign(till=4)
    starter = write_starter(
        [str(tmp_path / name) for name in _parts(tmp_path, first, later, first.iloc[:250])], tmp_path / "config.yaml"
    )
    history = read_history(load_config(tmp_path / "config.yaml"))
    assert len(history.table("orders")) == 600
    assert history.table("orders")["revenue"].sum() == pytest.approx(frame["total"].sum())
    assert [words for words in starter.taken if "part_3 holds the same orders" in words]
