from __future__ import annotations

import re

import pandas as pd
import pytest

from reports.figures import budget_chart, calibration_chart, counts_chart, effects_chart, policies_chart, weekly_chart
from tests.reports.example_run import effects_report, plan_report, policies_frame, simulator_report
from tests.reports.page import Page

EVIL = '<script>alert("$x^2$ &")</script> 漢字 \x00'


def _weekly() -> pd.DataFrame:
    weekly = simulator_report().weekly
    return weekly[(weekly["model"] == "simulator") & (weekly["quantity"] == "revenue")]


def _charts() -> dict[str, str]:
    curve = plan_report().budget_curve
    assert curve is not None
    return {
        "effects": effects_chart(effects_report().effects, unit="USD", scale=1000).svg,
        "policies": policies_chart(policies_frame(), unit="USD", chosen="ppo", baselines=("do_nothing",)).svg,
        "weekly": weekly_chart(_weekly(), title="Revenue", level=0.9).svg,
        "calibration": calibration_chart(simulator_report().calibration, outcome="to come back", own="simulator").svg,
        "budget": budget_chart(curve, currency="USD", budget=500.0).svg,
        "counts": counts_chart({"care": 3, "held out": 1}, kinds={"care": "action", "held out": "holdout"}).svg,
    }


@pytest.fixture(scope="module")
def charts() -> dict[str, str]:
    return _charts()


def test_the_same_chart_gives_the_same_bytes(charts):
    assert _charts() == charts


def test_charts_take_every_colour_from_the_page(charts):
    own = {name: re.findall(r"(?:fill|stroke): ?(#[0-9a-f]{3,6})", svg) for name, svg in charts.items()}
    assert not any(own.values()), own


def test_charts_keep_their_words_as_text_and_describe_themselves(charts):
    assert "not identified" in Page(charts["effects"]).text
    assert "no estimate" in Page(charts["effects"]).text
    for svg in charts.values():
        assert Page(svg).faults == []
        (opening,) = Page(svg).named("svg")
        assert opening["role"] == "img"
        assert len(str(opening["aria-label"])) > 20


def test_charts_refer_to_nothing_outside_and_carry_no_style_of_their_own(charts):
    for svg in charts.values():
        assert not re.search(r"http|<style|<metadata|<script|<image|DOCTYPE", svg)


def test_estimated_assumed_and_not_identified_differ_without_colour():
    def drawn(verdict: str) -> str:
        frame = effects_report().effects.iloc[[1]].assign(verdict=verdict)
        return re.sub(r"var\(--\w+\)", "", effects_chart(frame, unit="USD").svg.replace(verdict, ""))

    assert len({drawn(verdict) for verdict in ("identified", "weak", "assumed", "not identified")}) == 4


def test_hostile_names_are_drawn_as_text():
    frame = effects_report().effects.iloc[[1]].assign(action=EVIL)
    page = Page(effects_chart(frame, unit=EVIL).svg)
    assert page.faults == []
    assert page.named("script") == []
    assert '<script>alert("$x^2$ &")' in page.text
    assert "\x00" not in page.text


def test_a_curve_without_a_bound_or_a_budget_is_drawn_too():
    curve = pd.DataFrame({"budget": [0.0], "value": [0.0]})
    assert "most possible" not in budget_chart(curve, currency="USD", budget=None).svg


def test_a_bound_is_drawn_where_the_eye_can_tell_it_from_what_was_found():
    curve = pd.DataFrame({"budget": [0.0, 10.0], "value": [0.0, 100.0], "bound": [0.0, 100.1]})
    assert "most possible" not in budget_chart(curve, currency="USD", budget=None).svg
    apart = curve.assign(bound=[0.0, 104.0])
    assert "most possible" in budget_chart(apart, currency="USD", budget=None).svg
