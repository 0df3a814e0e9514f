"""Judging recommendations: how often a list of k products holds one that is bought in the weeks after it was made.

Two questions, each with its own rival. *Anything*: the list may hold what the user buys anyway, and has to beat the shop's most
popular products and the user's own most bought ones. *Something new*: only products the user never bought before count, and the
rival is the shop's most popular of those. A hit says that the list is to the point, not that it sold anything.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pandas as pd

from decision_engine.profiles.interests import read_tastes
from decision_engine.profiles.purchases import Pairs, Purchases
from decision_engine.profiles.ranking import best_per_user
from decision_engine.profiles.recommend.buy_again import buy_again
from decision_engine.profiles.recommend.popular import most_popular, popular_unbought
from simulations.arrays import FloatArray, IntArray
from simulations.errors import HistoryError

ANYTHING, NEW = "anything", "something new"
MOST_POPULAR, MOST_POPULAR_NEW = "most popular", "most popular not bought yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListScore:
    """How one way to make lists of k products did.

    Attributes
    ----------
    question : str
        `anything` or `something new`.
    way : str
        How the list was made.
    hit_rate : float
        Share of users with at least one product of their list bought in the window; who got no list has no hit.
    precision : float
        Products bought, of k, mean over users.
    gain, gain_error : float
        Hit rate beyond that of the shop's most popular products, and the standard error of that over users.
    """

    question: str
    way: str
    hit_rate: float
    precision: float
    gain: float
    gain_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationJudgement:
    """Hit rates on weeks that no list was made from.

    Attributes
    ----------
    k : int
        Products a list.
    first_week, window_weeks : int
        The judged weeks: people's number of the first, and how many.
    n_users : int
        Users judged: those who bought both before the window and in it.
    """

    k: int
    first_week: int
    window_weeks: int
    n_users: int
    scores: tuple[ListScore, ...]

    def score(self, way: str) -> ListScore:
        """Return the score of one way; `KeyError` if there is none of that name."""
        for one in self.scores:
            if one.way == way:
                return one
        raise KeyError(way)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a way, a column per attribute."""
        return pd.DataFrame([asdict(one) for one in self.scores])

    def summary(self) -> str:
        """Say how the lists did, to be read aloud."""
        again, new = self.score("buy again"), self.score("favourites first")
        return (
            f"Top {self.k}, judged on {self.window_weeks} weeks from week {self.first_week} over {self.n_users:,} users: "
            f"buy again hits for {again.hit_rate:.1%} (the shop's most popular for {again.hit_rate - again.gain:.1%}), "
            f"something new, favourite categories first, for {new.hit_rate:.1%} (the shop's for {new.hit_rate - new.gain:.1%})."
        )


def judge_recommendations(
    purchases: Purchases, n_fitting_periods: int, n_periods: int, *, window_weeks: int = 4, k: int = 5
) -> RecommendationJudgement:
    """Make lists from the fitting weeks and count hits in the first weeks after them.

    Parameters
    ----------
    purchases : Purchases
        Of all weeks; lists see only those before `n_fitting_periods`.
    n_periods : int
        Weeks in the history; the window ends with them at the latest.

    Raises
    ------
    HistoryError
        If nobody bought both before the window and in it.
    """
    stop = min(n_fitting_periods + window_weeks, n_periods)
    as_of_day = 7 * n_fitting_periods
    known, window = purchases.between(0, as_of_day), purchases.between(as_of_day, 7 * stop)
    judged = np.intersect1d(known.users, window.users)
    if not judged.size:
        raise HistoryError(
            f"items: nobody bought both before week {n_fitting_periods + 1} and in weeks {n_fitting_periods + 1} to {stop}, "
            "so that recommendations cannot be judged; check time.last_fitting_period."
        )
    new = partial(popular_unbought, known, judged, as_of_day, k)
    lists = {
        (ANYTHING, MOST_POPULAR): most_popular(known, judged, as_of_day, k),
        (ANYTHING, "own most bought"): _own_most_bought(known, k),
        (ANYTHING, "buy again"): buy_again(known, as_of_day, k),
        (NEW, MOST_POPULAR_NEW): new(),
        (NEW, "favourites first"): new(read_tastes(known)),
    }
    bought = window.pairs()
    hits = {key: _hits(frame, bought, purchases, judged) for key, frame in lists.items()}
    rivals = {ANYTHING: hits[ANYTHING, MOST_POPULAR], NEW: hits[NEW, MOST_POPULAR_NEW]}
    return RecommendationJudgement(
        k=k,
        first_week=n_fitting_periods + 1,
        window_weeks=stop - n_fitting_periods,
        n_users=int(judged.size),
        scores=tuple(_score(question, way, count, rivals[question], k) for (question, way), count in hits.items()),
    )


def _own_most_bought(purchases: Purchases, k: int) -> pd.DataFrame:
    pairs = purchases.pairs()
    rows, ranks = best_per_user(pairs.users, pairs.counts.astype(np.float64), pairs.products, k)
    return pd.DataFrame({"user": pairs.users[rows], "rank": ranks, "product": pairs.products[rows]})


def _hits(frame: pd.DataFrame, bought: Pairs, purchases: Purchases, judged: IntArray) -> FloatArray:
    """Return (n_judged,): how many products of each judged user's list were bought in the window."""
    users, products = (frame[name].to_numpy(dtype=np.int64) for name in ("user", "product"))
    hit = bought.hold(users * purchases.catalogue.n_products + products)
    return np.bincount(users, weights=hit, minlength=purchases.n_users).astype(np.float64)[judged]


def _score(question: str, way: str, hits: FloatArray, rival: FloatArray, k: int) -> ListScore:
    gains = (hits > 0).astype(np.float64) - (rival > 0)
    return ListScore(
        question=question,
        way=way,
        hit_rate=float((hits > 0).mean()),
        precision=float(hits.mean()) / k,
        gain=float(gains.mean()),
        gain_error=float(gains.std(ddof=1)) / math.sqrt(gains.size) if gains.size > 1 else math.nan,
    )
