"""Reviews and tickets on their way from files to a simulator that lives them on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decision_engine.config import load_config
from decision_engine.stages.check import check_history
from simulations.errors import ConfigError
from simulations.simulator import LifecycleSimulator
from simulations.state import V, fold

_SHOP = """\
name: Shop
sources: {orders: {file: orders.csv}, tickets: {file: tickets.csv}, reviews: {file: reviews.csv}}
tables:
  orders: {source: orders, columns: {user_id: user, order_id: number, ordered_at: day, revenue: paid}}
  tickets: {source: tickets, columns: {user_id: user, at: day, resolved_at: answered}}
  reviews: {source: reviews, columns: {user_id: user, at: day, rating: stars}}
time: {first_day: 2024-01-01, last_period: 12, last_fitting_period: 8}
margin_share: 0.3
actions:
  - {name: coupon, kind: coupon, cost: 0.5, effect: assumed, response: {purchase_lift: {mean: 0.1, sd: 0.1}}}
campaign: {budget: 20}
"""


def _written(folder: Path, shop: str = _SHOP) -> Path:
    rng = np.random.default_rng(1)
    orders = [(f"u{user}", f"2024-{1 + week // 4:02d}-{2 + week % 4 * 7:02d}") for user in range(60) for week in range(11)]
    kept = [order for order in orders if rng.random() < 0.5]
    rows = "".join(f"{user},{place},{day},10\n" for place, (user, day) in enumerate(kept))
    (folder / "orders.csv").write_text(f"user,number,day,paid\n{rows}")
    (folder / "tickets.csv").write_text("user,day,answered\nu1,2024-01-03,2024-01-20\nu2,2024-03-05,\nnobody,2024-01-03,\n")
    (folder / "reviews.csv").write_text("user,day,stars\nu3,2024-03-06,10\nu4,2024-03-06,0\nu5,2024-03-06,5\n")
    (folder / "shop.yaml").write_text(shop)
    return folder / "shop.yaml"


def test_reviews_and_tickets_reach_users_states_and_the_simulator(tmp_path: Path) -> None:
    config = load_config(_written(tmp_path, _SHOP + "service: {worst_rating: 0, best_rating: 10, resolved_in_week: 0.25}\n"))
    panel = check_history(config).panel
    values, users = fold(panel).values, list(panel.user_ids)
    assert [values[users.index(user), V.OPEN_TICKET] for user in ("u1", "u2", "u3")] == [0.0, 1.0, 0.0]
    moods = {user: float(values[users.index(user), V.SATISFACTION]) for user in ("u2", "u3", "u4", "u5", "u6")}
    assert moods["u2"] < 0.0 < moods["u3"]
    assert moods["u4"] == pytest.approx(-moods["u3"])
    assert moods["u5"] == moods["u6"] == 0.0
    simulator = LifecycleSimulator.from_history(panel, service=config.service_model())
    assert simulator.service.ticket_chance == pytest.approx(2.0 / panel.order_days.sum())
    assert simulator.service.resolution == 0.25
    assert simulator.fit.mood_sds[0] < 0.3  # a little is learned


def test_mapped_reviews_alone_make_satisfaction_move_and_unmapped_ones_nothing(tmp_path: Path) -> None:
    mapped = load_config(_written(tmp_path))
    assert mapped.service_model() is not None
    lines = [line for line in _SHOP.splitlines() if not line.startswith(("  tickets:", "  reviews:"))]
    bare = load_config(_written(tmp_path, "\n".join(lines)))
    assert bare.service_model() is None
    assert check_history(bare).panel.service is None


def test_ratings_that_do_not_rise_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"service.*best_rating, 1, must exceed worst_rating, 5"):
        load_config(_written(tmp_path, _SHOP + "service: {worst_rating: 5, best_rating: 1}\n"))
