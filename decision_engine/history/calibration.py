"""Whether what was done fits the probabilities logged for it: by bins where the whole is known, by weights elsewhere.

Where the probability of an action is known whether it was done or not, decisions are sorted by it, and the share that was done
is held against it bin by bin (Hosmer and Lemeshow, 1980). Where only the probability p of what *was* done is known, the sum of
1/p over an action's rows estimates at how many decisions it was possible (Horvitz and Thompson, 1952, JASA 47(260)); that holds
in any part of the decisions that was chosen without a look at what was done, and so bin by bin of anything known before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from simulations.arrays import BoolArray, FloatArray, IntArray

CHANCE = 0.001  # a mismatch is told where chance alone would bring one as large less often than this
N_BINS = 10
FEWEST_IN_BIN = 50  # on average; with fewer, a chi-square is not to be trusted
BIN_COLUMNS = ("action", "decisions", "predicted", "observed", "low", "high")
_DECIMALS = 12  # beyond which two probabilities differ by how they were computed alone
SHARE_COLUMNS = ("action", "happened", "expected", "error", "p_value")


def binned(action: str, done: BoolArray, chances: FloatArray) -> tuple[pd.DataFrame, float]:
    """Hold what was done against its probability, known at every decision; a degree of freedom a bin, as none is fitted.

    Returns
    -------
    frame, a row a bin
        action, decisions, predicted, observed, low, high (99.9 % limits of chance about what is predicted).
    float
        The chi-square's p-value.
    """
    from scipy.stats import chi2

    bins = equal_bins(chances, int(np.clip(done.size // FEWEST_IN_BIN, 1, N_BINS)))
    frame = pd.DataFrame({"bin": bins, "chance": chances, "done": done, "spread": chances * (1.0 - chances)})
    sums = frame.groupby("bin").agg(n=("done", "size"), predicted=("chance", "mean"), observed=("done", "mean"),
                                    spread=("spread", "sum"))  # fmt: skip
    error = np.sqrt(sums["spread"]) / sums["n"]
    statistic = float((((sums["observed"] - sums["predicted"]) / error) ** 2).sum())
    table = _with_limits(action, sums["n"], sums["predicted"], sums["observed"], error)
    return table, float(chi2.sf(statistic, len(table)))


def weighed(
    actions: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], chances: FloatArray, *, possible: BoolArray
) -> tuple[pd.DataFrame, float]:
    """Judge each action by the decisions that its rows stand for: too many always tell, too few where it was `possible`.

    An action that need not have been possible at every decision has a one-sided p-value; the smallest, times the number of
    actions, is that of all together.
    """
    from scipy.stats import norm

    n = float(codes.size)
    stands_for = np.bincount(codes, weights=1.0 / chances, minlength=actions.size)
    error = np.sqrt(np.bincount(codes, weights=(1.0 - chances) / chances**2, minlength=actions.size))
    score = np.divide(stands_for - n, error, out=np.zeros(actions.size), where=error > 0.0)
    p_values = np.where(possible, 2.0 * norm.sf(np.abs(score)), norm.sf(score))
    values = (actions, np.full(actions.size, n), stands_for, error, p_values)
    table = pd.DataFrame(dict(zip(SHARE_COLUMNS, values, strict=True)))
    return table, min(1.0, float(p_values.min()) * actions.size)


def weighed_in_bins(action: str, done: BoolArray, chances: FloatArray, score: FloatArray) -> tuple[pd.DataFrame, float]:
    """Judge an action that was possible everywhere by the decisions its rows stand for, bin by bin of a score known before.

    Parameters
    ----------
    chances : (n,) array
        Probability of what was done at each decision; read only where this action was.
    score : (n,) array
        What sorts the decisions, such as the action's probability by a model that did not see the decision.

    Returns
    -------
    frame, float
        As `binned`; `predicted` is the harmonic mean of the logged probabilities, which is the share done where they hold.
    """
    from scipy.stats import chi2

    bins = equal_bins(score, int(np.clip(done.sum() // FEWEST_IN_BIN, 1, N_BINS)))
    weights = np.where(done, 1.0 / chances, 0.0)
    noise = np.where(done, (1.0 - chances) / chances**2, 0.0)
    frame = pd.DataFrame({"bin": bins, "done": done, "stands_for": weights, "noise": noise})
    sums = frame.groupby("bin").agg(n=("done", "size"), done=("done", "sum"), stands_for=("stands_for", "sum"),
                                    noise=("noise", "sum"))  # fmt: skip
    sums = sums[sums["noise"] > 0.0]
    if not len(sums):
        return pd.DataFrame(columns=list(BIN_COLUMNS)), 1.0
    statistic = float(((sums["stands_for"] - sums["n"]) ** 2 / sums["noise"]).sum())
    predicted = sums["done"] / sums["stands_for"]
    error = predicted * np.sqrt(sums["noise"]) / sums["n"]
    table = _with_limits(action, sums["n"], predicted, sums["done"] / sums["n"], error)
    return table, float(chi2.sf(statistic, len(table)))


def equal_bins(values: FloatArray, n_bins: int) -> IntArray:
    """Return each value's bin, of about as many values each; equal values stay together, as do 0.3 and 1 - 0.7.

    Examples
    --------
    >>> equal_bins(np.array([0.1, 0.4, 0.2, 0.3]), 2).tolist()
    [0, 1, 0, 1]
    """
    values = np.round(values, _DECIMALS)
    few, found, sizes = np.unique(values, return_inverse=True, return_counts=True)
    if few.size <= n_bins and sizes.min() >= FEWEST_IN_BIN:  # as where strata were drawn with shares of their own
        return found.astype(np.int64)
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, n_bins + 1)))
    between: IntArray = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(edges.size - 2, 0))
    return between


def _with_limits(action: str, n: pd.Series, predicted: pd.Series, observed: pd.Series, error: pd.Series) -> pd.DataFrame:
    from scipy.stats import norm

    reach = norm.isf(CHANCE / 2.0) * error
    low, high = np.maximum(predicted - reach, 0.0), np.minimum(predicted + reach, 1.0)
    frame = pd.DataFrame(
        {"action": action, "decisions": n, "predicted": predicted, "observed": observed, "low": low, "high": high}
    )
    return frame.reset_index(drop=True)
