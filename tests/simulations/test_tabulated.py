"""Tables in place of formulas: the same decisions, and an exponential to the last digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.bits import count_bits, lowest_bit
from simulations.randomness import first_word_above, uniform_at, word_at
from simulations.tabulated import MAX_EXTRA_DAYS, binomial_quantile, exponential, extra_days, falls_below, logistic


def test_binomial_quantile_inverts_the_distribution():
    from scipy.stats import binom

    for uniform in (0.01, 0.3, 0.5, 0.9, 0.999):
        assert binomial_quantile(uniform, 6, 0.3) == binom.ppf(uniform, 6, 0.3)


@pytest.mark.parametrize("spread", [0.5, 4.0, 12.0])
def test_decisions_by_table_are_those_of_the_formulas(spread):
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0.0, spread, 4000), rng.integers(-256, 257, 2000) / 16.0])
    for score in scores.tolist():
        uniform = float(rng.random())
        near = min(max(logistic(score) + float(rng.normal(0.0, 1e-13)), 1e-16), 1.0 - 1e-16)
        for luck in (uniform, near):
            assert falls_below(luck, score) == (luck < logistic(score))
            assert extra_days(luck, score) == binomial_quantile(luck, MAX_EXTRA_DAYS, logistic(score))


def test_the_exponential_is_right_to_the_last_digits():
    for x in (*np.linspace(-9.0, 17.0, 5000).tolist(), -745.0, 700.0, 0.0):
        assert exponential(x) == pytest.approx(math.exp(x), rel=1e-15)


def test_words_below_the_first_one_above_lie_below_the_chance():
    for chance in (0.0, 1e-17, 0.0003, 0.25, 0.4):
        first = int(first_word_above(chance))
        assert all(((word + 0.5) * 2.0**-53 < chance) == (word < first) for word in (0, max(first - 1, 0), first, first + 1))
    word = int(word_at(np.uint64(5), 3, 2, 1))
    assert uniform_at(np.uint64(5), 3, 2, 1) == (word + 0.5) * 2.0**-53


def test_bits_are_counted_as_python_counts_them():
    words = [0, 1, 2**63, 2**64 - 1, *np.random.default_rng(1).integers(0, 2**63, 200).tolist()]
    for word in words:
        assert count_bits(np.uint64(word)) == word.bit_count()
        assert lowest_bit(np.uint64(word)) == ((word & -word).bit_length() - 1 if word else 64)
