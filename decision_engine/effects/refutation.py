"""Refutation: the same machinery, asked questions whose answer is nothing.

*Placebo treatment*: who was treated is shuffled inside each week and everything that depends on it is fitted again; an effect
would be the machinery's own. *Placebo outcome*: order-days in the weeks before the contact, which no contact can have caused,
with the outcome model on what was known before those weeks and the probabilities of the main analysis. If those probabilities
hold all that decided the contact, the weighted difference is nil; if something unseen did, users contacted were different
before they were contacted, and it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.effects.doubly_robust import Average, average_effect, overlap_tilt
from decision_engine.effects.landmarks import ORDERS, Landmarks
from decision_engine.effects.nuisances import Nuisances, cross_fit, fit_propensities, row_folds
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray
from simulations.randomness import stream

MOST_ROWS = 30_000  # more would sharpen a question whose answer is nothing
FEWEST_PAST = 30  # treated rows with a known past, below which the past is not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Refutation:
    """Effects that should be nil, in order-days a user over the horizon; None where the data could not be asked."""

    placebo_treatment: Average
    placebo_past: Average | None


def shuffled_within_weeks(treated: BoolArray, weeks: IntArray, rng: np.random.Generator) -> BoolArray:
    """Return the treatment dealt out again inside each week, as many treated as before."""
    dealt = treated.copy()
    for week in np.unique(weeks):
        here = np.flatnonzero(weeks == week)
        dealt[here] = treated[rng.permutation(here)]
    return dealt


def refute(rows: Landmarks, nuisances: Nuisances, *, seed: int) -> Refutation:
    """Ask both questions of one action's rows; of a long log, of users drawn until there are `MOST_ROWS`."""
    if rows.n_rows > MOST_ROWS:
        n_users = int(rows.users.max()) + 1
        drawn = stream(seed, f"refutation {rows.action}").random(n_users) < MOST_ROWS / rows.n_rows
        rows, nuisances = rows.take(drawn[rows.users]), nuisances.take(drawn[rows.users])
    folds = row_folds(rows.users, seed)
    return Refutation(
        placebo_treatment=_placebo_treatment(rows, folds, seed), placebo_past=_placebo_past(rows, nuisances, folds, seed)
    )


def _placebo_treatment(rows: Landmarks, folds: IntArray, seed: int) -> Average:
    dealt = shuffled_within_weeks(rows.treated, rows.weeks, stream(seed, f"placebo {rows.action}"))
    chances = fit_propensities(rows, dealt, folds, seed)
    return effect_of_the_dealt(rows.outcomes[:, ORDERS], dealt, rows.users, rows.covariates, chances, folds, seed=seed)


def effect_of_the_dealt(
    outcome: FloatArray,
    dealt: BoolArray,
    users: IntArray,
    covariates: Float32Array,
    chances: FloatArray,
    folds: IntArray,
    *,
    seed: int,
) -> Average:
    """Return what a treatment that was dealt out by chance seems to bring, by the machinery of the main analysis.

    Parameters
    ----------
    chances : (n_rows,) array
        Probability of having been dealt it.
    """
    model = cross_fit(covariates, outcome, folds, seed=seed, among=~dealt, n_trees=40)
    return average_effect(
        outcome,
        dealt,
        users,
        taken=np.where(dealt, chances, 1.0 - chances),
        untreated_model=model,
        treated_model=model,
        tilt=chances * (1.0 - chances),
    )


def _placebo_past(rows: Landmarks, nuisances: Nuisances, folds: IntArray, seed: int) -> Average | None:
    inside = np.isfinite(rows.past_orders)
    treated = rows.treated[inside]
    if np.count_nonzero(treated) < FEWEST_PAST or np.count_nonzero(~treated) < FEWEST_PAST:
        return None
    past = rows.past_orders[inside]
    model = cross_fit(rows.past_covariates[inside], past, folds[inside], seed=seed, n_trees=40)
    return average_effect(
        past,
        treated,
        rows.users[inside],
        taken=nuisances.taken[inside],
        untreated_model=model,
        treated_model=model,
        tilt=overlap_tilt(nuisances)[inside],
    )
