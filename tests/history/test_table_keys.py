"""`init` on the tables of a shop's database, where each numbers its own rows by `id`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter

N_ORDERS, N_USERS = 600, 90


def _shop(folder: Path) -> tuple[pd.DataFrame, str]:
    """Write a database whose orders, lines and users are numbered from 1 each; return what was sold a line, and its URL."""
    rng = np.random.default_rng(4)
    lines = pd.DataFrame({
        "id": np.arange(2 * N_ORDERS) + 1, "order_id": np.arange(2 * N_ORDERS) // 2 + 1,
        "product_id": rng.integers(1, 40, 2 * N_ORDERS), "quantity": rng.integers(1, 4, 2 * N_ORDERS),
        "price": np.round(rng.gamma(2, 10, 2 * N_ORDERS) + 1, 2),
    })  # fmt: skip
    placed = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(rng.integers(0, 280 * 86_400, N_ORDERS)), unit="s")
    buyers = rng.integers(1, N_USERS + 1, N_ORDERS)
    orders = pd.DataFrame({
        "id": np.arange(N_ORDERS) + 1, "user_id": buyers, "placed_at": [int(one.timestamp()) for one in placed],
    })  # fmt: skip
    users = pd.DataFrame({
        "id": np.arange(N_USERS) + 1, "newsletter": rng.integers(0, 2, N_USERS),
        "created_at": 1_500_000_000 + 1000 * np.arange(N_USERS),
    })  # fmt: skip
    with sqlite3.connect(folder / "shop.db") as connection:
        for name, table in {"orders": orders, "order_items": lines, "users": users}.items():
            table.to_sql(name, connection, index=False)
    connection.close()
    sold = pd.DataFrame({"user_id": buyers[lines["order_id"] - 1].astype(str), "paid": lines["quantity"] * lines["price"]})
    return sold, f"sqlite:///{folder / 'shop.db'}"


def test_lines_are_joined_to_their_order_and_not_to_the_one_of_the_same_number(tmp_path: Path) -> None:
    sold, url = _shop(tmp_path)
    starter = write_starter([url], tmp_path / "config.yaml")
    orders = read_history(load_config(tmp_path / "config.yaml")).table("orders")
    assert "on: {order_id: id}" in starter.text
    assert len(orders) == N_ORDERS
    by_user = orders.groupby("user_id")["revenue"].sum().astype(float).to_dict()
    assert by_user == pytest.approx(sold.groupby("user_id")["paid"].sum().to_dict())
    assert orders["ordered_at"].min() >= pd.Timestamp("2023-01-02"), "the day on which the user signed up is none of an order"


def test_rows_of_the_table_of_users_are_the_customers_and_those_of_orders_are_not(tmp_path: Path) -> None:
    _, url = _shop(tmp_path)
    write_starter([url], tmp_path / "config.yaml")
    config = load_config(tmp_path / "config.yaml")
    assert [mapping.source for mapping in config.tables.customers or ()] == ["users"]
    customers = read_history(config).table("customers")
    assert len(customers) == N_USERS
    assert "consent" in customers


def test_numbers_of_reviews_are_no_users_though_they_look_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    days = pd.date_range("2023-01-02", periods=300).strftime("%Y-%m-%d")
    pd.DataFrame({
        "order_id": np.arange(300) + 1, "customer_id": rng.integers(1, 60, 300), "day": days, "total": rng.gamma(2, 10, 300),
    }).to_csv(tmp_path / "orders.csv", index=False)  # fmt: skip
    pd.DataFrame({"review_id": np.arange(80) + 1, "stars": rng.integers(1, 6, 80)}).to_csv(
        tmp_path / "reviews.csv", index=False
    )
    write_starter([str(tmp_path / "orders.csv"), str(tmp_path / "reviews.csv")], tmp_path / "config.yaml")
    assert not load_config(tmp_path / "config.yaml").tables.customers
