"""The main job's choice beside one that knows the truth, in small worlds of the committed prior."""

from __future__ import annotations

import pytest

from benchmarks.known_truth import WORLD_SEEDS, OracleShare, oracle_share

SMALL = 1200  # users; the benchmark takes 10,000, and all twenty worlds


@pytest.fixture(scope="module")
def shares() -> list[OracleShare]:
    return [oracle_share(seed, SMALL) for seed in WORLD_SEEDS[:3]]


@pytest.mark.slow
def test_the_choice_comes_close_to_one_that_knows_the_truth(shares: list[OracleShare]) -> None:
    """Fixed seeds, no chance. A share above 1, which a greedy oracle leaves room for, makes up for no other."""
    assert all(one.oracle > 0.0 for one in shares)
    assert min(one.share for one in shares) >= 0.8
    assert sum(min(one.share, 1.0) for one in shares) / len(shares) >= 0.9


@pytest.mark.slow
def test_no_single_action_comes_near_it(shares: list[OracleShare]) -> None:
    assert max(one.single_share for one in shares) <= 0.8
