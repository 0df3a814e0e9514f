"""What the spread between an ensemble's members says of the one true world."""

from __future__ import annotations

import math


def predictive_stretch(n_members: int, level: float) -> float:
    """Return by how much the members' own interval must be stretched to cover one more world at `level`.

    Of `n_members` independent normal draws, ``mean +- t * s * sqrt(1 + 1/n)`` covers a further one; `s` with n - 1 below the
    line. Relative to ``mean +- z * sd`` with n below the line that is ``t / z * sqrt((n + 1) / (n - 1))``. A single member says
    nothing of the spread, and is left alone: 1.

    Examples
    --------
    >>> [round(predictive_stretch(n, 0.9), 2) for n in (1, 4, 8, 32, 1000)]
    [1.0, 1.85, 1.31, 1.06, 1.0]
    """
    if n_members < 2:
        return 1.0
    from scipy.stats import norm, t

    tail = 0.5 + level / 2.0
    return float(t.ppf(tail, n_members - 1) / norm.ppf(tail)) * math.sqrt((n_members + 1.0) / (n_members - 1.0))
