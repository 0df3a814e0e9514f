"""How much a user's baskets vary is found, shrunk where little is known, and lived by the simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.behaviour import UserWeeks, fit_behaviour
from simulations.heterogeneity import Latents
from simulations.kernel import SPEND_SPREAD
from simulations.scenarios import draw_world
from simulations.spend_residuals import mean_among, mean_exponential
from simulations.spend_spread import spend_spread


def baskets(spreads, n_each, seed=1):
    """Return log residuals and whose they are: each user's are normal, with the user's own spread."""
    users = np.repeat(np.arange(spreads.size), n_each)
    return spreads[users] * np.random.default_rng(seed).normal(size=users.size), users


def test_steady_and_fickle_users_are_told_apart():
    """Forty baskets a user: the log of a spread is known to 0.11, so that over 600 users it correlates by about 0.95."""
    truth = np.exp(0.3 * np.random.default_rng(2).normal(size=600))
    residual, users = baskets(truth, 40)
    mean, sd, prior = spend_spread(residual, np.ones(users.size), users, np.ones(600))
    assert np.corrcoef(mean, np.log(truth))[0, 1] > 0.9
    assert prior == pytest.approx(0.3, abs=0.08)
    assert sd.max() < prior


def test_users_that_are_alike_are_not_told_apart_and_long_tails_do_not_look_like_differences():
    users = np.repeat(np.arange(600), 20)
    residual = np.random.default_rng(3).standard_t(3.0, users.size)
    mean, _, prior = spend_spread(residual, np.ones(users.size), users, np.ones(600))
    assert prior < 0.08
    assert np.abs(mean).max() < 0.15


def test_one_basket_says_little_and_none_says_nothing():
    """The one basket is the widest of 24,001, a normal score of 4.1: by itself it would put the log at 1.4."""
    residual, users = baskets(np.exp(0.3 * np.random.default_rng(2).normal(size=600)), 40)
    weights = np.ones(602)
    mean, sd, prior = spend_spread(np.append(residual, 9.0), np.ones(residual.size + 1), np.append(users, 600), weights)
    assert mean[601] == 0.0
    assert sd[601] == pytest.approx(prior)
    assert 0.0 < mean[600] < 0.7


def test_a_fickle_users_baskets_vary_more_and_bring_what_they_brought():
    """Two kinds of users, a spread of 0.5 and of 2 times the world's: the fit lives on with both, and with the same revenue."""
    world = draw_world(3)
    plain = world.simulator
    keys = world.simulate_history(2000, 2, seed=4, logging="none").panel.user_keys
    mean, sd = plain.fit.latents.moments(keys)
    kind = np.arange(keys.size) % 2
    mean[:, SPEND_SPREAD] = np.log(np.where(kind == 0, 0.5, 2.0))
    latents = Latents.of(keys, mean.astype(np.float64), sd.astype(np.float64), plain.fit.latents.prior_sd)
    moved = replace(world, simulator=replace(plain, fit=replace(plain.fit, latents=latents)))
    panel = moved.simulate_history(2000, 40, seed=4, logging="none").panel
    fitted = fit_behaviour(UserWeeks.of(panel), np.ones(panel.n_users))
    found = fitted.latents.moments(panel.user_keys)[0][:, SPEND_SPREAD]
    known = (panel.order_days > 0).sum(axis=1) >= 10
    place = np.searchsorted(np.sort(keys), panel.user_keys)
    fickle = kind[np.argsort(keys)][place] == 1
    assert np.median(found[known & fickle]) - np.median(found[known & ~fickle]) > np.log(2.0)


def test_the_mean_over_spreads_is_the_mean_over_users():
    tables = np.random.default_rng(1).normal(0.0, 0.6, (4, 65))
    tables.sort(axis=1)
    spreads = np.exp(0.25 * np.random.default_rng(2).normal(size=4000))
    brute = np.mean([mean_exponential(spread * tables) for spread in spreads], axis=0)
    assert mean_among(tables, 0.25) == pytest.approx(brute, rel=0.01)
    assert mean_among(tables, 0.0) == pytest.approx(mean_exponential(tables))
