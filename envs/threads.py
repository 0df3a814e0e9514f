"""Threads for small batches: waking several for a few rows costs more than the rows do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

ENOUGH_ROWS = 8192  # below it one thread is faster, by far so on a busy machine


@contextmanager
def threads_for(n_rows: int) -> Iterator[None]:
    """Run compiled loops on one thread while there are few rows; results do not depend on it."""
    before = numba.get_num_threads()
    numba.set_num_threads(before if n_rows >= ENOUGH_ROWS else 1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
