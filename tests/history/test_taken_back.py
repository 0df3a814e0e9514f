"""Returns, credits and discounts that a file writes beside amounts which do not show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decision_engine.config import Config, load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.readiness import judge_readiness

N = 600
RNG = np.random.default_rng(21)
PIECES = RNG.integers(1, 5, N)
PRICE = np.round(RNG.gamma(2, 9, N) + 1, 2)
AMOUNT = np.round(PIECES * PRICE, 2)
BACK = np.arange(N) % 12 == 0


def _lines(**columns: object) -> pd.DataFrame:
    when = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(N) // 3, unit="D")
    return pd.DataFrame({
        "document": np.arange(N) // 2, "customer": RNG.integers(1, 60, N)[np.arange(N) // 2], "doc_date": when.astype(str),
        "sku": RNG.integers(100, 130, N),
    } | columns)  # fmt: skip


def _start(folder: Path, frame: pd.DataFrame) -> tuple[str, Config, History]:
    frame.to_csv(folder / "lines.csv", index=False, sep=";")
    starter = write_starter([str(folder / "lines.csv")], folder / "config.yaml")
    config = load_config(folder / "config.yaml")
    return starter.text, config, read_history(config)


def _revenue(history: History) -> float:
    return float(history.table("orders")["revenue"].sum())


@pytest.mark.parametrize("comma", [False, True])
def test_negative_pieces_turn_a_positive_amount_around(tmp_path: Path, comma: bool) -> None:
    amounts = [f"{v:.2f}".replace(".", ",") for v in AMOUNT.tolist()] if comma else AMOUNT
    text, _, history = _start(tmp_path, _lines(quantity=np.where(BACK, -PIECES, PIECES), line_amount=amounts))
    assert _revenue(history) == pytest.approx(np.where(BACK, -AMOUNT, AMOUNT).sum())
    assert "50 rows of fewer than no pieces, with amounts above zero: returns" in text


def test_amounts_that_are_negative_already_need_no_rule(tmp_path: Path) -> None:
    sign = np.where(BACK, -1, 1)
    text, _, history = _start(tmp_path, _lines(quantity=PIECES * sign, line_amount=AMOUNT * sign))
    assert _revenue(history) == pytest.approx((AMOUNT * sign).sum())
    assert "returns:" not in text


def test_a_mapping_that_sells_negative_pieces_is_told(tmp_path: Path) -> None:
    text, _, _ = _start(tmp_path, _lines(quantity=np.where(BACK, -PIECES, PIECES), line_amount=AMOUNT))
    lines = [line for line in text.splitlines() if not line.strip().startswith("returns:")]
    (tmp_path / "config.yaml").write_text("\n".join(lines), encoding="utf-8")
    config = load_config(tmp_path / "config.yaml")
    history = read_history(config)
    remarks = judge_readiness(history, history.panel(config.action_set(), config.calendar()), config).remarks
    assert "50 order lines of fewer than no pieces bring money" in " ".join(remark.words for remark in remarks)


def test_a_mark_of_credit_turns_its_row_around_and_is_asked_about(tmp_path: Path) -> None:
    frame = _lines(**{"Soll/Haben": np.where(BACK, "H", "S"), "Betrag": AMOUNT})
    text, _, history = _start(tmp_path, frame)
    assert _revenue(history) == pytest.approx(np.where(BACK, -AMOUNT, AMOUNT).sum())
    assert "FILL IN: Soll/Haben marks 550 rows of debit (S) and 50 of credit (H)" in text


def test_as_many_credits_as_debits_are_taken_for_payments(tmp_path: Path) -> None:
    paid = np.arange(N) % 2 == 0
    text, _, history = _start(tmp_path, _lines(debit_credit=np.where(paid, "C", "D"), amount=AMOUNT))
    assert _revenue(history) == pytest.approx(AMOUNT[~paid].sum())
    assert "the latter are taken for payments" in text


def test_a_type_of_row_says_which_are_refunds(tmp_path: Path) -> None:
    kinds = np.where(BACK, "REFUND", np.where(np.arange(N) % 25 == 1, "VOID", "SALE"))
    frame = _lines(transaction_type=kinds, amount=AMOUNT).assign(document=np.arange(N))
    _, _, history = _start(tmp_path, frame)
    assert _revenue(history) == pytest.approx(AMOUNT[kinds == "SALE"].sum() - AMOUNT[kinds == "REFUND"].sum())


def test_pieces_that_came_back_are_not_paid_for(tmp_path: Path) -> None:
    back = np.where(BACK, 1, 0)
    text, _, history = _start(tmp_path, _lines(qty_ordered=PIECES, qty_returned=back, unit_price=PRICE))
    assert _revenue(history) == pytest.approx(((PIECES - back) * PRICE).sum())
    assert "less qty_returned" in text


def test_a_discount_in_per_cent_is_taken_off_a_list_price_and_told_beside_any_other(tmp_path: Path) -> None:
    off = RNG.choice([0, 10, 50], N)
    frame = _lines(quantity=PIECES, discount_pct=off)
    text, config, history = _start(tmp_path, frame.assign(list_price=PRICE))
    assert _revenue(history) == pytest.approx((PIECES * PRICE * (1 - off / 100)).sum())
    assert all("discount" not in mapping.columns for mapping in config.tables.items or ()), "per cent are no money"
    text, _, history = _start(tmp_path, frame.assign(unit_price=PRICE))
    assert _revenue(history) == pytest.approx((PIECES * PRICE).sum())
    assert "discount_pct is not taken off; where unit_price is before discounts, multiply by" in text


def _two_files(folder: Path, returned: pd.DataFrame, **columns: object) -> History:
    sold = _lines(amount=AMOUNT, **columns).drop(columns=["sku", "document"]).assign(order_no=np.arange(N) + 7000)
    sold.to_csv(folder / "orders.csv", index=False)
    returned.to_csv(folder / "refunds.csv", index=False)
    write_starter([str(folder / "orders.csv"), str(folder / "refunds.csv")], folder / "config.yaml")
    return read_history(load_config(folder / "config.yaml"))


def test_returns_in_a_file_of_their_own_are_negative_orders_of_who_bought(tmp_path: Path) -> None:
    which = np.flatnonzero(BACK)
    refunds = pd.DataFrame({
        "refund_id": np.arange(which.size), "order_no": which + 7000, "refunded_at": "2023-06-01", "amount": AMOUNT[which],
    })  # fmt: skip
    history = _two_files(tmp_path, refunds)
    orders = history.table("orders")
    assert _revenue(history) == pytest.approx(AMOUNT.sum() - AMOUNT[which].sum())
    assert len(orders) == N + which.size
    assert (orders.loc[orders["revenue"] < 0, "ordered_at"] == pd.Timestamp("2023-06-01")).all()
    assert history.n_quarantined == 0


def test_returns_that_the_states_of_orders_tell_already_are_not_taken_off_twice(tmp_path: Path) -> None:
    which = np.flatnonzero(BACK)
    refunds = pd.DataFrame({"refund_id": which, "order_no": which + 7000, "refunded_at": "2023-06-01", "amount": AMOUNT[which]})
    history = _two_files(tmp_path, refunds, status=np.where(BACK, "returned", "delivered"))
    assert _revenue(history) == pytest.approx(AMOUNT.sum() - AMOUNT[which].sum())
