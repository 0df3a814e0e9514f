"""Weeks that the calendar names and the data do not hold, and rows that lie outside the calendar."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.config import load_config
from decision_engine.history import read_panel
from decision_engine.history.store import HistoryStore
from decision_engine.stages.check import check_history
from decision_engine.stages.check_page import check_report
from decision_engine.stages.check_words import judge
from simulations.errors import HistoryError
from tests.history.shop import SHOP, write_shop
from tests.history.test_readiness import _orders
from tests.product.command_line import Answer, decision_engine


def _check(folder: Path, orders: str, last: int, fitting: int, *further: str) -> Answer:
    shop = SHOP.replace("last_period: 4, last_fitting_period: 3", f"last_period: {last}, last_fitting_period: {fitting}")
    return decision_engine("check", write_shop(folder, shop, orders=orders), "-w", folder / "w", *further)


@pytest.mark.parametrize(("fitting", "also"), [(12, False), (36, True)])
def test_weeks_long_after_the_last_order_are_refused_with_what_would_be_right(tmp_path: Path, fitting: int, also: bool) -> None:
    answer = _check(tmp_path, _orders(120, 20), 40, fitting)
    assert answer.code == 2
    assert "shop.yaml, line 17, time.last_period: week 20 is the last with an order, the 20 weeks after it" in answer.err
    assert "Right would be `last_period: 20`, which ends on 2024-05-19" in answer.err
    assert ("`last_fitting_period` below it, for example 15" in answer.err) == also
    run = decision_engine("run", tmp_path / "shop.yaml", "-w", tmp_path / "w")
    assert (run.code, "time.last_period: week 20" in run.err) == (2, True)


def test_a_week_or_two_without_orders_at_the_end_are_told(tmp_path: Path) -> None:
    document = _check(tmp_path, _orders(120, 20), 22, 12, "--json").document
    assert "no order falls into weeks 21 to 22, the last; is `time.last_period` too late?" in [
        remark["words"] for remark in document["remarks"]
    ]
    assert document["stages"]["fit"]["supported"]


def test_a_shop_that_closes_for_weeks_may_be_closed_at_the_end_but_is_not_fitted(tmp_path: Path) -> None:
    document = _check(tmp_path, _orders(120, 20, without=(3, 4, 5, 6)), 24, 12, "--json").document
    assert any("time.last_period" in missing for missing in document["stages"]["fit"]["missing"])
    assert not document["stages"]["plan"]["supported"]


def test_fitting_weeks_count_where_somebody_bought(tmp_path: Path) -> None:
    document = _check(tmp_path, _orders(120, 20, without=tuple(range(1, 9))), 20, 12, "--json").document
    assert "4 of 12 fitting weeks with an order, at least 8 are needed" in document["stages"]["fit"]["missing"]


def test_single_dates_far_outside_the_weeks_are_told_with_file_and_row_and_stretch_no_span(tmp_path: Path) -> None:
    lines = _orders(120, 20).splitlines()
    lines[7] = "u6,early,1970-01-01,6"
    more = ["u7,late,2099-12-31,6", "u8,after,2024-05-21,6"]
    answer = _check(tmp_path, "\n".join([*lines, *more]) + "\n", 20, 12)
    said = " ".join(answer.out.split())
    assert "2,402 orders of 120 users from 2024-01-02 to 2024-05-14, 2 more than a year outside the weeks; the median" in said
    assert "Outside the weeks: 3 rows of orders; first far away is row 7 (line 8) of orders.csv, of 1970-01-01." in said
    assert (
        "Beware (date): 2 rows of orders dated more than a year outside the weeks, 2024-01-01 to 2024-05-19: counted nowhere. "
        "The first is row 7 (line 8) of orders.csv, of 1970-01-01; is its date right?"
    ) in said
    document = _check(tmp_path, "\n".join([*lines, *more]) + "\n", 20, 12, "--json").document
    assert document["span"]["first"]["orders"] < "2024-01-03"
    assert [one for one in document["outside"] if one["table"] == "orders"] == [
        {"table": "orders", "source": "orders", "rows": 3, "far_rows": 2, "first": "row 7 (line 8) of orders.csv",
         "first_date": "1970-01-01"}
    ]  # fmt: skip


def test_a_long_history_cut_short_by_the_calendar_is_no_reason_to_beware(tmp_path: Path) -> None:
    old = "".join(f"u{k},old{k},2020-0{1 + k % 9}-02,5\n" for k in range(200))
    document = _check(tmp_path, _orders(120, 20) + old, 20, 12, "--json").document
    assert {one["table"]: one["far_rows"] for one in document["outside"]}["orders"] == 200
    assert "date" not in {remark["kind"] for remark in document["remarks"]}


def test_where_the_rows_outside_stand_is_kept_with_the_history(tmp_path: Path) -> None:
    shop = SHOP.replace("last_period: 4, last_fitting_period: 3", "last_period: 20, last_fitting_period: 12")
    write_shop(tmp_path, shop, orders=_orders(120, 20) + "u7,late,2099-12-31,6\n")
    config = load_config(tmp_path / "shop.yaml")
    store = HistoryStore(tmp_path / "kept")
    first, again = store.open(config), store.open(config)
    assert again.was_kept
    assert again.outside == first.outside
    assert again.place_of(again.outside[0]) == "row 2401 (line 2402) of orders.csv"


def test_a_history_whose_weeks_are_all_there_is_not_refused(tmp_path: Path) -> None:
    shop = SHOP.replace("last_period: 4, last_fitting_period: 3", "last_period: 20, last_fitting_period: 12")
    config = load_config(write_shop(tmp_path, shop, orders=_orders(120, 20)))
    assert check_history(config).panel.n_periods == 20
    config = load_config(write_shop(tmp_path, shop.replace("last_period: 20", "last_period: 23"), orders=_orders(120, 20)))
    with pytest.raises(HistoryError, match="the 3 weeks after it"):
        check_history(config)


def test_a_date_far_outside_the_weeks_makes_no_gap_in_the_picture_and_no_span_of_a_version(tmp_path: Path) -> None:
    shop = SHOP.replace("last_period: 4, last_fitting_period: 3", "last_period: 20, last_fitting_period: 12")
    far = "".join(f"u{k},far{k},{year}-06-01,6\n" for k in range(120) for year in (1970, 2099))
    config = load_config(write_shop(tmp_path, shop, orders=_orders(120, 20) + far))
    checked = check_history(config)
    bars = check_report(checked, judge(checked, config), config).gaps
    assert bars["label"].tolist()[-1] == "7"
    store = HistoryStore(tmp_path / "kept")
    store.open(config)
    assert [(one.first[:10], one.last[:10]) for one in store.versions()] == [("2024-01-02", "2024-05-14")]


@pytest.mark.parametrize("table", ["orders", "items"])
def test_weeks_without_any_order_are_told_with_their_line_and_where_the_orders_are(tmp_path: Path, table: str) -> None:
    shop = SHOP.replace("first_day: 2024-01-01", "first_day: 2019-01-07").replace(
        "  orders:\n    source", f"  {table}:\n    source"
    )
    config = load_config(write_shop(tmp_path, shop, orders=_orders(120, 20) + "u7,late,2099-12-31,6\nu8,early,1970-01-01,6\n"))
    said = (
        r"shop\.yaml, line 17, time\.first_day: none of 2,402 orders falls into the 4 weeks from 2019-01-07 to 2019-02-03: "
        r"they are dated from 2024-01-02 to 2024-05-14\. Set `time\.first_day`"
    )
    with pytest.raises(HistoryError, match=said):
        check_history(config)
    with pytest.raises(HistoryError, match=said):
        read_panel(config)
