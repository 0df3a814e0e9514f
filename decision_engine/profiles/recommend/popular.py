"""Popular: what many bought lately and this user never did, with the user's favourite categories first.

A product scores its recent buyers times the square root of the user's lift for its category. The root is a compromise that
was chosen on fitting weeks: the full lift, or only products of favourite categories, finds fewer of a user's next new products
than the shop's plain popularity does, because in a favourite category the user has long tried what is popular.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from decision_engine.profiles.interests import Tastes
from decision_engine.profiles.purchases import NO_CATEGORY, Pairs, Purchases
from decision_engine.profiles.ranking import best_per_user
from simulations.arrays import FloatArray, IntArray

RECENT_DAYS = 91  # popularity is counted over the last quarter
POOL = 200  # the shop's most popular products compete; who bought all of them gets none
LIFT_EXPONENT = 0.5
_USERS_AT_ONCE = 20_000  # so that candidates of a million users do not fill the memory


def recent_buyers(purchases: Purchases, as_of_day: int, recent_days: int = RECENT_DAYS) -> IntArray:
    """Return (n_products,): how many users bought each product in the `recent_days` before `as_of_day`."""
    recent = purchases.between(as_of_day - recent_days, as_of_day)
    return np.bincount(recent.pairs().products, minlength=purchases.catalogue.n_products).astype(np.int64)


def most_popular(purchases: Purchases, users: IntArray, as_of_day: int, n_best: int) -> pd.DataFrame:
    """Return the shop's most popular products, the same for each of some users.

    Returns
    -------
    DataFrame
        A row a user and product: user, rank (from 1), product, buyers (recent).
    """
    buyers = recent_buyers(purchases, as_of_day)
    top = _pool(buyers, n_best)
    ranks = np.arange(1, top.size + 1)
    return _frame(np.repeat(users, top.size), np.tile(top, users.size), np.tile(ranks, users.size), buyers)


def popular_unbought(
    purchases: Purchases, users: IntArray, as_of_day: int, n_best: int = 2, tastes: Tastes | None = None
) -> pd.DataFrame:
    """Return popular products that each of some users never bought.

    Parameters
    ----------
    purchases : Purchases
        Of days before `as_of_day` only.
    users : (n,) int64 array
        Rows of the panel, ascending.
    tastes : Tastes or None
        With them favourite categories come first; without, everyone sees the shop's ranking.

    Returns
    -------
    DataFrame
        A row a user and product: user, rank (from 1), product, buyers (recent), lift (of the product's category for the
        user; 1 without tastes or category).
    """
    buyers = recent_buyers(purchases, as_of_day)
    pool = _pool(buyers, POOL)
    bought = purchases.pairs()
    parts = []
    for start in range(0, users.size, _USERS_AT_ONCE):
        part = users[start : start + _USERS_AT_ONCE]
        parts.append(_best_of_pool(part, pool, buyers, _lifts(part, pool, purchases, tastes), bought, n_best))
    nothing = np.array([], dtype=np.int64)
    chosen, products, ranks = (np.concatenate([nothing, *(part[k] for part in parts)]) for k in range(3))
    lifts = np.concatenate([np.array([], dtype=np.float64), *(part[3] for part in parts)])
    return _frame(chosen, products, ranks, buyers).assign(lift=lifts)


def _pool(buyers: IntArray, size: int) -> IntArray:
    top = np.argsort(-buyers, kind="stable")[:size]
    return top[buyers[top] > 0].astype(np.int64)


def _lifts(users: IntArray, pool: IntArray, purchases: Purchases, tastes: Tastes | None) -> FloatArray:
    """Return (n_users, n_pool): the user's lift for each product's category; 1 where there is none."""
    lifts = np.ones((users.size, pool.size))
    categories = purchases.catalogue.categories[pool]
    placed = categories != NO_CATEGORY
    if tastes is None or not placed.any():
        return lifts
    distinct, places = np.unique(categories[placed], return_inverse=True)
    lifts[:, placed] = tastes.lifts(users, distinct)[:, places]
    return lifts


def _best_of_pool(
    users: IntArray, pool: IntArray, buyers: IntArray, lifts: FloatArray, bought: Pairs, n_best: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return users, products, ranks and lifts of the best candidates that were not bought before."""
    everyone, products, lift = np.repeat(users, pool.size), np.tile(pool, users.size), lifts.ravel()
    new = ~bought.hold(everyone * buyers.size + products)
    everyone, products, lift = everyone[new], products[new], lift[new]
    rows, ranks = best_per_user(everyone, buyers[products] * lift**LIFT_EXPONENT, products, n_best)
    return everyone[rows], products[rows], ranks, lift[rows]


def _frame(users: IntArray, products: IntArray, ranks: IntArray, buyers: IntArray) -> pd.DataFrame:
    return pd.DataFrame({"user": users, "rank": ranks, "product": products, "buyers": buyers[products]})
