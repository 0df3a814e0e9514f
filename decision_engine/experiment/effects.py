"""Stage `effects` of an experiment: what each treatment changes, on average and by user, and whether that can be believed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from decision_engine.config.models import ActionConfig, Config
from decision_engine.effects.design import POWER, Experiment, design_experiment
from decision_engine.effects.doubly_robust import Average, average_effect, crude_difference
from decision_engine.effects.learners import partialled_out_average
from decision_engine.effects.model import ActionEffect, EffectModel
from decision_engine.effects.nuisances import CLIP, cross_fit, row_folds
from decision_engine.effects.overlap import Overlap, overlap_of
from decision_engine.effects.refutation import effect_of_the_dealt
from decision_engine.effects.verdict import WORTH_KNOWING, Verdict
from decision_engine.experiment.assignment import Assignment
from decision_engine.experiment.clusters import inflation
from decision_engine.experiment.conditional import Predicted, Sample, Slope, cross_predicted, predict_gains, slope_of
from decision_engine.experiment.expected import average_gain, expected_by_group, gains_over_none
from decision_engine.experiment.trial import FEWEST_USERS, Trial
from decision_engine.experiment.verdict import Evidence, judge_evidence
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray
from simulations.randomness import stream


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialEffects:
    """Effects of an experiment.

    Attributes
    ----------
    model : EffectModel
        Every declared action's effect with its verdict.
    outcomes : DataFrame
        A row an action and outcome besides the first: action, outcome, control (the control group's mean), is_share (whether it
        is yes or no), estimate, low, high.
    averages : dict of int to Average
        Estimated average effects, by action.
    usable : tuple of int
        Actions whose estimate may steer: identified ones, and those that are merely imprecise.
    expected, gains : (n_users, n_actions) arrays
        Expected margin under each treatment, and the users' gains, see `expected`.
    predicted, audience : Predicted
        Effects by user: of the experiment's users, cross-fitted, and of the audience, where there is one.
    slopes : dict of int to Slope
        What the gains say of the predictions.
    """

    model: EffectModel
    outcomes: pd.DataFrame
    averages: dict[int, Average]
    usable: tuple[int, ...]
    expected: FloatArray
    gains: FloatArray
    predicted: Predicted
    audience: Predicted | None
    slopes: dict[int, Slope]

    def spread(self, action: int) -> float:
        """Return the standard deviation of an action's effect between users, as predicted."""
        return float(self.predicted.mean[:, action].std())


def estimate_trial(trial: Trial, assignment: Assignment, config: Config) -> TrialEffects:
    """Estimate what the treatments change."""
    folds = row_folds(trial.units, config.seed)
    expected = _expected(trial, trial.margin, folds, config.seed)
    gains = gains_over_none(trial.treatments, trial.margin, assignment.taken, expected)
    effects, averages = [], {}
    for declared in config.actions:
        action = trial.actions.index(declared.name)
        if declared.effect == "assumed":
            effects.append(_assumed(declared, trial, config))
        elif min(trial.counts[action], trial.counts[0]) < FEWEST_USERS:
            effects.append(_too_few(declared, action, trial, config))
        else:
            effect, averages[action] = _Pair.of(trial, assignment, expected, gains, action, config).effect(declared)
            effects.append(effect)
    usable = tuple(
        trial.actions.index(declared.name)
        for declared, effect in zip(config.actions, effects, strict=True)
        if _may_steer(effect, declared)
    )
    sample = Sample(
        covariates=trial.people.covariates,
        treatments=trial.treatments,
        margin=trial.margin,
        taken=assignment.taken,
        units=trial.units,
    )
    n_actions = len(trial.actions)
    predicted = cross_predicted(sample, usable, n_actions=n_actions, seed=config.seed)
    audience = None
    if trial.audience is not None:
        audience = predict_gains(sample, trial.audience.covariates, usable, n_actions=n_actions, seed=config.seed)
    return TrialEffects(
        model=EffectModel(effects=tuple(effects)),
        outcomes=_other_outcomes(trial, assignment, folds, sorted(averages), config),
        averages=averages,
        usable=usable,
        expected=expected,
        gains=gains,
        predicted=predicted,
        audience=audience,
        slopes={action: slope_of(gains[:, action], predicted.mean[:, action], trial.units) for action in usable},
    )


