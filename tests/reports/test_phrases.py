from __future__ import annotations

import pytest

from reports.phrases import (
    assumption_sentence,
    budget_sentence,
    capacity_sentences,
    decision_sentence,
    flattery_sentence,
)
from tests.reports.example_run import plan_report

PLAN = plan_report()


def _totals(**changes: object) -> dict[str, object]:
    return {**PLAN.totals, **changes}


def test_an_expected_loss_is_called_one():
    words = decision_sentence(_totals(increment=-12.5, low=-30.0, high=4.0), PLAN.settings)
    assert "should lose 12.50 USD" in words
    assert "−30.00 to 4.00" in words


@pytest.mark.parametrize(
    ("effect", "margin", "words"),
    [
        (
            0.0,
            0.0,
            "All of its effects are estimated from the history, their course in time is assumed; "
            "the margin, 25% of revenue, is known.",
        ),
        (1.0, 1.0, "All of its value rests on assumed effects; the margin, 25% of revenue, is an assumption too."),
        (
            0.996,
            0.0,
            "99.6% of its value rests on assumed effects, the rest on estimated ones; the margin, 25% of revenue, is known.",
        ),
    ],
)
def test_what_rests_on_assumptions_is_said_in_words(effect, margin, words):
    assert assumption_sentence(_totals(share_assumed={"effect": effect, "margin": margin}), PLAN.settings) == words


@pytest.mark.parametrize(
    ("budget", "price", "words"),
    [
        (None, 0.0, "No budget is set."),
        (500.0, 0.0, "the budget does not bind"),
        (256.0, 1.8, "one more USD of it would bring about 1.80 USD more"),
    ],
)
def test_a_budget_says_whether_it_binds(budget, price, words):
    assert words in budget_sentence(_totals(budget=budget, budget_price=price), PLAN.settings)


def test_capacities_name_what_one_more_place_would_bring():
    assert capacity_sentences(PLAN.totals, PLAN.settings) == [
        "coupon_b: 72 of 300 places used.",
        "recommendation: 71 of 71 places used; one more would bring about 0.42 USD.",
    ]


def test_no_flattery_is_told_of_where_all_members_chose():
    assert flattery_sentence(_totals(optimiser_increment=PLAN.totals["increment"]), PLAN.settings) == ""
