"""How users came to their treatment: by a draw whose shares hold, by recorded probabilities that hold, or by choice.

Three questions, before any effect is looked at. *Do the group sizes fit?* Against declared shares by chi-squared, against
recorded probabilities by the count that each group implies, the sum of 1/p over its users, which estimates all users (Fabijan
et al., 2019, KDD). *Do the recorded probabilities hold?* Where there are two groups, users are sorted by the probability of
treatment, and the share treated is compared with it bin by bin. Where there are more, a record names the probability of what
was given and no other: each group must then stand for all users in every bin of what the covariates tell of who gets it (see
`history.calibration`). *Does what was known before tell who got what?* A classifier that never saw the user says so (Lopez-Paz
and Oquab, 2017, ICLR): under a draw its ranks are those of a lottery, and the Mann-Whitney statistic inside a fold has a known
distribution. The folds' statistics depend on each other, since each fold teaches the others' classifiers; so their standard
errors are added up, as the sum's cannot be larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import chisquare, norm, rankdata

from decision_engine.effects.nuisances import CLIP, cross_fit, row_folds
from decision_engine.effects.randomisation import MISMATCH
from decision_engine.experiment.clusters import FEWEST_CLUSTERS, Clusters
from decision_engine.experiment.trial import FEWEST_USERS, Trial
from decision_engine.history.calibration import binned, weighed, weighed_in_bins
from simulations.arrays import BoolArray, Float32Array, FloatArray

Mode = Literal["randomised", "recorded", "mixed", "clustered", "observational"]
_TREES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSizes:
    """The test for a sample-ratio mismatch.

    Attributes
    ----------
    against : str
        "declared", "recorded", or "nothing" where there is nothing to hold the sizes against.
    p_value : float
        Of sizes as far out as these, by chance; 1 where nothing was tested.
    words : str
        What was found.
    if_equal : float
        The p-value against equal shares, where nothing was tested; else 1.
    """

    against: Literal["declared", "recorded", "nothing"]
    p_value: float
    words: str
    if_equal: float = 1.0

    @property
    def fits(self) -> bool:
        """Whether the sizes fit, as far as was asked."""
        return self.p_value >= MISMATCH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Whether recorded probabilities are those with which treatments were given."""

    p_value: float
    bins: pd.DataFrame  # a row an action and bin: action, decisions (users), predicted, observed, low, high
    words: str

    @property
    def holds(self) -> bool:
        """Whether they hold within chance."""
        return self.p_value >= MISMATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How well the covariates tell one group from the control group: 0.5 for a lottery, 1 for a rule."""

    action: str
    auc: float
    p_value: float  # one-sided: by chance as well as this, or better

    @property
    def is_chance(self) -> bool:
        """Whether it is no better than chance."""
        return self.p_value >= MISMATCH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """How the treatments were assigned.

    Attributes
    ----------
    mode : str
        "recorded": all probabilities are logged; "mixed": some are; "randomised": none, and nothing speaks against a draw;
        "clustered": users of one store, household or the like all got the same; "observational": none, and the covariates tell
        who got what.
    chances : (n_users, n_actions) array
        Probability of each treatment: the group's share, or estimated by covariates and cross-fitted. What is recorded is not
        in it.
    taken : (n_users,) array
        Probability of what was given, recorded where it is.
    drawn_together : str
        Of users who were drawn together: by what, and what follows; else empty.
    """

    mode: Mode
    sizes: GroupSizes
    calibration: Calibration | None
    predictions: tuple[Prediction, ...]
    chances: FloatArray
    taken: FloatArray
    drawn_together: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the probabilities are known, by record or by a draw."""
        return self.mode != "observational"

    def words(self) -> str:
        """Say what kind of assignment it is."""
        best = max(self.predictions, key=lambda one: one.auc, default=None)
        told = f" (AUC {best.auc:.3f} for {best.action}, 0.5 is a lottery; {p_words(best.p_value)})" if best else ""
        if self.mode == "observational":
            return (
                f"Who got what follows in part from what was known before{told}: treated as observational, with probabilities "
                "estimated from the covariates by models that did not see the user."
            )
        if self.mode == "clustered":
            return self.drawn_together
        if self.mode == "recorded":
            return "All probabilities of treatment are recorded and used as they stand."
        if self.mode == "mixed":
            return "Some probabilities of treatment are recorded and used as they stand; elsewhere the groups' shares stand in."
        if best is None:
            return "Nothing known before was there to be tested: treated as drawn at random, with the groups' own shares."
        return (
            f"What was known before does not tell who got what{told}: treated as drawn at random, with the groups' own shares."
        )


