"""Measures of likeness by hand on a few users, and in a world whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.fidelity.copies import copied_share
from simulations.fidelity.life_stages import compare_transitions, transitions
from simulations.fidelity.likeness import BOOTSTRAP, REAL_AGAINST_REAL, likeness
from simulations.fidelity.marginals import MARGINALS, ks_complement
from simulations.fidelity.retention import cohort_weeks_within, compare_retention, largest_error, retention
from simulations.fidelity.stretch import Stretch
from simulations.fidelity.trajectory_features import FEATURES, trajectory_features
from simulations.fidelity.two_sample import two_sample_auc
from simulations.forecast import Future
from simulations.parametric.repeats import bought
from simulations.scenarios import draw_world

EARLIER = np.array([[1, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]])
DAYS = np.array([[0, 1, 2, 0, 0, 1], [0, 0, 0, 0, 0, 0], [0, 0, 3, 0, 1, 1]])
SIZES = {marginal.name: marginal for marginal in MARGINALS}
N_USERS, START, WEEKS = 1500, 30, 12


def stretch(contacted=()):
    bits = np.zeros(DAYS.shape, dtype=np.bool_)
    for user, week in contacted:
        bits[user, week] = True
    return Stretch(order_days=DAYS, revenue=10.0 * DAYS, contacted=bits, earlier=EARLIER)


@pytest.fixture(scope="module")
def known_world():
    """A world's panel to week 30, and a way to live its next 12 weeks under any luck, what nobody sees being what it is."""
    world = draw_world(3)
    history = world.simulate_history(N_USERS, START, 1)

    def live(seed, regularity=0.0):
        purchase = world.simulator.fit.purchase
        fit = replace(world.simulator.fit, purchase=replace(purchase, intercept=purchase.intercept + regularity))
        start = replace(history.population, seed=seed)
        events = replace(world.simulator, fit=fit).rollout(start, weeks=WEEKS, keep_weeks=True).events
        assert events is not None
        return Future(events.order_days, events.revenue)

    came = live(1)
    names = {name: getattr(history.panel, name) for name in history.panel.__slots__}
    longer = {
        "order_days": np.concatenate([history.panel.order_days, came.order_days], axis=1),
        "revenue": np.concatenate([history.panel.revenue, came.revenue], axis=1),
        "exposure_bits": np.pad(history.panel.exposure_bits, ((0, 0), (0, WEEKS))),
        "redemptions": np.pad(history.panel.redemptions, ((0, 0), (0, WEEKS))),
        "calendar": replace(history.panel.calendar, n_periods=START + WEEKS),
    }
    panel = type(history.panel)(**{**names, **longer})
    known = bought(history.panel)
    return panel.take(known), live, known


@pytest.fixture(scope="module")
def compared(known_world):
    panel, live, known = known_world

    def futures(regularity):
        for seed in range(2, 6):
            future = live(seed, regularity)
            yield Future(future.order_days[known], future.revenue[known])

    models = {"truth": lambda: futures(0.0), "too eager": lambda: futures(0.6)}
    return likeness(panel, models, start=START, seed=1)


def test_silence_reaches_back_into_the_weeks_before():
    assert stretch().silence().tolist() == [[3, 4, 0, 0, 1, 2, 0], [1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 0, 1, 0, 0]]


