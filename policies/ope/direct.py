"""The direct method: a model of the reward, asked what the policy's own actions would have brought.

Boosted trees (LightGBM), one model of the context for all actions and one correction an action, cross-fitted by user.
"""

from __future__ import annotations

import numpy as np

from policies.ope.intervals import value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.value import PolicyValue
from policies.ope.weights import check_probabilities
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray
from simulations.randomness import stream

N_FOLDS = 3
N_BLOCKS = 5  # stretches of an adaptive log; each is predicted from those before it
FEWEST_FOR_MODEL = 200  # decisions, below which a shrunken mean stands for a model
_MOST_ROWS = 60_000


def expected_rewards(log: InteractionLog, *, seed: int) -> FloatArray:
    """Return (n_decisions, n_actions): the expected reward of each action, by models that saw no decision on that user.

    Where the log is adaptive, by models that saw earlier decisions only; the first of them are expected to bring nothing.
    """
    expected = np.zeros((log.n_decisions, log.n_actions))
    if log.is_adaptive:
        folds = np.arange(log.n_decisions) * N_BLOCKS // max(log.n_decisions, 1)
    else:
        _, users = np.unique(log.users, return_inverse=True)
        folds = (stream(seed, "ope folds").permutation(int(users.max()) + 1) % N_FOLDS)[users]
    for fold in np.unique(folds):
        learn = np.flatnonzero(folds < fold if log.is_adaptive else folds != fold)
        here = folds == fold
        expected[here] = action_model(
            log.contexts, log.actions, log.rewards, n_actions=log.n_actions, learn=learn, at=here, seed=seed
        )  # fmt: skip
    return expected


def action_model(
    contexts: Float32Array,
    actions: ActionArray,
    target: FloatArray,
    *,
    n_actions: int,
    learn: IntArray,
    at: BoolArray,
    seed: int,
) -> FloatArray:
    """Return (n_asked, n_actions): the target that a model expects of each action.

    Parameters
    ----------
    learn : int array
        Rows that the model may see.
    at : (n_decisions,) bool array
        Rows that it is asked about.
    """
    base = _predict(contexts, learn, target, seed=seed, pull=0.0) if learn.size else np.zeros(len(contexts))
    expected = np.repeat(base[at, None], n_actions, axis=1)
    for action in range(n_actions):
        rows = learn[actions[learn] == action]
        if rows.size:
            expected[:, action] += _predict(contexts, rows, target - base, seed=seed, pull=50.0, at=at)
    return expected


def _predict(
    contexts: Float32Array, rows: IntArray, target: FloatArray, *, seed: int, pull: float, at: BoolArray | slice = slice(None)
) -> FloatArray:
    """Return what a model learnt on some rows predicts for all decisions, or those `at` a place.

    Few rows give their mean, pulled towards zero.
    """
    import lightgbm

    asked = contexts[at]
    if rows.size < FEWEST_FOR_MODEL or np.ptp(target[rows]) == 0.0:
        return np.full(len(asked), target[rows].sum() / (rows.size + pull))
    if rows.size > _MOST_ROWS:
        rows = np.sort(stream(seed, "ope rows").choice(rows, _MOST_ROWS, replace=False))
    parameters = {
        "objective": "regression",
        "learning_rate": 0.08,
        "num_leaves": 8,
        "min_data_in_leaf": 50,
        "max_bin": 63,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed % (2**31),
        "verbosity": -1,
    }
    data = lightgbm.Dataset(contexts[rows], label=target[rows], params={"verbosity": -1, "max_bin": 63})
    model = lightgbm.train(parameters, data, num_boost_round=60)
    return np.asarray(model.predict(asked, num_threads=1), dtype=np.float64)


def direct_value(
    log: InteractionLog,
    evaluation_probabilities: FloatArray,
    *,
    action_values: FloatArray | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> PolicyValue:
    """Estimate a policy's value by a model of the reward alone; its interval knows nothing of the model's own error.

    Parameters
    ----------
    action_values : (n_decisions, n_actions) array, optional
        Expected reward of each action, where a caller has them; otherwise fitted on the log.
    """
    check_probabilities(log, evaluation_probabilities)
    values = expected_rewards(log, seed=seed) if action_values is None else action_values
    scores = np.einsum("na,na->n", evaluation_probabilities, values)
    return value_with_interval(scores, log.users, np.ones(log.n_decisions), level=level, estimator="direct")