def p_words(p_value: float) -> str:
    """Write a p-value; one too small to tell from none by its bound.

    Examples
    --------
    >>> p_words(0.23), p_words(0.0)
    ('p = 0.23', 'p < 0.0001')
    """
    return f"p = {p_value:.2g}" if p_value >= 1e-4 else "p < 0.0001"


def judge_assignment(trial: Trial, shares: dict[str, float], *, seed: int, guessed: bool = False) -> Assignment:
    """Answer the three questions; `shares` are those declared, by action, or none; `guessed` ones nobody vouched for."""
    known = np.isfinite(trial.propensities)
    if trial.clusters is not None and trial.clusters.is_drawn:
        return _judge_clusters(trial, trial.clusters, shares, known, guessed=guessed)
    predictions = tuple(_predict(trial, action, seed) for action in trial.given[1:] if _enough(trial, action))
    beyond = [one for one in predictions if one.p_value * len(predictions) < MISMATCH]
    mode: Mode = "recorded" if known.all() else "mixed" if known.any() else "observational" if beyond else "randomised"
    chances = _estimated(trial, seed) if mode == "observational" else _shares(trial, ~known if mode == "mixed" else None)
    own = chances[np.arange(trial.n_users), trial.treatments]
    return Assignment(
        mode=mode,
        sizes=_sizes(trial, shares, known, guessed=guessed),
        calibration=_calibrate(trial, seed) if mode == "recorded" else None,
        predictions=predictions,
        chances=chances,
        taken=np.where(known, trial.propensities, own),
    )


def _judge_clusters(
    trial: Trial, clusters: Clusters, shares: dict[str, float], known: BoolArray, *, guessed: bool
) -> Assignment:
    """Judge a draw of whole clusters: their numbers are held against the shares, and no classifier is asked.

    Users of a cluster are alike, so that it would tell them from others under any draw.
    """
    chances = _shares(trial, None)
    own = chances[np.arange(trial.n_users), trial.treatments]
    found = f" ({clusters.name}, found among the covariates; map `cluster` to say so)" if clusters.is_guessed else ""
    counts = clusters.counts(len(trial.actions))
    told = ", ".join(f"{counts[a]:,} got {trial.actions.names[a]}" for a in trial.given)
    few = min(int(counts[a]) for a in trial.given)
    doubt = f" That few of a group leave intervals too narrow; {FEWEST_CLUSTERS} are needed." if few < FEWEST_CLUSTERS else ""
    return Assignment(
        mode="clustered",
        sizes=_cluster_sizes(trial, clusters, shares, guessed=guessed),
        calibration=None,
        predictions=(),
        chances=chances,
        taken=np.where(known, trial.propensities, own),
        drawn_together=f"All users of one {clusters.name} got the same{found}: whole clusters were drawn, and not users. Of "
        f"{clusters.n:,}, {told}; errors count them, and not users.{doubt} Whether they were drawn at random, the balance of "
        "what was known before has to tell.",
    )


def _cluster_sizes(trial: Trial, clusters: Clusters, shares: dict[str, float], *, guessed: bool) -> GroupSizes:
    counts = clusters.counts(len(trial.actions))
    names = [name for name in trial.actions.names if name in shares]
    told = ", ".join(f"{counts[a]:,} {trial.actions.names[a]}" for a in trial.given)
    if not names or guessed:
        return GroupSizes(
            against="nothing",
            p_value=1.0,
            words=f"Whether the groups are those that were drawn is not tested: whole clusters were ({clusters.name}: {told}), "
            "and nothing vouches for the shares that were meant. `experiment.shares` declares them.",
        )
    observed = np.array([counts[trial.actions.index(name)] for name in names], dtype=np.float64)
    wanted = np.array([shares[name] for name in names])
    p_value = float(chisquare(observed, wanted / wanted.sum() * observed.sum()).pvalue)
    return GroupSizes(
        against="declared", p_value=p_value, words=_sized(p_value, f"{clusters.name}: {told}", "declared shares, in clusters")
    )


