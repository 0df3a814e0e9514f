from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.profiles.interests import category_labels, favourite_categories, read_tastes
from decision_engine.profiles.purchases import read_purchases
from decision_engine.profiles.ranking import best_per_user
from decision_engine.profiles.recommend.buy_again import buy_again
from decision_engine.profiles.recommend.judge import judge_recommendations
from decision_engine.profiles.recommend.popular import most_popular, popular_unbought
from decision_engine.profiles.recommend.shortlist import named, shortlist
from simulations.errors import HistoryError
from simulations.randomness import stream
from tests.profiles.lives import lines, panel_of, products_of

CATEGORIES = {"milk": "dairy", "butter": "dairy", "cheese": "dairy", "bread": "bakery", "bun": "bakery", "saffron": "spices"}


def shop(rows, n_users=3, n_periods=12, categories=CATEGORIES):
    return read_purchases(lines(rows), products_of(categories), panel_of(np.ones((n_users, n_periods))))


def ids(purchases, codes):
    return purchases.catalogue.product_ids[np.asarray(codes)].tolist()


def test_lines_of_one_product_and_day_count_once_and_what_is_no_purchase_not_at_all():
    frame = lines(
        [(0, 1, "milk"), (0, 1, "milk"), (0, 2, "milk"), (1, 1, "milk"), (1, 3, "bread"), (2, 1, "bun"), (2, 99, "bun")]
    )
    frame.loc[3, "revenue"] = -2.0
    frame.loc[4, "quantity"] = 0.0
    frame.loc[5, "product_id"] = None
    purchases = read_purchases(frame, products_of(CATEGORIES), panel_of(np.ones((3, 12))))
    assert purchases.users.tolist() == [0, 0]
    assert purchases.days.tolist() == [1, 2]


def test_a_business_day_begins_when_the_calendar_says():
    panel = panel_of(np.ones((1, 2)))
    late = lines([(0, 1, "milk")]).assign(ordered_at=pd.Timestamp("2024-01-02 02:00"))
    assert read_purchases(late, products_of(CATEGORIES), panel).days.tolist() == [1]
    calendar = type(panel.calendar)(first_day=panel.calendar.first_day, n_periods=2, business_day_starts_at=5)
    early = type(panel)(**{name: getattr(panel, name) for name in panel.__slots__ if name != "calendar"}, calendar=calendar)
    assert read_purchases(late, products_of(CATEGORIES), early).days.tolist() == [0]


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.sampled_from(list(CATEGORIES))), min_size=1, max_size=40)
)
def test_pairs_agree_with_counting_one_by_one(rows):
    purchases = shop(rows)
    pairs = purchases.pairs()
    found = {
        (user, ids(purchases, [product])[0]): (count, first, last)
        for user, product, count, first, last in zip(
            pairs.users.tolist(), pairs.products.tolist(), pairs.counts, pairs.first_days, pairs.last_days, strict=True
        )
    }
    expected = {}
    for user, product in {(user, product) for user, _, product in rows}:
        days = {day for one, day, what in rows if (one, what) == (user, product)}
        expected[user, product] = (len(days), min(days), max(days))
    assert found == expected


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 5)), max_size=30),
    n_best=st.integers(1, 4),
)
def test_the_best_of_each_user_are_those_of_a_plain_sort(rows, n_best):
    users, scores, items = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.array([], dtype=int),) * 3
    best, ranks = best_per_user(users, scores.astype(float), items, n_best)
    expected = []
    for user in sorted(set(users.tolist())):
        own = sorted((row for row in rows if row[0] == user), key=lambda row: (-row[1], row[2]))
        expected += [(*row, rank) for rank, row in enumerate(own[:n_best], start=1)]
    found = [(*rows[row], rank) for row, rank in zip(best.tolist(), ranks.tolist(), strict=True)]
    assert found == expected


def test_what_is_bought_every_week_is_recommended_before_what_was_bought_twice():
    purchases = shop([(0, day, "milk") for day in range(0, 84, 7)] + [(0, 3, "bread"), (0, 60, "bread"), (0, 5, "saffron")])
    again = buy_again(purchases, 84)
    assert ids(purchases, again["product"]) == ["milk", "bread"]
    assert again["every_days"].tolist() == [7.0, 57.0]
    assert again["last_days"].tolist() == [7, 24]
    assert again["due_in_days"].tolist() == [0.0, 33.0]
    assert 0.3 < again["chance"].iloc[0] < 0.7


def test_the_chance_to_buy_again_is_right_where_buyers_are_poisson():
    """400 users buy five products at gamma rates; about 100 bin members each, so shares are within 0.06 (three errors)."""
    rng = stream(5, "poisson buyers")
    rates = rng.gamma(2.0, 0.02, (400, 5))
    bought = rng.random((400, 5, 182)) < rates[:, :, None]
    rows = [(int(u), int(d), list(CATEGORIES)[p]) for u, p, d in zip(*np.nonzero(bought), strict=True)]
    purchases = shop(rows, n_users=400, n_periods=26)
    again = buy_again(purchases.between(0, 175), 175, n_best=5)
    window = purchases.between(175, 182).pairs()
    came = window.hold(again["user"].to_numpy() * purchases.catalogue.n_products + again["product"].to_numpy())
    for part in np.array_split(np.argsort(again["chance"].to_numpy()), 5):
        assert again["chance"].to_numpy()[part].mean() == pytest.approx(came[part].mean(), abs=0.06)


