from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.cli.main import main
from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from simulations.errors import ConfigError, HistoryError, InputError

N = 400


def _frame() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 140 * 24 * 60, N), unit="min")
    return pd.DataFrame(
        {
            "Invoice No": [f"R{k:05d}" for k in range(N)],
            "Kunde": [f"{k:04d}" for k in rng.integers(1, 60, N)],
            "Invoice Date": when.astype(str),
            "Total Amount": np.round(rng.gamma(2, 12, N), 2),
        }
    )


def _start(path: Path, *files: Path | str) -> History:
    write_starter([str(file) for file in files], path / "config.yaml")
    return read_history(load_config(path / "config.yaml"))


def test_a_plain_file_of_orders_is_understood(tmp_path: Path) -> None:
    _frame().to_csv(tmp_path / "sales.csv", index=False)
    history = _start(tmp_path / "new", tmp_path / "sales.csv")
    assert (history.n_accepted, history.n_quarantined) == (N, 0)
    assert history.table("orders")["user_id"].str.len().eq(4).all()
    text = (tmp_path / "new" / "config.yaml").read_text()
    assert '"\\"Invoice Date\\""' in text
    assert "margin_share: 0.25 # FILL IN" in text


def test_decimal_commas_latin_1_and_days_before_months_are_seen(tmp_path: Path) -> None:
    frame = _frame().rename(columns={"Kunde": "Kündennr Kunde"})
    frame["Invoice Date"] = pd.to_datetime(frame["Invoice Date"]).dt.strftime("%d.%m.%Y %H:%M")
    frame["Total Amount"] = [f"{value:.2f}".replace(".", ",") for value in frame["Total Amount"]]
    (tmp_path / "sales.csv").write_bytes(frame.to_csv(index=False, sep=";").encode("latin-1"))
    history = _start(tmp_path, tmp_path / "sales.csv")
    assert (history.n_accepted, history.n_quarantined) == (N, 0)
    assert history.table("orders")["revenue"].sum() == pytest.approx(_frame()["Total Amount"].sum())


def test_dates_that_read_either_way_are_asked_about(tmp_path: Path) -> None:
    frame = _frame()
    frame["Invoice Date"] = [f"{k % 12 + 1:02d}/{k % 11 + 1:02d}/2024" for k in range(N)]
    frame.to_csv(tmp_path / "sales.csv", index=False)
    asked: list[str] = []

    def second(question: str, options: object) -> int:
        asked.append(question)
        return 1

    starter = write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml", second)
    assert asked == ["sales: how is Invoice Date written?"]
    assert 'time_formats: ["%m/%d/%Y"]' in starter.text
    assert "before %d/%m/%Y" in starter.decisions[0]


@pytest.mark.parametrize("is_comma", [False, True], ids=["a point", "a decimal comma"])
def test_a_price_of_one_piece_is_multiplied_where_each_order_is_one_row(tmp_path: Path, is_comma: bool) -> None:
    lines = _frame().rename(columns={"Kunde": "customer_id", "Invoice Date": "date", "Total Amount": "unit_price"})
    lines["order_number"] = [f"X{k:06d}" for k in range(N)]
    lines["quantity"] = np.random.default_rng(4).integers(1, 4, N)
    lines = lines[["customer_id", "order_number", "date", "quantity", "unit_price"]]
    lines.to_csv(tmp_path / "sales.csv", index=False, sep=";", decimal="," if is_comma else ".")
    history = _start(tmp_path, tmp_path / "sales.csv")
    assert history.table("orders")["revenue"].sum() == pytest.approx((lines["quantity"] * lines["unit_price"]).sum())


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    _frame().to_csv(tmp_path / "sales.csv", index=False)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(HistoryError, match=r"--out .*taken: the folder cannot be made \(a file of that name is there\)"):
        write_starter([str(tmp_path / "sales.csv")], tmp_path / "taken" / "config.yaml")


