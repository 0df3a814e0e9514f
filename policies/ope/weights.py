"""Importance weights, and the two estimates that use nothing else.

With w = evaluation probability over propensity of the logged action, IPS is the mean of w r (Horvitz and Thompson, 1952) and
SNIPS the sum of w r over the sum of w (Swaminathan and Joachims, 2015, NeurIPS): a little bias for far less variance.
"""

from __future__ import annotations

import numpy as np

from policies.ope.intervals import value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.value import PolicyValue
from simulations.arrays import FloatArray
from simulations.errors import HistoryError


def importance_weights(log: InteractionLog, evaluation_probabilities: FloatArray) -> FloatArray:
    """Weight each logged decision by how much likelier the evaluation policy was to make it.

    Parameters
    ----------
    evaluation_probabilities : (n_decisions, n_actions) array
        The evaluation policy's probability of each action; rows sum to one.

    Raises
    ------
    HistoryError
        If the log has no propensities, or the shape or a row's sum is wrong.

    Examples
    --------
    >>> log = InteractionLog(
    ...     contexts=np.zeros((2, 1), dtype=np.float32),
    ...     actions=np.array([1, 0], dtype=np.int16),
    ...     propensities=np.array([0.25, 0.5]),
    ...     rewards=np.ones(2),
    ...     users=np.arange(2),
    ...     n_actions=2,
    ... )
    >>> importance_weights(log, np.array([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [2.0, 0.0]
    """
    check_probabilities(log, evaluation_probabilities)
    if log.propensities is None:
        raise HistoryError("log: no propensities were recorded, so decisions cannot be weighted.")
    return np.asarray(evaluation_probabilities[np.arange(log.n_decisions), log.actions] / log.propensities)


def check_probabilities(log: InteractionLog, evaluation_probabilities: FloatArray) -> None:
    """Refuse probabilities that are none, with the first culprit.

    Raises
    ------
    HistoryError
        If the shape is wrong, a number lies below zero, or a row does not sum to one.
    """
    wanted = (log.n_decisions, log.n_actions)
    if evaluation_probabilities.shape != wanted:
        raise HistoryError(f"evaluation_probabilities: shape {evaluation_probabilities.shape}, the log needs {wanted}.")
    totals = evaluation_probabilities.sum(axis=1)
    bad = np.flatnonzero((np.abs(totals - 1.0) > 1e-6) | (evaluation_probabilities < 0.0).any(axis=1))
    if bad.size:
        raise HistoryError(
            f"evaluation_probabilities: {bad.size:,} of {log.n_decisions:,} rows are no distribution; first is row {bad[0]}, "
            f"which sums to {totals[bad[0]]}."
        )


def inverse_propensity_value(log: InteractionLog, evaluation_probabilities: FloatArray, *, level: float = 0.9) -> PolicyValue:
    """Estimate a policy's value by the mean of weighted rewards (IPS): unbiased, and as noisy as its weights."""
    weights = importance_weights(log, evaluation_probabilities)
    scores = weights * log.rewards
    return value_with_interval(scores, log.users, weights, level=level, estimator="ips")


def self_normalised_value(log: InteractionLog, evaluation_probabilities: FloatArray, *, level: float = 0.9) -> PolicyValue:
    """Estimate a policy's value by the weighted mean of rewards (SNIPS); it stays within the rewards seen.

    Raises
    ------
    HistoryError
        If no logged decision is one that the policy would take.
    """
    weights = importance_weights(log, evaluation_probabilities)
    total = float(weights.sum())
    if total <= 0.0:
        raise HistoryError("log: the evaluation policy would have taken none of the logged decisions.")
    estimate = float(weights @ log.rewards) / total
    # the linearised score of a ratio: its mean is the estimate, its spread the ratio's
    scores = estimate + weights * (log.rewards - estimate) * (log.n_decisions / total)
    return value_with_interval(scores, log.users, weights, level=level, estimator="snips")
