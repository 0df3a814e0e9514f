"""Nuisance functions, cross-fitted by user: how likely the contact was, and what to expect with it and without it.

Boosted trees (LightGBM) on what was known at the start of the week. Each row is predicted by a model that saw no row of the
same user (Chernozhukov et al., 2018, Econometrics Journal 21(1)). Where the log records probabilities they are used as they
stand, and one outcome model serves both arms: it then only buys precision, and cannot move the estimate's limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decision_engine.effects.landmarks import Landmarks
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray
from simulations.randomness import stream

N_FOLDS = 3
MOST_ROWS = 20_000  # a fold's model learns from at most so many rows, drawn at random: more cost seconds and buy no precision
FEWEST_FOR_ARM = 400  # an arm of fewer rows gets no model of its own; it borrows the other's, and weighting does the rest
CLIP = 0.01  # estimated probabilities stay inside [CLIP, 1 - CLIP]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuisances:
    """What the estimators need beside the rows.

    Attributes
    ----------
    propensities : (n_rows,) array
        Probability of treatment, estimated and cross-fitted, inside [CLIP, 1 - CLIP].
    taken : (n_rows,) array
        Probability of what was done: recorded where the log tells, otherwise from `propensities`.
    untreated, treated : (n_rows, 2) arrays
        Expected order-days and margin without and with the action.
    mode : str
        "recorded", "mixed" or "estimated": where `taken` comes from.
    """

    propensities: FloatArray
    taken: FloatArray
    untreated: FloatArray
    treated: FloatArray
    mode: str

    def take(self, rows: IntArray | BoolArray) -> Nuisances:
        """Return those of some rows."""
        arrays = ("propensities", "taken", "untreated", "treated")
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})


def row_folds(users: IntArray, seed: int, n_folds: int = N_FOLDS) -> IntArray:
    """Return each row's fold, the same for all rows of a user.

    Examples
    --------
    >>> folds = row_folds(np.array([0, 1, 0, 1, 2]), seed=1)
    >>> bool(folds[0] == folds[2] and folds[1] == folds[3])
    True
    """
    n_users = int(users.max()) + 1 if users.size else 0
    places = stream(seed, "effect folds").permutation(n_users) % n_folds
    return places[users].astype(np.int64)


def cross_fit(
    covariates: Float32Array,
    outcome: FloatArray,
    folds: IntArray,
    *,
    seed: int,
    binary: bool = False,
    among: BoolArray | None = None,
    n_trees: int = 100,
    n_leaves: int = 15,
    smallest_leaf: int = 40,
    most_rows: int = MOST_ROWS,
) -> FloatArray:
    """Return (n_rows,): each row's prediction by boosted trees that saw no row of its fold.

    Parameters
    ----------
    among : (n_rows,) bool array, optional
        Rows to learn from; predictions are for all rows.
    binary : bool
        The outcome is 0 or 1, the prediction its probability.
    """
    import lightgbm

    predictions = np.empty(outcome.size, dtype=np.float64)
    pool = np.ones(outcome.size, dtype=np.bool_) if among is None else among
    for fold in np.unique(folds):
        here = folds == fold
        rows = np.flatnonzero(pool & ~here)
        if rows.size > most_rows:
            rows = np.sort(stream(seed, "effect rows", int(fold)).choice(rows, most_rows, replace=False))
        targets = outcome[rows]
        if rows.size < 2 * smallest_leaf or np.ptp(targets) == 0.0 or covariates.shape[1] == 0:
            predictions[here] = targets.mean() if rows.size else 0.0
            continue
        parameters = {
            "objective": "binary" if binary else "regression",
            "learning_rate": 0.08,
            "num_leaves": n_leaves,
            "min_data_in_leaf": smallest_leaf,
            "max_bin": 63,
            "lambda_l2": 1.0,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": seed % (2**31),
            "verbosity": -1,
        }
        data = lightgbm.Dataset(covariates[rows], label=targets, params={"verbosity": -1, "max_bin": 63})
        model = lightgbm.train(parameters, data, num_boost_round=n_trees)
        predictions[here] = np.asarray(model.predict(covariates[here], num_threads=1))
    return predictions


def fit_propensities(rows: Landmarks, treated: BoolArray, folds: IntArray, seed: int) -> FloatArray:
    """Return (n_rows,): the cross-fitted probability of treatment, calibrated week by week, inside [CLIP, 1 - CLIP].

    Trees see the week, but thinly; so the log-odds are moved week by week until the expected number of treated is the
    observed one, which keeps calendar differences out of what counts as confounding.
    """
    raw = cross_fit(rows.covariates, treated.astype(np.float64), folds, seed=seed, binary=True, n_trees=80, smallest_leaf=25)
    return np.clip(_calibrated(np.clip(raw, 1e-4, 1.0 - 1e-4), treated, rows.weeks), CLIP, 1.0 - CLIP)


def _calibrated(raw: FloatArray, treated: BoolArray, weeks: IntArray) -> FloatArray:
    log_odds = np.log(raw / (1.0 - raw))
    chances = raw.copy()
    _, places = np.unique(weeks, return_inverse=True)
    observed = np.bincount(places, weights=treated)
    move = np.zeros(observed.size)
    for _ in range(20):
        chances = 1.0 / (1.0 + np.exp(-(log_odds + move[places])))
        expected = np.bincount(places, weights=chances)
        slope = np.bincount(places, weights=chances * (1.0 - chances))
        move += np.clip((observed - expected) / np.maximum(slope, 1e-9), -1.0, 1.0)
    return chances


def fit_nuisances(rows: Landmarks, *, seed: int) -> Nuisances:
    """Fit what the estimators need for one action's rows."""
    folds = row_folds(rows.users, seed)
    propensities = fit_propensities(rows, rows.treated, folds, seed)
    silent = ~np.isfinite(rows.recorded)
    estimated = np.where(rows.treated, propensities, 1.0 - propensities)
    untreated, treated = np.empty((rows.n_rows, 2)), np.empty((rows.n_rows, 2))
    own = rows.n_treated >= FEWEST_FOR_ARM and bool(silent.any())
    for k in range(2):
        untreated[:, k] = cross_fit(rows.covariates, rows.outcomes[:, k], folds, seed=seed, among=~rows.treated, n_trees=60)
        treated[:, k] = untreated[:, k]
        if own:
            treated[:, k] = cross_fit(rows.covariates, rows.outcomes[:, k], folds, seed=seed, among=rows.treated, n_trees=60)
    return Nuisances(
        propensities=propensities,
        taken=np.where(silent, estimated, rows.recorded),
        untreated=untreated,
        treated=treated,
        mode="recorded" if not silent.any() else ("estimated" if silent.all() else "mixed"),
    )