def _enough(trial: Trial, action: int) -> bool:
    return bool(trial.covariate_names) and min(trial.counts[action], trial.counts[0]) >= 2 * FEWEST_USERS


def _shares(trial: Trial, among: BoolArray | None) -> FloatArray:
    chosen = trial.treatments if among is None else trial.treatments[among]
    shares = np.bincount(chosen, minlength=len(trial.actions)) / max(chosen.size, 1)
    return np.tile(shares, (trial.n_users, 1))


def _estimated(trial: Trial, seed: int) -> FloatArray:
    """Return each treatment's probability given the covariates: one against all others, then made to sum to one."""
    folds = row_folds(np.arange(trial.n_users), seed)
    raw = np.zeros((trial.n_users, len(trial.actions)))
    for action in trial.given:
        got = trial.got(action).astype(np.float64)
        fitted = cross_fit(trial.people.covariates, got, folds, seed=seed, binary=True, n_trees=80, smallest_leaf=25)
        raw[:, action] = np.clip(fitted, CLIP, 1.0 - CLIP)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def _predict(trial: Trial, action: int, seed: int) -> Prediction:
    pair = np.flatnonzero((trial.treatments == 0) | (trial.treatments == action))
    treated = trial.treatments[pair] == action
    z, auc = classifier_test(trial.people.covariates[pair], treated, seed=seed)
    return Prediction(action=trial.actions.names[action], auc=auc, p_value=float(norm.sf(z)))


def classifier_test(covariates: Float32Array, treated: BoolArray, *, seed: int) -> tuple[float, float]:
    """Return how far a classifier's ranks lie above a lottery's, in standard errors at most, and its area under the curve.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> known = rng.normal(size=(2000, 3)).astype(np.float32)
    >>> bool(classifier_test(known, rng.random(2000) < 0.5, seed=1)[0] < 3)
    True
    >>> bool(classifier_test(known, rng.random(2000) < 1 / (1 + np.exp(-known[:, 0])), seed=1)[0] > 3)
    True
    """
    folds = row_folds(np.arange(treated.size), seed)
    fitted = cross_fit(
        covariates, treated.astype(np.float64), folds, seed=seed, binary=True, n_trees=_TREES, n_leaves=8, smallest_leaf=25
    )
    wins, expected, error, pairs = 0.0, 0.0, 0.0, 0.0
    for fold in np.unique(folds):
        here = folds == fold
        ranks, mine = rankdata(fitted[here]), treated[here]
        n_treated, n = int(mine.sum()), int(here.sum())
        n_control = n - n_treated
        wins += float(ranks[mine].sum()) - n_treated * (n_treated + 1) / 2.0
        pairs += n_treated * n_control
        expected += n_treated * n_control / 2.0
        # the finite-population variance of a rank sum, which ties make smaller
        error += float(np.sqrt(n_treated * n_control / n * ranks.var(ddof=1))) if n > 1 else 0.0
    if error <= 0.0:
        return 0.0, 0.5
    return (wins - expected) / error, wins / pairs


def _sizes(trial: Trial, shares: dict[str, float], known: BoolArray, *, guessed: bool) -> GroupSizes:
    if shares:
        return _against_declared(trial, shares, guessed=guessed)
    if known.all():
        return _against_recorded(trial)
    counts = ", ".join(f"{trial.counts[a]:,} {trial.actions.names[a]}" for a in trial.given)
    equal = float(chisquare([trial.counts[a] for a in trial.given]).pvalue)
    were_equal = (
        f"Were equal shares meant, they would not be ({p_words(equal)}), and no effect below could be trusted."
        if equal < MISMATCH
        else f"Against equal shares: {p_words(equal)}."
    )
    return GroupSizes(
        against="nothing",
        p_value=1.0,
        if_equal=equal,
        words=f"Whether the group sizes ({counts}) are those that were drawn cannot be tested: no shares are declared and no "
        f"probabilities recorded. {were_equal} `experiment.shares` declares what was meant.",
    )


