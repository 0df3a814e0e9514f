"""What is said of files and names that cannot be read: what is wrong, where, what would be right, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import load_config
from decision_engine.history import read_history
from simulations.errors import ConfigError, HistoryError
from tests.history.shop import SHOP, open_shop, write_shop

PARQUET = SHOP.replace("orders.csv", "orders.parquet")
COLUMNS = "user_id: customer, order_id: number, ordered_at: day, revenue: paid"


def _parquet(folder: Path, n: int = 20_000) -> Path:
    write_shop(folder, PARQUET)
    paid = np.random.default_rng(0).random(n)
    orders = pd.DataFrame({"customer": [f"c{k}" for k in range(n)], "number": range(n), "day": "2024-01-02", "paid": paid})
    orders.to_parquet(folder / "orders.parquet")
    return folder / "orders.parquet"


def test_a_parquet_file_that_was_cut_off_is_called_so(tmp_path: Path) -> None:
    path = _parquet(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    said = rf"line 3, sources.orders: .*orders.parquet cannot be read as Parquet: it is cut off after {len(whole) // 2:,} bytes"
    with pytest.raises(HistoryError, match=said):
        read_history(load_config(tmp_path / "shop.yaml"))


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "it is empty"), (b"a,b\n1,2\n", "does not begin as Parquet does. Say what it is as `format:`")]
)
def test_what_is_called_parquet_and_is_not_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    _parquet(tmp_path).write_bytes(content)
    with pytest.raises(HistoryError, match=said):
        read_history(load_config(tmp_path / "shop.yaml"))


def test_a_parquet_file_damaged_in_its_middle_is_no_fault_of_an_expression(tmp_path: Path) -> None:
    path = _parquet(tmp_path)
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = b"\xff" * third
    path.write_bytes(bytes(content))
    with pytest.raises(HistoryError, match=r"orders.parquet is damaged: its rows cannot be unpacked") as told:
        read_history(load_config(tmp_path / "shop.yaml"))
    assert "TRY_CAST" not in str(told.value)


def test_columns_called_by_words_of_sql_are_named_as_they_are(tmp_path: Path) -> None:
    shop = SHOP.replace(COLUMNS, "user_id: group, order_id: Order, ordered_at: select, revenue: Amount paid")
    orders = "group,order,select,Amount paid\n007,1,2024-01-02,5\nanna,2,2024-01-09,7\n"
    history = read_history(open_shop(tmp_path, shop, orders=orders))
    assert history.table("orders")[["user_id", "order_id", "revenue"]].to_numpy().tolist() == [
        ["007", "1", 5],
        ["anna", "2", 7],
    ]


def test_a_word_of_sql_within_an_expression_is_told_how_to_quote_it(tmp_path: Path) -> None:
    shop = SHOP.replace(COLUMNS, "user_id: customer, order_id: number, ordered_at: day, revenue: from * 2")
    config = open_shop(tmp_path, shop, orders="customer,number,day,from\n007,1,2024-01-02,5\n")
    with pytest.raises(ConfigError, match=r"line 9, tables\.orders\.columns\.revenue: SQL cannot read 'from'") as told:
        read_history(config)
    assert """Put it into double quotes, as in '"from"'.""" in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cost: 0.5", "cots: 0.5", "line 20, actions[0].cots: unknown key `cots`. Did you mean `cost`?"),
        (
            "last_period: 4",
            "last_peroid: 4",
            "line 17, time.last_peroid: unknown key `last_peroid`. Did you mean `last_period`?",
        ),
        ("order_id: number", "order_idd: number", "orders.columns.order_idd: table orders has no column 'order_idd'. Did you"),
        ("response: {purchase", "respons: {purchase", "actions[0].respons: unknown key `respons`. Did you mean `response`?"),
        ("name: coupon", "name: 9coupon", "actions[0].name: '9coupon' is not possible. `name` is: letters, digits, `_`"),
        ("name: call", "name: coupon", "line 21, actions[1].name: action 'coupon' is declared twice, first on line 20. Give"),
        ("campaign: {budget: 100}", "campaign: {budget: 1}\ncampaign: {budget: 2}", "key `campaign` is written twice."),
        ("orders.csv", "order.csv", "order.csv does not exist. Did you mean `orders.csv`?"),
    ],
)
def test_one_slip_is_one_finding(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        open_shop(tmp_path, SHOP.replace(old, new, 1))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_missing_besides_a_slip_is_still_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 things to mend") as told:
        open_shop(tmp_path, SHOP.replace("cost: 0.5, effect: estimated", "cots: 0.5"))
    assert "states no `effect`" in str(told.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("actions: []", "line 19, actions: it should hold one thing at least"),
        ("actions: {name: coupon}", "line 19, actions: it should be a list"),
        ("actions: [call]", "line 19, actions[0]: 'call' is not possible: it should be keys with values."),
    ],
)
def test_lists_are_spoken_of_in_words(tmp_path: Path, written: str, said: str) -> None:
    shop = f"{SHOP[: SHOP.index('actions:')]}{written}\n{SHOP[SHOP.index('campaign:') :]}"
    with pytest.raises(ConfigError) as told:
        open_shop(tmp_path, shop)
    assert said in str(told.value)
    assert "Config" not in str(told.value)
    assert "tuple" not in str(told.value)