def test_weeks_after_the_first_contact_are_aligned_user_by_user():
    after = stretch([(0, 1), (0, 2), (2, 4)]).after_first_contact(3)
    assert after.order_days.tolist() == [[1, 2, 0]]  # the last user has two weeks left, the second no contact
    assert after.earlier.tolist() == [[0, 0, 0, 0]]
    assert after.contacted.tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("order_days", [4, 0, 5]),
        ("active_weeks", [3, 0, 3]),
        ("revenue", [40, 0, 50]),
        ("active_week_order_days", [1, 2, 1, 3, 1, 1]),
        ("active_week_revenue", [10, 20, 10, 30, 10, 10]),
        ("basket_value", [10] * 6),
        ("user_basket_value", [10, 10]),
        ("gap", [5, 1, 3, 2, 1]),
        ("longest_silence", [2, 6, 2]),
        ("buying_run", [2, 1, 1, 2]),
        ("recency_at_the_end", [0, 6, 0]),
        ("weeks_to_first_order", [1, 6, 2]),
        ("spend_concentration", [20 / 40, 30 / 50]),
        ("change_within", [1 - 3, 0, 2 - 3]),
        ("weeks_bought_after_contact", [2]),
        ("change_after_contact", [3 - 0]),
    ],
)
def test_a_marginal_is_what_its_words_say(name, values):
    assert SIZES[name].of(stretch([(0, 1)])).tolist() == pytest.approx(values)


def test_every_week_of_every_user_counts_where_none_is_included():
    assert sorted(SIZES["week_order_days"].of(stretch())) == sorted(DAYS.ravel())
    assert len(MARGINALS) >= 12


def test_the_complement_is_one_less_the_largest_gap_of_the_distribution_functions():
    values = np.arange(400) % 4
    assert ks_complement(values.astype(float), values[::-1].astype(float)) == 1.0
    assert ks_complement(np.zeros(100), np.ones(100)) == 0.0
    assert ks_complement(np.repeat([0.0, 1.0], [300, 100]), np.repeat([0.0, 1.0], [100, 300])) == 0.5
    assert np.isnan(ks_complement(np.zeros(99), np.ones(1000)))


def test_retention_counts_users_with_an_order_in_the_very_week():
    curve = retention(stretch())
    assert curve["cohort"].unique().tolist() == ["all"]  # nobody else is 300 strong
    assert curve["share"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 0, 1 / 3, 2 / 3])
    other = replace(stretch(), order_days=np.roll(DAYS, 1, axis=1))
    compared = compare_retention(stretch(), [other, stretch()])
    assert compared["simulated"].tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 2, 1 / 3, 1 / 6, 1 / 2])
    assert largest_error(compared) == pytest.approx(1 / 3)
    assert np.isnan(cohort_weeks_within(compared))


def test_cohorts_are_the_quarters_of_the_first_order():
    earlier = np.zeros((700, 30))
    earlier[:400, 12], earlier[400:, 13] = 1, 1
    days = np.repeat([[1, 0], [0, 1]], [400, 300], axis=0)
    real = Stretch(order_days=days, revenue=days, contacted=days > 9, earlier=earlier)
    curve = retention(real).set_index(["cohort", "week"])
    assert list(curve.loc[("weeks 1 to 13", 1), ["n_users", "share"]]) == [400, 1.0]
    assert list(curve.loc[("weeks 14 to 26", 1), ["n_users", "share"]]) == [300, 0.0]
    assert cohort_weeks_within(compare_retention(real, [real])) == 1.0


def test_users_move_between_stages_in_steps_of_four_weeks():
    earlier = np.zeros((3, 12))
    earlier[0, 11], earlier[1, 5], earlier[2, 0] = 1, 1, 1  # silent for 0, 6 and 11 weeks
    days = np.zeros((3, 8))
    days[1, 7] = 1
    moves = transitions(Stretch(order_days=days, revenue=days, contacted=days > 9, earlier=earlier))
    assert moves[0].tolist() == [0.0, 1.0, 0.0]  # after four silent weeks
    assert moves[1].tolist() == pytest.approx([1 / 4, 2 / 4, 1 / 4])  # of four user-steps that begin lapsing
    assert moves[2].tolist() == [0.0, 0.0, 1.0]
    frame = compare_transitions(stretch(), [stretch()])
    assert frame["real"].equals(frame["simulated"])


def test_features_are_numbers_by_hand_and_missing_where_there_is_nothing():
    first, silent, _ = trajectory_features(stretch())
    expected = [1 / 4, 3, 4, 3, 2, 1, 1, 1, 0, 2, 2, 2, 1, np.std([4, 0, 2], ddof=1), 40, 10, 20, 10, 0, 0.5]
    assert first.tolist() == pytest.approx(expected)
    assert len(FEATURES) == first.size
    assert silent[2] == 0
    assert np.isnan(silent[[7, 13, 15, 16, 17, 18, 19]]).all()