def _against_declared(trial: Trial, shares: dict[str, float], *, guessed: bool) -> GroupSizes:
    """Hold the sizes against the shares; those that were guessed from the sizes test nothing by fitting them."""
    names = [name for name in trial.actions.names if name in shares]
    counts = np.array([trial.counts[trial.actions.index(name)] for name in names], dtype=np.float64)
    wanted = np.array([shares[name] for name in names])
    wanted = wanted / wanted.sum() * counts.sum()
    p = float(chisquare(counts, wanted).pvalue)
    if guessed and p >= MISMATCH:
        sizes = ", ".join(f"{n:,.0f} {name}" for name, n in zip(names, counts, strict=True))
        return GroupSizes(
            against="nothing",
            p_value=1.0,
            words=f"Whether the group sizes ({sizes}) are those that were drawn is not tested: `experiment.shares` was guessed "
            f"from these sizes, and its mark still stands. Against equal shares: {p_words(float(chisquare(counts).pvalue))}. "
            "Write the shares that were meant.",
        )
    told = ", ".join(
        f"{n:,.0f} got {name} where {w:,.0f} were meant to" for name, n, w in zip(names, counts, wanted, strict=True)
    )
    shares_of = "shares that were guessed (`experiment.shares`, whose mark still stands)" if guessed else "declared shares"
    return GroupSizes(against="declared", p_value=p, words=_sized(p, told, shares_of))


def _against_recorded(trial: Trial) -> GroupSizes:
    names = np.array([trial.actions.names[action] for action in trial.given])
    codes = np.searchsorted(np.array(trial.given), trial.treatments)
    judged, p_value = weighed(names, codes, trial.propensities, possible=np.ones(names.size, dtype=np.bool_))
    implied = ", ".join(f"{row.action} implies {row.expected:,.0f}" for row in judged.itertuples())
    said = f"counted through the recorded probabilities of each group, there are {trial.n_users:,} users: {implied}"
    return GroupSizes(against="recorded", p_value=p_value, words=_sized(p_value, said, "recorded probabilities"))


def _sized(p_value: float, told: str, against: str) -> str:
    if p_value >= MISMATCH:
        return f"The group sizes fit the {against} ({p_words(p_value)}): {told}."
    return (
        f"Sample-ratio mismatch: the group sizes do not fit the {against} ({p_words(p_value)}): {told}. Somebody was lost or "
        "added on the way, and who is missing may differ between groups: no effect below can be trusted until it is known why."
    )


def _calibrate(trial: Trial, seed: int) -> Calibration | None:
    """Hold recorded probabilities against who was treated; None where nothing tells users apart, so that the sizes say all."""
    if len(trial.given) == 2:
        treated = ~trial.got(0)
        chance = np.where(treated, trial.propensities, 1.0 - trial.propensities)
        name = trial.actions.names[trial.given[1]]
        inside = (chance > 0.0) & (chance < 1.0)
        if not inside.any():
            return None
        bins, p_value = binned(name, treated[inside], chance[inside])
        return Calibration(p_value=p_value, bins=bins, words=_calibrated(p_value, bins))
    if not trial.covariate_names:
        return None
    scores = _estimated(trial, seed)
    judged = [
        weighed_in_bins(trial.actions.names[action], trial.got(action), trial.propensities, scores[:, action])
        for action in trial.given
        if trial.counts[action] >= FEWEST_USERS
    ]
    told = [bins for bins, _ in judged if len(bins)]
    if not told:
        return None
    p_value = min(1.0, len(told) * min(p for _, p in judged))
    bins = pd.concat(told, ignore_index=True)
    return Calibration(p_value=p_value, bins=bins, words=_calibrated(p_value, bins))


def _calibrated(p_value: float, bins: pd.DataFrame) -> str:
    reach = (bins["high"] - bins["low"]).clip(lower=1e-9)
    furthest = int(((bins["observed"] - bins["predicted"]).abs() / reach).to_numpy().argmax())
    worst = bins.to_dict("records")[furthest]
    return (
        f"The recorded probabilities {'hold' if p_value >= MISMATCH else 'do not hold'} ({p_words(p_value)}): of "
        f"{worst['decisions']:,} users with {worst['predicted']:.1%} on record, {worst['observed']:.1%} got {worst['action']}, "
        f"the furthest of {len(bins)} bin{'s' * (len(bins) != 1)}."
    )
