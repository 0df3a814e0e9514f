from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import numbers


@given(part=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_a_share_that_is_neither_none_nor_all_never_reads_so(part):
    assert numbers.share(part) not in {"0%", "0.0%", "0.00%", "100%", "100.0%", "100.00%"}


@given(amount=st.floats(-1e9, 1e9))
def test_a_number_that_is_written_as_zero_has_no_sign(amount):
    words = numbers.number(amount, 2)
    if not any(digit in "123456789" for digit in words):
        assert words == "0.00"


@given(amount=st.floats(1e-4, 1e9))
def test_an_amount_is_written_within_one_in_a_hundred_of_its_size(amount):
    written = float(numbers.money(amount).replace(",", ""))
    assert math.isclose(written, amount, rel_tol=0.51)
    if amount >= 1:
        assert math.isclose(written, amount, rel_tol=0.01)


@pytest.mark.parametrize("empty", [None, float("nan"), pd.NA, pd.NaT])
def test_what_is_missing_is_a_dash_everywhere(empty):
    written = [numbers.text(empty), numbers.number(empty), numbers.money(empty, "EUR"), numbers.share(empty)]
    assert [*written, numbers.interval(empty, 1.0)] == ["–"] * 5


def test_infinity_is_written_as_such():
    assert numbers.number(float("-inf")) == "−∞"
