"""`init` on files laid out as well-known exports and public sets are: their columns by name, with drawn rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter
from decision_engine.history.copies import copies_between_sources

N, USERS = 1200, 120
_DAY = pd.Timestamp("2023-01-02")


class _Drawn:
    """What the rows of every layout are made of."""

    def __init__(self) -> None:
        rng = np.random.default_rng(20)
        self.rng = rng
        self.user = rng.integers(0, USERS, N)
        self.when = _DAY + pd.to_timedelta(np.sort(rng.integers(0, 280 * 86_400, N)), unit="s")
        self.price = np.round(rng.gamma(2, 12, N) + 1, 2)
        self.event = rng.choice(["view", "cart", "purchase"], N, p=[0.6, 0.2, 0.2])
        self.bought = self.event == "purchase"


def _behaviour(drawn: _Drawn) -> pd.DataFrame:
    """Draw an event log of an electronics shop."""
    return pd.DataFrame({
        "event_time": [f"{when:%Y-%m-%d %H:%M:%S} UTC" for when in drawn.when], "event_type": drawn.event,
        "product_id": drawn.rng.integers(10_000, 10_400, N), "category_id": drawn.rng.integers(2**50, 2**50 + 30, N),
        "category_code": drawn.rng.choice(["electronics.phone", "appliances", ""], N), "price": drawn.price,
        "user_id": 500_000_000 + drawn.user, "user_session": [f"{k:036x}" for k in drawn.rng.integers(2**60, size=N)],
    })  # fmt: skip


def _visits(drawn: _Drawn) -> pd.DataFrame:
    """Draw a log of visitors whose column names are run together, without any price."""
    return pd.DataFrame({
        "timestamp": [int(when.timestamp() * 1000) for when in drawn.when], "visitorid": drawn.user,
        "event": np.where(drawn.bought, "transaction", drawn.event), "itemid": drawn.rng.integers(1, 500, N),
        "transactionid": [k if bought else "" for k, bought in enumerate(drawn.bought)],
    })  # fmt: skip


def _invoices(drawn: _Drawn) -> pd.DataFrame:
    """Draw invoices of a wholesaler, cancellations with negative quantities among them."""
    cancelled = drawn.rng.random(N) < 0.02
    return pd.DataFrame({
        "InvoiceNo": [f"{'C' if c else ''}{536_365 + k // 3}" for k, c in enumerate(cancelled)],
        "StockCode": [f"{k}A" for k in drawn.rng.integers(20_000, 20_400, N)], "Description": "WHITE HANGING HEART",
        "Quantity": np.where(cancelled, -1, drawn.rng.integers(1, 12, N)),
        "InvoiceDate": [f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02d}" for t in drawn.when],
        "UnitPrice": drawn.price, "CustomerID": 17_850 + drawn.user, "Country": drawn.rng.choice(["France", "Spain"], N),
    })  # fmt: skip


def _household_lines(drawn: _Drawn) -> pd.DataFrame:
    """Draw lines of a grocer's baskets, in days from a first one."""
    day = (drawn.when - _DAY).days + 1
    return pd.DataFrame({
        "household_key": drawn.user, "BASKET_ID": 26_984_851_472 + np.arange(N), "DAY": day,
        "PRODUCT_ID": drawn.rng.integers(820_000, 820_500, N),
        "QUANTITY": drawn.rng.integers(1, 4, N), "SALES_VALUE": drawn.price, "STORE_ID": 364,
        "RETAIL_DISC": -np.round(drawn.rng.random(N), 2), "TRANS_TIME": drawn.rng.integers(800, 2300, N),
        "WEEK_NO": day // 7 + 1,
    })  # fmt: skip


