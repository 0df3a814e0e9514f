"""What an order-day's value varies by about its expectation: quantile tables of log residuals, with the right mean.

A table for weeks of 1, 2, 3, and 4 or more order-days; the kernels draw from it by straight lines between quantiles.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray

N_QUANTILES = 65
N_DAY_CLASSES = 4
_STRETCH, _BISECTIONS, _SHIFTS = (0.7, 1.3), 30, 6  # of residuals above zero
_N_SPREADS = 8


def residual_tables(
    residual: FloatArray,
    days: FloatArray,
    weights: FloatArray,
    expected: FloatArray,
    log_spread: FloatArray,
    unsure: FloatArray,
) -> FloatArray:
    """Return quantile tables of the residuals for weeks of 1, 2, 3 and more order-days; thin classes borrow from all.

    `expected` is each row's revenue where the residual is zero, in currency: residuals count by it where their mean is set. A
    residual is `exp(log_spread)` times a draw from the table, where the log is known but for a standard deviation `unsure`.
    """
    scaled = residual / np.exp(log_spread)
    tables = np.zeros((N_DAY_CLASSES, N_QUANTILES), dtype=np.float64)
    counted = weights > 0
    places = np.linspace(0.0, 1.0, N_QUANTILES)
    for k in range(N_DAY_CLASSES):
        inside = counted & (np.minimum(days, N_DAY_CLASSES) == k + 1)
        if np.count_nonzero(inside) < 10 * N_QUANTILES:
            inside = counted
        if inside.any():
            tables[k] = np.quantile(scaled[inside], places, weights=weights[inside], method="inverted_cdf")
            wanted = np.average(np.exp(residual[inside]), weights=weights[inside] * expected[inside])
            revenue = weights[inside] * expected[inside]
            spreads = _spreads(log_spread[inside], revenue)[:, None] * _around(
                float(np.average(unsure[inside], weights=revenue))
            )
            tables[k] = _with_mean(tables[k], float(wanted), spreads.ravel())
    return tables


def _spreads(log_spread: FloatArray, weights: FloatArray) -> FloatArray:
    """Return a few spreads that stand for those of all rows, each for as much revenue."""
    places = (np.arange(_N_SPREADS) + 0.5) / _N_SPREADS
    return np.asarray(np.exp(np.quantile(log_spread, places, weights=weights, method="inverted_cdf")), dtype=np.float64)


def _around(sd: float) -> FloatArray:
    """Return a few spreads about 1 that stand for a log-normal one."""
    from scipy.special import ndtri

    return np.asarray(np.exp(sd * ndtri((np.arange(_N_SPREADS) + 0.5) / _N_SPREADS)), dtype=np.float64)


def _with_mean(table: FloatArray, wanted: float, spreads: FloatArray) -> FloatArray:
    """Stretch the table above zero until the mean of exp(residual) is as wanted; what that cannot do, a shift does.

    Whoever buys much at once seldom buys very much more: residuals reach less far up where more is expected. One table for all
    users, with the mean that small baskets have, would bring too much revenue.
    """
    low, high = _STRETCH
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if _mean_of(_stretched(table, middle), spreads) < wanted:
            low = middle
        else:
            high = middle
    after = _stretched(table, 0.5 * (low + high))
    for _ in range(_SHIFTS):  # a shift is spread as well, so that one does not do
        after = after + np.log(wanted / _mean_of(after, spreads))
    return np.asarray(after, dtype=np.float64)


def _mean_of(table: FloatArray, spreads: FloatArray) -> float:
    return float(mean_exponential(spreads[:, None] * table[None, :]).mean())


def _stretched(table: FloatArray, factor: float) -> FloatArray:
    return np.where(table > 0.0, factor * table, table)


def mean_among(tables: FloatArray, log_sd: float) -> FloatArray:
    """Return the mean of exp(spread times residual) of each row, over users whose spreads have logs of this deviation."""
    return np.asarray(np.mean([mean_exponential(spread * tables) for spread in _around(log_sd)], axis=0), dtype=np.float64)


def mean_exponential(tables: FloatArray) -> FloatArray:
    """Return the mean of exp(residual) of each row, with straight lines between the quantiles, as the kernel draws them."""
    left, right = tables[:, :-1], tables[:, 1:]
    width = right - left
    pieces = np.where(width > 1e-9, (np.exp(right) - np.exp(left)) / np.maximum(width, 1e-9), np.exp(left))
    return np.asarray(pieces.mean(axis=1), dtype=np.float64)
