"""Bins of a block of users: counted edge by edge, as many as lie below."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.block_week import add_scores, find_bins_of


@pytest.mark.parametrize(("n_edges", "n_finite"), [(32, 31), (32, 6), (32, 0), (16, 16), (11, 9), (3, 2)])
def test_a_bin_is_the_number_of_edges_below_whatever_their_number(n_edges: int, n_finite: int) -> None:
    rng = np.random.default_rng(n_edges + n_finite)
    edges = np.full(n_edges, np.inf, dtype=np.float32)
    edges[:n_finite] = np.sort(rng.normal(size=n_finite)).astype(np.float32)
    seen = np.concatenate([rng.normal(size=37).astype(np.float32), edges[:n_finite]])  # a value on an edge lies below it
    bins, room = np.full(seen.size, 99, dtype=np.uint8), np.zeros(seen.size, dtype=np.int32)
    find_bins_of(seen, edges, room, bins, seen.size)
    assert bins.tolist() == np.searchsorted(edges, seen, side="left").tolist()


@pytest.mark.parametrize("n_terms", [0, 1, 4, 7, 8])
def test_a_score_is_added_up_term_by_term_to_the_last_bit(n_terms: int) -> None:
    rng = np.random.default_rng(n_terms)
    scores, bins = rng.normal(size=(n_terms, 32)), rng.integers(0, 32, (n_terms, 29)).astype(np.uint8)
    total = np.full(29, 99.0)
    add_scores(scores, 0.3, bins, total, 29)
    wanted = np.full(29, 0.3)
    for term in range(n_terms):
        wanted = wanted + scores[term, bins[term]]
    assert total.tolist() == wanted.tolist()