def test_lines_contacts_and_people_are_recognised_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = _frame().rename(columns={"Kunde": "customer_id", "Invoice No": "invoice", "Invoice Date": "date"})
    lines["sku"] = [f"P{k}" for k in rng.integers(0, 30, N)]
    lines["quantity"] = rng.integers(1, 4, N)
    lines = lines.rename(columns={"Total Amount": "unit_price"})
    people = pd.DataFrame({"customer_id": sorted(lines["customer_id"].unique())})
    people["email"] = people["customer_id"] + "@example.org"
    people["consent"] = "yes"
    people["region"] = rng.choice(["north", "south"], len(people))
    contacts = pd.DataFrame({"customer_id": rng.choice(people["customer_id"], 90), "sent_at": "2024-02-01"})
    contacts["campaign"] = rng.choice(["Spring Mail", "none"], 90)
    contacts["propensity"] = 0.5
    for name, frame in (("lines", lines), ("people", people), ("contacts", contacts)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    history = _start(tmp_path, *(tmp_path / f"{name}.csv" for name in ("people", "contacts", "lines")))
    assert history.table("orders")["revenue"].sum() == pytest.approx((lines["quantity"] * lines["unit_price"]).sum())
    assert set(history.table("exposures")["action"]) == {"spring_mail", "none"}
    assert history.table("exposures")["propensity"].eq(0.5).all()
    assert list(history.table("customers").columns) == ["user_id", "consent", "region"]
    assert "personal: [email]" in (tmp_path / "config.yaml").read_text()


def test_a_database_is_looked_at_table_by_table(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        _frame().to_sql("sales", connection, index=False)
    connection.close()
    assert _start(tmp_path, f"sqlite:///{tmp_path}/shop.db").n_accepted == N


def test_a_file_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.csv: there is no such file"):
        _start(tmp_path, tmp_path / "gone.csv")
    assert not (tmp_path / "config.yaml").exists()


def test_the_command_says_what_is_left_to_fill_in_and_writes_over_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _frame().to_csv(tmp_path / "sales.csv", index=False)
    command = ["decision-engine", "init", str(tmp_path / "sales.csv"), "--out", str(tmp_path), "--yes", "--json"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert all("FILL IN" in line for line in told["to_fill_in"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "n_orders"),
    [
        (["cdnow/cdnow_master.csv.gz"], 67_591),
        (["starbucks_offers/transcript.parquet", "starbucks_offers/profile.csv.gz"], 138_953),
        (["olist_sample/orders.csv", "olist_sample/customers.csv", "olist_sample/order_items.csv"], 2_959),
        (["esci_search/ubi_events.csv.gz", "esci_search/ubi_queries.csv"], 6),
    ],
)
def test_shared_sets_with_orders_are_understood(shared_data: Path, tmp_path: Path, files: list[str], n_orders: int) -> None:
    history = _start(tmp_path, *(shared_data / file for file in files))
    assert len(history.table("orders")) == n_orders


@pytest.mark.parametrize(
    "file",
    [
        "support_intents/banking77.csv.gz",
        "zh_shopping_reviews/online_shopping_sample.csv.gz",
    ],
)
def test_shared_sets_without_orders_are_refused_in_words(shared_data: Path, tmp_path: Path, file: str) -> None:
    with pytest.raises(HistoryError, match="which every history needs"):
        _start(tmp_path, shared_data / file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("orders.csv", b"", "orders.csv: the file is empty"),
        ("orders.csv", b"a,b,a\n1,2,3\n", "orders.csv, line 1: column 'a' is named twice"),
        ("orders.csv.gz", b"plain", "orders.csv.gz is called gzip and is not"),
        ("orders.parquet", b"", "orders.parquet cannot be read as Parquet"),
        ("orders.jsonl", b"[1]\n", "orders.jsonl holds no array of objects"),
        ("orders.jsonl", b"1\n2\n", "orders.jsonl: no line holds a JSON object"),
    ],
)
def test_what_init_cannot_read_is_told_of_the_file_and_not_of_a_configuration_that_is_not_there(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        write_starter([str(tmp_path / name)], tmp_path / "config.yaml")
    assert str(raised.value).startswith(str(tmp_path / said))
    assert "config.yaml" not in str(raised.value)
    assert not (tmp_path / "config.yaml").exists()
