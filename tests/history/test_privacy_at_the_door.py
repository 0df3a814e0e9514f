"""Nothing personal comes out of ingestion: not in tables, not in quarantine, not in messages, not on the page of a check."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from decision_engine.cli.main import main
from decision_engine.config import load_config
from decision_engine.history import read_history, write_starter
from simulations.errors import ConfigError
from tests.history.shop import SHOP, write_shop

KEY = "a key of more than sixteen signs"
SECRETS = ("anna.secret", "bert.secret", "cleo.secret")
ORDERS = (
    "customer,number,day,paid,mail\n"
    + "".join(f"{who},{k},2024-01-{2 + k:02d} 10:00:00,{5 + k},{who}@example.org\n" for k, who in enumerate(SECRETS))
    + "anna.secret,7,never,5,anna.secret@example.org\n"
    + "bert.secret,0,2024-01-09,5,bert.secret@example.org\n"  # an order's number again
    + "cleo.secret,8,2024-01-09,much,cleo.secret@example.org,more\n"
)
PEOPLE = "customer,may_write,town\nanna.secret,yes,Ulm\nbert.secret,perhaps,Bonn\n"
CONTACTS = "customer,day,what,p\nanna.secret,2024-01-01,Letter,0.5\nbert.secret,2024-01-08,anna.secret,0.5\n"
PRIVATE = (
    SHOP.replace("sources:\n", "privacy: {pseudonym_key: SHOP_KEY}\nsources:\n")
    .replace("{file: orders.csv}", "{file: orders.csv, personal: [mail]}")
    .replace("last_period: 4, last_fitting_period: 3", "last_period: 2, last_fitting_period: 1")
)
OWN_NUMBERS = ("order_id: number", "order_id: \"concat_ws(' ', customer, number)\"")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY)


def _write(folder: Path, *changes: tuple[str, str]) -> Path:
    shop = PRIVATE
    for old, new in changes:
        assert old in shop
        shop = shop.replace(old, new)
    contacts = CONTACTS.replace("anna.secret,0.5\n", "unknown,0.5\n")
    return write_shop(folder, shop, orders=ORDERS, people=PEOPLE, contacts=contacts)


def _told(command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    monkeypatch.setattr(sys, "argv", ["decision-engine", *command])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return left.value.code, said.out + said.err


@pytest.mark.parametrize("numbers", [(), (OWN_NUMBERS,)], ids=["numbers", "numbers made of ids"])
def test_no_secret_is_in_tables_quarantine_page_or_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], numbers: tuple[tuple[str, str], ...]
) -> None:
    path = _write(tmp_path, *numbers)
    history = read_history(load_config(path))
    frames = [*history.tables.values(), history.quarantine.drop(columns="file"), history.reasons()]
    written = "".join(frame.to_csv() for frame in frames) + " ".join(history.notes) + history.summary()
    assert len(history.table("orders")) == (4 if numbers else 3)
    assert history.n_quarantined >= 4
    for flags in ([], ["--json"]):
        page = tmp_path / "page.html"
        code, said = _told(["check", str(path), "--page", str(page), *flags], monkeypatch, capsys)
        assert code == 0
        written += said + page.read_text()
    for secret in SECRETS:
        assert secret not in written
    assert "@example.org" not in written


def test_order_numbers_made_of_ids_stay_distinct_under_the_key(tmp_path: Path) -> None:
    orders = read_history(load_config(_write(tmp_path, OWN_NUMBERS))).table("orders")
    assert orders["order_id"].str.fullmatch("[0-9a-f]{32}").all()
    assert orders["order_id"].is_unique


@pytest.mark.parametrize("column", ["town: customer", "town: upper(customer)", "town: people.customer"])
def test_an_id_in_any_other_column_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(ConfigError, match=r"tables\.customers\.columns.town: this reads the user's id"):
        read_history(load_config(_write(tmp_path, ("town: town", column))))


def test_an_id_that_a_join_brings_in_under_another_name_is_refused(tmp_path: Path) -> None:
    """The buyer's id comes from another source, joined by the order's own column, which gives the buyer away too."""
    joined = "source: orders\n    join: [{source: people, on: {customer: who}}]\n    columns"
    changes = [
        ("source: orders\n    columns", joined),
        ("columns: {user_id: customer, consent", "columns: {user_id: who, consent"),
    ]
    path = _write(tmp_path, *changes)
    (tmp_path / "people.csv").write_text(PEOPLE.replace("customer,", "who,"))
    assert len(read_history(load_config(path)).table("orders")) == 3
    path.write_text(path.read_text().replace("revenue: paid}", "revenue: paid, category: customer}"))
    with pytest.raises(ConfigError, match=r"columns.category: this reads the user's id"):
        read_history(load_config(path))


def test_a_key_held_twice_is_told_without_naming_whose(tmp_path: Path) -> None:
    path = _write(
        tmp_path, ("source: orders\n    columns", "source: orders\n    join: [{source: contacts, on: [customer]}]\n    columns")
    )
    (tmp_path / "contacts.csv").write_text("customer,day,what,p\n" + "anna.secret,2024-01-01,Letter,0.5\n" * 2)
    with pytest.raises(
        ConfigError, match=r"holds 1 keys more than once, for example one \(withheld\) in customer 2 times"
    ) as told:
        read_history(load_config(path))
    assert "anna" not in str(told.value)


def test_an_expression_that_fails_does_not_tell_on_which_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, ("revenue: paid", "revenue: CAST(customer AS INTEGER)"))
    code, said = _told(["check", str(path)], monkeypatch, capsys)
    assert code == 2
    assert not any(secret in said for secret in SECRETS)


def _people(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{k:04d}" for k in range(n)],
            "E-Mail": [f"p{k}@example.org" for k in range(n)],
            "Phone": [f"+49 170 55{k:05d}" for k in range(n)],
            "first_name": [f"Name{k}" for k in range(n)],
            "date_of_birth": [f"{1950 + k % 50}-01-{1 + k % 28:02d}" for k in range(n)],
            "Lieferadresse": [f"Weg {k}" for k in range(n)],
            "region": ["north", "south"] * (n // 2),
        }
    )


def test_init_marks_what_looks_personal_and_proposes_pseudonyms(tmp_path: Path) -> None:
    people = _people(120)
    people.to_csv(tmp_path / "people.csv", index=False)
    orders = pd.DataFrame({"customer_id": people["customer_id"].tolist() * 4, "order_id": range(480), "total": 9.5})
    orders["order_date"] = pd.date_range("2024-01-01", periods=480, freq="7h").astype(str)
    orders.to_csv(tmp_path / "orders.csv", index=False)
    text = write_starter([str(tmp_path / f"{name}.csv") for name in ("orders", "people")], tmp_path / "config.yaml").text
    (marked,) = [line for line in text.splitlines() if "personal: [" in line]
    for column in ("E-Mail", "Phone", "first_name", "date_of_birth", "Lieferadresse"):
        assert column in marked
    assert "region" not in marked
    assert "# privacy: {pseudonym_key: DECISION_ENGINE_PSEUDONYM_KEY}" in text
    assert not any(f"{column}: " in text for column in ("e_mail", "phone", "first_name", "date_of_birth"))


def test_ids_that_are_mail_addresses_become_pseudonyms_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame({"user_email": [f"p{k % 60}@example.org" for k in range(400)], "total": 9.5})
    rows["order_date"] = pd.date_range("2024-01-01", periods=400, freq="7h").astype(str)
    rows.to_csv(tmp_path / "orders.csv", index=False)
    monkeypatch.delenv("DECISION_ENGINE_PSEUDONYM_KEY", raising=False)
    text = write_starter([str(tmp_path / "orders.csv")], tmp_path / "config.yaml").text
    assert "\nprivacy: {pseudonym_key: DECISION_ENGINE_PSEUDONYM_KEY}" in text
    with pytest.raises(ConfigError, match="DECISION_ENGINE_PSEUDONYM_KEY is not set"):
        read_history(load_config(tmp_path / "config.yaml"))
    monkeypatch.setenv("DECISION_ENGINE_PSEUDONYM_KEY", KEY)
    orders = read_history(load_config(tmp_path / "config.yaml")).table("orders")
    assert len(orders) == 400
    assert "example" not in orders.to_csv()


NESTED = "\n".join(
    f'{{"who": {{"id": "u{k % 30}", "email": "u{k % 30}@example.org", "home": {{"city": "Ulm", "street": "Way {k % 30}"}}}}, '
    f'"number": {k}, "day": "2024-01-{1 + k % 28:02d}", "paid": {k % 9}}}'
    for k in range(200)
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("who->>'id'", None),
        ("json_extract_string(who, '$.home.city')", None),
        ("who->'home'->>'city'", None),
        ("who->>'email'", "who.email"),
        ("json_extract_string(orders.who, '$.email')", "who.email"),
        ("json_extract_string(who, '/email')", "who.email"),
        ("json_extract_string(who, '$.*')[1]", "who.email"),
        ("json_extract_string(who, 'e' || 'mail')", "who.email"),
        ("who->'home'", "who.home.street"),
        ("json_extract_string(who, '$.home.\"street\"')", "who.home.street"),
        ("who", "who.email"),
        ("upper(who)", "who.email"),
        ("CAST(orders AS VARCHAR)", "who.email"),
    ],
)
def test_a_personal_key_inside_objects_is_not_reached_by_any_way(tmp_path: Path, expression: str, refused: str | None) -> None:
    source = "{file: orders.jsonl, personal: [who.email, who.home.street]}"
    shop = SHOP.replace("{file: orders.csv}", source)
    shop = shop.replace("revenue: paid}", f'revenue: paid, category: "{expression.replace(chr(34), chr(92) + chr(34))}"}}')
    shop = shop.replace("user_id: customer, order_id", "user_id: \"who->>'id'\", order_id")
    path = write_shop(tmp_path, shop)
    (tmp_path / "orders.jsonl").write_text(NESTED)
    if refused is None:
        assert len(read_history(load_config(path)).table("orders")) == 200
        return
    with pytest.raises(ConfigError, match=rf"columns\.category: column '{refused}' is personal"):
        read_history(load_config(path))


def test_a_key_of_a_struct_is_personal_too(tmp_path: Path) -> None:
    rows = [{"who": {"id": f"u{k}", "email": f"u{k}@x.org"}, "number": k, "day": "2024-01-02", "paid": 1.0} for k in range(9)]
    shop = SHOP.replace("{file: orders.csv}", "{file: orders.parquet, personal: [who.email]}")
    path = write_shop(tmp_path, shop.replace("user_id: customer, order_id", "user_id: who.id, order_id"))
    pd.DataFrame(rows).to_parquet(tmp_path / "orders.parquet")
    assert read_history(load_config(path)).table("orders")["user_id"].tolist() == [f"u{k}" for k in range(9)]
    path.write_text(path.read_text().replace("user_id: who.id", "user_id: who.email"))
    with pytest.raises(ConfigError, match=r"'who\.email' is personal"):
        read_history(load_config(path))


def test_init_lists_personal_keys_inside_objects_and_check_accepts_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text(NESTED)
    starter = write_starter([str(tmp_path / "orders.jsonl")], tmp_path / "new" / "config.yaml")
    assert "personal: [who.email, who.home.street]" in starter.text
    assert len(read_history(load_config(tmp_path / "new" / "config.yaml")).table("orders")) == 200
