"""The simulator's card: every model beside the simulator, what can be reached, and the curves it is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reports.card import CardReport, card_text_table, render_card
from reports.card_figures import retention_chart
from tests.reports import example_run
from tests.reports.page import Page

NAN = float("nan")
ROWS = ("simulator", "BG/NBD", "bootstrap of users")
MARGINALS = (("gap", "weeks", "from one order to the next"), ("basket_value", "currency", "an order-day"))


def likeness(contacted: bool = True) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "model": ROWS,
            "ks_mean": [0.966, 0.928, 0.986],
            "ks_smallest": [0.918, 0.727, 0.974],
            "ks_smallest_of": ["basket_value", "gap", "gap"],
            "two_sample_auc": [0.61, 0.867, 0.488],
            "retention_error": [0.053, 0.056, 0.016],
            "cohort_weeks_within": [0.83, 0.33, 1.0],
            "transition_error": [0.045, 0.077, 0.02],
            "copied_share": [0.012, 0.01, NAN],
            "contacted_users": [1165, 1165, 1165],
            "contacted_ks_mean": [0.958, 0.917, 0.985],
            "contacted_ks_smallest": [0.914, 0.69, 0.961],
            "contacted_auc": [0.559, 0.808, NAN],
        }
    )
    if not contacted:
        frame[["contacted_ks_mean", "contacted_ks_smallest", "contacted_auc"]] = NAN
    return frame


def card_report(contacted: bool = True, bands: bool = True) -> CardReport:
    marginals = pd.DataFrame(
        [
            {
                "model": model, "marginal": name, "unit": unit, "description": words,
                "ks_complement": 0.9 + 0.01 * k, "contacted_ks_complement": 0.88 if contacted else NAN,
            }
            for k, model in enumerate(ROWS)
            for name, unit, words in MARGINALS
        ]
    )  # fmt: skip
    weeks = np.arange(1, 13)
    retention = pd.concat(
        [
            pd.DataFrame(
                {
                    "model": model, "cohort": cohort, "week": weeks, "n_users": n_users, "real": 0.55 + 0.01 * np.sin(weeks),
                    "simulated": 0.55, "standard_error": 0.01,
                }
            )
            for model in ROWS
            for cohort, n_users in (("all", 2448), ("weeks 1 to 13", 2283))
        ]
    )  # fmt: skip
    stages = ("active", "lapsing", "lapsed")
    transitions = pd.DataFrame(
        [
            {"model": model, "stage": one, "next": other, "real": 0.27, "simulated": 0.32}
            for model in ROWS for one in stages for other in stages
        ]
    )  # fmt: skip
    coverage = pd.DataFrame(
        {
            "model": ["simulator", "BG/NBD"], "coverage": [0.88, 0.53], "low": [0.8, 0.46], "high": [0.95, 0.6],
            "order_days_coverage": [0.9, 0.7], "active_users_coverage": [0.86, 0.2], "revenue_coverage": [0.88, 0.6],
        }
    )  # fmt: skip
    return CardReport(
        title="A <shop>: the simulator's card",
        subtitle="shop.yaml",
        judged=example_run.simulator_report(),
        likeness=likeness(contacted),
        n_models=2,
        marginals=marginals,
        retention=retention,
        transitions=transitions,
        step_weeks=4,
        smallest_cohort=300,
        contacted_weeks=6,
        not_simulated="category mix: a weekly panel does not know categories",
        features=("order-days", "revenue"),
        bands=coverage if bands else None,
        band_origins=(26, 35, 44) if bands else (),
        band_weeks=8,
        curves=pd.DataFrame(
            {
                "head": "Log-odds of an order in a week", "feature": "recency_weeks", "unit": "weeks",
                "low": [0.0, 1.0, 2.0], "high": [1.0, 2.0, NAN], "score": [0.3, 0.1, -0.4],
            }
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_card(card_report()))


def test_the_card_nests_and_its_names_are_distinct(page):
    assert page.faults == []
    assert len(page.names) == len(set(page.names))
    assert "A <shop>: the simulator's card" in page.text


def test_the_card_holds_the_simulator_beside_each_model_and_beside_real_weeks(page):
    for words in ("0.966", "0.727", "0.61", "BG/NBD", "bootstrap of users", "they say what real weeks reach"):
        assert words in page.text
    assert "at most 5.3%" in page.text
    assert "83% lie within two standard errors" in page.text
    assert "a weekly panel does not know categories" in page.text


def test_every_chart_says_what_it_shows(page):
    said = [str(svg["aria-label"]) for svg in page.named("svg")]
    assert any(words.startswith("Distributions, simulator: ") for words in said)
    assert any(words.startswith("Distributions after a contact, simulator: ") for words in said)
    assert any("First order in weeks 1 to 13, 2,283" in words for words in said)
    assert any(words.startswith("Log-odds of an order in a week by recency weeks, weeks: from +0.30") for words in said)


def test_what_was_not_judged_is_left_out():
    page = Page(render_card(card_report(contacted=False, bands=False)))
    assert page.faults == []
    assert "After a contact" not in page.text
    assert "Bands over several origins" not in page.text
    full = Page(render_card(card_report()))
    assert "80% to 95%" in full.text
    assert "26, 35 and 44" in full.text


def test_the_terminal_has_the_main_figures_within_eighty_columns():
    report = card_report()
    text = card_text_table("It misses by 3.41.", report.judged.scores, report.likeness, report.bands, 0.9)
    assert max(map(len, text.splitlines())) <= 80
    assert "It misses by 3.41." in text
    assert "0.966" in text
    assert "Weeks inside their 90% band" in text


def test_a_retention_chart_tells_its_largest_gap():
    curves = pd.DataFrame({"week": [1, 2], "real": [0.5, 0.6], "simulated": [0.5, 0.52], "standard_error": [0.01, 0.01]})
    assert retention_chart(curves, title="All").description.endswith("at most 8.0% apart.")
