from __future__ import annotations

from reports.policies import acts_like
from reports.terminal import plan_text, policies_text
from tests.reports.example_run import empty_plan_report, plan_report, policies_frame


def test_the_policies_fit_a_terminal_best_first_with_the_chosen_one_marked():
    lines = policies_text(policies_frame(), "USD", chosen="uplift_greedy", baselines=("do_nothing",), weeks=13).split("\n")
    assert lines[0] == "Policies: value per user over 13 weeks, against doing nothing"
    assert lines[3].split() == ["uplift_greedy", "0.92", "(0.62", "to", "1.26)", "81%", "0.80", "chosen"]
    assert max(map(len, lines)) <= 80


def test_a_policy_that_does_what_one_action_does_is_said_to():
    frame = policies_frame().assign(kind=["do_nothing", "fixed_action", "fixed_action", *["other"] * 5])
    frame.loc[7, ["value", "low", "high", "contacts", "spend"]] = frame.loc[2, ["value", "low", "high", "contacts", "spend"]]
    frame.loc[7, "value"] += 0.001
    words = policies_text(frame, "USD", chosen="ppo", baselines=("coupon_b to all",), weeks=13)
    rows = {line.split()[0]: line for line in words.split("\n") if line}
    assert max(map(len, words.split("\n"))) <= 80
    assert " ".join(words.split()).count("acts like") == 1
    assert "chosen, acts" in rows["ppo"]
    assert acts_like(frame) == {"ppo": "coupon_b to all"}
    frame.loc[7, "spend"] += 0.01
    assert acts_like(frame) == {}
    assert acts_like(frame.drop(columns="kind")) == {}
    frame.loc[4, ["value", "contacts", "spend"]] = 0.0
    frame.loc[0, "contacts"] = 0.0
    assert acts_like(frame) == {"rfm_rule": "do_nothing"}


def test_a_plan_fits_a_terminal_and_is_plain_text():
    plan = plan_report()
    words = plan_text(plan.totals, plan.settings, plan.rows)
    assert max(map(len, words.split("\n"))) <= 80
    assert words.isascii()
    assert "(assumed)" in words
    assert "Held out for measurement: 244." in " ".join(words.split())


def test_a_plan_that_contacts_nobody_has_no_table():
    plan = empty_plan_report()
    words = plan_text(plan.totals, plan.settings, plan.rows)
    assert "contacts nobody of 100 users" in words
    assert "action  " not in words
