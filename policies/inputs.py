"""What learners read of an observation: the same features on scales that suit sums of products.

Features are rates, counts and money with long tails; the logarithm of one plus their size tames them. The scales are fixed by
`simulations.features.FEATURES`, not by running statistics, so that an input means the same in training, search and plan.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import Float32Array, FloatArray
from simulations.features import HIGHS, LOWS

_REACH = np.log1p(np.maximum(np.abs(LOWS.astype(np.float64)), np.abs(HIGHS.astype(np.float64))))


def log_scaled(observation: Float32Array) -> FloatArray:
    """Return the (n, N_FEATURES) observation with each feature's logarithm over that of its largest value, within [-1, 1].

    Examples
    --------
    >>> from simulations.features import HIGHS
    >>> bool((log_scaled(HIGHS[None, :]) == 1.0).all())
    True
    """
    wide = observation.astype(np.float64)
    return np.sign(wide) * np.log1p(np.abs(wide)) / _REACH


def row_products(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return ``rows @ matrix`` summed in one fixed order, so that neither batch size nor threads move a last digit."""
    products: FloatArray = np.einsum("nd,dh->nh", rows, matrix, optimize=False)
    return products
