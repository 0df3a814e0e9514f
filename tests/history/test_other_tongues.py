"""`init` on orders whose columns speak other languages, and whose days are written as people write them there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter

N = 400
RNG = np.random.default_rng(9)
WHEN = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(RNG.integers(0, 250 * 1440, N)), unit="m")
BUYER = RNG.integers(0, 50, N) + 7000
PAID = np.round(RNG.gamma(2, 30, N) + 1, 2)
PIECES = RNG.integers(1, 4, N)


def _comma(values: np.ndarray, sign: str = "") -> list[str]:
    return [f"{value:.2f}".replace(".", ",") + sign for value in values.tolist()]


TONGUES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "Italian": (
        {"Numero ordine": np.arange(N), "Codice cliente": BUYER, "Data ordine": WHEN.strftime("%d/%m/%Y"),
         "Quantità": PIECES, "Importo": _comma(PAID)},
        {"user_id": '"Codice cliente"', "order_id": '"Numero ordine"', "ordered_at": '"Data ordine"', "revenue": "Importo"},
    ),
    "French": (
        {"N° commande": np.arange(N), "Code client": BUYER, "Date de commande": WHEN.strftime("%d/%m/%Y"),
         "Quantité": PIECES, "Montant TTC": _comma(PAID)},
        {"user_id": '"Code client"', "order_id": '"N° commande"', "revenue": '"Montant TTC"'},
    ),
    "Spanish": (
        {"Nº pedido": np.arange(N), "Socio": BUYER, "Fecha": WHEN.strftime("%d/%m/%y"), "Uds": PIECES, "Importe": _comma(PAID)},
        {"user_id": "Socio", "order_id": '"Nº pedido"', "ordered_at": "Fecha", "revenue": "Importe"},
    ),
    "Japanese": (
        {"受注番号": np.arange(N), "顧客ID": BUYER, "受注日": WHEN.strftime("%Y/%m/%d"), "数量": PIECES, "金額": PAID},
        {"user_id": '"顧客ID"', "order_id": '"受注番号"', "ordered_at": '"受注日"', "revenue": '"金額"'},
    ),
    "German": (
        {"Auftragsnr": np.arange(N), "Kundennr": BUYER, "Auftragsdatum": WHEN.strftime("%d.%m.%Y %H:%M"),
         "Auftragswert": _comma(PAID)},
        {"user_id": "Kundennr", "order_id": "Auftragsnr", "ordered_at": "Auftragsdatum", "revenue": "Auftragswert"},
    ),
    "abbreviations": (
        {"txn_id": np.arange(N), "cust": BUYER, "txn_dt": WHEN.strftime("%m/%d/%y"), "amt": PAID},
        {"user_id": "cust", "order_id": "txn_id", "ordered_at": "txn_dt", "revenue": "amt"},
    ),
}  # fmt: skip
DAYS = ["%d %B %Y", "%B %d, %Y", "%b-%d-%y", "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%d/%m/%y", "%d-%m-%y"]


@pytest.mark.parametrize("tongue", TONGUES)
def test_columns_are_understood_in_other_tongues(tmp_path: Path, tongue: str) -> None:
    columns, expected = TONGUES[tongue]
    pd.DataFrame(columns).to_csv(tmp_path / "orders.csv", index=False, sep=";")
    starter = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    mapping = next(iter(yaml.safe_load(starter.text)["tables"].values()))[0]
    assert {name: mapping["columns"][name] for name in expected} == expected
    orders = read_history(load_config(tmp_path / "config.yaml")).table("orders")
    assert len(orders) == N
    assert orders["revenue"].sum() == pytest.approx(PAID.sum())
    assert (orders["ordered_at"].min().date(), orders["ordered_at"].max().date()) == (WHEN[0].date(), WHEN[-1].date())


@pytest.mark.parametrize("written", DAYS)
def test_a_day_is_read_as_it_is_written(tmp_path: Path, written: str) -> None:
    frame = pd.DataFrame({"order": np.arange(N), "customer": BUYER, "date": WHEN.strftime(written), "total": PAID})
    frame.to_csv(tmp_path / "orders.csv", index=False)
    write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    orders = read_history(load_config(tmp_path / "config.yaml")).table("orders")
    assert orders["ordered_at"].dt.normalize().tolist() == WHEN.normalize().tolist()


def test_a_running_number_is_no_money_and_an_amount_with_its_currency_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "Sales Record Number": np.arange(N), "Buyer": BUYER, "Sale Date": WHEN.astype(str),
        "Sold For": [f"GBP {v:.2f}" for v in PAID.tolist()],
    })  # fmt: skip
    frame.to_csv(tmp_path / "sales.csv", index=False)
    starter = write_starter([str(tmp_path / "sales.csv")], tmp_path / "config.yaml")
    assert "currency: GBP # as Sold For says" in starter.text
    assert read_history(load_config(tmp_path / "config.yaml")).table("orders")["revenue"].sum() == pytest.approx(PAID.sum())


WRITINGS = {
    "cp932": ("顧客ID;受注日;商品名;金額", "りんご", "", "\\"),
    "cp1250": ("Klient;Data zamówienia;Status;Wartość", "Złożone", " zł", ""),
    "cp1252": ("Kundennr;Bestelldatum;Größe in m³;Betrag", "Öl für 3 m³", " €", ""),
}


@pytest.mark.parametrize("encoding", WRITINGS)
def test_a_text_of_another_code_page_is_read_in_it(tmp_path: Path, encoding: str) -> None:
    header, word, after, before = WRITINGS[encoding]
    whole = np.round(PAID * 40) if encoding == "cp932" else PAID * 40
    written = [f"{v:,.0f}" if encoding == "cp932" else f"{v:,.2f}".translate({44: 160, 46: 44}) for v in whole.tolist()]
    rows = zip(BUYER.tolist(), WHEN.strftime("%Y-%m-%d"), written, strict=True)
    lines = [header, *(f"{buyer};{day};{word};{before}{amount}{after}" for buyer, day, amount in rows)]
    (tmp_path / "orders.csv").write_bytes("\n".join(lines).encode(encoding))
    starter = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    assert f"encoding: {encoding}" in starter.text
    revenue = read_history(load_config(tmp_path / "config.yaml")).table("orders")["revenue"].sum()
    assert revenue == pytest.approx(whole.sum(), abs=0.01 * N)
