"""What an order-day's value varies by about its expectation: quantile tables of log residuals, with the right mean.

A table for weeks of 1, 2, 3, and 4 or more order-days; the kernels draw from it by straight lines between quantiles.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray

N_QUANTILES = 65
_DAY_CLASSES = 4
_STRETCH, _BISECTIONS = (0.7, 1.3), 30  # of residuals above zero


def residual_tables(residual: FloatArray, days: FloatArray, weights: FloatArray, expected: FloatArray) -> FloatArray:
    """Return quantile tables of the residuals for weeks of 1, 2, 3 and more order-days; thin classes borrow from all.

    `expected` is each row's revenue where the residual is zero, in currency: residuals count by it where their mean is set.
    """
    tables = np.zeros((_DAY_CLASSES, N_QUANTILES), dtype=np.float64)
    counted = weights > 0
    places = np.linspace(0.0, 1.0, N_QUANTILES)
    for k in range(_DAY_CLASSES):
        inside = counted & (np.minimum(days, _DAY_CLASSES) == k + 1)
        if np.count_nonzero(inside) < 10 * N_QUANTILES:
            inside = counted
        if inside.any():
            tables[k] = np.quantile(residual[inside], places, weights=weights[inside], method="inverted_cdf")
            wanted = np.average(np.exp(residual[inside]), weights=weights[inside] * expected[inside])
            tables[k] = _with_mean(tables[k], float(wanted))
    return tables


def _with_mean(table: FloatArray, wanted: float) -> FloatArray:
    """Stretch the table above zero until the mean of exp(residual) is as wanted; what that cannot do, a shift does.

    Whoever buys much at once seldom buys very much more: residuals reach less far up where more is expected. One table for all
    users, with the mean that small baskets have, would bring too much revenue.
    """
    low, high = _STRETCH
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if mean_exponential(_stretched(table, middle)[None, :])[0] < wanted:
            low = middle
        else:
            high = middle
    after = _stretched(table, 0.5 * (low + high))
    return np.asarray(after + np.log(wanted / mean_exponential(after[None, :])[0]), dtype=np.float64)


def _stretched(table: FloatArray, factor: float) -> FloatArray:
    return np.where(table > 0.0, factor * table, table)


def mean_exponential(tables: FloatArray) -> FloatArray:
    """Return the mean of exp(residual) of each row, with straight lines between the quantiles, as the kernel draws them."""
    left, right = tables[:, :-1], tables[:, 1:]
    width = right - left
    pieces = np.where(width > 1e-9, (np.exp(right) - np.exp(left)) / np.maximum(width, 1e-9), np.exp(left))
    return np.asarray(pieces.mean(axis=1), dtype=np.float64)
