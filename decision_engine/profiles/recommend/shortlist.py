"""The shortlist: a few products a user, what to buy again first, then something new, each with its reason in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decision_engine.profiles.interests import Tastes
from decision_engine.profiles.purchases import NO_CATEGORY, Catalogue, Purchases
from decision_engine.profiles.recommend.buy_again import buy_again
from decision_engine.profiles.recommend.popular import RECENT_DAYS, popular_unbought
from simulations.arrays import IntArray

_COLUMNS = ("user", "rank", "product", "kind", "reason")


def shortlist(purchases: Purchases, tastes: Tastes, as_of_day: int, *, n_again: int = 3, n_new: int = 2) -> pd.DataFrame:
    """Recommend to every user, also to those who never bought.

    Parameters
    ----------
    purchases : Purchases
        Of days before `as_of_day` only.
    n_again, n_new : int
        Most products to buy again, and most products never bought before.

    Returns
    -------
    DataFrame
        A row a user and product: user, rank (from 1), product (code), kind (`buy again` or `popular`), reason.
    """
    everyone = np.arange(purchases.n_users, dtype=np.int64)
    again = buy_again(purchases, as_of_day, n_again)
    new = popular_unbought(purchases, everyone, as_of_day, n_new, tastes)
    again_reasons = [
        _again_reason(*row) for row in zip(again["n_bought"], again["every_days"], again["last_days"], strict=True)
    ]
    new_reasons = _new_reasons(new, purchases.catalogue)
    frame = pd.concat(
        [
            again.assign(kind="buy again", reason=pd.Series(again_reasons, dtype="str")),
            new.assign(kind="popular", reason=pd.Series(new_reasons, dtype="str"), rank=new["rank"] + n_again),
        ],
        ignore_index=True,
    )
    frame = frame.sort_values(["user", "rank"], kind="stable", ignore_index=True)
    return frame.assign(rank=frame.groupby("user").cumcount() + 1)[list(_COLUMNS)]


def named(frame: pd.DataFrame, user_ids: np.ndarray, catalogue: Catalogue) -> pd.DataFrame:
    """Return a shortlist with ids and titles instead of codes: user_id, rank, product_id, title, kind, reason."""
    products: IntArray = frame["product"].to_numpy(dtype=np.int64)
    return pd.DataFrame(
        {
            "user_id": pd.Series(user_ids[frame["user"].to_numpy(dtype=np.int64)]).astype("str"),
            "rank": frame["rank"],
            "product_id": pd.Series(catalogue.product_ids[products]).astype("str"),
            "title": pd.Series(catalogue.titles[products]).astype("str"),
            "kind": frame["kind"].astype("str"),
            "reason": frame["reason"].astype("str"),
        }
    )


def _again_reason(n_bought: int, every_days: float, last_days: int) -> str:
    every, days = max(round(every_days), 1), "day" if last_days == 1 else "days"
    rhythm = "every day" if every == 1 else f"about every {every} days"
    return f"Bought on {n_bought} days, {rhythm}; last {last_days} {days} ago."


def _new_reasons(new: pd.DataFrame, catalogue: Catalogue) -> list[str]:
    categories = catalogue.categories[new["product"].to_numpy(dtype=np.int64)]
    reasons = []
    for buyers, lift, category in zip(new["buyers"], new["lift"], categories, strict=True):
        people = f"{buyers:,} user{'s' if buyers != 1 else ''} bought it in the last {RECENT_DAYS} days"
        liked = category != NO_CATEGORY and lift > 1.0
        reasons.append(f"{people}; buys more {catalogue.category_names[category]} than most." if liked else f"{people}.")
    return reasons
