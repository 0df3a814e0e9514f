"""The page of a check: whole, small, without network, and silent about parts that a history does not have."""

from __future__ import annotations

import pandas as pd
import pytest

from reports import CheckReport, PropensityReport, render_check
from tests.reports.page import Page

SHARES = pd.DataFrame(
    {"action": ["coupon", "none"], "happened": [400.0, 600.0], "expected": [500.0, 500.0], "error": [15.8, 15.8],
     "p_value": [1e-9, 1e-9]}
)  # fmt: skip
BINS = pd.DataFrame(
    {"action": "coupon", "decisions": [500, 500], "predicted": [0.2, 0.8], "observed": [0.1, 0.8], "low": [0.15, 0.75],
     "high": [0.25, 0.85]}
)  # fmt: skip


def _report(**changes: object) -> CheckReport:
    bars = pd.DataFrame({"label": ["1", "2", "3+"], "count": [50, 20, 3]})
    parts: dict[str, object] = {
        "title": "Corner <shop>: the history before a run",
        "subtitle": "shop.yaml",
        "summary": "73 orders of 50 users.",
        "to_fill_in": ("line 8: margin_share: 0.25 (margin of revenue)",),
        "cards": [("Rows read", "80", "78 accepted")],
        "weekly": pd.DataFrame({"week": [1, 2, 3], "orders": [30, 20, 23], "users": [25, 18, 20]}),
        "last_fitting_week": 2,
        "gaps": bars,
        "orders_per_user": bars,
        "baskets": bars,
        "currency": "EUR",
        "contacts": pd.DataFrame({"action": ["coupon", "none"], "week": [1, 2], "contacts": [400, 600]}),
        "stages": pd.DataFrame({"stage": ["profile", "fit"], "supported": [True, False], "remark": ["", "8 weeks"]}),
        "remarks": pd.DataFrame({"kind": ["leakage"], "words": ["customers.future goes with orders"]}),
        "counts": pd.DataFrame({"table": ["orders"], "source": ["o"], "read": [80], "accepted": [78], "quarantined": [2],
                                "left_out": [0], "outside_periods": [0]}),
        "reasons": pd.DataFrame({"table": ["orders"], "column": ["revenue"], "reason": ["is empty"], "rows": [2],
                                 "first": ["row 3 (line 4) of o.csv"]}),
        "tables": pd.DataFrame({"table": ["orders"], "rows": [78], "users": [50]}),
        "actions": pd.DataFrame({"action": ["coupon"], "exposures": [400], "users": [40], "redeemed_share": [0.1],
                                 "propensity_share": [1.0]}),
        "propensities": PropensityReport(said=("Sample-ratio mismatch: coupon happened too rarely.",), alarming=True,
                                         shares=SHARES, stands_for=False, bins=BINS),
        **changes,
    }  # fmt: skip
    return CheckReport(**parts)  # type: ignore[arg-type]


def test_the_page_is_whole_and_asks_no_network_for_anything():
    html = render_check(_report())
    page = Page(html)
    assert page.faults == []
    assert len(page.names) == len(set(page.names))
    assert len(html.encode()) < 1_000_000
    assert "<script" not in html
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    assert "Corner <shop>" in page.text


def test_a_mismatch_stands_before_everything_but_the_figures():
    text = Page(render_check(_report())).text
    first = text.index("Sample-ratio mismatch")
    assert first < text.index("margin_share: 0.25") < text.index("customers.future goes with orders")
    assert text.index("Logged probabilities", first) < text.index("What is missing")


def test_every_chart_says_what_it_shows_in_numbers():
    pictures = [attributes for attributes in Page(render_check(_report())).named("svg") if "aria-label" in attributes]
    said = " ".join(str(attributes["aria-label"]) for attributes in pictures)
    assert len(pictures) == 8
    for part in ("middle week", "Gaps between orders", "coupon 400", "20% logged, 10% happened", "coupon 0.8", "is empty 2"):
        assert part in said


@pytest.mark.parametrize("part", ["gaps", "contacts", "reasons", "remarks", "baskets", "weekly", "tables"])
def test_a_part_that_is_empty_is_left_out(part):
    report = _report()
    empty = _report(**{part: getattr(report, part).head(0), "propensities": None, "to_fill_in": ()})
    assert Page(render_check(empty)).faults == []


def test_the_same_history_gives_the_same_bytes():
    assert render_check(_report()) == render_check(_report())


def test_the_rows_of_a_table_add_up_where_later_rows_correct_earlier_ones():
    counts = pd.DataFrame({"table": ["orders"], "source": ["o"], "read": [80], "accepted": [70], "quarantined": [2],
                           "superseded": [5], "repeated": [3], "left_out": [0], "outside_periods": [0]})  # fmt: skip
    html = render_check(_report(counts=counts))
    assert "read = accepted + set aside + corrected by a later row + repeated by a later row." in html
    for heading in ("Corrected by a later row", "Repeated by a later row"):
        assert heading in html
    assert "corrected by" not in render_check(_report())
