"""Sequential off-policy values: what users would have brought over many periods, had another policy decided in each.

With rho_t the ratio of the two policies' probabilities of period t's action and w_t the product of the ratios up to t,

    per decision    sum over t of  discount^t w_t r_t                                 (Precup, Sutton and Singh, 2000, ICML)
    doubly robust   V_t = v(x_t) + rho_t (r_t + discount V_{t+1} - q(x_t, a_t))       (Jiang and Li, 2016, ICML)

The second is right whatever q is, as long as the propensities are, and the closer q is the less it varies. Products of ratios
grow with the number of periods: where few users carry all the weight, the answer is an abstention.
"""

from __future__ import annotations

import numpy as np

from policies.ope.bounds import Interval
from policies.ope.doubly_robust import LARGEST_GAP, SMALLEST_SIZE
from policies.ope.fitted_q import fitted_q_values
from policies.ope.intervals import effective_sample_size, value_with_interval
from policies.ope.trajectories import TrajectoryLog, check_trajectory_probabilities
from policies.ope.value import Abstention, PolicyValue
from simulations.arrays import FloatArray


def period_ratios(log: TrajectoryLog, evaluation_probabilities: FloatArray) -> FloatArray:
    """Return (n_users, n_periods): how much likelier the evaluation policy was to take each action; 1 once a user has left."""
    check_trajectory_probabilities(log, evaluation_probabilities)
    return np.where(log.going, log.of_logged(evaluation_probabilities) / np.where(log.going, log.propensities, 1.0), 1.0)


def per_decision_value(
    log: TrajectoryLog,
    evaluation_probabilities: FloatArray,
    *,
    discount: float = 1.0,
    self_normalised: bool = False,
    level: float = 0.9,
    interval: Interval = "normal",
    smallest_size: float = SMALLEST_SIZE,
) -> PolicyValue | Abstention:
    """Estimate the mean outcome per user under an evaluation policy by weighting each period's reward.

    Parameters
    ----------
    evaluation_probabilities : (n_users, n_periods, n_actions) array
        The evaluation policy's probability of each action at each logged decision.
    discount : float
        By which each further period counts less, in (0, 1].
    self_normalised : bool
        Whether weights of a period are divided by their mean: a little bias for less variance.
    smallest_size : float
        Effective number of users, in the last period, below which the answer is an abstention.

    Raises
    ------
    HistoryError
        If the probabilities are none or do not fit the log.
    """
    weights = _supported_weights(log, evaluation_probabilities, smallest_size)
    if isinstance(weights, Abstention):
        return weights
    rewards = log.discounted_rewards(discount)
    scores = (weights * rewards).sum(axis=1)
    if self_normalised:
        means = weights.mean(axis=0)
        shares = (weights * rewards).mean(axis=0) / means
        # the linearised score of a sum of ratios: its mean is the estimate, its spread theirs
        scores = shares.sum() + (weights * (rewards - shares) / means).sum(axis=1)
    estimator = "per-decision snips" if self_normalised else "per-decision ips"
    return _value(scores, weights[:, -1], level=level, interval=interval, estimator=estimator)


def sequential_doubly_robust_value(
    log: TrajectoryLog,
    evaluation_probabilities: FloatArray,
    *,
    discount: float = 1.0,
    action_values: FloatArray | None = None,
    level: float = 0.9,
    interval: Interval = "normal",
    seed: int = 0,
    smallest_size: float = SMALLEST_SIZE,
) -> PolicyValue | Abstention:
    """Estimate the mean outcome per user under an evaluation policy, doubly robust in every period.

    Parameters
    ----------
    evaluation_probabilities : (n_users, n_periods, n_actions) array
        The evaluation policy's probability of each action at each logged decision.
    action_values : (n_users, n_periods, n_actions) array, optional
        What each action and all that follows is expected to bring, from models that did not see the user; otherwise fitted
        here, cross-fitted by user.

    Raises
    ------
    HistoryError
        If the probabilities are none or do not fit the log.
    """
    weights = _supported_weights(log, evaluation_probabilities, smallest_size)
    if isinstance(weights, Abstention):
        return weights
    if action_values is None:
        action_values = fitted_q_values(log, evaluation_probabilities, discount=discount, seed=seed)
    scores = trajectory_scores(log, evaluation_probabilities, action_values, discount=discount)
    return _value(scores, weights[:, -1], level=level, interval=interval, estimator="sequential doubly robust", seed=seed)


def trajectory_scores(
    log: TrajectoryLog, evaluation_probabilities: FloatArray, action_values: FloatArray, *, discount: float = 1.0
) -> FloatArray:
    """Return (n_users,): what each logged life says of the policy's value; their mean is the doubly robust one.

    Two policies' scores on one log are paired, so that their difference has an error of its own.
    """
    ratios = period_ratios(log, evaluation_probabilities)
    expected = (evaluation_probabilities * action_values).sum(axis=2)
    of_chosen = log.of_logged(action_values)
    scores = np.zeros(log.n_users)
    for period in range(log.n_periods - 1, -1, -1):
        corrected = log.rewards[:, period] + discount * scores - of_chosen[:, period]
        scores = np.where(log.going[:, period], expected[:, period] + ratios[:, period] * corrected, 0.0)
    return scores


def fitted_q_value(
    log: TrajectoryLog, evaluation_probabilities: FloatArray, *, discount: float = 1.0, level: float = 0.9, seed: int = 0
) -> PolicyValue:
    """Estimate the mean outcome per user by fitted-Q evaluation alone; its interval knows nothing of the models' own error.

    Raises
    ------
    HistoryError
        If the probabilities are none or do not fit the log.
    """
    check_trajectory_probabilities(log, evaluation_probabilities)
    values = fitted_q_values(log, evaluation_probabilities, discount=discount, seed=seed)
    scores = np.where(log.going[:, 0], (evaluation_probabilities[:, 0] * values[:, 0]).sum(axis=1), 0.0)
    return _value(scores, np.ones(log.n_users), level=level, interval="normal", estimator="fitted q")


def _value(
    scores: FloatArray, weights: FloatArray, *, level: float, interval: Interval, estimator: str, seed: int = 0
) -> PolicyValue:
    users = np.arange(scores.size)
    return value_with_interval(
        scores, users, weights, level=level, estimator=estimator, interval=interval, seed=seed, per="user"
    )  # fmt: skip


def _supported_weights(
    log: TrajectoryLog, evaluation_probabilities: FloatArray, smallest_size: float
) -> FloatArray | Abstention:
    """Return (n_users, n_periods): products of ratios up to each period; an abstention where the log has no support."""
    weights = np.asarray(np.cumprod(period_ratios(log, evaluation_probabilities), axis=1), dtype=np.float64)
    there = log.going
    never = np.bincount(log.actions[there], minlength=log.n_actions) == 0
    outside = float(evaluation_probabilities[there][:, never].sum()) / max(int(there.sum()), 1)
    size = effective_sample_size(weights[:, -1])
    reason = ""
    if outside > LARGEST_GAP:
        reason = f"{outside:.0%} of the policy's choices are actions that the log never took"
    elif size < smallest_size:
        reason = (
            f"of {log.n_users:,} users those who lived all {log.n_periods} periods as the policy would have them weigh as much "
            f"as {size:,.0f}; {smallest_size:,.0f} are needed. A shorter horizon needs fewer"
        )
    return Abstention(reason=reason, n_decisions=int(there.sum()), effective_sample_size=size) if reason else weights
