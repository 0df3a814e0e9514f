"""Two plans side by side: what cannot be compared is said first."""

from __future__ import annotations

import pytest

from decision_engine.planning.difference import compare_plans
from tests.planning.conftest import plan_of


def test_plans_of_one_campaign_are_compared_without_a_warning():
    difference = compare_plans(plan_of(), plan_of(budget=8.0))
    assert difference.warnings == ()
    assert difference.to_json()["settings"]["budget"] == [20.0, 8.0]
    assert "beware" not in difference.summary()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "autumn"}, "different campaigns, 'spring' and 'autumn'"),
        ({"currency": "EUR"}, "different currencies, USD and EUR: amounts are not compared"),
        ({"effect_horizon_weeks": 4}, "different times, 8 weeks and 4 weeks"),
        ({"horizon": "two weeks"}, "different times, 8 weeks and two weeks"),
    ],
)
def test_plans_of_different_kinds_are_said_to_be_before_anything_is_compared(change, words):
    difference = compare_plans(plan_of(), plan_of(seed=2, **change))
    lines = difference.summary().split("\n")
    assert lines[0].startswith("beware: the plans ")
    assert words in lines[0]
    assert words in difference.to_json()["warnings"][0]


def test_amounts_in_two_currencies_are_never_put_side_by_side():
    dollars, euros = plan_of(), plan_of(seed=2, currency="EUR", budget=11.0)
    difference = compare_plans(dollars, euros)
    assert not {"cost", "budget", "increment", "low", "high"} & {*difference.totals, *difference.settings}
    assert difference.settings["currency"] == ("USD", "EUR")
    assert "actions" in difference.totals
    assert f"{euros.cost:,.2f}" not in difference.summary()


def test_a_single_user_is_one_user():
    before = plan_of()
    after = plan_of(budget=before.cost - before.rows["cost"].min() / 2)
    said = compare_plans(before, after).summary()
    assert "1 users" not in said
