"""Fitted-Q evaluation: what each action and all that follows it brings under a policy, learned backwards from the last period.

In each period the target is the reward and what the next period's model expects of the policy's own choice there (Le, Voloshin
and Yue, 2019, ICML, for a finite horizon). Users are cross-fitted: nobody's values come from a model that saw their life.
"""

from __future__ import annotations

import numpy as np

from policies.ope.direct import N_FOLDS, action_model
from policies.ope.trajectories import TrajectoryLog
from simulations.arrays import FloatArray
from simulations.randomness import stream


def fitted_q_values(
    log: TrajectoryLog, evaluation_probabilities: FloatArray, *, discount: float = 1.0, seed: int = 0
) -> FloatArray:
    """Return (n_users, n_periods, n_actions): expected discounted outcome from each period on, had each action been taken.

    Zero where a user has left.

    Parameters
    ----------
    evaluation_probabilities : (n_users, n_periods, n_actions) array
        The evaluation policy's probability of each action at each logged decision.
    """
    folds = stream(seed, "fitted q folds").permutation(log.n_users) % N_FOLDS
    values = np.zeros((log.n_users, log.n_periods, log.n_actions))
    for fold in range(N_FOLDS):
        learn, here = folds != fold, folds == fold
        after = np.zeros(log.n_users)
        for period in range(log.n_periods - 1, -1, -1):
            there = log.going[:, period]
            of_actions = np.zeros((log.n_users, log.n_actions))
            of_actions[there] = action_model(
                log.contexts[:, period],
                log.actions[:, period],
                log.rewards[:, period] + discount * after,
                n_actions=log.n_actions,
                learn=np.flatnonzero(learn & there),
                at=there,
                seed=seed,
            )
            values[here, period] = of_actions[here]
            after = (evaluation_probabilities[:, period] * of_actions).sum(axis=1)
    return values