def _shop_export(drawn: _Drawn) -> pd.DataFrame:
    """Draw a shop's export: a row a line, with what belongs to the order on its first line only."""
    head = np.arange(N) % 2 == 0

    def once(values: Any) -> list[str]:
        return [str(value) if first else "" for value, first in zip(values, head, strict=True)]

    user, when = drawn.user[np.arange(N) // 2 * 2], drawn.when[np.arange(N) // 2 * 2]
    return pd.DataFrame({
        "Name": [f"#{1000 + k // 2}" for k in range(N)], "Email": [f"c{k}@mail.example" for k in user],
        "Financial Status": once(drawn.rng.choice(["paid", "voided"], N, p=[0.9, 0.1])),
        "Total": once(np.round(drawn.price * 1.19 + 4.9, 2)), "Created at": [f"{t:%Y-%m-%d %H:%M:%S} +0100" for t in when],
        "Lineitem quantity": drawn.rng.integers(1, 3, N), "Lineitem price": drawn.price,
        "Lineitem sku": [f"S{k}" for k in drawn.rng.integers(0, 50, N)], "Billing Zip": [f"{10_000 + k}" for k in user],
    })  # fmt: skip


def _marketplace_report(drawn: _Drawn) -> pd.DataFrame:
    """Draw a marketplace's report of orders: a line's price is that of all its pieces, and blank where it was cancelled."""
    quantity = drawn.rng.integers(1, 5, N)
    cancelled = drawn.rng.random(N) < 0.06
    return pd.DataFrame({
        "amazon-order-id": [f"302-{k:07d}-{k:07d}" for k in range(N)],
        "purchase-date": [f"{t:%Y-%m-%dT%H:%M:%S}+00:00" for t in drawn.when],
        "order-status": np.where(cancelled, "Cancelled", "Shipped - Delivered to Buyer"),
        "buyer-email": [f"{k:08x}@marketplace.example" for k in drawn.user * 7717],
        "sku": [f"L{k}" for k in drawn.rng.integers(0, 30, N)], "quantity": quantity,
        "item-price": [v if keep else "" for v, keep in zip(np.round(drawn.price * quantity, 2), ~cancelled, strict=True)],
    })  # fmt: skip


def _receipts(drawn: _Drawn) -> pd.DataFrame:
    """Draw a till's receipts, with decimal commas and amounts beside prices of one piece."""
    quantity = drawn.rng.integers(1, 4, N)
    return pd.DataFrame({
        "Bon-Nr.": np.arange(N) + 70_000, "Datum": [f"{t:%d.%m.%Y}" for t in drawn.when],
        "Kundenkarte": 9_000_000 + drawn.user, "Artikelnr.": drawn.rng.integers(100, 160, N), "Menge": quantity,
        "Einzelpreis": [f"{v:.2f}".replace(".", ",") for v in drawn.price],
        "Betrag": [f"{v:.2f}".replace(".", ",") for v in drawn.price * quantity],
    })  # fmt: skip


def _sales_documents(drawn: _Drawn) -> pd.DataFrame:
    """Draw the lines of sales documents as German ERP systems list them."""
    return pd.DataFrame({
        "Auftraggeber": [f"{k:010d}" for k in drawn.user], "Verkaufsbeleg": [f"{k:010d}" for k in 4_500_000_000 + np.arange(N)],
        "Position": 10, "Belegdatum": [f"{t:%d.%m.%Y}" for t in drawn.when],
        "Material": [f"M-{k:05d}" for k in drawn.rng.integers(0, 50, N)], "Auftragsmenge": "2,000",
        "Nettowert": [f"{v:.2f}".replace(".", ",") for v in drawn.price], "Steuer": "1,90",
    })  # fmt: skip


def _charges(drawn: _Drawn) -> pd.DataFrame:
    """Draw charges of subscriptions in cents, with refunds, taxes and fees beside them."""
    return pd.DataFrame({
        "id": [f"ch_{k:022x}" for k in range(N)], "created": [f"{t:%Y-%m-%d %H:%M:%S}" for t in drawn.when],
        "amount": drawn.rng.choice([999, 1999, 4999], N), "amount_refunded": drawn.rng.choice([0, 0, 0, 250, 500], N),
        "fee_amount": np.round(drawn.price / 50, 2), "tax_amount": np.round(drawn.price / 5, 2),
        "customer_id": [f"cus_{k:014x}" for k in drawn.user], "plan_product": drawn.rng.choice(["S", "M", "L"], N),
    })  # fmt: skip


_Expected = dict[str, str]
LOGS: dict[str, tuple[Callable[[_Drawn], pd.DataFrame], _Expected, Callable[[_Drawn, pd.DataFrame], tuple[int, float]]]] = {
    "behaviour": (
        _behaviour,
        {"user_id": "user_id", "ordered_at": "event_time", "product_id": "product_id", "revenue": "price"},
        lambda drawn, frame: (int(drawn.bought.sum()), float(drawn.price[drawn.bought].sum())),
    ),
    "visits": (
        _visits,
        {"user_id": "visitorid", "order_id": "transactionid", "product_id": "itemid"},
        lambda drawn, frame: (int(drawn.bought.sum()), float(drawn.bought.sum())),
    ),
    "invoices": (
        _invoices,
        {"user_id": "CustomerID", "order_id": "InvoiceNo", "product_id": "StockCode", "quantity": "Quantity"},
        lambda drawn, frame: (N, float((frame["Quantity"] * frame["UnitPrice"]).sum())),
    ),
    "household lines": (
        _household_lines,
        {"user_id": "household_key", "order_id": "BASKET_ID", "revenue": "SALES_VALUE", "product_id": "PRODUCT_ID"},
        lambda drawn, frame: (N, float(drawn.price.sum())),
    ),
    "shop export": (
        _shop_export,
        {"user_id": "Email", "ordered_at": '"Created at"', "product_id": '"Lineitem sku"'},
        lambda drawn, frame: (
            int((frame["Financial Status"] != "voided").sum()),
            float((frame["Lineitem quantity"] * frame["Lineitem price"])[frame["Financial Status"] != "voided"].sum()),
        ),
    ),
    "marketplace report": (
        _marketplace_report,
        {"user_id": '"buyer-email"', "order_id": '"amazon-order-id"', "revenue": '"item-price"'},
        lambda drawn, frame: (
            int((frame["order-status"] != "Cancelled").sum()),
            float(pd.to_numeric(frame["item-price"]).sum()),
        ),
    ),
    "receipts": (
        _receipts,
        {"user_id": "Kundenkarte", "order_id": '"Bon-Nr."', "ordered_at": "Datum", "quantity": "Menge", "revenue": "Betrag"},
        lambda drawn, frame: (N, float(frame["Betrag"].str.replace(",", ".").astype(float).sum())),
    ),
    "sales documents": (
        _sales_documents,
        {"user_id": "Auftraggeber", "order_id": "Verkaufsbeleg", "product_id": "Material", "revenue": "Nettowert"},
        lambda drawn, frame: (N, float(drawn.price.round(2).sum())),
    ),
    "charges": (
        _charges,
        {"user_id": "customer_id", "revenue": "amount", "product_id": "plan_product"},
        lambda drawn, frame: (N, float(frame["amount"].sum())),
    ),
}


@pytest.mark.parametrize("layout", LOGS)
def test_a_log_laid_out_as_well_known_ones_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    monkeypatch.setenv("DECISION_ENGINE_PSEUDONYM_KEY", "a secret of sixteen signs")
    draw, columns, told = LOGS[layout]
    drawn = _Drawn()
    frame = draw(drawn)
    frame.to_csv(tmp_path / "log.csv", index=False)
    starter = write_starter([str(tmp_path / "log.csv")], tmp_path / "config.yaml")
    mapping = yaml.safe_load(starter.text)["tables"]["items"][0]
    assert {name: mapping["columns"][name] for name in columns} == columns
    history = read_history(load_config(tmp_path / "config.yaml"))
    n_lines, revenue = told(drawn, frame)
    assert (history.n_quarantined, len(history.table("items"))) == (0, n_lines)
    assert history.table("items")["revenue"].sum() == pytest.approx(revenue)
    assert history.table("orders")["user_id"].nunique() <= USERS


def test_an_offset_after_a_blank_moves_a_time_as_one_beside_it(tmp_path: Path) -> None:
    drawn = _Drawn()
    for beside in ("", " "):
        frame = pd.DataFrame({
            "customer_id": drawn.user, "order_id": np.arange(N), "total": drawn.price,
            "created_at": [f"{t:%Y-%m-%d %H:%M:%S}{beside}-0530" for t in drawn.when],
        })  # fmt: skip
        frame.to_csv(tmp_path / "orders.csv", index=False)
        (tmp_path / "config.yaml").unlink(missing_ok=True)
        write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
        times = read_history(load_config(tmp_path / "config.yaml")).table("orders")["ordered_at"]
        assert (times.to_numpy() == (drawn.when + pd.Timedelta(hours=5, minutes=30)).to_numpy()).all()


def test_an_hour_of_the_day_is_no_time_of_an_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({
        "order_id": np.arange(N), "user_id": rng.integers(0, USERS, N), "order_number": rng.integers(1, 9, N),
        "order_dow": rng.integers(0, 7, N), "order_hour_of_day": rng.integers(0, 24, N),
    })  # fmt: skip
    frame.to_csv(tmp_path / "orders.csv", index=False)
    starter = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    assert any("no column says when" in words for words in starter.not_found)


EXPERIMENTS: dict[str, tuple[Callable[[np.random.Generator], dict[str, Any]], str, list[str], list[str]]] = {
    "an advertiser's": (
        lambda rng: {
            **{f"f{k}": np.round(rng.normal(size=N), 6) for k in range(4)},
            "treatment": (rng.random(N) < 0.85).astype(int), "conversion": (rng.random(N) < 0.1).astype(int),
            "visit": (rng.random(N) < 0.2).astype(int), "exposure": (rng.random(N) < 0.1).astype(int),
        },
        "treatment", ["conversion", "visit"], ["f0", "f1", "f2", "f3"],
    ),
    "a grocer's, with the day of joining": (
        lambda rng: {
            "client_id": [f"{k:010x}" for k in range(N)],
            "first_issue_date": (_DAY + pd.to_timedelta(rng.integers(0, 300, N), unit="D")).astype(str),
            "age": rng.integers(18, 80, N), "gender": rng.choice(["F", "M", "U"], N),
            "treatment_flg": rng.integers(0, 2, N), "target": rng.integers(0, 2, N),
        },
        "treatment_flg", ["target"], ["age", "gender"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", EXPERIMENTS)
def test_an_experiment_laid_out_as_well_known_ones_is_one(tmp_path: Path, layout: str) -> None:
    draw, treatment, outcomes, covariates = EXPERIMENTS[layout]
    pd.DataFrame(draw(np.random.default_rng(4))).to_csv(tmp_path / "test.csv", index=False)
    write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    config = load_config(tmp_path / "config.yaml")
    assert config.experiment is not None
    assert config.tables.experiment is not None
    assert config.tables.experiment[0].columns["treatment"] == treatment
    assert list(config.experiment.outcomes) == outcomes
    assert list(config.experiment.covariates) == covariates


def test_a_page_test_with_the_time_of_each_visit_is_an_experiment(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    group = rng.choice(["control", "treatment"], N)
    frame = pd.DataFrame({
        "user_id": np.arange(N), "timestamp": (_DAY + pd.to_timedelta(rng.integers(0, 9**6, N), unit="s")).astype(str),
        "group": group, "converted": rng.integers(0, 2, N),
    })  # fmt: skip
    frame.to_csv(tmp_path / "test.csv", index=False)
    write_starter([str(tmp_path / "test.csv")], tmp_path / "config.yaml")
    config = load_config(tmp_path / "config.yaml")
    assert config.experiment is not None
    assert config.experiment.outcomes == ("converted",)


def test_charges_as_an_interface_for_payments_hands_them_out_are_read(tmp_path: Path) -> None:
    drawn = _Drawn()
    state = drawn.rng.choice(["succeeded", "failed"], N, p=[0.9, 0.1])
    frame = pd.DataFrame({
        "id": [f"ch_{k}" for k in range(N)], "object": "charge", "amount": (drawn.price * 100).round().astype(int),
        "currency": "usd", "customer": [f"cus_{k}" for k in drawn.user], "status": state,
        "created": [int(when.timestamp()) for when in drawn.when],
    })  # fmt: skip
    (tmp_path / "charges.json").write_text('{"object": "list", "data": ' + frame.to_json(orient="records") + "}")
    write_starter([str(tmp_path / "charges.json")], tmp_path / "config.yaml")
    items = read_history(load_config(tmp_path / "config.yaml")).table("items")
    assert len(items) == (state == "succeeded").sum()
    assert list(items["ordered_at"]) == list(drawn.when[state == "succeeded"])


def test_two_sheets_of_one_workbook_are_two_parts_and_no_copy(tmp_path: Path) -> None:
    frame = _invoices(_Drawn())
    with pd.ExcelWriter(tmp_path / "retail.xlsx") as book:
        frame[: N // 2].to_excel(book, sheet_name="2022", index=False)
        frame[N // 2 :].to_excel(book, sheet_name="2023", index=False)
    write_starter([str(tmp_path / "retail.xlsx")], tmp_path / "config.yaml")
    config = load_config(tmp_path / "config.yaml")
    assert len(read_history(config).table("items")) == N
    assert list(copies_between_sources(config)) == []


def test_whole_amounts_say_that_they_may_be_cents(tmp_path: Path) -> None:
    _charges(_Drawn()).to_csv(tmp_path / "charges.csv", index=False)
    starter = write_starter([str(tmp_path / "charges.csv")], tmp_path / "config.yaml")
    assert "whole numbers: where they are cents, divide by 100" in starter.text


def test_lines_that_leave_the_state_of_their_order_to_its_first_line_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECISION_ENGINE_PSEUDONYM_KEY", "a secret of sixteen signs")
    frame = _shop_export(_Drawn())
    frame.to_csv(tmp_path / "log.csv", index=False)
    starter = write_starter([str(tmp_path / "log.csv")], tmp_path / "config.yaml")
    n = int((frame["Financial Status"] == "voided").sum())
    assert any(f"Financial Status: {n:,} more lines of orders that are left out say nothing" in told for told in starter.taken)


def test_money_that_went_back_or_to_the_state_is_no_revenue(tmp_path: Path) -> None:
    drawn = _Drawn()
    frame = pd.DataFrame({
        "order_id": np.arange(N), "customer_id": drawn.user, "created_at": [f"{t:%Y-%m-%d %H:%M:%S}" for t in drawn.when],
        "Total": drawn.price + 40, "Refunded Amount": drawn.price, "Tax Amount": drawn.price / 5, "Shipping Price": 4.9,
    })  # fmt: skip
    frame.to_csv(tmp_path / "orders.csv", index=False)
    starter = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    assert yaml.safe_load(starter.text)["tables"]["orders"][0]["columns"]["revenue"] == "Total"


def test_visitors_with_a_point_in_their_id_and_twelve_hour_clocks_with_seconds_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    people = [f"{rng.integers(10**8, 10**9)}.{rng.integers(10**9, 2 * 10**9)}" for _ in range(60)]
    times = _DAY + pd.to_timedelta(rng.integers(0, 9**8, N), unit="s")
    frame = pd.DataFrame({
        "user_pseudo_id": rng.choice(people, N), "transaction_id": [f"T{k}" for k in range(N)],
        "sold": times.strftime("%m/%d/%Y %I:%M:%S %p"), "revenue": rng.gamma(2, 9, N).round(2),
    })  # fmt: skip
    frame.to_csv(tmp_path / "orders.csv", index=False)
    write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    read = read_history(load_config(tmp_path / "config.yaml")).table("orders")
    assert set(read["user_id"]) <= set(people)
    assert (read["ordered_at"].to_numpy() == times.to_numpy()).all()
