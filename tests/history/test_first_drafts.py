"""What a first configuration says of what the files do not tell: placeholders, gaps, columns left out, the loop, consent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from decision_engine.config import load_config
from decision_engine.history import History, read_history, write_starter
from decision_engine.history.mapping_lines import RETURNED_COLUMNS
from decision_engine.history.starter import Starter
from decision_engine.planning.export import EXPOSURE_COLUMNS
from simulations.errors import HistoryError
from tests.product.command_line import decision_engine

N = 300


def _orders(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 140 * 24 * 60, N), unit="min")
    plain = {
        "order_id": [f"R{k:05d}" for k in range(N)],
        "customer": [f"{k:04d}" for k in rng.integers(1, 60, N)],
        "date": when.astype(str),
        "amount": np.round(rng.gamma(2, 12, N), 2),
    }
    return pd.DataFrame(plain | columns)


def _start(folder: Path, frame: pd.DataFrame, name: str = "sales") -> tuple[Starter, History]:
    frame.to_csv(folder / f"{name}.csv", index=False)
    starter = write_starter([str(folder / f"{name}.csv")], folder / "config.yaml")
    return starter, read_history(load_config(folder / "config.yaml"))


def _draft(folder: Path, frame: pd.DataFrame) -> Starter:
    frame.to_csv(folder / "sales.csv", index=False)
    return write_starter([str(folder / "sales.csv")], folder / "config.yaml")


def test_every_number_that_was_made_up_is_marked(tmp_path: Path) -> None:
    starter, _ = _start(tmp_path, _orders())
    marked = {line.split(":")[0].removeprefix("- ") for line in starter.to_fill_in}
    assert {"margin_share", "cost", "purchase_lift", "duration_weeks", "budget"} <= marked
    (action,) = yaml.safe_load(starter.text)["actions"]
    assert set(action["response"]) <= marked
    told = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert {"purchase_lift: {mean: 0.05, sd: 0.1}", "cost: 0.1"} <= {one["written"] for one in told["to_fill_in"]}


@pytest.mark.parametrize("amount", [10, 9.99])
def test_an_amount_that_is_the_same_for_all_is_money_of_which_one_is_less_sure(tmp_path: Path, amount: float) -> None:
    starter, history = _start(tmp_path, _orders(amount=amount))
    assert history.table("orders")["revenue"].eq(amount).all()
    assert f"revenue: amount # 0.60; every row holds {amount}" in starter.text
    _, varied = _start(tmp_path, _orders())
    assert "revenue: amount # 1.00" in (tmp_path / "config.yaml").read_text()
    assert varied.n_accepted == N


def test_a_flag_is_no_money(tmp_path: Path) -> None:
    starter = _draft(tmp_path, _orders(amount=1))
    assert 'revenue: "1.0" # FILL IN: the column with what was paid' in starter.text
    assert any("no column says for how much" in words for words in starter.not_found)


def test_a_header_alone_becomes_a_draft_guessed_by_names(tmp_path: Path) -> None:
    starter = _draft(tmp_path, _orders().head(0))
    columns = yaml.safe_load(starter.text)["tables"]["items"][0]["columns"]
    assert columns == {"user_id": "customer", "order_id": "order_id", "ordered_at": "date", "revenue": "amount"}
    assert starter.not_found[0].startswith("sales: holds no row")
    assert {"first_day", "last_period", "last_fitting_period"} <= {line.split(":")[0] for line in starter.to_fill_in}
    _orders().to_csv(tmp_path / "sales.csv", index=False)
    assert read_history(load_config(tmp_path / "config.yaml")).n_accepted == N


@pytest.mark.parametrize(
    ("kept", "gaps"),
    [
        (["order_id", "customer"], {"ordered_at", "revenue"}),
        (["customer", "amount"], {"order_id", "ordered_at"}),
        (["date", "amount"], {"user_id", "order_id"}),
        (["order_id"], {"user_id", "ordered_at", "revenue"}),
        (["customer", "date"], {"revenue"}),
    ],
)
def test_what_no_column_tells_is_a_marked_line_of_the_draft(tmp_path: Path, kept: list[str], gaps: set[str]) -> None:
    starter = _draft(tmp_path, _orders()[kept].assign(shade=["light", "dark"] * (N // 2)))
    marked = {line.split(":")[0] for line in starter.to_fill_in}
    assert marked & {"user_id", "order_id", "ordered_at", "revenue"} == gaps
    assert sum(words.startswith("sales: no column says") for words in starter.not_found) == len(gaps - {"order_id"})
    config = load_config(tmp_path / "config.yaml")
    if gaps == {"revenue"}:
        assert read_history(config).table("orders")["revenue"].sum() == N
        return
    with pytest.raises(HistoryError, match=r"no order is left.*Still to be filled in is line \d+: \w+: \"NULL\""):
        read_history(config)


def test_init_names_the_lines_without_which_nothing_can_be_read(tmp_path: Path) -> None:
    _orders()[["order_id", "customer"]].to_csv(tmp_path / "sales.csv", index=False)
    said = decision_engine("init", tmp_path / "sales.csv", "--out", tmp_path / "new", "--yes").out
    number = next(
        k for k, line in enumerate((tmp_path / "new/config.yaml").read_text().splitlines(), 1) if "ordered_at: " in line
    )
    assert f"First: fill in line {number}; as it stands," in said
    _orders().to_csv(tmp_path / "sales.csv", index=False)
    said = decision_engine("init", tmp_path / "sales.csv", "--out", tmp_path / "whole", "--yes").out
    assert "First:" not in said


def test_an_empty_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    answer = decision_engine("init", tmp_path / "empty.csv", "--out", tmp_path, "--yes")
    assert answer.code == 2
    assert "empty.csv: the file is empty; its first line must name the columns." in answer.err
    assert not (tmp_path / "config.yaml").exists()


def test_columns_that_are_left_out_are_named_with_the_reason(tmp_path: Path) -> None:
    mails = [f"a{k % 50}@example.org" for k in range(N)]
    frame = _orders(shade=["light", "dark"] * (N // 2), shop="Ulm", nothing="", **{"e mail": mails, "customer nr": range(N)})
    starter, _ = _start(tmp_path, frame)
    told = " ".join(starter.text[starter.text.index("left out of sales") :].partition("\n  # The")[0].replace("#", "").split())
    for words in (
        "shade (no use known)",
        "shop (always Ulm)",
        "nothing (empty)",
        "e mail (personal)",
        "customer nr (may be the",
    ):
        assert words in told
    assert not any(name in told.replace("customer nr", "") for name in ("order_id", "customer", "date", "amount"))


def test_an_experiment_too_names_what_it_leaves_out_and_says_that_consent_is_unknown(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"customer_id": range(N), "segment": rng.choice(["control", "mail"], N)})
    frame = frame.assign(age=rng.integers(20, 70, N), spend=np.round(rng.gamma(1, 9, N), 2), country="de")
    starter, _ = _start(tmp_path, frame, "test")
    assert "# left out of test: country (always de)" in starter.text
    assert ["experiment" in words for words in starter.not_found] == [True]
    told = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert "experiment.consent" in next(one["words"] for one in told["remarks"] if one["kind"] == "consent")


def test_every_draft_of_a_history_has_a_place_for_the_exposures_that_come_back(tmp_path: Path) -> None:
    assert RETURNED_COLUMNS == EXPOSURE_COLUMNS
    _start(tmp_path, _orders())
    back = pd.DataFrame(
        {
            "user_id": ["0001", "0002"], "exposed_at": ["2024-02-05 12:00:00"] * 2, "action": ["recommendation", "none"],
            "propensity": [0.9, 0.1], "cost": [0.1, 0.0], "channel": ["email", "none"], "would_be": ["", "recommendation"],
        }
    )  # fmt: skip
    back[list(EXPOSURE_COLUMNS)].to_csv(tmp_path / "exported_exposures.csv", index=False)
    exposures = read_history(load_config(tmp_path / "config.yaml")).table("exposures")
    assert exposures["would_be"].tolist()[1] == "recommendation"
    assert exposures["propensity"].tolist() == [0.9, 0.1]


def test_pseudonyms_that_come_back_are_not_hashed_again(tmp_path: Path) -> None:
    frame = _orders().drop(columns="customer")
    frame["customer email"] = [f"a{k % 50}@example.org" for k in range(N)]
    starter = _draft(tmp_path, frame)
    assert "exported_exposures: {file: exported_exposures.csv, optional: true, pseudonymised: true}" in starter.text


def test_no_consent_on_file_is_told_by_init_and_by_check(tmp_path: Path) -> None:
    starter, _ = _start(tmp_path, _orders())
    assert any("everybody counts as one who may be contacted" in words for words in starter.not_found)
    assert "No column of consent was found" in starter.text
    answer = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w")
    said = " ".join(answer.out.split())
    assert "Beware (consent): no column tells who agreed to be contacted (customers.consent): all 59 users count" in said


def test_consent_on_file_is_not_called_missing(tmp_path: Path) -> None:
    orders = _orders()
    people = pd.DataFrame({"customer": sorted(orders["customer"].unique()), "region": "north", "consent": "yes"})
    orders.to_csv(tmp_path / "sales.csv", index=False)
    people.to_csv(tmp_path / "people.csv", index=False)
    starter = write_starter([str(tmp_path / f"{name}.csv") for name in ("sales", "people")], tmp_path / "config.yaml")
    assert starter.not_found == ()
    told = decision_engine("check", tmp_path / "config.yaml", "-w", tmp_path / "w", "--json").document
    assert "consent" not in {one["kind"] for one in told["remarks"]}


def test_a_file_that_describes_actions_names_them_and_says_what_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    hashes = [f"{k:032x}" for k in rng.integers(2**60, size=3)]
    day = pd.Timestamp("2024-01-01")
    pd.DataFrame({
        "customer_id": [f"C{k:03d}" for k in rng.integers(0, 80, 500)],
        "order_id": [f"R{k}" for k in range(500)],
        "order_date": (day + pd.to_timedelta(np.sort(rng.integers(0, 140, 500)), unit="D")).astype(str),
        "total": rng.gamma(2, 10, 500).round(2),
    }).to_csv(tmp_path / "orders.csv", index=False)  # fmt: skip
    pd.DataFrame({
        "customer_id": [f"C{k:03d}" for k in rng.integers(0, 80, 200)],
        "sent_at": (day + pd.to_timedelta(np.sort(rng.integers(0, 140, 200)), unit="D")).astype(str),
        "campaign_id": [hashes[k] for k in rng.integers(0, 3, 200)],
    }).to_csv(tmp_path / "sent.csv", index=False)  # fmt: skip
    pd.DataFrame({
        "id": hashes,
        "offer_type": ["bogo", "gift", "newsletter"],
        "channels": ["web|email", "email", "mobile"],
        "reward": [5, 3, 0],
    }).to_csv(tmp_path / "offers.csv", index=False)  # fmt: skip
    files = [str(tmp_path / name) for name in ("orders.csv", "sent.csv", "offers.csv")]
    starter = write_starter(files, tmp_path / "new" / "config.yaml")
    actions = {action.name: action for action in load_config(tmp_path / "new" / "config.yaml").actions}
    names = [f"{kind}_{raw[:8]}" for kind, raw in zip(("bogo", "gift", "newsletter"), hashes, strict=True)]
    assert set(names) == set(actions)
    assert [actions[name].kind for name in names] == ["coupon", "gift", "recommendation"]
    assert [actions[name].channel for name in names] == ["web", "email", "mobile"]
    assert actions[names[0]].description == "offer type bogo, channels web|email, reward 5"
    assert not [line for line in starter.to_fill_in if line.startswith(("kind", "channel"))]
    assert "not used: offers" not in starter.text


def test_events_that_no_table_asks_for_are_named_with_their_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    events = ["purchase"] * 300 + ["page_view"] * 500 + ["search"] * 200
    pd.DataFrame({
        "user_id": [f"U{k:03d}" for k in rng.integers(0, 60, 1000)],
        "event": events,
        "timestamp": (pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 140, 1000), unit="D")).astype(str),
        "amount": [round(float(x), 2) if e == "purchase" else "" for e, x in zip(events, rng.gamma(2, 10, 1000), strict=True)],
    }).to_csv(tmp_path / "log.csv", index=False)  # fmt: skip
    starter = write_starter([str(tmp_path / "log.csv")], tmp_path / "config.yaml")
    assert "rows of log that no table asks for, by event: page_view 500, search 200" in starter.text


def test_what_reaches_a_person_is_personal_in_any_usual_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    people = {"ip_address": "10.0.0.{}", "PLZ": "1{:04d}", "postal_code": "K{:03d}", "device_id": "d{:05d}", "Username": "u{}"}
    pd.DataFrame({
        "customer_id": [f"C{k % 100:03d}" for k in range(400)],
        "order_id": [f"R{k}" for k in range(400)],
        "order_date": (pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(400) // 3, unit="D")).astype(str),
        "total": rng.gamma(2, 10, 400).round(2),
        "note": "seen by Anna Muster",
        **{name: [form.format(k % 100) for k in range(400)] for name, form in people.items()},
    }).to_csv(tmp_path / "orders.csv", index=False)  # fmt: skip
    starter = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml")
    assert set(load_config(tmp_path / "config.yaml").sources["orders"].personal) == set(people)
    assert "Muster" not in starter.text


def test_a_number_that_most_orders_lack_gives_way_to_user_and_time(tmp_path: Path) -> None:
    few = [f"R{k}" if k % 5 == 0 else "" for k in range(N)]
    starter, history = _start(tmp_path, _orders(order_id=few))
    assert history.n_quarantined == 0
    assert history.table("items")["revenue"].sum() == pytest.approx(_orders()["amount"].sum())
    assert "order_id is empty in 80% of these rows: all rows of a user at one time count as one order" in starter.text
    most = [f"R{k}" if k % 5 else "" for k in range(N)]
    (tmp_path / "config.yaml").unlink()
    _, history = _start(tmp_path, _orders(order_id=most))
    assert history.n_quarantined == N // 5


def test_a_flag_of_who_left_is_no_sale(tmp_path: Path) -> None:
    frame = _orders()[["order_id", "customer", "date"]].assign(churned=[0, 1] * (N // 2))
    assert "where:" not in _draft(tmp_path, frame).text
    assert "where:" in _draft(tmp_path, frame.rename(columns={"churned": "converted"})).text


def test_a_row_that_sums_up_a_users_orders_is_called_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    people = pd.DataFrame({
        "customer_id": range(500, 500 + N), "first_order": "2022-01-05",
        "last_order": (pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 200, N), unit="D")).astype(str),
        "orders_count": rng.integers(1, 12, N), "total_spent": np.round(rng.gamma(2, 90, N), 2),
    })  # fmt: skip
    starter = _draft(tmp_path, people)
    (told,) = [one for one in starter.to_fill_in if one.startswith("ordered_at")]
    assert "sales has one row a user, in which orders_count counts orders: it sums them up" in told
