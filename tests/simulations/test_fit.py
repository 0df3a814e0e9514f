"""Fitting: heads, latents, hazard and ensemble find the world that wrote the history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.behaviour import PURCHASE_DIRECTIONS, UserWeeks, fit_behaviour
from simulations.contact import ContactRules
from simulations.ensemble import SimulatorEnsemble
from simulations.features import N_FEATURES, column, observe
from simulations.heads import AdditiveHead, Binning, fit_head
from simulations.heterogeneity import alive_weeks
from simulations.kernel import find_bins
from simulations.response import ActionResponse, Quantity, ResponseSet, response_scale
from simulations.scenarios import draw_world, plain_behaviour
from simulations.simulated_history import WorldHistory
from simulations.spend_residuals import mean_exponential


@pytest.fixture(scope="module")
def history() -> WorldHistory:
    return draw_world(3).simulate_history(2000, 30, seed=8, logging="none")


@pytest.fixture(scope="module")
def ensemble(history) -> SimulatorEnsemble:
    panel = history.panel
    responses = ResponseSet(
        scale=response_scale(panel),
        responses=tuple(ActionResponse.uniform_shift(name, Quantity(mean=0.2, sd=0.1)) for name in panel.actions.names[1:]),
    )
    return SimulatorEnsemble.fit(panel, responses=responses, rules=ContactRules(), margin_share=0.3, members=3, seed=4)


def test_head_recovers_a_known_curve():
    """20,000 rows; a bin's standard error is about 0.08, so that 0.3 is beyond three of them for every bin."""
    rng = np.random.default_rng(1)
    observations = np.zeros((20_000, N_FEATURES), dtype=np.float32)
    observations[:, 0] = rng.integers(0, 10, 20_000)
    binning = Binning.even({"recency_weeks": list(range(10))})
    truth = AdditiveHead.from_curves(binning, -0.5, {"recency_weeks": lambda x: -0.2 * x}, "logit")
    bought = (rng.random(20_000) < truth.predict(observations)).astype(np.float64)
    head = fit_head(binning, binning.bins(observations), bought, family="binomial")
    values = observations[:10].copy()
    values[:, 0] = np.arange(10)
    log_odds = [np.log(p / (1 - p)) for p in (head.predict(values), truth.predict(values))]
    assert log_odds[0] == pytest.approx(log_odds[1], abs=0.3)


def test_nearly_certain_outcomes_are_fitted_too():
    """Full Newton steps run away here: chances close to one or to nothing, features that tell nearly the same, many rows."""
    rng, n = np.random.default_rng(1), 200_000
    silence, rate = np.minimum(rng.geometric(0.35, n) - 1, 40), rng.gamma(2.0, 0.3, n)
    features = {
        "recency_weeks": silence,
        "tenure_weeks": rng.integers(1, 40, n),
        "order_rate_13": rate * np.exp(-silence / 20),
        "order_rate_all": rate,
        "order_rate_4": rate * np.exp(-silence / 5),
        "gap_ratio": (silence + 1) * rate,
        "active_share": np.minimum(rate, 1.0),
    }
    observations = np.zeros((n, N_FEATURES), dtype=np.float32)
    for name, values in features.items():
        observations[:, column(name)] = values
    chances = np.clip(1.0 / (1.0 + np.exp(1.5 * silence * (0.2 + rate) - 9.0)), 1e-3, 1.0 - 1e-3)
    binning = Binning.fit(observations, list(features))
    head = fit_head(binning, binning.bins(observations), chances, family="binomial", directions={"gap_ratio": -1})
    predicted = head.predict(observations)
    assert predicted.mean() == pytest.approx(chances.mean(), abs=1e-3)
    assert predicted[silence == 0].mean() == pytest.approx(chances[silence == 0].mean(), abs=1e-3)


def test_a_head_without_a_row_of_any_weight_knows_nothing_and_does_not_fail():
    """A bootstrap may give no weight to the handful of people who came back."""
    observations = np.zeros((5, N_FEATURES), dtype=np.float32)
    observations[:, 0] = np.arange(5)
    binning = Binning.even({"recency_weeks": list(range(10))})
    head = fit_head(binning, binning.bins(observations), np.ones(5), family="binomial", trials=6.0, weights=np.zeros(5))
    assert head.predict(observations) == pytest.approx(np.full(5, 0.5), abs=1e-6)


def test_declared_directions_hold(history):
    fit = fit_behaviour(UserWeeks.of(history.panel), np.ones(history.panel.n_users))
    for name, direction in PURCHASE_DIRECTIONS.items():
        _, scores = fit.purchase.curve(name)
        assert (direction * np.diff(scores) >= -1e-4).all(), name


