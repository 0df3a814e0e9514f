from __future__ import annotations

import pandas as pd

from reports.policies import acts_like
from reports.terminal import plan_text, policies_text
from tests.reports.example_run import empty_plan_report, plan_report, policies_frame


def test_the_policies_fit_a_terminal_best_first_with_the_chosen_one_marked():
    lines = policies_text(policies_frame(), "USD", chosen="uplift_greedy", baselines=("do_nothing",), weeks=13).split("\n")
    assert lines[0] == "Policies: value per user over 13 weeks, against doing nothing"
    assert lines[3].split() == ["uplift_greedy", "0.92", "(0.62", "to", "1.26)", "81%", "0.80", "chosen"]
    assert max(map(len, lines)) <= 80


def rows_of(**changed: tuple[float, float, float]) -> pd.DataFrame:
    """Return policies with their value, contacts and spend, some of them changed."""
    kinds = {"nothing": "do_nothing", "always mail": "fixed_action", "rule": "rfm_rule", "PPO": "ppo"}
    figures = {"nothing": (0.0, 0.0, 0.0), "always mail": (1.21, 2.5, 0.4), "rule": (0.7, 1.5, 0.2), "PPO": (0.9, 2.5, 0.4)}
    rows = [(name, kinds[name], *row) for name, row in {**figures, **changed}.items()]
    frame = pd.DataFrame(rows, columns=["name", "kind", "value", "contacts", "spend"])
    return frame.assign(low=frame["value"] - 0.5, high=frame["value"] + 0.5, retention=0.8)


def test_a_policy_that_does_what_one_action_does_is_said_to():
    frame = rows_of(PPO=(1.212, 2.5, 0.4))
    words = policies_text(frame, "USD", chosen="PPO", baselines=("always mail",), weeks=13)
    assert max(map(len, words.split("\n"))) <= 80
    assert "0.40 chosen, acts like always mail always mail 1.21" in " ".join(words.split())
    assert words.count("acts like") == 1
    assert acts_like(frame) == {"PPO": "always mail"}
    assert acts_like(rows_of(PPO=(1.21, 2.5, 0.41))) == {}
    assert acts_like(rows_of(rule=(0.0, 0.0, 0.0))) == {"rule": "nothing"}
    assert acts_like(frame.drop(columns="kind")) == {}


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
