"""The conditional effect by double machine learning (EconML): how the effect differs between users.

EconML's `LinearDML` regresses what is left of the outcome on what is left of the treatment, times the basis of a response
(Chernozhukov et al., 2018; Nie and Wager, 2021, Biometrika 108(2)). Both expectations are the cross-fitted ones of
`nuisances`, handed over as two columns, so that nothing is fitted twice and no row of a user informs another; EconML's own
residuals then give standard errors clustered by user, which its inference does not offer. Without heterogeneity the result is
an average effect weighted by overlap: a second opinion, by another method, on the doubly robust one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.effects.doubly_robust import Average
from decision_engine.effects.landmarks import Landmarks
from decision_engine.effects.nuisances import Nuisances
from simulations.arrays import BoolArray, FloatArray, IntArray
from simulations.response import RESPONSE_BASIS, ResponseScale


class GivenPrediction:
    """A learner that has nothing to learn: its prediction is a column of what it is given."""

    def __init__(self, column: int = -1) -> None:
        self.column = column

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """Return the settings, as a clone asks for them."""
        return {"column": self.column}

    def set_params(self, column: int = -1) -> GivenPrediction:
        """Change the settings."""
        self.column = column
        return self

    def fit(self, X: FloatArray, y: FloatArray, **_: object) -> GivenPrediction:
        """Learn nothing."""
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return the column."""
        return np.asarray(X[:, self.column], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalEffect:
    """An effect that is linear in the basis of a response.

    Attributes
    ----------
    coefficients, covariance : (N_BASIS,) and (N_BASIS, N_BASIS) arrays
        In the outcome's unit a unit of each basis term; covariance clustered by user.
    average : Average
        The effect without heterogeneity.
    """

    coefficients: FloatArray
    covariance: FloatArray
    average: Average

    def standard_errors(self) -> FloatArray:
        """Return (N_BASIS,) standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def to_rows(self) -> list[dict[str, float | str]]:
        """Return one row a basis term: term, coefficient, standard error."""
        return [
            {"term": term, "coefficient": float(c), "standard_error": float(s)}
            for term, c, s in zip(RESPONSE_BASIS, self.coefficients, self.standard_errors(), strict=True)
        ]


def double_machine_learning(
    rows: Landmarks, nuisances: Nuisances, scale: ResponseScale, *, outcome: int, seed: int
) -> ConditionalEffect:
    """Return the conditional effect on one outcome.

    Parameters
    ----------
    outcome : int
        Column of `Landmarks.outcomes`: order-days or margin.
    """
    basis = scale.basis(rows.observations)
    terms = basis[:, 1:]
    chances = nuisances.propensities
    expected = nuisances.untreated[:, outcome] + chances * (nuisances.treated - nuisances.untreated)[:, outcome]
    given = np.column_stack([expected, chances])
    coefficients, left_y, left_t = _fit(rows.outcomes[:, outcome], rows.treated, terms, given, seed)
    regressors = left_t[:, None] * basis
    covariance = _clustered_covariance(regressors, left_y - regressors @ coefficients, rows.users)
    average = partialled_out_average(
        rows.outcomes[:, outcome], rows.treated, rows.users, expected=expected, chances=chances, seed=seed
    )
    return ConditionalEffect(coefficients=coefficients, covariance=covariance, average=average)


def partialled_out_average(
    outcome: FloatArray, treated: BoolArray, users: IntArray, *, expected: FloatArray, chances: FloatArray, seed: int
) -> Average:
    """Return EconML's average effect: what is left of the outcome on what is left of the treatment, clustered by user.

    Parameters
    ----------
    expected, chances : (n_rows,) arrays
        Expected outcome whatever was done, and probability of treatment, both cross-fitted.
    """
    alone, left_y, left_t = _fit(outcome, treated, None, np.column_stack([expected, chances]), seed)
    spread = _clustered_covariance(left_t[:, None], left_y - left_t * alone[0], users)
    return Average(estimate=float(alone[0]), standard_error=float(np.sqrt(spread[0, 0])))


def _fit(
    outcome: FloatArray, treated: BoolArray, terms: FloatArray | None, given: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return intercept and coefficients with the residuals of outcome and treatment, in the rows' order."""
    from econml.dml import LinearDML

    places = np.arange(outcome.size)
    even, odd = places[::2], places[1::2]  # EconML asks for folds, though the columns are cross-fitted already
    learner = LinearDML(
        model_y=GivenPrediction(-3),
        model_t=GivenPrediction(-2),
        cv=[(even, odd), (odd, even)],
        random_state=seed % (2**31),
    )
    learner.fit(outcome, treated.astype(np.float64), X=terms, W=np.column_stack([given, places]), cache_values=True)
    left_y, left_t, _, controls = learner.residuals_
    order = np.argsort(controls[:, -1])  # EconML promises no order
    intercept = np.atleast_1d(np.asarray(learner.intercept_, dtype=np.float64)).ravel()
    slopes = np.zeros(0) if terms is None else np.asarray(learner.coef_, dtype=np.float64).ravel()
    return np.concatenate([intercept, slopes]), np.asarray(left_y).ravel()[order], np.asarray(left_t).ravel()[order]


def _clustered_covariance(regressors: FloatArray, residuals: FloatArray, users: IntArray) -> FloatArray:
    """Return the sandwich covariance of least squares, rows of one user summed first (Liang and Zeger, 1986)."""
    bread = np.linalg.pinv(regressors.T @ regressors)
    meat = cluster_sums(regressors * residuals[:, None], users)
    n_clusters = np.unique(users).size
    return np.asarray(bread @ (meat.T @ meat) @ bread * (n_clusters / max(n_clusters - 1, 1)))


def cluster_sums(scores: FloatArray, clusters: IntArray) -> FloatArray:
    """Return the columns' sums over the rows of each cluster."""
    return np.column_stack([np.bincount(clusters, weights=scores[:, k]) for k in range(scores.shape[1])])
