from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from reports.plan import plan_section
from reports.run import RunReport, render_run
from tests.reports.example_run import empty_plan_report, experiment_report, plan_report
from tests.reports.page import Page

HEADINGS = [
    "The decision",
    "What to doubt first",
    "The plan",
    "Effects of the actions",
    "Policies compared",
    "The simulator",
    "Profiles",
    "The experiment",
    "The data",
    "How this was made",
]
PARTS = [field.name for field in fields(RunReport) if field.name not in {"title", "subtitle", "caveats"}]
EVIL = "<img src=x onerror=alert(1)>\x00"


def _headings(markup: str) -> list[str]:
    return [re.sub(r"<[^>]*>", "", found) for found in re.findall(r"<h2[^>]*>(.*?)</h2>", markup)]


def test_a_full_report_tells_its_parts_in_order(full_page):
    assert _headings(full_page) == HEADINGS


def test_a_report_is_well_formed_and_names_nothing_twice(full_page):
    page = Page(full_page)
    assert page.faults == []
    assert len(page.names) == len(set(page.names))
    links = {str(link["href"]).removeprefix("#") for link in page.named("a")}
    assert links <= set(page.names)


def test_a_report_asks_the_network_for_nothing_and_runs_no_script(full_page):
    page = Page(full_page)
    assert not re.search(r"https?://|url\((?!#)|@import", full_page)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "form"}
    policies = [meta["content"] for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none'")


def test_every_table_has_a_caption_and_every_chart_a_description(full_page):
    page = Page(full_page)
    assert len(page.named("caption")) == len(page.named("table")) > 8
    assert all(chart["aria-label"] for chart in page.named("svg"))
    assert len(page.named("svg")) == 10
    assert len(page.named("h1")) == 1


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_stand_alone(full_report, part):
    page = Page(render_run(RunReport(title="One part", **{part: getattr(full_report, part)})))
    assert page.faults == []
    assert page.named("h2")


def test_group_sizes_that_do_not_fit_stand_above_everything_else(full_report):
    wrong = "Sample-ratio mismatch: 900 got none where 490 were meant to."
    page = render_run(replace(full_report, experiment=experiment_report(alarm=wrong)))
    assert _headings(page) == ["Before anything else", *HEADINGS]
    assert page.index(wrong) < page.index("The plan contacts")


def test_a_report_of_nothing_has_no_section():
    assert _headings(render_run(RunReport(title="Nothing yet"))) == []


def test_a_part_alone_brings_no_other(full_report):
    assert _headings(render_run(RunReport(title="Data", data=full_report.data))) == ["The data"]


def test_a_million_rows_make_no_larger_a_report(full_report):
    small = render_run(full_report)
    large = render_run(replace(full_report, plan=plan_report(200_000)))
    assert len(large.encode()) < min(3_000_000, 1.1 * len(small.encode()))


def test_hostile_texts_stay_texts(full_report):
    plan = full_report.plan
    plan = replace(plan, rows=plan.rows.assign(user_id=EVIL * 100), rows_file=EVIL)
    effects = replace(full_report.effects, effects=full_report.effects.effects.assign(reasons=EVIL, action=EVIL))
    report = replace(full_report, title=EVIL + "\ud800", subtitle=EVIL, plan=plan, effects=effects, caveats=(EVIL,))
    markup = render_run(report)
    page = Page(markup)
    assert page.faults == []
    assert page.named("img") == []
    assert markup.encode("utf-8")


def test_the_first_paragraph_says_what_was_decided(full_page):
    text = Page(full_page).text
    assert "The plan contacts 214 of 2,469 users, costs 256 USD and should bring 260 USD" in text
    assert "it loses money in 5 of 40 simulated worlds" in text
    assert "66% of its value rests on assumed effects" in text


def test_doubts_come_before_the_plan_and_begin_with_what_would_overturn_it(full_page):
    doubts = full_page[full_page.index("What to doubt first</h2>") : full_page.index("The plan</h2>")]
    points = re.findall(r"<li>(.*?)</li>", doubts)
    assert points[0].startswith("<strong>The plan may lose money.</strong>")
    witness = next(point for point in points if point.startswith("<strong>One witness only.</strong>"))
    assert "because no decision in the log carries a propensity" in witness
    assert any("Not identified." in point and "coupon_a" in point for point in points)
    assert points[-1] == "A year of history holds each season once."


def test_witnesses_who_contradict_each_other_are_said_to(full_report):
    witness = replace(full_report.witness, logged=-0.4, logged_low=-0.7, logged_high=-0.1)
    assert "The witnesses contradict each other." in render_run(RunReport(title="x", witness=witness))
    witness = replace(witness, logged=0.4, logged_low=0.1, logged_high=0.7)
    assert "Two witnesses agree." in render_run(RunReport(title="x", witness=witness))
    witness = replace(witness, logged_low=-0.1)
    assert "Only one witness is sure." in render_run(RunReport(title="x", witness=witness))


def test_the_audience_adds_up_on_the_page(full_page):
    audience = re.search(r"Audience</th><td[^>]*>([\d,]+)", full_page)
    assert audience is not None
    assert audience[1] == "2,469"


def test_an_audience_that_does_not_add_up_is_refused():
    plan = plan_report()
    broken = replace(plan, totals={**plan.totals, "holdout": 3})
    with pytest.raises(ValueError, match="everybody belongs in exactly one place"):
        plan_section(broken)


def test_a_plan_that_contacts_nobody_says_so_and_why(full_report):
    report = replace(full_report, plan=empty_plan_report())
    text = Page(render_run(report)).text
    assert "The plan contacts nobody of 100 users." in text
    assert "Expected increment" not in text


def test_what_simulators_reckon_with_is_marked_by_its_own_source(full_report):
    frame = full_report.effects.effects.iloc[:2].assign(used_estimate=0.5, used_low=0.1, used_high=0.9)
    by_verdict = render_run(RunReport(title="x", effects=replace(full_report.effects, effects=frame)))
    assert by_verdict.count("500 (100 to 900)</span> <span") == 1  # coupon_a is not identified, so that its figure is assumed
    told = replace(full_report.effects, effects=frame.assign(used_source="assumed"))
    assert render_run(RunReport(title="x", effects=told)).count("500 (100 to 900)</span> <span") == 2


def test_churn_is_not_called_better_within_its_error(full_report):
    profiles = full_report.profiles
    unsure = replace(profiles, churn=replace(profiles.churn, brier_gain_error=0.05))
    assert "not better beyond its error" in render_run(RunReport(title="x", profiles=unsure))
    assert "not better" not in render_run(RunReport(title="x", profiles=profiles))


def test_a_row_without_reasons_has_words_of_its_own(full_report):
    plan = full_report.plan
    bare = replace(plan, rows=plan.rows.assign(reasons=[()] * len(plan.rows)))
    text = Page(render_run(RunReport(title="x", plan=bare))).text
    assert text.count("nothing unusual: chosen by its expected increment") == 20


def test_a_caption_explains_the_marks_that_are_drawn_and_no_others(full_report):
    effects = full_report.effects
    caption = "Effects: circle, solid line: identified; open diamond, dashed: assumed."
    shown = effects.effects[effects.effects["verdict"].isin(["identified", "assumed"])]
    assert caption in Page(render_run(RunReport(title="x", effects=replace(effects, effects=shown)))).text
    assert "cross, dotted: not identified" in Page(render_run(RunReport(title="x", effects=effects))).text


def test_a_mark_never_stands_beside_a_missing_number_and_may_stand_below_its_own(full_report):
    effects = full_report.effects
    rows = effects.effects[effects.effects["action"] == "recommendation"].assign(estimate_orders=float("nan"))
    page = render_run(RunReport(title="x", effects=replace(effects, effects=rows)))
    assert "–</span> <span" not in page
    assert '<td class="right marked"' in page
    assert "td.marked { white-space: normal; }" in page


def test_settings_read_as_people_write_numbers(full_report):
    making = replace(full_report.making, settings={"budget": 100000.0, "interval level": 0.9, "weeks": 8})
    text = Page(render_run(RunReport(title="x", making=making))).text
    assert "budget 100,000 interval level 0.9 weeks 8" in text
