"""Churn: the chance that a user does not return within some weeks.

At landmark weeks one stands at the start of a week, sees the observation and later learns whether an order came within the
horizon (landmarking: van Houwelingen, 2007, Scandinavian Journal of Statistics 34(1)). Boosted trees (LightGBM) learn the
chance, bound never to fall with silence nor to rise with the rate of orders. They are cross-fitted by user: the trees that
speak of a user never saw that user. Platt's line (1999), fitted on those cross-fitted chances, calibrates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decision_engine.history.split import sample_users, user_folds
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.errors import HistoryError
from simulations.features import N_FEATURES, column, observe
from simulations.panel import WeeklyPanel
from simulations.state import V, advance, fold

if TYPE_CHECKING:
    import lightgbm

N_FOLDS = 5
FIRST_LANDMARK = 4  # before that a history says little
_MOST_LANDMARKS = 16
_MOST_USERS = 20_000  # that fit; more would cost time and move nothing
_FEWEST_CASES = 25  # of either outcome, below which there is nothing to learn but the share
_RISING, _FALLING = ("recency_weeks", "gap_ratio"), ("active_share", "order_rate_4", "order_rate_13", "order_rate_all")
_TREES = {"num_leaves": 15, "learning_rate": 0.05, "lambda_l2": 10.0}
_ROUNDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRows:
    """Users at landmarks: what was known, and whether they stayed away; only users with an order before the landmark.

    Attributes
    ----------
    users, landmarks : (n,) int64 arrays
        Row of the panel; the week at whose start one stands.
    observations : (n, N_FEATURES) float32 array
    stayed_away : (n,) bool array
        No order-day in the weeks [landmark, landmark + horizon).
    """

    users: IntArray
    landmarks: IntArray
    observations: Float32Array
    stayed_away: BoolArray


def return_rows(panel: WeeklyPanel, landmarks: range, horizon_weeks: int) -> ReturnRows:
    """Look ahead from each landmark.

    Raises
    ------
    HistoryError
        If an outcome window reaches beyond the panel's weeks.
    """
    if landmarks and landmarks[-1] + horizon_weeks > panel.n_periods:
        raise HistoryError(
            f"churn: from week {landmarks[-1] + 1} one cannot look {horizon_weeks} weeks ahead in {panel.n_periods} weeks."
        )
    now = landmarks[0] if landmarks else 0
    states = fold(panel, now)
    users: list[IntArray] = [np.empty(0, dtype=np.int64)]
    observations: list[Float32Array] = [np.empty((0, N_FEATURES), dtype=np.float32)]
    away: list[BoolArray] = [np.empty(0, dtype=np.bool_)]
    for landmark in landmarks:
        states, now = advance(states, panel, now, landmark), landmark
        known = np.flatnonzero(states.values[:, V.ACTIVE_WEEKS] > 0).astype(np.int64)
        users.append(known)
        observations.append(observe(states)[known])
        came = (panel.order_days[known, landmark : landmark + horizon_weeks] > 0).any(axis=1)
        away.append(np.logical_not(came))
    return ReturnRows(
        users=np.concatenate(users),
        landmarks=np.repeat(np.array(landmarks, dtype=np.int64), [part.size for part in users[1:]]),
        observations=np.concatenate(observations),
        stayed_away=np.concatenate(away),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnModel:
    """A fitted chance not to return; plain texts and numbers, so that it can be stored and compared.

    Attributes
    ----------
    trees : tuple of str
        LightGBM's text of one model a fold; empty where there was nothing to learn but the share.
    intercept, slope : float
        Platt's line: the calibrated log-odds are intercept + slope × the trees' log-odds.
    base_rate : float
        Share of fitting rows that stayed away.
    n_rows, n_users : int
        What was fitted on.
    landmarks : tuple of int
        Weeks at whose start the rows stand.
    """

    trees: tuple[str, ...]
    intercept: float
    slope: float
    base_rate: float
    horizon_weeks: int
    n_fitting_periods: int
    seed: int
    n_rows: int
    n_users: int
    landmarks: tuple[int, ...]

    def chance(self, observations: Float32Array, user_keys: KeyArray | None = None) -> FloatArray:
        """Return (n,): the chance of no order-day within the horizon.

        Parameters
        ----------
        observations : (n, N_FEATURES) float32 array
            Of users who ordered before.
        user_keys : (n,) uint64 array or None
            With keys each user is judged by the trees that never saw that user; without, by the mean of all trees.
        """
        if not self.trees:
            return np.full(len(observations), self.base_rate)
        import lightgbm

        # A model read from text forgets its settings: the number of threads is said anew.
        boosters = (lightgbm.Booster(model_str=text) for text in self.trees)
        log_odds = np.array([_raw(booster, observations) for booster in boosters]).reshape(len(self.trees), -1)
        if user_keys is None:
            chosen = log_odds.mean(axis=0)
        else:
            chosen = log_odds[_folds(user_keys, self.seed), np.arange(len(observations))]
        return _logistic(self.intercept + self.slope * chosen)

    def to_frame(self) -> pd.DataFrame:
        """Return one row: what the model was fitted on, and its calibration line."""
        names = ("horizon_weeks", "n_fitting_periods", "n_rows", "n_users", "base_rate", "intercept", "slope")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


def fit_churn(panel: WeeklyPanel, n_fitting_periods: int, horizon_weeks: int = 8, seed: int = 0) -> ChurnModel:
    """Fit on the first weeks only; outcome windows end with them.

    Raises
    ------
    HistoryError
        If no outcome window fits into the fitting weeks, or nobody ordered before a landmark.
    """
    fitting = panel.slice(n_fitting_periods)
    fitting = fitting.take(sample_users(fitting.user_keys, min(1.0, _MOST_USERS / panel.n_users), "churn rows", seed))
    last = n_fitting_periods - horizon_weeks
    first = min(FIRST_LANDMARK, max(last, 1))
    if last < first:
        raise HistoryError(
            f"churn: {n_fitting_periods} fitting weeks leave no landmark with {horizon_weeks} weeks after it; "
            f"at least {horizon_weeks + 1} are needed."
        )
    step = -(-(last - first + 1) // _MOST_LANDMARKS)
    landmarks = range(first + (last - first) % step, last + 1, step)
    rows = return_rows(fitting, landmarks, horizon_weeks)
    if not rows.users.size:
        raise HistoryError(f"churn: nobody ordered in the first {last} weeks, so that nobody can stay away after them.")
    trees, intercept, slope = _cross_fit(rows, fitting.user_keys, seed)
    return ChurnModel(
        trees=trees,
        intercept=intercept,
        slope=slope,
        base_rate=float(rows.stayed_away.mean()),
        horizon_weeks=horizon_weeks,
        n_fitting_periods=n_fitting_periods,
        seed=seed,
        n_rows=int(rows.users.size),
        n_users=int(np.unique(rows.users).size),
        landmarks=tuple(landmarks),
    )


def _folds(user_keys: KeyArray, seed: int) -> IntArray:
    return user_folds(user_keys, N_FOLDS, "churn", seed)


def _cross_fit(rows: ReturnRows, user_keys: KeyArray, seed: int) -> tuple[tuple[str, ...], float, float]:
    """Return a model a fold, and the line that calibrates their chances for users they never saw."""
    folds = _folds(user_keys, seed)[rows.users]
    cases = [int(np.sum(rows.stayed_away[folds != k] == outcome)) for k in range(N_FOLDS) for outcome in (False, True)]
    if min(cases) < _FEWEST_CASES:
        return (), 0.0, 1.0
    log_odds = np.empty(rows.users.size)
    texts = []
    for number in range(N_FOLDS):
        unseen = folds == number
        booster = _boost(rows.observations[~unseen], rows.stayed_away[~unseen], seed)
        texts.append(booster.model_to_string())
        log_odds[unseen] = _raw(booster, rows.observations[unseen])
    intercept, slope = _platt(log_odds, rows.stayed_away)
    return tuple(texts), intercept, slope


def _boost(observations: Float32Array, stayed_away: BoolArray, seed: int) -> lightgbm.Booster:
    import lightgbm

    bounds = np.zeros(N_FEATURES, dtype=np.int64)
    bounds[[column(name) for name in _RISING]] = 1
    bounds[[column(name) for name in _FALLING]] = -1
    settings = {
        **_TREES,
        "objective": "binary",
        "monotone_constraints": bounds.tolist(),
        "min_data_in_leaf": int(np.clip(stayed_away.size // 100, 10, 100)),
        "seed": seed % 2**31,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(observations.astype(np.float64), label=stayed_away.astype(np.float64), free_raw_data=True)
    return lightgbm.train(settings, data, num_boost_round=_ROUNDS)


def _raw(booster: lightgbm.Booster, observations: Float32Array) -> FloatArray:
    return np.asarray(booster.predict(observations.astype(np.float64), raw_score=True, num_threads=1), dtype=np.float64)


def _logistic(log_odds: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))


def _platt(log_odds: FloatArray, outcomes: BoolArray, n_steps: int = 25) -> tuple[float, float]:
    """Fit the calibration line by Newton's method, with Platt's targets that never reach 0 or 1."""
    n_yes = int(outcomes.sum())
    targets = np.where(outcomes, (n_yes + 1.0) / (n_yes + 2.0), 1.0 / (outcomes.size - n_yes + 2.0))
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    line = np.array([0.0, 1.0])
    ridge = 1e-6 * np.eye(2)
    for _ in range(n_steps):
        chance = _logistic(design @ line)
        slope = design.T @ (targets - chance)
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design + ridge
        move = np.linalg.solve(curvature, slope)
        line = line + move
        if float(np.abs(move).max()) < 1e-10:
            break
    return float(line[0]), float(line[1])
