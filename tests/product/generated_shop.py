"""A small shop with a known truth behind it, written to a folder as a person would have it: a configuration and CSV files.

Its history is lived by a world of `simulations.scenarios`, contacts and their propensities included, and can be lived on for
another week under a plan's actions.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulations.population import Population
from simulations.scenarios import World, draw_world
from simulations.simulated_history import FIRST_DAY, WorldHistory

N_USERS, N_WEEKS, SEED = 600, 24, 11
BAD_ORDERS = "u0000001,bad-1,yesterday,12.5\n,bad-2,2024-02-01 12:00:00,9.0\nu0000002,bad-3,2024-02-01 12:00:00,much\n"
N_BAD_ORDERS = 3
# A run in a few seconds: nothing is estimated or trained, and no week is left on which simulators could be judged.
QUICK = (
    ("last_fitting_period: 16", "last_fitting_period: 22"),
    ("    effect: estimated", "    effect: assumed"),
    ("ppo_steps: 2000, bandit_rounds: 4", "ppo_steps: 0, bandit_rounds: 0"),
)

CONFIGURATION = """\
name: Generated shop
currency: EUR
seed: 7
sources:
  orders: {file: orders.csv}
  lines: {file: lines.csv}
  goods: {file: goods.csv}
  contacts: {file: contacts.csv}
  people: {file: people.csv}
  exported: {file: exported.csv, optional: true}
tables:
  orders:
    source: orders
    columns: {user_id: customer, order_id: number, ordered_at: day, revenue: paid}
  items:
    source: lines
    columns: {user_id: customer, order_id: number, ordered_at: day, product_id: sku, quantity: pieces, revenue: paid}
  products:
    source: goods
    columns: {product_id: sku, title: title, category: shelf}
  customers:
    source: people
    columns: {user_id: customer, consent: may_write}
  exposures:
    - source: contacts
      columns: {user_id: customer, exposed_at: day, action: what, propensity: p, redeemed_at: used, cost: cost}
    - source: exported
      columns:
        {user_id: user_id, exposed_at: exposed_at, action: action, propensity: propensity, cost: cost, channel: channel,
         would_be: would_be}
time: {first_day: 2024-01-01, last_period: 24, last_fitting_period: 16}
margin_share: 0.3
effect_horizon_weeks: 4
policy_horizon_weeks: 6
actions:
@ACTIONS
contact: {max_contacts: 2, window_weeks: 4}
campaign:
  budget: 60
  holdout_share: 0.2
  holdout_key: generated
simulator: {training_members: 1, members: 3, plan_members: 4}
policies: {ppo_steps: 2000, bandit_rounds: 4}
search: {trials: 3, workers: 1}
"""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop on disk."""

    folder: Path
    world: World
    history: WorldHistory

    @property
    def configuration(self) -> Path:
        return self.folder / "shop.yaml"

    def rewrite(self, *changes: tuple[str, str]) -> Path:
        """Write the configuration with some of its text replaced."""
        text = configuration_text(self.world)
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the configuration"
            text = text.replace(old, new)
        self.configuration.write_text(text)
        return self.configuration


@cache
def world() -> World:
    return draw_world(3)


@cache
def lived() -> WorldHistory:
    return world().simulate_history(N_USERS, N_WEEKS, SEED)


def configuration_text(world: World) -> str:
    actions = []
    for number, action in enumerate(tuple(world.actions)[1:]):
        effect = "estimated" if number == 0 else "assumed"
        redemption = ", redemption: {mean: 0.15, sd: 0.05}" if action.cost_on_redemption else ""
        response = f"{{purchase_lift: {{mean: 1.0, sd: 0.2}}, duration_weeks: 3, opt_out: 0.001{redemption}}}"
        actions += [
            f"  - name: {action.name}",
            f"    kind: {action.kind.value}",
            f"    cost: {action.cost}",
            f"    cost_on_redemption: {action.cost_on_redemption}",
            f"    cool_down_weeks: {action.cool_down_weeks}",
            f"    capacity: {50 + 30 * number}",
            f"    effect: {effect}",
            f"    response: {response}",
        ]
    return CONFIGURATION.replace("@ACTIONS", "\n".join(actions))


def write_shop(folder: Path, *changes: tuple[str, str]) -> Shop:
    """Write the shop's files, its configuration with some of its text replaced."""
    history = lived()
    folder.mkdir(parents=True, exist_ok=True)
    orders = history.orders.rename(
        columns={"user_id": "customer", "order_id": "number", "ordered_at": "day", "revenue": "paid"}
    )
    orders.to_csv(folder / "orders.csv", index=False)
    with (folder / "orders.csv").open("a") as file:
        file.write(BAD_ORDERS)
    numbers = np.arange(len(orders))
    tastes = orders["customer"].str.slice(1).astype(int).to_numpy()
    skus = (tastes * 7 + numbers % 3) % 24
    lines = orders.assign(sku=[f"p{sku:02d}" for sku in skus], pieces=1 + numbers % 2)
    lines.to_csv(folder / "lines.csv", index=False)
    goods = pd.DataFrame({"sku": [f"p{k:02d}" for k in range(24)]})
    goods.assign(title=[f"Article {k}" for k in range(24)], shelf=[f"shelf {k % 4}" for k in range(24)]).to_csv(
        folder / "goods.csv", index=False
    )
    history.exposures.rename(
        columns={"user_id": "customer", "exposed_at": "day", "action": "what", "propensity": "p", "redeemed_at": "used"}
    ).to_csv(folder / "contacts.csv", index=False)
    history.customers.rename(columns={"user_id": "customer", "consent": "may_write"}).to_csv(folder / "people.csv", index=False)
    shop = Shop(folder=folder, world=world(), history=history)
    shop.rewrite(*changes)
    return shop


def live_on(shop: Shop, rows: list[dict[Hashable, Any]]) -> Population:
    """Live one more week under a plan's rows and add its orders to the shop's file; return the users after it."""
    population, week = shop.history.population, shop.history.panel.n_periods
    user_ids = shop.history.panel.user_ids
    place = {user: k for k, user in enumerate(user_ids)}
    actions = np.zeros(len(user_ids), dtype=np.int16)
    for row in rows:
        actions[place[row["user_id"]]] = shop.world.actions.index(str(row["action"]))
    after, events = shop.world.simulator.step(population, actions)
    start = pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=7 * week, hours=12)
    with (shop.folder / "orders.csv").open("a") as file:
        for user in np.flatnonzero(events.order_days):
            for day in range(int(events.order_days[user])):
                paid = events.revenue[user] / events.order_days[user]
                file.write(f"{user_ids[user]},o{user}-{week}-{day},{start + pd.Timedelta(days=day)},{paid:.4f}\n")
    return after
