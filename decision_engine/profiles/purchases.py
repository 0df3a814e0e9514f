"""Purchases: order lines as whole numbers, one row a user, product and business day.

Names are looked up once, here; everything after works on codes. A line that returns goods, or whose product is not named, is
no purchase. Two lines of one product on one business day count once, as orders do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulations.arrays import BoolArray, IntArray
from simulations.panel import WeeklyPanel

NO_CATEGORY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The products that order lines name, by code.

    Attributes
    ----------
    product_ids, titles : (n_products,) arrays of str
        What has no title is called by its id.
    categories : (n_products,) int64 array
        Index into `category_names`; `NO_CATEGORY` where none is known.
    category_names : (n_categories,) array of str
    """

    product_ids: NDArray[np.object_]
    titles: NDArray[np.object_]
    categories: IntArray
    category_names: NDArray[np.object_]

    @property
    def n_products(self) -> int:
        """Number of products."""
        return int(self.product_ids.size)

    @property
    def n_categories(self) -> int:
        """Number of categories."""
        return int(self.category_names.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """Who bought what on which day; rows sorted by user, product, day, each once.

    Attributes
    ----------
    users : (n,) int64 array
        Row of the user in the panel.
    products : (n,) int64 array
        Code in the catalogue.
    days : (n,) int64 array
        Business day, counted from the calendar's first.
    """

    users: IntArray
    products: IntArray
    days: IntArray
    n_users: int
    catalogue: Catalogue

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.users.size)

    def between(self, first_day: int, stop_day: int) -> Purchases:
        """Return the purchases of days [first_day, stop_day)."""
        return self._keep((self.days >= first_day) & (self.days < stop_day))

    def of_users(self, chosen: BoolArray) -> Purchases:
        """Return the purchases of some users; rows and codes keep their meaning."""
        return self._keep(chosen[self.users])

    def without_categories(self, names: Collection[str]) -> Purchases:
        """Return the purchases of products of all other categories."""
        named = np.isin(self.catalogue.category_names.astype(str), [str(name) for name in names])
        refused = np.append(named, False)[self.catalogue.categories]  # the last is for products of no category
        return self._keep(~refused[self.products])

    def pairs(self) -> Pairs:
        """Return how often and when each user bought each product."""
        keys = self.users * self.catalogue.n_products + self.products
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        ends = np.append(starts[1:], keys.size) - 1 if starts.size else starts
        return Pairs(
            users=self.users[starts],
            products=self.products[starts],
            counts=ends - starts + 1,
            first_days=self.days[starts],
            last_days=self.days[ends],
            keys=keys[starts],
        )

    def _keep(self, rows: BoolArray) -> Purchases:
        return replace(self, users=self.users[rows], products=self.products[rows], days=self.days[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A user and a product bought at least once: on how many days, the first and the last; sorted by `keys`."""

    users: IntArray
    products: IntArray
    counts: IntArray
    first_days: IntArray
    last_days: IntArray
    keys: IntArray  # user * n_products + product

    def hold(self, keys: IntArray) -> BoolArray:
        """Return which of some keys are among these pairs.

        Examples
        --------
        >>> nothing = np.array([], dtype=np.int64)
        >>> pairs = Pairs(
        ...     users=nothing, products=nothing, counts=nothing, first_days=nothing, last_days=nothing, keys=np.array([3, 7])
        ... )
        >>> pairs.hold(np.array([7, 8])).tolist()
        [True, False]
        """
        if not self.keys.size:
            return np.zeros(keys.shape, dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.keys, keys), self.keys.size - 1)
        return np.asarray(self.keys[places] == keys)


def read_purchases(items: pd.DataFrame, products: pd.DataFrame, panel: WeeklyPanel) -> Purchases:
    """Turn canonical order lines into purchases inside the panel's weeks.

    Parameters
    ----------
    items : DataFrame
        user_id, ordered_at, revenue; product_id and quantity where known.
    products : DataFrame
        product_id; title and category where known. May have no row.
    """
    if "product_id" not in items:  # lines that name no product count as orders and are no purchases of anything
        items = items.iloc[:0].assign(product_id=pd.Series(dtype="str"))
    user_codes, user_ids = pd.factorize(items["user_id"])
    users = pd.Index(panel.user_ids.astype(str)).get_indexer(pd.Index(user_ids).astype(str))[user_codes]
    codes, product_ids = _sorted_codes(items["product_id"])
    days = panel.calendar.business_days(items["ordered_at"])
    wanted = (codes >= 0) & (users >= 0) & (items["revenue"] >= 0).to_numpy(dtype=bool)
    if "quantity" in items:
        wanted &= (items["quantity"].isna() | (items["quantity"] > 0)).to_numpy(dtype=bool)
    n_days = 7 * panel.n_periods
    inside = wanted & (days >= 0) & (days < n_days)
    keys = (users[inside] * len(product_ids) + codes[inside]) * n_days + days[inside]
    keys = np.sort(keys.astype(np.int64))  # then unlike neighbours: several times faster than `np.unique`
    keys = keys[np.diff(keys, prepend=-1) > 0]
    pairs = keys // n_days
    return Purchases(
        users=pairs // max(len(product_ids), 1),
        products=pairs % max(len(product_ids), 1),
        days=keys % n_days,
        n_users=panel.n_users,
        catalogue=_catalogue(product_ids, products),
    )


def _sorted_codes(ids: pd.Series) -> tuple[IntArray, pd.Index]:
    """Return each row's code, -1 where the id is missing, and the ids in ascending order: the order of rows moves no code."""
    codes, found = pd.factorize(ids)
    names = pd.Index(found).astype(str)
    order = np.argsort(names.to_numpy(dtype=object), kind="stable")
    place = np.empty(order.size + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(order.size), -1
    return place[codes], names[order]


def _catalogue(product_ids: pd.Index, products: pd.DataFrame) -> Catalogue:
    known = products.assign(product_id=products["product_id"].astype(str)).drop_duplicates("product_id").set_index("product_id")
    known = known.reindex(product_ids)
    names = pd.Series(product_ids, index=product_ids)
    titles = known["title"].astype(object).fillna(names) if "title" in known else names
    kinds = known["category"] if "category" in known else pd.Series(np.nan, index=product_ids, dtype=object)
    categories, category_names = pd.factorize(kinds.astype(object), sort=True)
    return Catalogue(
        product_ids=product_ids.to_numpy(dtype=object),
        titles=titles.to_numpy(dtype=object),
        categories=categories.astype(np.int64),
        category_names=np.asarray(category_names, dtype=object),
    )