def test_a_favourite_is_what_one_buys_more_of_than_others_and_not_what_one_bought_once():
    rows = [(user, day, "milk") for user in range(3) for day in range(20)]
    rows += [(0, day, "bread") for day in range(10)] + [(1, 1, "saffron")]
    purchases = shop(rows)
    favourites = favourite_categories(read_tastes(purchases, prior=10.0))
    assert category_labels(favourites, purchases).fillna("").tolist() == ["bakery", "dairy", "dairy"]
    assert (favourites["lift"] > 1.0).all()


def test_lifts_of_users_and_categories_agree_with_their_favourites():
    rows = [(user, day, "milk") for user in range(3) for day in range(5)] + [(2, day, "bread") for day in range(10)]
    purchases = shop(rows)
    tastes = read_tastes(purchases, prior=10.0)
    table = tastes.lifts(np.arange(3), np.arange(purchases.catalogue.n_categories)[[0, 1]])
    favourites = favourite_categories(tastes)
    assert len(favourites)
    found = table[favourites["user"].to_numpy(), favourites["category"].to_numpy()]
    assert found.tolist() == pytest.approx(favourites["lift"].tolist())


def test_the_shop_recommends_what_most_bought_lately():
    rows = [(user, 80, "milk") for user in range(3)] + [(0, 80, "bread"), (1, 80, "bread"), (2, 80, "bun")]
    rows += [(user, 1, "saffron") for user in range(3)]
    purchases = shop(rows, n_periods=20)
    popular = most_popular(purchases, np.arange(3), 100, 2)
    assert ids(purchases, popular["product"]) == ["milk", "bread"] * 3
    assert popular["buyers"].tolist() == [3, 2] * 3


def test_something_new_was_never_bought_and_comes_from_a_favourite_category_where_popularity_is_equal():
    rows = [(0, day, "bread") for day in range(20)] + [(1, day, "milk") for day in range(20)]
    rows += [(user, 50, product) for user in (2, 3, 4) for product in ("bun", "butter", "cheese")]
    purchases = shop(rows, n_users=6)
    tastes = read_tastes(purchases, prior=5.0)
    new = popular_unbought(purchases, np.arange(6), 84, 2, tastes)
    first = {user: ids(purchases, part["product"]) for user, part in new.groupby("user")}
    assert first[0][0] == "bun"
    assert first[1][0] == "butter"
    assert set(first) == set(range(6)), "who never bought is recommended what is popular"
    bought = purchases.pairs()
    assert not bought.hold(new["user"].to_numpy() * purchases.catalogue.n_products + new["product"].to_numpy()).any()


def test_a_shortlist_names_reasons_and_numbers_its_ranks():
    rows = [(0, 0, "milk"), (0, 10, "milk"), (1, 80, "bread"), (2, 80, "bread")]
    purchases = shop(rows)
    frame = named(shortlist(purchases, read_tastes(purchases), 84), np.array(["u0", "u1", "u2"]), purchases.catalogue)
    own = frame[frame["user_id"] == "u0"]
    assert own["title"].tolist() == ["MILK", "BREAD"]
    assert own["kind"].tolist() == ["buy again", "popular"]
    assert own["rank"].tolist() == [1, 2]
    assert own["reason"].tolist() == [
        "Bought on 2 days, about every 10 days; last 74 days ago.",
        "2 users bought it in the last 91 days.",
    ]


def test_products_of_a_refused_category_are_left_out_and_others_keep_their_codes():
    purchases = shop([(0, 1, "milk"), (0, 2, "bread"), (1, 1, "plum")], categories=CATEGORIES)
    kept = purchases.without_categories(["dairy"])
    assert ids(kept, kept.products) == ["bread", "plum"]


def test_hits_are_counted_on_later_weeks_against_popularity():
    """Everyone repeats a product of their own weekly: buy again always hits, what is popular for one user in six."""
    names = list(CATEGORIES)
    rows = [(user, day, names[user]) for user in range(6) for day in range(0, 84, 7)]
    purchases = shop(rows, n_users=6)
    judgement = judge_recommendations(purchases, 8, 12, k=1)
    assert judgement.n_users == 6
    assert judgement.score("buy again").hit_rate == 1.0
    assert judgement.score("most popular").hit_rate == pytest.approx(1 / 6)
    assert judgement.score("buy again").gain == pytest.approx(5 / 6)
    assert judgement.score("favourites first").hit_rate == 0.0
    assert len(judgement.to_frame()) == 5
    assert "buy again hits for 100.0%" in judgement.summary()


def test_lists_never_see_the_judged_weeks():
    rows = [(0, day, "milk") for day in range(0, 56, 7)] + [(1, day, "bread") for day in range(0, 56, 7)]
    later = [(0, day, "bun") for day in range(56, 84)] + [(1, day, "bun") for day in range(56, 84)]
    judgement = judge_recommendations(shop(rows + later), 8, 12, k=3)
    assert all(score.hit_rate == 0.0 for score in judgement.scores)


def test_a_history_without_later_purchases_cannot_be_judged():
    with pytest.raises(HistoryError, match=r"nobody bought both before week 9 and in weeks 9 to 12"):
        judge_recommendations(shop([(0, 1, "milk")]), 8, 12)
