"""Files of one shop whose ids are written differently, and files for which there is no use: none is dropped in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from decision_engine.config import Config, load_config
from decision_engine.history import History, Starter, read_history, write_starter
from decision_engine.history.readiness import judge_readiness

N, USERS = 500, 60
RNG = np.random.default_rng(71)
WHO = RNG.integers(0, USERS, N) + 40_000
ORDERS = pd.DataFrame({
    "order_no": np.arange(N), "customer_no": WHO.astype(float),
    "day": (pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(N) // 2, unit="D")).astype(str),
    "net": np.round(RNG.gamma(2, 20, N) + 1, 2),
})  # fmt: skip
CUSTOMERS = pd.DataFrame({"customer_no": np.arange(USERS) + 40_000, "opt_in": RNG.choice(["yes", "no"], USERS)})


def _start(folder: Path, **files: pd.DataFrame) -> tuple[Starter, Config, History]:
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    starter = write_starter([str(folder / f"{name}.csv") for name in files], folder / "config.yaml")
    config = load_config(folder / "config.yaml")
    return starter, config, read_history(config)


def test_ids_with_a_point_behind_them_are_those_without(tmp_path: Path) -> None:
    orders = ORDERS.astype({"customer_no": float})
    orders.loc[::25, "customer_no"] = np.nan
    _, _, history = _start(tmp_path, orders=orders, customers=CUSTOMERS)
    assert set(history.table("orders")["user_id"]) <= set(CUSTOMERS["customer_no"].astype(str))
    assert len(history.table("customers")) == USERS
    assert history.n_quarantined == N // 25


def test_a_file_without_a_use_is_named_with_what_was_recognised(tmp_path: Path) -> None:
    strangers = pd.DataFrame({"customer_no": np.arange(80) + 90_000, "sent_on": "2023-03-01", "campaign": "spring"})
    stock = pd.DataFrame({"bin": np.arange(5), "level": [4, 4, 2, 2, 2]})
    starter, _, _ = _start(tmp_path, orders=ORDERS, mailings=strangers, stock=stock)
    told = " ".join(starter.not_found)
    assert "a use for mailings: none of its users (customer_no) is among those of the orders (customer_no)" in told
    assert "a use for stock: nothing in it was recognised" in told


def test_contacts_with_nobody_who_ordered_are_told_by_check(tmp_path: Path) -> None:
    starter, _, _ = _start(tmp_path, orders=ORDERS, customers=CUSTOMERS)
    raw = starter.text.replace("regexp_replace(\\\"customer_no\\\", '[.]0$', '')", "customer_no")
    assert raw != starter.text
    (tmp_path / "config.yaml").write_text(raw, encoding="utf-8")
    config = load_config(tmp_path / "config.yaml")
    history = read_history(config)
    remarks = judge_readiness(history, history.panel(config.action_set(), config.calendar()), config).remarks
    assert "none of the 60 users of customers is among those of orders" in " ".join(remark.words for remark in remarks)


def test_tickets_of_a_support_desk_are_read_beside_orders(tmp_path: Path) -> None:
    tickets = pd.DataFrame({
        "Ticket ID": np.arange(90), "Requester ID": RNG.integers(0, USERS, 90) + 40_000, "Created at": "2023-03-01 10:00",
        "Description": [f"Where is my parcel number {k}?" for k in range(90)],
    })  # fmt: skip
    _, _, history = _start(tmp_path, orders=ORDERS, zendesk=tickets)
    assert len(history.table("tickets")) == 90
