"""Ranking: the best few of each user's candidates, all users at once."""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray, IntArray


def best_per_user(users: IntArray, scores: FloatArray, items: IntArray, n_best: int) -> tuple[IntArray, IntArray]:
    """Return rows of each user's `n_best` highest scores, sorted by user and rank, and the ranks from 1.

    Parameters
    ----------
    users, scores, items : (n,) arrays
        Whose candidate, how good, and its code: of two equal scores the smaller code comes first.

    Examples
    --------
    >>> rows, ranks = best_per_user(np.array([0, 0, 1]), np.array([0.1, 0.9, 0.5]), np.array([4, 5, 4]), 1)
    >>> rows.tolist(), ranks.tolist()
    ([1, 2], [1, 1])
    """
    order = np.lexsort((items, -scores, users))
    sorted_users = users[order]
    starts = np.flatnonzero(np.diff(sorted_users, prepend=-1))
    sizes = np.diff(np.append(starts, sorted_users.size))
    ranks = np.arange(sorted_users.size, dtype=np.int64) - np.repeat(starts, sizes) + 1
    best = ranks <= n_best
    return order[best].astype(np.int64), ranks[best]
