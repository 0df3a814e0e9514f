"""A small shop, written to a folder as a person would write it: a configuration and CSV files."""

from __future__ import annotations

from pathlib import Path

from decision_engine.config import Config, load_config

SHOP = """\
name: Corner shop
sources:
  orders: {file: orders.csv}
  contacts: {file: contacts.csv}
  people: {file: people.csv}
tables:
  orders:
    source: orders
    columns: {user_id: customer, order_id: number, ordered_at: day, revenue: paid}
  exposures:
    source: contacts
    columns: {user_id: customer, exposed_at: day, action: what, propensity: p}
    values: {action: {Letter: coupon}}
  customers:
    source: people
    columns: {user_id: customer, consent: may_write, town: town}
time: {first_day: 2024-01-01, business_day_starts_at: 5, last_period: 4, last_fitting_period: 3}
margin_share: 0.3
actions:
  - {name: coupon, kind: coupon, cost: 0.5, effect: estimated, response: {purchase_lift: {mean: 0.1, sd: 0.2}}}
  - {name: call, kind: care, cost: 3, effect: assumed, response: {purchase_lift: 0.2}}
campaign: {budget: 100}
"""
ORDERS = "customer,number,day,paid\n007,1,2024-01-02 10:00:00,5.5\nanna,2,2024-01-09,7\n"
CONTACTS = "customer,day,what,p\n007,2024-01-01,Letter,0.5\nanna,2024-01-08,call,\n"
PEOPLE = "customer,may_write,town\n007,yes,Ulm\nanna,no,\n"


def write_shop(folder: Path, shop: str = SHOP, **files: str | bytes) -> Path:
    """Write the shop, with some of its files replaced, and return the path of its configuration."""
    contents: dict[str, str | bytes] = {"orders": ORDERS, "contacts": CONTACTS, "people": PEOPLE, **files}
    for name, content in contents.items():
        (folder / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "shop.yaml").write_text(shop, encoding="utf-8")
    return folder / "shop.yaml"


def open_shop(folder: Path, shop: str = SHOP, **files: str | bytes) -> Config:
    """Write the shop and load its configuration."""
    return load_config(write_shop(folder, shop, **files))
