"""Effects of actions: estimated where the history allows, each with a verdict, its reasons and the experiment that would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from decision_engine.effects.agreement import Agreement, implied_orders
from decision_engine.effects.course import OtherCourse, other_courses, say_courses
from decision_engine.effects.design import POWER, Experiment, design_experiment
from decision_engine.effects.doubly_robust import Average, average_effect, crude_difference, overlap_tilt
from decision_engine.effects.landmarks import MARGIN, ORDERS, Landmarks, UserWeeks, collect_landmarks
from decision_engine.effects.learners import ConditionalEffect, double_machine_learning
from decision_engine.effects.nuisances import Nuisances, fit_nuisances
from decision_engine.effects.overlap import measure_overlap
from decision_engine.effects.question import Question, state_question
from decision_engine.effects.randomisation import sample_ratio
from decision_engine.effects.refutation import refute
from decision_engine.effects.verdict import WORTH_KNOWING, Check, Evidence, Verdict, checks_of, judge
from decision_engine.effects.weekly_shift import Block, ShiftEquations, WeeklyShift, given_responses
from simulations.actions import Action, ActionSet
from simulations.arrays import FloatArray
from simulations.panel import WeeklyPanel
from simulations.response import ActionResponse, ResponseScale

FEWEST_ROWS = 20  # of either arm, below which nothing is estimated at all


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEffect:
    """What one action changes.

    Attributes
    ----------
    estimate, low, high : float or None
        Extra margin before the action's cost, in currency a treated user over `horizon_weeks`; None where nothing can be said.
    estimate_orders, orders_low, orders_high : float or None
        Extra order-days a treated user over the same weeks.
    econml_estimate, econml_low, econml_high : float or None
        The margin once more, by EconML's double machine learning: a second opinion.
    population : str
        Over whom the estimate is an average.
    n_treated, n_control : int
        Rows (user-weeks) that were compared.
    overlap_share, effective_sample_size, auc : float
        See `decision_engine.effects.overlap`.
    mode : str
        Where probabilities of contact come from: "recorded", "mixed" or "estimated"; "none" without data.
    shift_mean, shift_covariance : arrays or None
        The log-odds shift of `simulations.response`, (N_BASIS,) and (N_BASIS, N_BASIS).
    courses : tuple of OtherCourse
        What other durations than the assumed one would make of an identified effect; `course` says it in words.
    conditional : ConditionalEffect or None
        Extra margin by the basis of a response, from EconML.
    left_out : dict of str to int
        User-weeks of the landmark weeks that could not be compared, by reason.
    """

    action: str
    verdict: Verdict
    reasons: tuple[str, ...]
    horizon_weeks: int
    level: float
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    estimate_orders: float | None = None
    orders_low: float | None = None
    orders_high: float | None = None
    econml_estimate: float | None = None
    econml_low: float | None = None
    econml_high: float | None = None
    population: str = ""
    n_treated: int = 0
    n_control: int = 0
    overlap_share: float = 0.0
    effective_sample_size: float = 0.0
    auc: float = 0.5
    mode: str = "none"
    checks: tuple[Check, ...] = ()
    question: Question | None = None
    experiment: Experiment | None = None
    shift_mean: FloatArray | None = None
    shift_covariance: FloatArray | None = None
    heterogeneity: float = 0.0
    courses: tuple[OtherCourse, ...] = ()
    course: str = ""
    conditional: ConditionalEffect | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def assumed(
        cls,
        action: str,
        *,
        estimate: float,
        low: float,
        high: float,
        estimate_orders: float,
        horizon_weeks: int,
        level: float,
        reason: str = "assumed in the configuration, not estimated",
    ) -> ActionEffect:
        """Return an effect that rests on the configuration alone; the caller computes its numbers."""
        return cls(
            action=action,
            verdict=Verdict.ASSUMED,
            reasons=(reason,),
            horizon_weeks=horizon_weeks,
            level=level,
            estimate=estimate,
            low=low,
            high=high,
            estimate_orders=estimate_orders,
        )

    def summary(self) -> str:
        """Return a sentence to read aloud."""
        words = f"{self.action}: {self.verdict}"
        if self.estimate is not None:
            words += (
                f", {self.estimate:+.2f} a user over {self.horizon_weeks} weeks before cost "
                f"({self.level:.0%} interval {self.low:+.2f} to {self.high:+.2f})"
            )
        return f"{words}; {self.reasons[0]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectModel:
    """The effects of some actions."""

    effects: tuple[ActionEffect, ...]

    def effect(self, action: str) -> ActionEffect:
        """Return the effect of the action called so; `KeyError` if there is none."""
        for effect in self.effects:
            if effect.action == action:
                return effect
        raise KeyError(action)

    def with_effects(self, more: Sequence[ActionEffect], order: Sequence[str] | None = None) -> EffectModel:
        """Return the effects with some added or replaced, ordered by `order` (names) where it is given."""
        table = {effect.action: effect for effect in (*self.effects, *more)}
        names = [name for name in order if name in table] if order is not None else list(table)
        return replace(self, effects=tuple(table[name] for name in names))

    def to_frame(self) -> pd.DataFrame:
        """Return one row an action, unrounded."""
        plain = (
            "action", "verdict", "estimate", "low", "high", "estimate_orders", "orders_low", "orders_high",
            "econml_estimate", "econml_low", "econml_high", "n_treated", "n_control", "overlap_share",
            "effective_sample_size", "auc", "mode", "population", "horizon_weeks", "level", "heterogeneity",
        )  # fmt: skip
        rows = []
        for effect in self.effects:
            row: dict[str, object] = {name: getattr(effect, name) for name in plain}
            row["verdict"] = str(effect.verdict)
            row["course"] = effect.course
            row["reasons"] = "; ".join(effect.reasons)
            row["experiment_n_per_arm"] = effect.experiment.n_per_arm if effect.experiment else None
            rows.append(row)
        frame = pd.DataFrame(rows, columns=[*plain, "course", "reasons", "experiment_n_per_arm"])
        numeric = [name for name in plain if name.startswith(("estimate", "low", "high", "orders", "econml"))]
        return frame.astype(dict.fromkeys(numeric, "float64"))

    def checks_frame(self) -> pd.DataFrame:
        """Return one row a check: action, name, passed, value, words."""
        rows = [
            {"action": effect.action, "check": c.name, "passed": c.passed, "value": c.value, "words": c.words}
            for effect in self.effects
            for c in effect.checks
        ]
        return pd.DataFrame(rows, columns=["action", "check", "passed", "value", "words"])

    def summary(self) -> str:
        """Return a line an action."""
        return "\n".join(effect.summary() for effect in self.effects)


def estimate_effects(
    panel: WeeklyPanel,
    exposures: pd.DataFrame | None,
    *,
    actions: ActionSet,
    which: Sequence[str],
    responses: Sequence[ActionResponse],
    scale: ResponseScale,
    horizon_weeks: int,
    margin_share: float,
    level: float,
    seed: int,
    customers: pd.DataFrame | None = None,
    assumed: Sequence[str] = (),
) -> EffectModel:
    """Estimate what some actions change, from a panel that ends where knowledge ends.

    Parameters
    ----------
    exposures : DataFrame or None
        Canonical table; a column `propensity` is used where it is filled.
    which : names of the actions to estimate
    responses : the configured responses
        Duration, decay, habituation and pull-forward give the shift its shape in time; of an action without one, the default.
    scale : ResponseScale
        Of the basis, the one that the simulator will use.
    level : float
        Of the intervals, in (0, 1).
    customers : DataFrame, optional
        Canonical table; its attributes become covariates.
    assumed : names of actions whose effect is not asked of the history
        They get the verdict "assumed" and the experiment that would settle them, but no estimate.
    """
    history = UserWeeks.of(panel, exposures, customers)
    shifts = (
        Shifts.of(history, responses, scale, seed=seed) if any(panel.exposed(actions.index(n)).any() for n in which) else None
    )
    effects = [
        _estimate(
            history,
            actions[actions.index(name)],
            shifts,
            scale,
            horizon_weeks=horizon_weeks,
            margin_share=margin_share,
            level=level,
            seed=seed,
        )
        for name in which
    ]
    effects += [
        ActionEffect(
            action=name,
            verdict=Verdict.ASSUMED,
            reasons=("assumed in the configuration, not estimated",),
            horizon_weeks=horizon_weeks,
            level=level,
            experiment=_experiment(history, actions[actions.index(name)], horizon_weeks, margin_share, level),
        )
        for name in assumed
    ]
    return EffectModel(effects=tuple(effects))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """The weekly shifts of all actions that were given, with the equations they solve."""

    responses: dict[str, ActionResponse]
    equations: ShiftEquations
    blocks: dict[str, Block]
    found: dict[str, WeeklyShift]

    @classmethod
    def of(cls, history: UserWeeks, responses: Iterable[ActionResponse], scale: ResponseScale, *, seed: int) -> Shifts | None:
        """Estimate them; None where nobody known was given anything."""
        given = given_responses(history, responses)
        if not given:
            return None
        equations = ShiftEquations.of(history, scale, seed=seed)
        blocks = {name: equations.block(response) for name, response in given.items()}
        return cls(responses=given, equations=equations, blocks=blocks, found=equations.solve(blocks))


def _estimate(
    history: UserWeeks,
    action: Action,
    shifts: Shifts | None,
    scale: ResponseScale,
    *,
    horizon_weeks: int,
    margin_share: float,
    level: float,
    seed: int,
) -> ActionEffect:
    panel = history.panel
    rows = collect_landmarks(history, panel.actions.index(action.name), horizon_weeks=horizon_weeks, margin_share=margin_share)
    recorded = rows.is_recorded
    question = state_question(
        action.name, horizon_weeks=horizon_weeks, recorded=recorded, attributes=bool(history.attribute_names)
    )
    untold = ActionEffect(
        action=action.name,
        verdict=Verdict.NOT_IDENTIFIED,
        reasons=(_too_few(rows, horizon_weeks),),
        horizon_weeks=horizon_weeks,
        level=level,
        n_treated=rows.n_treated,
        n_control=rows.n_rows - rows.n_treated,
        question=question,
        experiment=_experiment(history, action, horizon_weeks, margin_share, level),
        left_out=rows.left_out,
    )
    if min(untold.n_treated, untold.n_control) < FEWEST_ROWS:
        return untold
    nuisances = fit_nuisances(rows, seed=seed)
    margin, orders = _average(rows, nuisances, MARGIN), _average(rows, nuisances, ORDERS)
    conditional = double_machine_learning(rows, nuisances, scale, outcome=MARGIN, seed=seed)
    shift = None if shifts is None else shifts.found.get(action.name)
    agreement = None
    if shifts is not None and shift is not None:
        implied = implied_orders(history, rows, nuisances, shift, shifts.responses[action.name], scale)
        agreement = Agreement(average=orders, implied=implied)
    evidence = _evidence(rows, nuisances, margin, conditional, agreement, level, seed)
    checks = checks_of(evidence)
    verdict, reasons = judge(checks, recorded=recorded)
    told = replace(
        untold,
        verdict=verdict,
        reasons=reasons,
        estimate=margin.estimate,
        estimate_orders=orders.estimate,
        econml_estimate=conditional.average.estimate,
        population=_population(rows),
        overlap_share=evidence.overlap.share,
        effective_sample_size=evidence.overlap.effective_sample_size,
        auc=evidence.overlap.auc,
        mode=nuisances.mode,
        checks=checks,
        experiment=None if verdict is Verdict.IDENTIFIED else untold.experiment,
        conditional=conditional,
        **_bounds(level, margin=margin, orders=orders, econml=conditional.average),
    )
    if shifts is None or shift is None or agreement is None:
        return told
    return _with_shift(told, shifts, shift, agreement.implied.estimate, rows, nuisances, scale)


def _bounds(level: float, *, margin: Average, orders: Average, econml: Average) -> dict[str, Any]:
    low, high = margin.interval(level)
    orders_low, orders_high = orders.interval(level)
    econml_low, econml_high = econml.interval(level)
    return {
        "low": low, "high": high, "orders_low": orders_low, "orders_high": orders_high,
        "econml_low": econml_low, "econml_high": econml_high,
    }  # fmt: skip


def _with_shift(
    effect: ActionEffect,
    shifts: Shifts,
    shift: WeeklyShift,
    implied: float,
    rows: Landmarks,
    nuisances: Nuisances,
    scale: ResponseScale,
) -> ActionEffect:
    """Add the weekly shift, and where it will steer, how the order-days it implies hang on the assumed course."""
    effect = replace(
        effect, shift_mean=shift.mean, shift_covariance=shift.covariance, heterogeneity=shift.heterogeneity
    )  # fmt: skip
    if effect.verdict is not Verdict.IDENTIFIED:
        return effect
    response = shifts.responses[effect.action]
    courses = other_courses(shifts.equations, shifts.blocks, response, implied, rows, nuisances, scale)
    return replace(effect, courses=courses, course=say_courses(response, courses))


def _average(rows: Landmarks, nuisances: Nuisances, outcome: int) -> Average:
    return average_effect(
        rows.outcomes[:, outcome],
        rows.treated,
        rows.users,
        taken=nuisances.taken,
        untreated_model=nuisances.untreated[:, outcome],
        treated_model=nuisances.treated[:, outcome],
        tilt=overlap_tilt(nuisances),
    )


def _evidence(
    rows: Landmarks,
    nuisances: Nuisances,
    margin: Average,
    conditional: ConditionalEffect,
    agreement: Agreement | None,
    level: float,
    seed: int,
) -> Evidence:
    reach = float(norm.ppf(0.5 + level / 2.0) + norm.ppf(POWER))
    second = conditional.average
    error = max(margin.standard_error, second.standard_error)
    return Evidence(
        recorded=rows.is_recorded,
        overlap=measure_overlap(rows, nuisances),
        refutation=refute(rows, nuisances, seed=seed),
        ratio=sample_ratio(rows.treated, rows.recorded, rows.users) if rows.is_recorded else None,
        margin=margin,
        crude=crude_difference(rows.outcomes[:, MARGIN], rows.treated, rows.weeks, rows.users),
        detectable=reach * margin.standard_error,
        baseline=float(rows.outcomes[~rows.treated, MARGIN].mean()),
        gap=(margin.estimate - second.estimate) / error if error > 0 else 0.0,
        agreement=agreement,
    )


def _population(rows: Landmarks) -> str:
    if not rows.is_recorded:
        return "users who might as well have been contacted as not"
    whom = "users who could have been contacted"
    return f"{whom} and had not been for {rows.horizon_weeks} weeks; later contacts as plans had it" if rows.fresh else whom


def _too_few(rows: Landmarks, horizon_weeks: int) -> str:
    if rows.n_treated == 0 and not any(rows.left_out.values()):
        return "nobody was given it in these weeks"
    return (
        f"{rows.n_treated:,} contacts and {rows.n_rows - rows.n_treated:,} comparable others with {horizon_weeks} weeks to "
        f"follow; {FEWEST_ROWS} of each are needed"
    )


def _experiment(history: UserWeeks, action: Action, horizon_weeks: int, margin_share: float, level: float) -> Experiment | None:
    """Size the test on the last complete window: its margin's spread, and the action's cost as the effect worth knowing."""
    panel = history.panel
    if panel.n_periods <= horizon_weeks:
        return None
    start = panel.n_periods - horizon_weeks
    margin = panel.revenue[history.known[:, start], start:].sum(axis=1, dtype=np.float64) * margin_share
    smallest = max(action.cost, WORTH_KNOWING * float(margin.mean())) if margin.size else 0.0
    if margin.size < 2 or smallest <= 0.0 or margin.std() == 0.0:
        return None
    return design_experiment(
        standard_deviation=float(margin.std(ddof=1)),
        smallest_effect=smallest,
        n_users=int(margin.size),
        horizon_weeks=horizon_weeks,
        level=level,
    )
