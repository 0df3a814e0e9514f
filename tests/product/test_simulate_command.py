"""`decision-engine simulate`: lives under policies, in the world as it was or one that somebody assumes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from decision_engine.config.load import load_config
from decision_engine.scenario import Scenario
from decision_engine.scenario_words import read_action, read_change, read_promotion, read_season
from simulations.errors import InputError
from simulations.outlook import Span
from tests.product.command_line import Answer, decision_engine
from tests.product.conftest import Copy, Done
from tests.product.generated_shop import QUICK, Shop, write_shop


def simulate(done: Done, *options: object) -> Answer:
    return decision_engine("simulate", done.shop.configuration, "-w", done.workspace, *options)


def _totals(document: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {row["name"]: row["totals"] for row in document["policies"]}


@pytest.mark.slow
def test_a_simulation_after_a_run_fits_nothing_again_and_writes_its_weeks(whole: Done, copy: Copy, tmp_path: Path) -> None:
    done = copy(whole)
    out = tmp_path / "weeks.parquet"
    answer = simulate(done, "--policy", "Always winback_coupon", "--users", 200, "--weeks", 5, "--out", out, "--json")
    document = answer.document
    assert "fit       done" in answer.err
    assert [row["name"] for row in document["policies"]] == ["do nothing", "always winback_coupon"]
    assert (document["users"], document["weeks"], document["assumed"]) == (200, 5, [])
    nothing, always = document["policies"]
    assert (nothing["value"], nothing["contacts"]) == (0.0, 0.0)
    assert always["low"] <= always["value"] <= always["high"]
    weeks = pd.read_parquet(out)
    assert (weeks["low"] <= weeks["mean"]).all()
    assert (weeks["mean"] <= weeks["high"]).all()
    assert set(weeks["week"]) == {1, 2, 3, 4, 5}
    assert weeks[weeks["quantity"] == "revenue"].groupby("policy")["mean"].sum().to_dict() == pytest.approx(
        {name: totals["revenue"] for name, totals in _totals(document).items()}
    )
    text = simulate(done, "--policy", "always winback_coupon", "--users", 200, "--weeks", 5)
    assert "200 users, 5 weeks from the end of the history" in text.out
    assert max(len(line) for line in text.out.splitlines()[:-1]) <= 80


@pytest.mark.slow
def test_a_scenario_moves_what_it_says_and_is_told_as_an_assumption(whole: Done, copy: Copy) -> None:
    done = copy(whole)
    options = ("--policy", "always winback_coupon", "--weeks", 6, "--json")
    usual = _totals(simulate(done, *options).document)["do nothing"]

    season = simulate(done, *options, "--season", "+50%").document
    assert _totals(season)["do nothing"]["order_days"] > 1.1 * usual["order_days"]
    assert season["assumed"] == ["the odds to buy in a week are +50.0%, in all simulated weeks"]

    dearer = _totals(simulate(done, *options, "--prices", "+10%", "--elasticity", 0).document)["do nothing"]
    assert dearer["order_days"] == usual["order_days"]
    assert dearer["revenue"] == pytest.approx(1.1 * usual["revenue"])
    share = load_config(done.shop.configuration).margin_share
    assert dearer["margin"] == pytest.approx((share + 0.1) * usual["revenue"], rel=1e-6)

    grown = simulate(done, *options, "--newcomers", "20").document
    assert 60 < grown["newcomers"] < 180
    assert _totals(grown)["do nothing"]["order_days"] > usual["order_days"] + grown["newcomers"]
    assert grown["assumed"] == ["new users arrive, about 20 a week, and are like those who came lately"]

    poorer = simulate(done, *options, "--budget", "-90%").document
    assert poorer["policies"][1]["spend"] < simulate(done, *options).document["policies"][1]["spend"]
    assert "the weekly budget is" in poorer["assumed"][0]


@pytest.mark.slow
def test_more_users_than_there_are_bring_as_much_more(whole: Done, copy: Copy) -> None:
    done = copy(whole)
    one = simulate(done, "--policy", "do nothing", "--weeks", 4, "--json").document
    three = simulate(done, "--policy", "do nothing", "--weeks", 4, "--users", 3 * one["users"], "--json").document
    assert three["users"] == 3 * one["users"]
    assert _totals(three)["do nothing"]["order_days"] == pytest.approx(3 * _totals(one)["do nothing"]["order_days"], rel=0.1)


@pytest.mark.slow
def test_a_new_action_is_fitted_and_can_be_lived_under(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", *QUICK)
    answer = decision_engine(
        "simulate", shop.configuration, "-w", tmp_path / "workspace", "--weeks", 4, "--json", "--without", "bargain_coupon",
        "--new-action", "sms: cost 0.01, lift 0.8, sd 0.1, weeks 2", "--policy", "always sms",
    )  # fmt: skip
    document = answer.document
    assert document["policies"][1]["contacts"] > 0.0
    assert document["policies"][1]["order_days"] > document["policies"][0]["order_days"]
    assert any(words.startswith("sms is new: 0.01 EUR a contact") for words in document["assumed"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "always gold"), "there is no such policy; there are do nothing"),
        (("--prices", "5"), "a change with its sign and a percent sign is wanted, such as +5%"),
        (("--season", "-100%"), "more than everything cannot be taken away"),
        (("--budget", "much"), "--budget much: a change"),
        (("--without", "gold"), "--without gold: the actions are"),
        (("--new-action", "sms"), "wanted is a name and what it is thought to do"),
        (("--new-action", "sms: lift 0.1"), "cost is missing"),
        (("--new-action", "sms: cost dear, lift 0.1"), "cost:"),
        (("--new-action", "sms: cost 1, lift 0.1, colour red"), "'colour red' is none of"),
        (("--new-action", "loyalty_gift: cost 1, lift 0.1"), "an action of that name is there already"),
        (("--new-action", "sms: cost -1, lift 0.1"), "cost:"),
        (("--policy", "always bargain_coupon", "--without", "bargain_coupon"), "there is no such policy"),
        (("--prices", "+5000%"), "more than ten times as much is no scenario"),
        (("--elasticity", "nan"), "wanted is a number from -20 to 0"),
        (("--elasticity", "1"), "wanted is a number from -20 to 0"),
        (("--tickets", "50"), "a change with its sign and a percent sign is wanted"),
        (("--newcomers", "many"), "wanted is 'as before', a change such as +50%, or a number a week such as 120"),
        (("--newcomers", "-100%"), "more than everything cannot be taken away"),
        (("--season", "+20% in winter"), "a change with its sign and a percent sign is wanted"),
        (("--season", "+20% in weeks 9-3"), "weeks 9 to 3 are none"),
        (("--season", "+20% in weeks 0-3"), "counted from 1"),
        (("--season", "+20% in weeks 4-9", "--weeks", "8"), "only 8 weeks are simulated"),
        (("--promotion", "weeks 2-3"), "wanted are weeks and what they bring"),
        (("--promotion", "weeks 2-3: joy +5%"), "'joy +5%' is neither odds nor baskets"),
        (("--promotion", "weeks 2-3: odds +5%, odds +6%"), "or is said twice"),
        (("--promotion", "weeks 2-3: "), "nothing is changed"),
        (("--promotion", "weeks 2-3: odds 5"), "a change with its sign"),
        (("--trend", "up"), "--trend up: a change"),
        (("--drift", "-0.1"), "wanted is the size of a week's step"),
        (("--drift", "nan"), "wanted is the size of a week's step"),
        (("--users", "0"), "--users"),
        (("--weeks", "1000"), "--weeks"),
    ],
)
def test_what_cannot_be_simulated_is_one_message_before_anything_is_read(
    shop: Shop, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    answer = decision_engine("simulate", shop.configuration, "-w", tmp_path / "workspace", *options)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "workspace").exists()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return write_shop(tmp_path_factory.mktemp("simulated") / "shop", *QUICK)


def test_a_policy_that_would_learn_nothing_names_its_line(shop: Shop, tmp_path: Path) -> None:
    answer = decision_engine("simulate", shop.configuration, "-w", tmp_path / "workspace", "--policy", "ppo")
    assert answer.code == 2
    assert re.search(r"shop.*line \d+.*ppo_steps.* is 0, so that PPO learns nothing", answer.err), answer.err


def test_prices_below_the_cost_of_goods_are_refused(tmp_path: Path) -> None:
    from simulations.scenarios import draw_world

    with pytest.raises(InputError, match="nothing of it would be left"):
        Scenario(prices=-0.9).of_simulator(draw_world(1).simulator)


def test_changes_and_actions_are_read_as_people_write_them() -> None:
    assert (read_change("--season", "+12.5 %"), read_change("--season", "-5%")) == (0.125, -0.05)
    action = read_action("sms:cost 0.05,lift 0.1 , weeks 3, kind care, channel phone")
    assert (action.name, action.kind, action.channel, action.cost) == ("sms", "care", "phone", 0.05)
    assert action.response is not None
    assert (action.response.purchase_lift.mean, action.response.duration_weeks) == (0.1, 3)
    assert Scenario(budget="80").budget_of(100.0) == 80.0
    assert Scenario(budget="-30%").budget_of(100.0) == pytest.approx(70.0)
    assert read_season("+20%") == 0.2
    assert read_season("+20% in week 4") == Span(first=3, last=3, buying=math.log1p(0.2))
    assert read_promotion("weeks 3 to 4: odds +20%, baskets -5%") == Span(
        first=2, last=3, buying=math.log1p(0.2), spending=math.log1p(-0.05)
    )


def test_what_a_scenario_assumes_is_told_in_the_growth_teams_words() -> None:
    scenario = Scenario(
        spans=(read_promotion("weeks 3-4: odds +20%, baskets -5%"), read_promotion("week 7: odds -10%")),
        trend=0.005,
        drift=0.05,
    )
    assert scenario.sentences(100.0, "EUR") == [
        "in weeks 3 to 4 the odds to buy are +20.0% and an order-day's value is -5.0%",
        "in week 7 the odds to buy are -10.0%",
        "the odds to buy are +0.5% from one week to the next",
        "what each action does walks about, by steps of 0.05 in log-odds a week",
    ]