def _may_steer(effect: ActionEffect, declared: ActionConfig) -> bool:
    """Tell whether an estimate may steer a choice.

    One that nothing but its precision speaks against may, unless something is assumed in its place: what is chosen has to beat
    doing nothing beyond its error anyhow, and an effect may be nil on average because it helps some and hurts others.
    """
    failed = {check.name for check in effect.checks if not check.passed}
    blunt = effect.verdict is Verdict.WEAK and failed == {"precision"} and declared.gain is None
    return effect.verdict is Verdict.IDENTIFIED or blunt


def _expected(trial: Trial, outcome: FloatArray, folds: IntArray, seed: int) -> FloatArray:
    return expected_by_group(
        trial.people.covariates, trial.treatments, outcome, folds, n_actions=len(trial.actions), seed=seed
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pair:
    """The users of one treatment and of the control group."""

    trial: Trial
    assignment: Assignment
    config: Config
    action: int
    gains: FloatArray  # (n_users,), of all
    rows: IntArray
    treated: BoolArray
    chances: FloatArray  # of treatment, of those who got either
    treated_model: FloatArray
    untreated_model: FloatArray

    @classmethod
    def of(
        cls, trial: Trial, assignment: Assignment, expected: FloatArray, gains: FloatArray, action: int, config: Config
    ) -> _Pair:
        rows = np.flatnonzero((trial.treatments == 0) | (trial.treatments == action))
        both = assignment.chances[rows][:, [0, action]]
        treated = trial.treatments[rows] == action
        chances = both[:, 1] / both.sum(axis=1)
        if assignment.mode in ("recorded", "mixed"):
            chances = _chances_beside_a_record(trial, assignment, rows, treated, config.seed)
        return cls(
            trial=trial,
            assignment=assignment,
            config=config,
            action=action,
            gains=gains[:, action],
            rows=rows,
            treated=treated,
            chances=chances,
            treated_model=expected[rows, action],
            untreated_model=expected[rows, 0],
        )

    @property
    def margin(self) -> FloatArray:
        return self.trial.margin[self.rows]

    @property
    def covariates(self) -> Float32Array:
        return self.trial.people.covariates[self.rows]

    @property
    def units(self) -> IntArray:
        """What each row is part of as evidence: the user, or the cluster that was drawn as a whole."""
        return self.trial.units[self.rows]

    @property
    def tilt(self) -> FloatArray:
        """One where probabilities are known, e (1 - e) where they are estimated."""
        return np.ones(self.rows.size) if self.assignment.is_known else self.chances * (1.0 - self.chances)

    @property
    def taken(self) -> FloatArray:
        if self.assignment.mode in ("recorded", "mixed"):
            return self.assignment.taken[self.rows]
        return np.where(self.treated, self.chances, 1.0 - self.chances)

    def average(self) -> Average:
        """Return the average effect: over all users where probabilities are known, else over those of either group alike."""
        if self.assignment.is_known:
            return average_gain(self.gains, self.trial.units)
        return average_effect(
            self.margin,
            self.treated,
            self.units,
            taken=self.taken,
            untreated_model=self.untreated_model,
            treated_model=self.treated_model,
            tilt=self.tilt,
        )

    def effect(self, declared: ActionConfig) -> tuple[ActionEffect, Average]:
        """Return the effect with its verdict, and the estimate."""
        level, average = self.config.interval_level, self.average()
        second = self._second_opinion()
        evidence = self._evidence(average, second)
        checks, verdict, reasons = judge_evidence(evidence)
        settings = self.config.experiment
        assert settings is not None, "the caller has an experiment"
        (low, high), (econml_low, econml_high) = average.interval(level), second.interval(level)
        known = self.assignment.is_known
        effect = ActionEffect(
            action=declared.name,
            verdict=verdict,
            reasons=reasons,
            horizon_weeks=settings.horizon_weeks,
            level=level,
            estimate=average.estimate,
            low=low,
            high=high,
            econml_estimate=second.estimate,
            econml_low=econml_low,
            econml_high=econml_high,
            population="all users of the experiment" if known else "users who might as well have been treated as not",
            n_treated=int(self.treated.sum()),
            n_control=int((~self.treated).sum()),
            overlap_share=evidence.overlap.share,
            effective_sample_size=evidence.overlap.effective_sample_size,
            auc=next((p.auc for p in self.assignment.predictions if p.action == declared.name), 0.5),
            mode=self.assignment.mode,
            checks=checks,
            experiment=None if verdict is Verdict.IDENTIFIED else _design(declared, self.trial, self.config),
        )
        return effect, average

    def _second_opinion(self) -> Average:
        """Return EconML's average, over those of either group."""
        expected = self.untreated_model + self.chances * (self.treated_model - self.untreated_model)
        return partialled_out_average(
            self.margin, self.treated, self.units, expected=expected, chances=self.chances, seed=self.config.seed
        )

    def _evidence(self, average: Average, second: Average) -> Evidence:
        level, nobody = self.config.interval_level, np.zeros(self.rows.size, dtype=np.int64)
        reach = float(norm.ppf(0.5 + level / 2.0) + norm.ppf(POWER))
        return Evidence(
            assignment=self.assignment,
            overlap=self._overlap(nobody),
            average=average,
            crude=crude_difference(self.margin, self.treated, nobody, self.units),
            second=second,
            placebo=self._placebo(),
            detectable=reach * average.standard_error,
            baseline=float(self.margin[~self.treated].mean()),
            level=level,
            n_covariates=len(self.trial.covariate_names),
            smaller_group=int(min(self.treated.sum(), (~self.treated).sum())),
            fewest_clusters=self._fewest_clusters(),
        )

    def _overlap(self, weeks: IntArray) -> Overlap:
        """Return overlap and balance; of clusters drawn as a whole, chance moves means as far as if each were one user."""
        found = overlap_of(
            self.covariates,
            self.treated,
            weeks,
            propensities=self.chances,
            weights=self.tilt / self.taken,
            names=self.trial.covariate_names,
        )
        if self.trial.clusters is None or not self.trial.clusters.is_drawn:
            return found
        counts = self.trial.clusters.counts(len(self.trial.actions))
        return replace(found, by_chance=float(np.sqrt(1.0 / max(counts[0], 1) + 1.0 / max(counts[self.action], 1))))

    def _fewest_clusters(self) -> int | None:
        """Return the clusters of the group that has fewer; None where users were drawn one by one."""
        if self.trial.clusters is None or not self.trial.clusters.is_drawn:
            return None
        counts = self.trial.clusters.counts(len(self.trial.actions))
        return int(min(counts[0], counts[self.action]))

    def _placebo(self) -> Average:
        seed = self.config.seed
        _, first, places = np.unique(self.units, return_index=True, return_inverse=True)
        dealt = stream(seed, f"placebo {self.action}").permutation(self.treated[first])[places]
        folds = row_folds(places.astype(np.int64), seed)
        chances = np.full(self.rows.size, self.treated.mean())
        if not self.assignment.is_known:
            chances = np.clip(cross_fit(self.covariates, dealt.astype(np.float64), folds, seed=seed, binary=True), 0.01, 0.99)
        return effect_of_the_dealt(self.margin, dealt, self.units, self.covariates, chances, folds, seed=seed)


def _chances_beside_a_record(trial: Trial, assignment: Assignment, rows: IntArray, treated: BoolArray, seed: int) -> FloatArray:
    """Return the probability of treatment within a pair: a record names that of what was given, and with two groups no more."""
    if assignment.mode == "recorded" and len(trial.given) == 2:
        return np.where(treated, trial.propensities[rows], 1.0 - trial.propensities[rows])
    if not trial.covariate_names:
        return np.full(rows.size, treated.mean())
    folds = row_folds(np.arange(rows.size), seed)
    found = cross_fit(trial.people.covariates[rows], treated.astype(np.float64), folds, seed=seed, binary=True, n_trees=60)
    return np.clip(found, CLIP, 1.0 - CLIP)


def _assumed(declared: ActionConfig, trial: Trial, config: Config) -> ActionEffect:
    assert declared.gain is not None, "checked when the configuration was loaded"
    assert config.experiment is not None, "the caller has an experiment"
    half = float(norm.ppf(0.5 + config.interval_level / 2.0)) * declared.gain.sd
    return ActionEffect(
        action=declared.name,
        verdict=Verdict.ASSUMED,
        reasons=("assumed in the configuration, not estimated",),
        horizon_weeks=config.experiment.horizon_weeks,
        level=config.interval_level,
        estimate=declared.gain.mean,
        low=declared.gain.mean - half,
        high=declared.gain.mean + half,
        experiment=_design(declared, trial, config),
    )


def _too_few(declared: ActionConfig, action: int, trial: Trial, config: Config) -> ActionEffect:
    assert config.experiment is not None, "the caller has an experiment"
    treated, control = int(trial.counts[action]), int(trial.counts[0])
    reason = "nobody got it in the experiment" if not treated else (
        f"{treated:,} users got it and {control:,} nothing; {FEWEST_USERS} of each are needed"
    )  # fmt: skip
    return ActionEffect(
        action=declared.name,
        verdict=Verdict.NOT_IDENTIFIED,
        reasons=(reason,),
        horizon_weeks=config.experiment.horizon_weeks,
        level=config.interval_level,
        n_treated=treated,
        n_control=control,
        experiment=_design(declared, trial, config),
    )


def _design(declared: ActionConfig, trial: Trial, config: Config) -> Experiment | None:
    """Size the test that would settle it, on the control group's margin; clusters drawn as a whole need more users."""
    assert config.experiment is not None, "the caller has an experiment"
    margin = trial.margin[trial.got(0)]
    smallest = max(declared.cost, WORTH_KNOWING * abs(float(margin.mean()))) if margin.size else 0.0
    if margin.size < 2 or smallest <= 0.0 or margin.std() == 0.0:
        return None
    wider = inflation(margin, trial.units[trial.got(0)]) ** 0.5
    return design_experiment(
        standard_deviation=wider * float(margin.std(ddof=1)),
        smallest_effect=smallest,
        n_users=len(trial.audience.user_ids) if trial.audience is not None else trial.n_users,
        horizon_weeks=config.experiment.horizon_weeks,
        level=config.interval_level,
    )


def _other_outcomes(trial: Trial, assignment: Assignment, folds: IntArray, which: list[int], config: Config) -> pd.DataFrame:
    """Return the effects on the outcomes besides the first."""
    rows = []
    for place, name in enumerate(trial.outcome_names[1:], start=1):
        outcome = trial.outcomes[:, place]
        expected = _expected(trial, outcome, folds, config.seed)
        gains = gains_over_none(trial.treatments, outcome, assignment.taken, expected)
        for action in which:
            average = average_gain(gains[:, action], trial.units)
            low, high = average.interval(config.interval_level)
            rows.append(
                {
                    "action": trial.actions.names[action],
                    "outcome": name,
                    "control": float(outcome[trial.got(0)].mean()),
                    "is_share": trial.is_share(place),
                    "estimate": average.estimate,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows, columns=["action", "outcome", "control", "is_share", "estimate", "low", "high"])
