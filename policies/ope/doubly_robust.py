"""The doubly robust value of a policy, or an abstention where the log cannot tell.

    value = mean of  sum over a of pi(a | x) q(x, a)  +  w (r - q(x, a_logged))

is right when either the propensities or the reward model q are (Dudík, Erhan, Langford and Li, 2014, Statistical Science
29(4)). Logged propensities are right by construction; q buys precision. Without propensities, or where the log holds next to
nothing of what the policy would do, a number would be an invention, so there is none.
"""

from __future__ import annotations

import numpy as np

from policies.ope.bounds import Interval
from policies.ope.direct import expected_rewards
from policies.ope.intervals import effective_sample_size, value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.shrinkage import WHOLE, Believed
from policies.ope.value import Abstention, PolicyValue
from policies.ope.weights import check_probabilities, importance_weights
from simulations.arrays import FloatArray

SMALLEST_SIZE = 100.0  # effective decisions below which a normal interval is not to be trusted
LARGEST_GAP = 0.05  # of the policy's choices may fall on actions that the log never took


def doubly_robust_value(
    log: InteractionLog,
    evaluation_probabilities: FloatArray,
    *,
    against: FloatArray | None = None,
    action_values: FloatArray | None = None,
    believed: Believed = WHOLE,
    level: float = 0.9,
    interval: Interval = "normal",
    seed: int = 0,
    smallest_size: float = SMALLEST_SIZE,
) -> PolicyValue | Abstention:
    """Estimate the mean outcome per decision under an evaluation policy.

    Parameters
    ----------
    evaluation_probabilities : (n_decisions, n_actions) array
        The evaluation policy's probability of each action in each logged context; rows sum to one.
    against : (n_decisions, n_actions) array, optional
        Another policy's probabilities, whose value is taken off decision by decision; both need support.
    action_values : (n_decisions, n_actions) array, optional
        Expected reward of each action, from a model that did not see the row; otherwise fitted here, cross-fitted by user.
    believed : Believed
        How much of each weight to believe; all of it by default.
    interval : str
        As of `value_with_interval`; of an adaptive log always the confidence sequence.
    smallest_size : float
        Effective sample size below which the answer is an abstention.

    Raises
    ------
    HistoryError
        If the probabilities are none or do not fit the log.
    """
    check_probabilities(log, evaluation_probabilities)
    if log.n_decisions == 0:
        return Abstention(reason="the log holds no decision", n_decisions=0, effective_sample_size=0.0)
    if log.propensities is None:
        return Abstention(
            reason="the log does not record how likely each action was, so it cannot tell what another policy would bring",
            n_decisions=log.n_decisions,
            effective_sample_size=0.0,
        )
    values = expected_rewards(log, seed=seed) if action_values is None else action_values
    total = np.zeros(log.n_decisions)
    for sign, probabilities in ((1.0, evaluation_probabilities), (-1.0, against)):
        if probabilities is None:
            continue
        weights = importance_weights(log, probabilities)
        size = effective_sample_size(weights)
        reason = _lack_of_support(log, probabilities, weights, size, smallest_size)
        if reason:
            return Abstention(reason=reason, n_decisions=log.n_decisions, effective_sample_size=size)
        total += sign * decision_scores(log, probabilities, values, believed)
    weights = importance_weights(log, evaluation_probabilities)
    return value_with_interval(
        total,
        log.users,
        weights,
        level=level,
        estimator="doubly robust" if believed == WHOLE else f"doubly robust, {believed.say()}",
        share_clipped=believed.share_clipped(weights),
        interval="sequence" if log.is_adaptive else interval,
        seed=seed,
    )


def decision_scores(
    log: InteractionLog, evaluation_probabilities: FloatArray, action_values: FloatArray, believed: Believed = WHOLE
) -> FloatArray:
    """Return (n_decisions,): what each logged decision says of the policy's value; their mean is the doubly robust one.

    Two policies' scores on one log are paired, so that their difference has an error of its own.

    Parameters
    ----------
    action_values : (n_decisions, n_actions) array
        Expected reward of each action, from a model that did not see the row.
    """
    residuals = log.rewards - action_values[np.arange(log.n_decisions), log.actions]
    expected = np.einsum("na,na->n", evaluation_probabilities, action_values)
    return np.asarray(expected + believed(importance_weights(log, evaluation_probabilities)) * residuals)


def _lack_of_support(
    log: InteractionLog, evaluation_probabilities: FloatArray, weights: FloatArray, size: float, smallest_size: float
) -> str:
    """Return why the log has no support for the policy, "" where it has."""
    never = np.bincount(log.actions, minlength=log.n_actions) == 0
    outside = float(evaluation_probabilities[:, never].sum()) / log.n_decisions
    if outside > LARGEST_GAP:
        return f"{outside:.0%} of the policy's choices are actions that the log never took"
    if size < smallest_size:
        return (
            f"of {log.n_decisions:,} logged decisions those that the policy would take weigh as much as {size:,.0f}; "
            f"{smallest_size:,.0f} are needed"
        )
    missing = 1.0 - float(weights.mean())
    if missing > LARGEST_GAP + 4.0 * float(weights.std()) / np.sqrt(log.n_decisions):
        return f"{missing:.0%} of the policy's choices lie where the log never made them"
    return ""
