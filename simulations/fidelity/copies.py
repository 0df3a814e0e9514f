"""Are simulated lives copies of real ones: how near is the nearest real life that the fit has seen.

Users' weeks are vectors of log revenue. A simulated user who lies nearer to one of the stretches that the fit has seen than
hardly any real user of the judged weeks does is a copy rather than a new life (distance to the closest record).
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray
from simulations.fidelity.stretch import Stretch
from simulations.randomness import stream

MOST_USERS = 2000  # on either side; of more users a sample
NEAR_SHARE = 0.01  # of real users lie as near as what counts as a copy
_LEAST_WEEKS = 3  # with an order; a nearly silent life resembles every other nearly silent one


def copied_share(seen: Stretch, real: Stretch, simulated: Stretch, *, seed: int) -> float:
    """Return the share of simulated users nearer to a stretch that was seen than all but 1 % of real users are.

    Near 0.01 is as good as real life; nan where fewer than 100 users bought in three weeks or more.

    Parameters
    ----------
    seen : Stretch
        As many weeks, of the weeks that the fit has seen.
    """
    reference = _vectors(seen, seed, 0)
    nearest = [_nearest(_vectors(one, seed, 1), reference) for one in (real, simulated)]
    if min(side.size for side in nearest) < 100 or reference.shape[0] < 100:
        return float("nan")
    return float((nearest[1] <= np.quantile(nearest[0], NEAR_SHARE)).mean())


def _vectors(stretch: Stretch, seed: int, place: int) -> FloatArray:
    lively = np.flatnonzero(stretch.bought.sum(axis=1) >= _LEAST_WEEKS)
    drawn = np.sort(stream(seed, "copies", place).permutation(lively)[:MOST_USERS]) if place else lively
    return np.asarray(np.log1p(np.maximum(stretch.revenue[drawn].astype(np.float64), 0.0)))


def _nearest(queries: FloatArray, reference: FloatArray) -> FloatArray:
    """Return each query's distance to the nearest reference, found by a tree."""
    from scipy.spatial import cKDTree

    if not reference.shape[0] or not queries.shape[0]:
        return np.zeros(0)
    return np.asarray(cKDTree(reference).query(queries, k=1)[0], dtype=np.float64)
