"""Marginalised weights: a policy's value over many periods through how often it visits each state, and not through products.

The share of users whom the policy would have in each state follows from period to period by transitions that are weighted by
one ratio each; rewards of a state are weighted likewise (Xie, Ma and Wang, 2019, NeurIPS). The variance grows with the number
of periods, where that of products of ratios explodes. It rests on the states: what moves a user must be in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policies.ope.doubly_robust import SMALLEST_SIZE
from policies.ope.intervals import effective_sample_size
from policies.ope.sequential import period_ratios
from policies.ope.trajectories import TrajectoryLog
from policies.ope.value import Abstention, PolicyValue
from simulations.arrays import FloatArray
from simulations.errors import HistoryError
from simulations.randomness import stream

_N_DRAWS = 200


def marginalised_value(
    log: TrajectoryLog,
    evaluation_probabilities: FloatArray,
    states: NDArray[np.int64],
    *,
    discount: float = 1.0,
    level: float = 0.9,
    seed: int = 0,
    smallest_size: float = SMALLEST_SIZE,
) -> PolicyValue | Abstention:
    """Estimate the mean outcome per user under an evaluation policy by the states that it would lead to.

    Parameters
    ----------
    evaluation_probabilities : (n_users, n_periods, n_actions) array
        The evaluation policy's probability of each action at each logged decision.
    states : (n_users, n_periods) int array
        State at each decision, numbered from 0; a policy and what follows may depend on nothing else.

    Returns
    -------
    PolicyValue or Abstention
        The interval is a bootstrap of users. An abstention where, in some period, users who chose as the policy would weigh
        less than `smallest_size`.

    Raises
    ------
    HistoryError
        If the probabilities or the states do not fit the log.
    """
    if states.shape != log.actions.shape or (states[log.going] < 0).any():
        raise HistoryError(
            f"states: shape {states.shape} and numbers from 0 are needed for trajectories of {log.actions.shape}."
        )
    ratios = period_ratios(log, evaluation_probabilities)
    weights = _marginal_weights(log, states, ratios, np.ones(log.n_users))
    sizes = [effective_sample_size(weights[log.going[:, t], t]) for t in range(log.n_periods) if log.going[:, t].any()]
    if min(sizes, default=0.0) < smallest_size:
        reason = (
            f"of {log.n_users:,} users those whose choices and states the policy would share weigh, in some period, as much as "
            f"{min(sizes, default=0.0):,.0f}; {smallest_size:,.0f} are needed"
        )
        return Abstention(reason=reason, n_decisions=int(log.going.sum()), effective_sample_size=min(sizes, default=0.0))
    estimate = _mean(log, weights, np.ones(log.n_users), discount)
    rng = stream(seed, "marginalised bootstrap")
    draws = np.empty(_N_DRAWS)
    for draw in range(_N_DRAWS):
        times = np.bincount(rng.integers(0, log.n_users, log.n_users), minlength=log.n_users).astype(np.float64)
        draws[draw] = _mean(log, _marginal_weights(log, states, ratios, times), times, discount)
    low, high = np.quantile(draws, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return PolicyValue(
        estimate=estimate,
        low=float(low),
        high=float(high),
        standard_error=float(draws.std(ddof=1)),
        level=level,
        estimator="marginalised",
        n_decisions=int(log.going.sum()),
        n_users=log.n_users,
        effective_sample_size=min(sizes),
        largest_weight=float(weights.max(initial=0.0)),
        interval="bootstrap",
        per="user",
    )


def _marginal_weights(log: TrajectoryLog, states: NDArray[np.int64], ratios: FloatArray, times: FloatArray) -> FloatArray:
    """Return (n_users, n_periods): each decision's weight; `times` says how often each user counts.

    A user's weight in a period is the ratio there times the density of the state: the share of users whom the policy has in it
    over the share whom the log has.
    """
    weights = np.zeros(log.actions.shape)
    density = np.ones(log.n_users)
    for period in range(log.n_periods):
        there = log.going[:, period]
        if period:
            state = np.where(there, states[:, period], 0)
            logged = np.bincount(state, weights=times * there)
            reached = np.bincount(state, weights=times * there * weights[:, period - 1])
            density = np.divide(reached, logged, out=np.zeros_like(reached), where=logged > 0.0)[state]
        weights[:, period] = np.where(there, density * ratios[:, period], 0.0)
    return weights


def _mean(log: TrajectoryLog, weights: FloatArray, times: FloatArray, discount: float) -> float:
    return float(times @ (weights * log.discounted_rewards(discount)).sum(axis=1)) / float(times.sum())
