from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reports.doubts import ORDER, Doubt
from reports.run import RunReport, render_run
from reports.terminal import doubts_text
from tests.reports.example_run import effects_report, experiment_report, full_report, plan_report, simulator_report
from tests.reports.page import Page


def kinds(report: RunReport) -> list[str]:
    return [doubt.kind for doubt in report.doubts]


def with_an_effect(low: float, high: float, *, verdict: str = "identified", action: str = "coupon_b") -> RunReport:
    effects = effects_report()
    rows = effects.effects[effects.effects["action"] == "coupon_b"].assign(low=low, high=high, verdict=verdict, action=action)
    return RunReport(title="x", plan=plan_report(), effects=replace(effects, effects=rows))


def test_an_identified_effect_whose_interval_holds_nothing_is_named_wherever_doubts_are_told():
    report = with_an_effect(-0.3, 1.9)
    said = "The effect of coupon_b is estimated, and may as well be nothing (-0.30 to 1.90 USD"
    assert said in Page(render_run(report)).text.replace("−", "-")
    assert any(said in doubt["words"] for doubt in (one.to_json() for one in report.doubts))
    assert said in " ".join(doubts_text([doubt.to_json() for doubt in report.doubts]).split())


@pytest.mark.parametrize(("low", "high"), [(0.2, 1.4), (-1.4, -0.2)])
def test_an_effect_on_one_side_of_nothing_is_not_doubted(low, high):
    assert "may be nothing" not in kinds(with_an_effect(low, high))


def with_figures(**figures: float | str) -> RunReport:
    report = with_an_effect(0.2, 1.4)
    assert report.effects is not None
    return replace(report, effects=replace(report.effects, effects=report.effects.effects.assign(**figures)))


def test_a_number_in_use_that_the_estimate_excludes_is_told():
    report = with_figures(estimate=0.8, used_estimate=2.5, used_low=2.1, used_high=2.9)
    (doubt,) = (one for one in report.doubts if one.kind == "other number")
    assert "estimated as 0.80" in doubt.words
    assert "reckon with 2.50 (2.10 to 2.90" in doubt.words
    assert "other number" not in kinds(with_figures(estimate=0.8, used_estimate=1.0, used_low=0.9, used_high=1.1))


def test_the_assumed_course_of_an_estimated_effect_is_told():
    report = with_figures(course="its course in time is assumed (4 weeks, 0.8 left each week)")
    (doubt,) = (one for one in report.doubts if one.kind == "assumed course")
    assert (
        doubt.words
        == "The size of coupon_b's effect is estimated, its course in time is assumed (4 weeks, 0.8 left each week)."
    )
    assert "assumed course" not in kinds(with_figures(course=""))


def test_an_effect_that_was_not_estimated_is_not_called_so():
    assert "may be nothing" not in kinds(with_an_effect(-1.0, 1.0, verdict="assumed"))


def test_doubts_stand_in_the_order_of_the_harm_they_do():
    report = replace(
        full_report(),
        effects=replace(effects_report(), effects=effects_report().effects.assign(low=-1.0, high=1.0)),
        experiment=experiment_report(alarm="900 got none where 490 were meant to."),
        simulator=replace(simulator_report(), beats_baselines=False),
        caveats=("A year of history holds each season once.", Doubt(kind="placeholders", words="Nobody vouched for costs.")),
    )
    found = kinds(report)
    assert found == sorted(found, key=ORDER.index)
    assert [kind for kind in dict.fromkeys(found) if kind not in {"not identified", "weak"}] == [
        "loss",
        "placeholders",
        "may be nothing",
        "assumed effects",
        "simulator",
        "sample ratio",
        "one witness",
        "unused effect",
        "assumed margin",
        "note",
    ]
    points = re.findall(r"<li>(.*?)</li>", render_run(report).split("What to doubt first</h2>")[1].split("</section>")[0])
    assert len(points) == len(found)
    assert points[0].startswith("<strong>The plan may lose money.</strong>")


def test_the_order_is_documented(checkout):
    section = (checkout / "docs/run.md").read_text().split("## `doubts`")[1]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    assert [kind for row in rows for kind in re.findall(r"`(.*?)`", row)] == list(ORDER)


def test_an_effect_of_an_action_that_the_plan_does_not_give_does_less_harm():
    assert kinds(with_an_effect(-0.3, 1.9, action="coupon_c"))[-2:] == ["unused effect", "assumed margin"]


def test_assumed_effects_that_carry_little_of_the_plan_do_less_harm():
    plan = plan_report()
    little = replace(plan, totals={**plan.totals, "share_assumed": {"effect": 0.2, "margin": 0.0}})
    assert kinds(RunReport(title="x", plan=little)) == ["loss", "some assumed effects"]


def test_a_terminal_tells_the_gravest_doubts_and_counts_the_others():
    told = [Doubt(kind="loss", words="It may lose. " * 12).to_json()] + [Doubt(kind="note", words="Minor.").to_json()] * 3
    lines = doubts_text(told).split("\n")
    assert lines[0] == "What to doubt first"
    assert lines[-1] == "(3 further doubts in the report)"
    assert max(map(len, lines)) <= 80
    assert doubts_text(told[1:]) == ""