def test_bins_of_fit_and_kernel_are_the_same():
    """Even, crowded and few edges; values on edges, below all and above all."""
    rng = np.random.default_rng(2)
    observations = rng.exponential(3.0, (4000, 13)).astype(np.float32)
    observations[:, 4] = 0.9 + 0.001 * observations[:, 4]
    observations[:2000, 4] = 7.0 * rng.random(2000)
    observations[:, 5] = np.round(observations[:, 5])
    observations[:, 12] = rng.normal(0.0, 0.3, 4000)
    observations[:, 0] = 2.0
    names = ("recency_weeks", "basket_value", "order_rate_13", "order_rate_all", "satisfaction")
    binning = Binning.fit(observations[:3000], names)
    heads = plain_behaviour()
    empty = AdditiveHead.from_curves(binning, 0.0, {}, "logit")
    behaviour = replace(heads, purchase=empty, days=empty, spend=empty, alive=empty).compiled()
    for term, feature in enumerate(binning.features):
        edges = binning.edges[term][np.isfinite(binning.edges[term])]
        observations[3000 : 3000 + edges.size, feature] = edges
    observations[-2, :], observations[-1, :] = -1e9, 1e9
    found = np.zeros((len(observations), len(names)), dtype=np.int64)
    for row in range(len(observations)):
        find_bins(observations, row, behaviour, found[row])
    assert np.array_equal(found, binning.bins(observations))


def test_silence_makes_being_lost_likelier_and_a_purchase_disproves_it():
    chances = np.full((2, 6), 0.5)
    bought = np.array([[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1]], dtype=bool)
    known = np.ones((2, 6), dtype=bool)
    filtered, smoothed, after = alive_weeks(chances, bought, known, 0.05)
    assert (np.diff(filtered[0, 1:]) < 0).all()
    assert smoothed[1] == pytest.approx(1.0)
    # by hand: silent in five weeks, lost after week 0, 1, ... or never
    alive_paths = [0.95**k * 0.05 * 0.5**k for k in range(5)] + [0.95**5 * 0.5**5]
    assert after[0] == pytest.approx(0.95 * alive_paths[5] / sum(alive_paths))
    assert smoothed[0, 1] == pytest.approx(sum(alive_paths[1:]) / sum(alive_paths))


def test_fitted_world_repeats_the_history_it_was_fitted_on(history, ensemble):
    """Lived on for 8 weeks, the truth with what nobody sees of its users, who is gone included; its mean over 20 lives has a
    standard error near 0.7 %."""
    truth = draw_world(3).simulator
    true = [truth.rollout(replace(history.population, seed=100 + k), weeks=8) for k in range(20)]
    fitted = [ensemble.point.rollout(history.states, weeks=8, seed=100 + k) for k in range(20)]
    orders = [np.mean([lived.order_days.sum() for lived in lives]) for lives in (true, fitted)]
    assert orders[1] == pytest.approx(orders[0], rel=0.05)
    revenue = [np.mean([lived.revenue.sum() for lived in lives]) for lives in (true, fitted)]
    assert revenue[1] == pytest.approx(revenue[0], rel=0.07)


def test_residual_tables_keep_the_mean_of_spend(ensemble, history):
    assert mean_exponential(ensemble.point.fit.residuals) == pytest.approx(np.exp(0.45**2 / 2), rel=0.1)


def test_members_differ_and_the_point_fit_does_not_move(history, ensemble):
    seen = observe(history.states)
    chances = np.array([member.fit.purchase.predict(seen).mean() for member in ensemble.members])
    assert np.unique(chances).size == 3
    assert ensemble.point.fit.purchase.predict(seen).mean() == pytest.approx(chances.mean(), rel=0.05)
    shifts = {float(member.response.coefficients[1, 0]) for member in ensemble.members}
    assert len(shifts) == 3
    assert ensemble.point.response.coefficients[1, 0] == pytest.approx(0.2)


def test_other_responses_leave_the_heads(ensemble):
    stronger = ResponseSet(
        scale=ensemble.scale,
        responses=tuple(ActionResponse.uniform_shift(name, Quantity(mean=1.0)) for name in ensemble.actions.names[1:]),
    )
    swapped = ensemble.with_responses(stronger)
    assert swapped.members[0].fit is ensemble.members[0].fit
    assert swapped.members[0].response.coefficients[1, 0] == pytest.approx(1.0)


def test_an_ensemble_saved_and_loaded_is_the_same(ensemble, history, tmp_path):
    ensemble.save(tmp_path)
    loaded = SimulatorEnsemble.load(tmp_path)
    assert len(loaded.members) == 3
    for one, other in zip((ensemble.point, *ensemble.members), (loaded.point, *loaded.members), strict=True):
        first, second = (simulator.rollout(history.states, weeks=3, seed=1) for simulator in (one, other))
        assert np.array_equal(first.totals, second.totals)
    again = loaded.with_responses(loaded.responses)
    assert np.array_equal(again.members[1].response.coefficients, ensemble.members[1].response.coefficients)


def test_fit_sees_only_the_weeks_it_is_given(history):
    """A later week changed beyond recognition moves no fitted number."""
    panel = history.panel
    changed = panel.order_days.copy()
    changed[:, 20:] = 7
    fits = [
        fit_behaviour(UserWeeks.of(replace(panel, order_days=days).slice(20)), np.ones(panel.n_users))
        for days in (panel.order_days, changed)
    ]
    assert np.array_equal(fits[0].purchase.scores, fits[1].purchase.scores)
