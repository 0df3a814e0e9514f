from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from simulations.errors import HistoryError
from simulations.parametric import BgNbd, GammaGamma, ParetoNbd, RepeatHistory
from simulations.parametric.repeats import bought
from simulations.randomness import stream
from simulations.scenarios import tiny_panel

BG_NBD = BgNbd(r=0.2426, alpha=4.414, a=0.793, b=2.426)
PARETO_NBD = ParetoNbd(r=0.553, alpha=10.58, s=0.606, beta=11.67)
# The deviance at the truth is chi-square with as many degrees of freedom as parameters: 1 test in 10,000 exceeds this.
FOUR_PARAMETERS_BY_CHANCE = float(stats.chi2.ppf(0.9999, 4))


@pytest.fixture(scope="module")
def cdnow(shared_data):
    return pd.read_csv(shared_data / "cdnow" / "cdnow_customers_summary_with_transactions.csv")


@pytest.fixture(scope="module")
def cdnow_history(cdnow):
    return RepeatHistory.of(frequency=cdnow["x"], last_age=cdnow["t_x"], age=cdnow["T"])


def one_user(frequency, last_age, age, times=1):
    return RepeatHistory.of(frequency=[frequency] * times, last_age=[last_age] * times, age=[age] * times)


def generated(model, n_users=4000):
    """Live through 39 weeks purchase by purchase, as the paper tells the story, with none of our formulas."""
    rng = stream(11, "generated")
    ages = rng.uniform(20.0, 39.0, n_users)
    frequency, last_age = np.zeros(n_users), np.zeros(n_users)
    for i, age in enumerate(ages):
        rate = rng.gamma(model.r) / model.alpha
        drop_out = rng.beta(model.a, model.b) if isinstance(model, BgNbd) else 0.0
        gone_at = rng.exponential() / (rng.gamma(model.s) / model.beta) if isinstance(model, ParetoNbd) else math.inf
        now = rng.exponential() / rate
        while now < min(age, gone_at):
            frequency[i], last_age[i] = frequency[i] + 1, now
            if rng.random() < drop_out:
                break
            now += rng.exponential() / rate
    return RepeatHistory.of(frequency=frequency, last_age=last_age, age=ages)


def bg_nbd_log_likelihood(model, history):
    """Equation 6 of Fader, Hardie and Lee (2005), as printed."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, t_x, age = history.frequency, history.last_age, history.age
    active = special.beta(a, b + x) / special.beta(a, b) * (alpha + age) ** -(r + x)
    gone = np.where(x > 0, special.beta(a + 1, b + np.maximum(x, 1) - 1) / special.beta(a, b) * (alpha + t_x) ** -(r + x), 0.0)
    return float(np.sum(special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) + np.log(active + gone)))


def pareto_nbd_parts(model, x, t_x, age):
    """Return the likelihood's two parts, by adaptive integration over the moment of leaving."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    scale = special.poch(r, x) * alpha**r * beta**s
    integral = integrate.quad(lambda u: (alpha + u) ** -(r + x) * (beta + u) ** -(s + 1), t_x, age, epsabs=0.0, epsrel=1e-11)[0]
    return scale * (alpha + age) ** -(r + x) * (beta + age) ** -s, scale * s * integral


