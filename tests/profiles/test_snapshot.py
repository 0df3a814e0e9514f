from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decision_engine.profiles import profile_users
from simulations.randomness import stream
from tests.profiles.lives import NO_ITEMS, NO_PRODUCTS, leaving_customers, lines, panel_of, products_of

CATEGORIES = {f"p{k:02d}": f"c{k % 4}" for k in range(24)}
SETTINGS: dict[str, Any] = {"n_fitting_periods": 32, "horizon_weeks": 6, "margin_share": 0.25, "seed": 7}


def order_lines(panel, seed=2):
    """Each user buys three of the user's own six products on each order-day."""
    rng = stream(seed, "order lines")
    own = np.argsort(rng.random((panel.n_users, len(CATEGORIES))), axis=1)[:, :6]
    users, weeks = np.nonzero(panel.order_days)
    picks = own[users[:, None], np.argsort(rng.random((users.size, 6)), axis=1)[:, :3]]
    names = list(CATEGORIES)
    return lines([(int(u), 7 * int(w), names[p]) for u, w, row in zip(users, weeks, picks, strict=True) for p in row])


@pytest.fixture(scope="module")
def panel():
    return leaving_customers(n_users=300)


@pytest.fixture(scope="module")
def items(panel):
    return order_lines(panel)


@pytest.fixture(scope="module")
def profiles(panel, items):
    return profile_users(panel, items, products_of(CATEGORIES), **SETTINGS)


def test_every_user_has_one_row_in_the_order_of_the_panel(panel, profiles):
    assert profiles.users["user_id"].tolist() == panel.user_ids.tolist()
    assert profiles.users["p_no_return"].dropna().between(0, 1).all()
    assert profiles.as_of == date(2024, 11, 4)


def test_the_chance_is_missing_exactly_for_prospects(profiles):
    assert (profiles.users["p_no_return"].isna() == (profiles.users["life_stage"] == "prospect")).all()


def test_life_stages_add_up_to_all_users(profiles):
    assert profiles.segments["n_users"].sum() == len(profiles.users)
    assert profiles.segments["share"].sum() == pytest.approx(1.0)


def test_the_recommendation_is_the_first_of_the_shortlist(profiles):
    first = profiles.shortlists[profiles.shortlists["rank"] == 1].set_index("user_id")
    users = profiles.users.set_index("user_id")
    assert users.loc[first.index, "recommended_product_id"].tolist() == first["product_id"].tolist()
    assert users["recommendation"].notna().all()


def test_predictions_are_judged_on_weeks_after_the_fitting_weeks_and_then_fitted_on_all(profiles, panel):
    assert profiles.churn is not None
    assert min(profiles.churn.landmarks) == 32
    assert profiles.recommendation is not None
    assert profiles.recommendation.first_week == 33
    assert profiles.churn_model is not None
    assert profiles.churn_model.n_fitting_periods == panel.n_periods


def test_profiling_twice_gives_the_same_and_leaves_the_input_alone(panel, items, profiles):
    before = items.copy()
    again = pickle.loads(pickle.dumps(profile_users(panel, items, products_of(CATEGORIES), **SETTINGS)))
    pd.testing.assert_frame_equal(again.users, profiles.users)
    pd.testing.assert_frame_equal(again.shortlists, profiles.shortlists)
    pd.testing.assert_frame_equal(items, before)


def test_the_order_of_the_lines_does_not_matter(panel, items, profiles):
    shuffled = items.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(profile_users(panel, shuffled, products_of(CATEGORIES), **SETTINGS).users, profiles.users)


def test_a_refused_category_is_recommended_to_nobody(panel, items):
    profiles = profile_users(panel, items, products_of(CATEGORIES), **SETTINGS, never_recommend=["c1"])
    assert not profiles.shortlists["product_id"].map(CATEGORIES).eq("c1").any()
    assert profiles.users["favourite_categories"].str.contains("c1").any()


def test_without_order_lines_there_is_no_recommendation_and_the_notes_say_so(panel):
    profiles = profile_users(panel, NO_ITEMS, NO_PRODUCTS, **SETTINGS)
    assert "recommendation" not in profiles.users
    assert "favourite_categories" not in profiles.users
    assert profiles.shortlists.empty
    assert any("No order line names a product" in note for note in profiles.notes)
    assert profiles.churn is not None


def test_without_products_the_lines_alone_recommend(panel, items):
    profiles = profile_users(panel, items, NO_PRODUCTS, **SETTINGS)
    assert "favourite_categories" not in profiles.users
    assert profiles.users["recommendation"].isin(list(CATEGORIES)).all()
    assert any("No product has a category" in note for note in profiles.notes)


def test_a_history_too_short_to_learn_from_still_has_profiles():
    profiles = profile_users(panel_of(np.ones((5, 4))), NO_ITEMS, NO_PRODUCTS, **{**SETTINGS, "n_fitting_periods": 3})
    assert "p_no_return" not in profiles.users
    assert profiles.churn is None
    assert profiles.users["life_stage"].tolist() == ["new"] * 5
    assert "There is no chance not to return" in profiles.summary()
