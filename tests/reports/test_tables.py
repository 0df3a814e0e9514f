from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.tables import estimate_column, html_table, money_column, number_column, plain_columns, text_table, words_column

FRAME = pd.DataFrame(
    {
        "name": ["coupon", "<b>care</b>"],
        "estimate": [1.5, -0.25],
        "low": [0.5, -1.0],
        "high": [2.5, 0.5],
        "source": ["estimated", "assumed"],
    }
)
COLUMNS = [words_column("Action", "name"), estimate_column("Effect", ("estimate", "low", "high"), FRAME, assumed="source")]


def test_an_assumed_number_says_so_in_words_on_a_page_and_on_a_terminal():
    page = html_table(FRAME, COLUMNS, caption="Effects")
    assert page.count(">assumed<") == 1
    assert "−0.25 (−1.00 to 0.50)" in page
    assert "-0.25 (-1.00 to 0.50) (assumed)" in text_table(FRAME, COLUMNS)


def test_cells_are_escaped():
    page = html_table(FRAME, COLUMNS, caption="a < b")
    assert "<b>care" not in page
    assert "&lt;b&gt;care" in page
    assert "a &lt; b" in page


def test_a_long_table_is_cut_and_says_where_the_rest_is():
    frame = pd.DataFrame({"name": [str(k) for k in range(2469)]})
    page = html_table(frame, [words_column("User", "name")], caption="Users", limit=20, file="plan.csv")
    assert page.count("<tr>") == 21
    assert "Showing 20 of 2,469; all rows are in plan.csv." in page


def test_a_table_that_shows_all_says_nothing_of_more():
    assert "Showing" not in html_table(FRAME, COLUMNS, caption="Effects", limit=2)


@given(
    names=st.lists(st.text(max_size=60), min_size=1, max_size=5),
    n_columns=st.integers(1, 12),
    width=st.integers(30, 120),
)
def test_a_terminal_table_is_never_wider_than_the_terminal(names, n_columns, width):
    frame = pd.DataFrame({"name": names, "amount": 123456.0})
    columns = [words_column("Name", "name")] + [number_column("Some amount", "amount", 2)] * n_columns
    assert max(len(line) for line in text_table(frame, columns, width=width).split("\n")) <= width


def test_columns_that_do_not_fit_are_named_below_the_terminal_table():
    frame = pd.DataFrame({"name": ["a"], "amount": [1.0]})
    columns = [words_column("Name", "name"), *(number_column(f"A long heading {k}", "amount") for k in range(6))]
    assert "Too wide to show: A long heading" in " ".join(text_table(frame, columns, width=60).split())


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_without_rows_still_has_its_headings(rows):
    page = html_table(FRAME.head(rows), COLUMNS, caption="Effects")
    assert ">Effect<" in page
    assert "Effect" in text_table(FRAME.head(rows), COLUMNS)


def test_decimals_of_a_column_of_money_follow_its_largest_amount():
    frame = pd.DataFrame({"cost": [0.5, 1200.0]})
    column = money_column("Cost", "cost", frame)
    assert [column.cell(row) for row in frame.to_dict("records")] == ["0", "1,200"]


def test_plain_columns_are_read_off_names_and_types():
    frame = pd.DataFrame(
        {"life_stage": ["new"], "n_users": [1200], "hit_rate": [0.25], "first": pd.to_datetime(["2017-01-01"])}
    )
    columns = plain_columns(frame)
    assert [column.heading for column in columns] == ["Life stage", "Users", "Hit rate", "First"]
    assert [column.cell(frame.to_dict("records")[0]) for column in columns] == ["new", "1,200", "25%", "2017-01-01"]


def test_whole_numbers_with_a_gap_are_numbers_all_the_same():
    frame = pd.DataFrame({"users": pd.Series([2469, pd.NA], dtype=object)})
    (column,) = plain_columns(frame)
    assert [column.cell(row) for row in frame.to_dict("records")] == ["2,469", "–"]
    assert column.align == "right"