def test_a_world_cannot_be_told_from_itself_and_a_wrong_one_can(compared):
    """About 1,500 users a side: the standard error of the area is 0.011, and the mean of two is held to 0.54; distribution
    functions of equal worlds lie 0.03 apart on average, and 0.07 is one in a thousand."""
    truth, eager, real, floor = compared.scores
    assert [truth.model, eager.model, real.model, floor.model] == ["truth", "too eager", REAL_AGAINST_REAL, BOOTSTRAP]
    assert truth.two_sample_auc == pytest.approx(0.5, abs=0.04)
    assert truth.ks_mean > 0.96
    assert truth.ks_smallest > 0.93
    assert truth.retention_error < 0.05
    assert floor.two_sample_auc == pytest.approx(0.5, abs=0.04)
    assert floor.ks_mean > 0.96
    assert eager.two_sample_auc > truth.two_sample_auc + 0.04
    assert eager.ks_mean < truth.ks_mean - 0.02
    assert eager.retention_error > truth.retention_error + 0.03


def test_users_contacted_too_rarely_are_not_judged_after_a_contact(compared):
    assert all(score.contacted_users == 0 for score in compared.scores if score.model != REAL_AGAINST_REAL)
    assert np.isnan(compared.scores[0].contacted_ks_mean)
    assert np.isnan(compared.scores[0].contacted_auc)
    alone = compared.marginals.query("model == 'truth'").set_index("marginal")["ks_complement"]
    assert alone.index[alone.isna()].tolist() == ["weeks_bought_after_contact", "change_after_contact"]


def test_contacted_weeks_are_compared_where_there_are_enough_of_them(known_world):
    panel, live, known = known_world
    names = {name: getattr(panel, name) for name in panel.__slots__}
    bits = panel.exposure_bits.copy()
    bits[::3, START + 2] = 2
    contacted = type(panel)(**{**names, "exposure_bits": bits})
    future = live(2)
    (score, *_) = likeness(
        contacted,
        {"truth": lambda: iter([Future(future.order_days[known], future.revenue[known])])},
        start=START,
        seed=1,
    ).scores
    assert score.contacted_users == (panel.n_users + 2) // 3
    assert score.contacted_ks_mean > 0.93
    assert 0.4 < score.contacted_auc < 0.6


def test_a_life_that_the_fit_has_seen_is_told_from_a_new_one():
    """1,000 users a side of one process: 1 % are near by definition, and 3 % would be six standard errors more."""
    rng = np.random.default_rng(2)

    def lives():
        days = rng.poisson(0.9, (1000, 12))
        spent = days * rng.gamma(4.0, 6.0, days.shape)
        return Stretch(order_days=days, revenue=spent, contacted=days > 99, earlier=days[:, :0])

    seen, real, new = lives(), lives(), lives()
    assert copied_share(seen, real, new, seed=1) < 0.03
    assert copied_share(seen, real, seen, seed=1) == 1.0
    assert np.isnan(copied_share(seen, real, new.take(np.arange(50)), seed=1))


def test_a_row_more_or_less_of_the_same_users_is_told_by_their_owner():
    """A bootstrap of users puts copies of a user on one side of every fold, so that no copy gives itself away."""
    rng = np.random.default_rng(1)
    days = rng.poisson(0.7, (400, 12))
    real = Stretch(order_days=days, revenue=days * rng.gamma(4.0, 5.0, days.shape), contacted=days > 99, earlier=days[:, :6])
    drawn = rng.integers(0, 400, 400)
    assert two_sample_auc(real, real.take(drawn), seed=1, users=drawn) == pytest.approx(0.5, abs=0.06)
    assert np.isnan(two_sample_auc(real.take(np.arange(99)), real.take(np.arange(99)), seed=1))
