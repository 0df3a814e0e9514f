"""Interests: the categories a user buys more of than the shop's users do.

A category's weight is its part in the divergence of the user's basket from the shop's (Kullback and Leibler, 1951, Annals of
Mathematical Statistics 22(1)): share × log(share / the shop's share). Milk is no favourite of someone who buys as much of it
as everyone, nor saffron of someone who bought it once: shares are shrunk towards the shop's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decision_engine.profiles.purchases import NO_CATEGORY, Purchases
from decision_engine.profiles.ranking import best_per_user
from simulations.arrays import FloatArray, IntArray

PRIOR_PURCHASES = 200.0  # so many purchases at the shop's shares are added to the user's own
FEWEST_PURCHASES = 3  # of a category, before it can be called a favourite


@dataclass(frozen=True, slots=True, kw_only=True)
class Tastes:
    """How often each user bought of each category, against what the shop's users buy; sorted by user and category.

    Attributes
    ----------
    users, categories, counts : (n,) int64 arrays
        A user, a category's code, and how many purchases (products and days) of it: at least 1.
    totals : (n_users,) float64 array
        A user's purchases over all categories.
    shop_shares : (n_categories,) float64 array
        Share of each category in all purchases.
    prior : float
        Purchases at the shop's shares that are added to every user's own.
    """

    users: IntArray
    categories: IntArray
    counts: IntArray
    totals: FloatArray
    shop_shares: FloatArray
    prior: float

    def shares(self) -> FloatArray:
        """Return (n,): the shrunken share of the category in the user's purchases."""
        return np.asarray(
            (self.counts + self.prior * self.shop_shares[self.categories]) / (self.totals[self.users] + self.prior)
        )

    def lifts(self, users: IntArray, categories: IntArray) -> FloatArray:
        """Return (len(users), len(categories)): shrunken share over the shop's share; 1 is like everyone.

        Parameters
        ----------
        users, categories : int64 arrays
            Users in ascending order; categories that somebody bought.
        """
        bought = np.zeros((users.size, categories.size))
        place = np.full(self.shop_shares.size, -1, dtype=np.int64)
        place[categories] = np.arange(categories.size)
        rows = np.searchsorted(users, self.users)
        wanted = (place[self.categories] >= 0) & (users[np.minimum(rows, users.size - 1)] == self.users)
        bought[rows[wanted], place[self.categories[wanted]]] = self.counts[wanted]
        expected = self.totals[users][:, None] * self.shop_shares[categories]
        prior = self.prior * self.shop_shares[categories]
        return np.asarray((bought + prior) / (expected + prior))


def read_tastes(purchases: Purchases, prior: float = PRIOR_PURCHASES) -> Tastes:
    """Count purchases by user and category; products without a category do not count."""
    categories = purchases.catalogue.categories[purchases.products]
    placed = categories != NO_CATEGORY
    n_categories = max(purchases.catalogue.n_categories, 1)
    keys, counts = np.unique(purchases.users[placed] * n_categories + categories[placed], return_counts=True)
    users, category = keys // n_categories, keys % n_categories
    of_shop = np.bincount(category, weights=counts, minlength=n_categories)
    return Tastes(
        users=users,
        categories=category,
        counts=counts.astype(np.int64),
        totals=np.bincount(users, weights=counts, minlength=purchases.n_users).astype(np.float64),
        shop_shares=of_shop / max(float(of_shop.sum()), 1.0),
        prior=prior,
    )


def favourite_categories(tastes: Tastes, n_favourites: int = 3) -> pd.DataFrame:
    """Return each user's favourite categories, the first first.

    Returns
    -------
    DataFrame
        A row a user and favourite: user, rank (from 1), category (code), n_bought, share (shrunken), lift (share over the
        shop's), weight. Only categories with a lift above 1 and a few purchases; who has none has no row.
    """
    share = tastes.shares()
    lift = share / tastes.shop_shares[tastes.categories]
    liked = np.flatnonzero((lift > 1.0) & (tastes.counts >= FEWEST_PURCHASES))
    weight = share[liked] * np.log(lift[liked])
    best, ranks = best_per_user(tastes.users[liked], weight, tastes.categories[liked], n_favourites)
    rows = liked[best]
    return pd.DataFrame(
        {
            "user": tastes.users[rows],
            "rank": ranks,
            "category": tastes.categories[rows],
            "n_bought": tastes.counts[rows],
            "share": share[rows],
            "lift": lift[rows],
            "weight": weight[best],
        }
    )


def category_labels(favourites: pd.DataFrame, purchases: Purchases) -> pd.Series:
    """Return (n_users,) text: each user's favourite categories, separated by `; `; missing where there is none."""
    names = purchases.catalogue.category_names[favourites["category"].to_numpy(dtype=np.int64)]
    joined = pd.Series(names, index=favourites["user"].to_numpy(), dtype=object).groupby(level=0, sort=True).agg("; ".join)
    return joined.reindex(range(purchases.n_users)).astype("str").reset_index(drop=True)
