"""Overlap: whether some users might as well have been contacted as not, and whether the arms agree once weighted.

The area under the curve compares treated with control inside the same week, so that a calendar cannot pass for confounding. A
probability is also stated against the week's own share of treated, as a *preference* (Walker et al., 2013, Comparative
Effectiveness Research 3): a user with preference 0.5 is as likely to be contacted as anyone that week, however rare the action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from decision_engine.effects.doubly_robust import overlap_tilt
from decision_engine.effects.landmarks import Landmarks
from decision_engine.effects.nuisances import Nuisances
from policies.ope.intervals import effective_sample_size
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray

# With an area under the curve of 0.85 the arms lie 1.5 standard deviations apart on the scale of log-odds (two normal arms of
# equal spread), and the odds of a fifth of the contacted are more than nine times those of their week.
AUC_OF_A_RULE = 0.85
COMMON = (0.1, 0.9)  # the range in which treated and control are held to be comparable (Crump et al., 2009, Biometrika 96(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How comparable treated and control are.

    Attributes
    ----------
    auc : float
        Chance that a treated user had a larger probability than a control of the same week; 0.5 for a lottery, 1 for a rule.
    by_rule : float
        Share of treated rows in weeks whose own area under the curve is `AUC_OF_A_RULE` or more.
    share : float
        Share of treated rows whose preference lies inside `COMMON`.
    raw_share : float
        Share of all rows whose probability itself lies inside `COMMON`.
    effective_sample_size : float
        Kish size of the weighted treated plus that of the weighted controls, in rows.
    effective_treated : float
        Kish size of the weighted treated rows.
    largest_before, largest_after : float
        Largest standardised mean difference of a covariate, before and after weighting.
    by_chance : float
        Standard error of such a difference between arms of these sizes that differ in nothing.
    worst : str
        The covariate that is furthest out after weighting.
    """

    auc: float
    by_rule: float
    share: float
    raw_share: float
    effective_sample_size: float
    effective_treated: float
    largest_before: float
    largest_after: float
    by_chance: float
    worst: str


def within_week_auc(propensities: FloatArray, treated: BoolArray, weeks: IntArray) -> float:
    """Return the area under the curve over pairs of one week; 0.5 where no week has both.

    Examples
    --------
    >>> within_week_auc(np.array([0.9, 0.1, 0.5, 0.5]), np.array([True, False, True, False]), np.array([1, 1, 2, 2]))
    0.75
    """
    wins, pairs = 0.0, 0.0
    for week in np.unique(weeks):
        here = weeks == week
        n_treated = int(np.count_nonzero(treated[here]))
        n_control = int(np.count_nonzero(here)) - n_treated
        if n_treated and n_control:
            ranks = rankdata(propensities[here])
            wins += float(ranks[treated[here]].sum()) - n_treated * (n_treated + 1) / 2.0
            pairs += n_treated * n_control
    return wins / pairs if pairs else 0.5


def preferences(propensities: FloatArray, treated: BoolArray, weeks: IntArray) -> FloatArray:
    """Return each row's probability against the share of treated in its week, on the scale 0 to 1."""
    _, places = np.unique(weeks, return_inverse=True)
    share = np.clip(np.bincount(places, weights=treated) / np.bincount(places), 1e-6, 1 - 1e-6)[places]
    odds = propensities / (1.0 - propensities) * (1.0 - share) / share
    return np.asarray(odds / (1.0 + odds))


def mean_differences(covariates: Float32Array, treated: BoolArray, weights: FloatArray) -> FloatArray:
    """Return (n_covariates,): weighted mean differences over the spread of the treated and the controls together."""
    filled = np.where(np.isfinite(covariates), covariates, 0.0).astype(np.float64)
    spread = np.sqrt((filled[treated].var(axis=0) + filled[~treated].var(axis=0)) / 2.0)
    gap = np.average(filled[treated], axis=0, weights=weights[treated]) - np.average(
        filled[~treated], axis=0, weights=weights[~treated]
    )
    everybody = np.maximum(filled.std(axis=0), 1e-9)  # where each arm has one value throughout, and they differ
    found: FloatArray = np.where(spread > 1e-9, gap / np.maximum(spread, 1e-9), gap / everybody)
    return found


def measure_overlap(rows: Landmarks, nuisances: Nuisances) -> Overlap:
    """Measure overlap and balance of one action's rows; both arms must have rows."""
    return overlap_of(
        rows.covariates,
        rows.treated,
        rows.weeks,
        propensities=nuisances.propensities,
        weights=overlap_tilt(nuisances) / nuisances.taken,
        names=rows.covariate_names,
    )


def overlap_of(
    covariates: Float32Array,
    treated: BoolArray,
    weeks: IntArray,
    *,
    propensities: FloatArray,
    weights: FloatArray,
    names: Sequence[str],
) -> Overlap:
    """Measure overlap and balance of weighted rows, comparing inside each week; both arms must have rows.

    Parameters
    ----------
    propensities, weights : (n_rows,) arrays
        Probability of treatment, and the weight of each row in the estimate.
    names : sequence of str
        Of the covariates' columns; there may be none.
    """
    before = np.abs(mean_differences(covariates, treated, np.ones(treated.size)))
    after = np.abs(mean_differences(covariates, treated, weights))
    liked = preferences(propensities, treated, weeks)
    effective_treated, effective_control = (effective_sample_size(weights[arm]) for arm in (treated, ~treated))
    return Overlap(
        auc=within_week_auc(propensities, treated, weeks),
        by_rule=_share_by_rule(propensities, treated, weeks),
        share=_share_inside(liked[treated]),
        raw_share=_share_inside(propensities),
        effective_sample_size=effective_treated + effective_control,
        effective_treated=effective_treated,
        largest_before=float(before.max(initial=0.0)),
        largest_after=float(after.max(initial=0.0)),
        by_chance=float(np.sqrt(1.0 / max(effective_treated, 1.0) + 1.0 / max(effective_control, 1.0))),
        worst=names[int(after.argmax())] if len(names) else "",
    )


def _share_by_rule(propensities: FloatArray, treated: BoolArray, weeks: IntArray) -> float:
    ruled = 0
    for week in np.unique(weeks):
        here = weeks == week
        if within_week_auc(propensities[here], treated[here], weeks[here]) >= AUC_OF_A_RULE:
            ruled += int(np.count_nonzero(treated[here]))
    return ruled / max(int(np.count_nonzero(treated)), 1)


def _share_inside(values: FloatArray) -> float:
    return float(np.mean((values > COMMON[0]) & (values < COMMON[1])))