def test_bg_nbd_reproduces_the_cdnow_parameters(cdnow_history):
    """Fader, Hardie and Lee (2005), Marketing Science 24(2), table 2: r, alpha, a, b, log-likelihood."""
    fit = BgNbd.fit(cdnow_history)
    assert [fit.r, fit.alpha, fit.a, fit.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_pareto_nbd_reproduces_the_cdnow_parameters(cdnow_history):
    """The same table: r, alpha, s, beta, log-likelihood."""
    fit = ParetoNbd.fit(cdnow_history)
    assert [fit.r, fit.alpha, fit.s, fit.beta] == pytest.approx([0.553, 10.578, 0.606, 11.669], abs=2e-3)
    assert fit.log_likelihood == pytest.approx(-9595.0, abs=0.05)


def test_gamma_gamma_reproduces_the_cdnow_parameters(cdnow):
    """Fader and Hardie (2013), The Gamma-Gamma model of monetary value: p, q, gamma."""
    fit = GammaGamma.fit(cdnow["x"].to_numpy(), cdnow["zbar"].to_numpy())
    assert [fit.p, fit.q, fit.v] == pytest.approx([6.25, 3.74, 15.45], abs=1e-2)


def test_bg_nbd_expects_what_is_published_for_one_cdnow_customer():
    """Fader, Hardie and Lee (2005), Implementing the BG/NBD model in Excel: 1.226 purchases in the next 39 weeks."""
    assert BG_NBD.expected(one_user(2, 30.43, 38.86), 39)[0] == pytest.approx(1.226, abs=1e-3)


@pytest.mark.parametrize("truth", [BG_NBD, PARETO_NBD], ids=["BG/NBD", "Pareto/NBD"])
def test_a_fit_on_generated_customers_is_as_likely_as_the_truth_and_not_much_likelier(truth):
    history = generated(truth)
    fit = type(truth).fit(history)
    if isinstance(truth, BgNbd):
        at_truth = bg_nbd_log_likelihood(truth, history)
    else:
        rows = zip(history.frequency, history.last_age, history.age, strict=True)
        at_truth = sum(math.log(sum(pareto_nbd_parts(truth, *row))) for row in rows)
    assert 0.0 <= 2.0 * (fit.log_likelihood - at_truth) <= FOUR_PARAMETERS_BY_CHANCE


@pytest.mark.parametrize("model", [BgNbd, ParetoNbd])
def test_the_unit_of_time_moves_neither_the_shapes_nor_the_likelihood_but_by_its_jacobian(model):
    weeks = generated(BG_NBD, n_users=800)
    days = RepeatHistory.of(frequency=weeks.frequency, last_age=7 * weeks.last_age, age=7 * weeks.age)
    in_weeks, in_days = model.fit(weeks), model.fit(days)
    assert in_days.alpha == pytest.approx(7 * in_weeks.alpha, rel=1e-3)
    assert in_days.r == pytest.approx(in_weeks.r, rel=1e-3)
    jacobian = weeks.frequency.sum() * math.log(7)
    assert in_days.log_likelihood == pytest.approx(in_weeks.log_likelihood - jacobian, abs=1e-3)


def test_the_bg_nbd_likelihood_is_the_published_one():
    history = generated(BG_NBD, n_users=500)
    fit = BgNbd.fit(history)
    assert fit.log_likelihood == pytest.approx(bg_nbd_log_likelihood(fit, history), rel=1e-9)


@given(
    r=st.floats(0.05, 20.0),
    alpha=st.floats(0.05, 200.0),
    s=st.floats(0.05, 5.0),
    beta=st.floats(0.05, 200.0),
    x=st.integers(0, 60),
    share=st.floats(0.0, 0.99),
    age=st.floats(1.0, 100.0),
)
def test_the_chance_that_a_pareto_nbd_customer_is_active_is_the_integral_done_slowly(r, alpha, s, beta, x, share, age):
    model = ParetoNbd(r=r, alpha=alpha, s=s, beta=beta)
    last_age = share * age if x else 0.0
    # relative to the density at t_x, so that the slow integral neither overflows nor vanishes
    log_active = -(r + x) * math.log((alpha + age) / (alpha + last_age)) - s * math.log((beta + age) / (beta + last_age))

    def density(z):
        u = (min(alpha, beta) + last_age) * math.exp(z) - min(alpha, beta)
        fall = -(r + x) * math.log((alpha + u) / (alpha + last_age)) - (s + 1) * math.log((beta + u) / (beta + last_age))
        return math.exp(fall) * (min(alpha, beta) + u) / (beta + last_age)

    width = math.log((min(alpha, beta) + age) / (min(alpha, beta) + last_age))
    gone = s * integrate.quad(density, 0.0, width, epsabs=0.0, epsrel=1e-10, limit=500)[0]
    slowly = math.exp(log_active) / (math.exp(log_active) + gone)
    assert model.alive(one_user(x, last_age, age))[0] == pytest.approx(slowly, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("a", [0.3, 0.793, 1.0, 1.0 + 1e-9, 2.5])
@pytest.mark.parametrize("x", [0, 1, 7, 60])
def test_bg_nbd_expectation_is_the_integral_over_the_drop_out_chance(a, x):
    """E of (1 - (1 + p t / (alpha + T))^-(r + x)) / p over p ~ Beta(a, b + x), which needs no hypergeometric function."""
    model = replace(BG_NBD, a=a)
    history = one_user(x, 30.0 if x else 0.0, 38.0)
    time, shape = 52.0 / (model.alpha + 38.0), model.r + x

    def integrand(p):
        p = max(p, 1e-300)
        return -math.expm1(-shape * math.log1p(p * time)) / p * (1.0 - p) ** (model.b + x - 1.0)

    slowly = integrate.quad(integrand, 0.0, 1.0, weight="alg", wvar=(a - 1.0, 0.0), epsrel=1e-10)[0]
    slowly *= model.alive(history)[0] / special.beta(a, model.b + x)
    assert model.expected(history, 52.0)[0] == pytest.approx(slowly, rel=1e-7)


@pytest.mark.parametrize("model", [BG_NBD, PARETO_NBD, replace(PARETO_NBD, s=1.0)], ids=["BG/NBD", "Pareto/NBD", "s = 1"])
def test_futures_drawn_agree_with_the_expectation_in_every_period(model):
    """100,000 twins of one customer, 12 weeks: each z score beyond 4.5 has odds of 7 in a million."""
    history = one_user(4, 30.0, 38.0, times=100_000)
    futures = model.draw(history, 12, stream(3, "futures"))
    until = [model.expected(history.take(np.array([0])), week)[0] for week in range(13)]
    z = (futures.mean(axis=0) - np.diff(until)) / (futures.std(axis=0) / math.sqrt(100_000))
    assert np.abs(z).max() < 4.5


def test_futures_are_the_same_for_the_same_seed_and_leave_the_history_alone():
    history = one_user(4, 30.0, 38.0, times=5)
    before = history.frequency.copy()
    assert (BG_NBD.draw(history, 6, stream(1, "a")) == BG_NBD.draw(history, 6, stream(1, "a"))).all()
    assert (history.frequency == before).all()


@pytest.mark.parametrize("model", [BG_NBD, PARETO_NBD], ids=["BG/NBD", "Pareto/NBD"])
def test_the_longer_a_customer_is_silent_the_less_likely_to_be_active(model):
    silent = RepeatHistory.of(frequency=[5] * 4, last_age=[35.0, 25.0, 15.0, 5.0], age=[38.0] * 4)
    assert (np.diff(model.alive(silent)) < 0).all()


def test_a_frequent_buyer_of_ten_years_overflows_nothing():
    heavy = one_user(5000, 519.95, 520.0)
    for model in (BG_NBD, PARETO_NBD):
        assert 0.9 < model.alive(heavy)[0] <= 1.0
        assert model.expected(heavy, 13)[0] == pytest.approx(13 * 5000 / 524, rel=0.05)
    assert BG_NBD.alive(one_user(5000, 100.0, 520.0))[0] == pytest.approx(0.0, abs=1e-100)


def test_without_a_repeat_purchase_nobody_has_dropped_out():
    assert BG_NBD.alive(one_user(0, 0.0, 38.0)).tolist() == [1.0]


def test_customers_who_all_keep_buying_can_be_fitted():
    rng = stream(5, "steady")
    history = RepeatHistory.of(frequency=rng.poisson(30.0, 300) + 1, last_age=np.full(300, 38.5), age=np.full(300, 39.0))
    for model in (BgNbd, ParetoNbd):
        fit = model.fit(history)
        assert fit.alive(history).min() > 0.99
        assert fit.expected(history, 39.0).mean() == pytest.approx(history.frequency.mean(), rel=0.05)


def test_gamma_gamma_recovers_the_values_of_generated_customers():
    """The deviance at the truth, three parameters; 1 seed in 10,000 exceeds it."""
    rng = stream(2, "values")
    n, p, q, v = rng.integers(1, 12, 3000), 6.25, 3.74, 15.4
    mean = rng.gamma(p * n) / (rng.gamma(q, size=3000) / v) / n
    fit = GammaGamma.fit(n.astype(np.float64), mean)

    def published(p, q, v):
        log = special.gammaln(p * n + q) - special.gammaln(p * n) - special.gammaln(q) + q * np.log(v)
        return float(np.sum(log + (p * n - 1) * np.log(mean) + p * n * np.log(n) - (p * n + q) * np.log(v + n * mean)))

    assert fit.log_likelihood == pytest.approx(published(fit.p, fit.q, fit.v), rel=1e-9)
    assert 0.0 <= 2 * (fit.log_likelihood - published(p, q, v)) <= stats.chi2.ppf(0.9999, 3)


def test_an_expected_value_lies_between_the_customers_own_mean_and_everyones():
    model = GammaGamma(p=6.25, q=3.74, v=15.44)
    everyone = model.expected(np.array([0.0]), np.array([0.0]))[0]
    own = model.expected(np.array([1.0, 5.0, 500.0]), np.array([80.0, 80.0, 80.0]))
    assert everyone == pytest.approx(6.25 * 15.44 / 2.74)
    assert (np.diff([everyone, *own, 80.0]) > 0).all()


def test_drawn_amounts_are_on_average_what_is_expected_of_the_customer():
    """50,000 draws of two customers: the standard error is about 0.4 % of the mean; 3 % off is seven of them."""
    model = GammaGamma(p=6.25, q=3.744, v=15.444)
    n_purchases, mean_value = np.array([0.0, 4.0]), np.array([0.0, 60.0])
    drawn = np.stack(
        [
            model.draw(n_purchases, mean_value, np.array([[1, 2], [1, 0]]), stream(1, "amounts", draw)).ravel()
            for draw in range(50_000)
        ]
    )
    first, second = model.expected(n_purchases, mean_value)
    assert drawn.mean(axis=0) == pytest.approx([first, 2 * first, second, 0.0], rel=0.03)
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] > 0.3  # one customer's amounts share a rate


def test_gamma_gamma_says_when_there_is_nothing_to_learn_from():
    with pytest.raises(HistoryError, match="0 users have a purchase with a value above 0"):
        GammaGamma.fit(np.zeros(5), np.zeros(5))


def test_a_panels_order_days_are_spread_over_their_week():
    history = RepeatHistory.of_panel(tiny_panel().take(bought(tiny_panel())))
    assert history.frequency.tolist() == [2.0]
    assert history.last_age.tolist() == [3.5 - 0.25]
    assert history.age.tolist() == [4.0 - 0.25]


def test_a_panel_with_someone_who_never_bought_is_refused_in_words():
    with pytest.raises(HistoryError, match="1 users have no order-day"):
        RepeatHistory.of_panel(tiny_panel())


def test_an_impossible_history_is_refused_with_its_row():
    with pytest.raises(HistoryError, match=r"1 of 2 rows are impossible; first is row 1 with frequency 2, last_age 9, age 4"):
        RepeatHistory.of(frequency=[1, 2], last_age=[3.0, 9.0], age=[4.0, 4.0])
