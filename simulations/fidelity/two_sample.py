"""A classifier two-sample test: can anything tell simulated users from real ones (Lopez-Paz and Oquab, 2017, ICLR).

Gradient-boosted trees are trained on four fifths of the users and asked about the last fifth, five times; a user's real and
simulated lives are always on the same side. The area under the ROC curve is 0.5 where nothing can be told.
"""

from __future__ import annotations

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.fidelity.stretch import Stretch
from simulations.fidelity.trajectory_features import trajectory_features
from simulations.randomness import stream

N_TREES, N_FOLDS, N_LEAVES = 200, 5, 31
MOST_USERS = 5000  # of a larger audience a sample, drawn by the seed
FEWEST_USERS = 100


def two_sample_auc(real: Stretch, simulated: Stretch, *, seed: int, users: IntArray | None = None) -> float:
    """Return the area under the ROC curve; nan with fewer than `FEWEST_USERS` users.

    Parameters
    ----------
    users : (n_users,) int array, optional
        Who each row of `simulated` is among the rows of `real`; by default the same users in the same order.
    """
    owners = np.arange(real.n_users) if users is None else users
    if real.n_users < FEWEST_USERS:
        return float("nan")
    rng = stream(seed, "two-sample test")
    drawn = np.sort(rng.permutation(real.n_users)[:MOST_USERS])
    fold = np.full(real.n_users, -1)
    fold[drawn] = rng.permutation(np.arange(drawn.size) % N_FOLDS)
    sides = [trajectory_features(real.take(drawn)), trajectory_features(simulated.take(fold[owners] >= 0))]
    folds = np.concatenate([fold[drawn], fold[owners][fold[owners] >= 0]])
    labels = np.repeat([0, 1], [side.shape[0] for side in sides])
    scores = _out_of_fold(np.concatenate(sides), labels, folds, seed)
    return _area(scores[labels == 1], scores[labels == 0])


def _out_of_fold(features: FloatArray, labels: IntArray, folds: IntArray, seed: int) -> FloatArray:
    import lightgbm

    settings = {
        "objective": "binary", "num_leaves": N_LEAVES, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1,
        "deterministic": True, "force_row_wise": True, "seed": seed % (2**31),
    }  # fmt: skip
    scores = np.zeros(labels.size)
    for fold in range(N_FOLDS):
        inside = folds != fold
        booster = lightgbm.train(settings, lightgbm.Dataset(features[inside], labels[inside]), num_boost_round=N_TREES)
        scores[~inside] = booster.predict(features[~inside])
    return scores


def _area(above: FloatArray, below: FloatArray) -> float:
    """Return the chance that one of the first scores higher than one of the second; ties count half."""
    ordered = np.sort(below)
    wins = np.searchsorted(ordered, above, side="left") + np.searchsorted(ordered, above, side="right")
    return float(wins.mean() / 2.0 / below.size)
