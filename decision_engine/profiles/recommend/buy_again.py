"""Buy again: what a user repeats, ranked by the chance to buy it within a week, and when it is due.

Repeats of a product are Poisson at a rate that is gamma distributed around the product's own; after k repeats in the days
since the first purchase the rate's mean is (k + a) / (days + b). That is the Poisson-Gamma model of Bhagat, Muthusamy,
Jagadeesh, Alam and Kumar (2018), Buy It Again: modeling repeat purchase recommendations, KDD. Their modified model, which
bends time so that the rate peaks one usual interval after the last purchase, found fewer products on the fitting weeks of the
Complete Journey; the interval therefore tells when a product is due, and does not move its chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from decision_engine.profiles.purchases import Purchases
from decision_engine.profiles.ranking import best_per_user
from simulations.arrays import FloatArray, IntArray

PRIOR_DAYS = 84.0  # b; a is b times the product's own rate, which so weighs as much as so many days of the user's
PRODUCT_PRIOR_DAYS = 365.0  # and the shop's rate as much as so many days of the product's buyers


def repeat_rate(repeats: FloatArray, days: FloatArray, product_rate: FloatArray, prior_days: float = PRIOR_DAYS) -> FloatArray:
    """Return the rate, a day, at which a user buys a product again.

    Parameters
    ----------
    repeats, days : (n,) arrays
        Purchases after the first, and days since the first.
    product_rate : (n,) array
        Repeats a day of the product's buyers, the mean of the prior.

    Examples
    --------
    >>> repeat_rate(np.array([9.0]), np.array([100.0]), np.array([0.05]), prior_days=100.0).tolist()
    [0.07]
    """
    return np.asarray((repeats + product_rate * prior_days) / (days + prior_days))


def buy_again(purchases: Purchases, as_of_day: int, n_best: int = 3) -> pd.DataFrame:
    """Return the products each user is likeliest to buy again in the week from `as_of_day`.

    Parameters
    ----------
    purchases : Purchases
        Of days before `as_of_day` only.

    Returns
    -------
    DataFrame
        A row a user and product: user, rank (from 1), product (code), chance (to buy it within seven days), n_bought,
        every_days (the user's mean interval), last_days (since the last), due_in_days (negative: overdue). Only products
        bought on two days or more.
    """
    pairs = purchases.pairs()
    repeats = (pairs.counts - 1).astype(np.float64)
    days = (as_of_day - pairs.first_days).astype(np.float64)
    of_product = _product_rates(pairs.products, repeats, days, purchases.catalogue.n_products)
    repeated = np.flatnonzero(repeats > 0)
    rate = repeat_rate(repeats[repeated], days[repeated], of_product[pairs.products[repeated]])
    best, ranks = best_per_user(pairs.users[repeated], rate, pairs.products[repeated], n_best)
    rows = repeated[best]
    every = (pairs.last_days - pairs.first_days)[rows] / repeats[rows]
    elapsed = as_of_day - pairs.last_days[rows]
    return pd.DataFrame(
        {
            "user": pairs.users[rows],
            "rank": ranks,
            "product": pairs.products[rows],
            "chance": -np.expm1(-7.0 * rate[best]),
            "n_bought": pairs.counts[rows],
            "every_days": every,
            "last_days": elapsed,
            "due_in_days": every - elapsed,
        }
    )


def _product_rates(products: IntArray, repeats: FloatArray, days: FloatArray, n_products: int) -> FloatArray:
    """Return the repeats a day of each product's buyers, shrunk towards the shop's."""
    of_product = np.bincount(products, weights=repeats, minlength=n_products)
    buyer_days = np.bincount(products, weights=days, minlength=n_products)
    of_shop = float(of_product.sum()) / max(float(buyer_days.sum()), 1.0)
    return np.asarray((of_product + PRODUCT_PRIOR_DAYS * of_shop) / (buyer_days + PRODUCT_PRIOR_DAYS))
