"""How alike simulated and real weeks are: every model by every measure, beside what real weeks are like among themselves.

A model is compared future by future, each of as many users as there are real ones, and the comparisons are averaged. Two rows
that are no model say what the measures can reach: the last two equal stretches of the real history against each other, and the
real stretch against a bootstrap of its users, the floor that chance alone leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from simulations.arrays import IntArray
from simulations.fidelity.copies import copied_share
from simulations.fidelity.life_stages import compare_transitions
from simulations.fidelity.marginals import FEWEST, MARGINALS, ks_complement
from simulations.fidelity.retention import cohort_weeks_within, compare_retention, largest_error
from simulations.fidelity.stretch import Stretch
from simulations.fidelity.two_sample import two_sample_auc
from simulations.forecast import Future
from simulations.panel import WeeklyPanel
from simulations.parametric.repeats import bought
from simulations.randomness import stream

N_CURVES, N_DISTRIBUTIONS, N_CLASSIFIED = 40, 10, 2  # futures that retention and stages, marginals, and the classifier take
CONDITIONAL_WEEKS = 6  # from a user's first contact in the stretch on
REAL_AGAINST_REAL, BOOTSTRAP = "real against real", "bootstrap of users"


@dataclass(frozen=True, slots=True, kw_only=True)
class LikenessScore:
    """How alike one model's weeks are to the real ones; nan where there were too few users to say.

    Attributes
    ----------
    ks_mean, ks_smallest, ks_smallest_of : float, float, str
        Kolmogorov–Smirnov complements over the marginals: mean, smallest, and of which marginal that is.
    two_sample_auc : float
        Of a classifier that tells real from simulated users; 0.5 is perfect.
    retention_error : float
        Largest distance between the curves of all users, as a share.
    cohort_weeks_within : float
        Share of the cohorts' weeks in which the curves lie within two standard errors.
    transition_error : float
        Largest distance between shares of users who move from one life stage to another.
    copied_share : float
        Share of users nearer to a stretch that the fit has seen than all but 1 % of real users; see `fidelity.copies`.
    contacted_users : int
        Users contacted early enough to be judged after it, as follows.
    contacted_ks_mean, contacted_ks_smallest, contacted_auc : float
        The same measures over the weeks from a user's first contact on.
    """

    model: str
    ks_mean: float
    ks_smallest: float
    ks_smallest_of: str
    two_sample_auc: float
    retention_error: float
    cohort_weeks_within: float
    transition_error: float
    copied_share: float
    contacted_users: int
    contacted_ks_mean: float
    contacted_ks_smallest: float
    contacted_auc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Scores of every model (the simulator first) and of the two rows that say what can be reached, with what to draw.

    Attributes
    ----------
    marginals : DataFrame
        model, marginal, unit, description, ks_complement, contacted_ks_complement.
    retention : DataFrame
        model, cohort, week, n_users, real, simulated, standard_error.
    transitions : DataFrame
        model, stage, next, real, simulated.
    """

    scores: tuple[LikenessScore, ...]
    marginals: pd.DataFrame
    retention: pd.DataFrame
    transitions: pd.DataFrame


def likeness(panel: WeeklyPanel, models: Mapping[str, Callable[[], Iterator[Future]]], *, start: int, seed: int) -> Likeness:
    """Compare models' futures with a panel's weeks from `start` on.

    Parameters
    ----------
    panel : WeeklyPanel
        The judged users, past and judged weeks together.
    models : mapping
        By name, the simulator first: a function that begins the model's futures anew. Their users are the panel's, in order.
    """
    real = Stretch.of(panel, start, panel.n_periods)
    seen = Stretch.of(panel, start - real.n_weeks, start) if start >= real.n_weeks else None
    parts = [
        _compare(name, real, [real.lived(future) for future in islice(futures(), N_CURVES)], seed, seen=seen)
        for name, futures in models.items()
    ]
    earlier = _earlier_against_later(panel, real.n_weeks)
    if earlier is not None:
        parts.append(_compare(REAL_AGAINST_REAL, earlier[1], [earlier[0]], seed))
    drawn = stream(seed, "bootstrap of users").integers(0, real.n_users, real.n_users)
    parts.append(_compare(BOOTSTRAP, real, [real.take(drawn)], seed, users=drawn))
    return Likeness(
        scores=tuple(part.score for part in parts),
        marginals=pd.concat([part.marginals for part in parts], ignore_index=True),
        retention=pd.concat([part.retention for part in parts], ignore_index=True),
        transitions=pd.concat([part.transitions for part in parts], ignore_index=True),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    score: LikenessScore
    marginals: pd.DataFrame
    retention: pd.DataFrame
    transitions: pd.DataFrame


def _compare(
    name: str, real: Stretch, simulated: list[Stretch], seed: int, users: IntArray | None = None, seen: Stretch | None = None
) -> _Compared:
    """Compare one model.

    `users` says who the simulated rows are where they are not the real users in their order, `seen` what the fit knew.
    """
    contacted = real.after_first_contact(CONDITIONAL_WEEKS)
    some = simulated[:N_DISTRIBUTIONS]
    after = [one.after_first_contact(CONDITIONAL_WEEKS) for one in some]
    marginals = pd.DataFrame(
        {
            "marginal": [marginal.name for marginal in MARGINALS],
            "unit": [marginal.unit for marginal in MARGINALS],
            "description": [marginal.description for marginal in MARGINALS],
            "ks_complement": _complements(real, some),
            "contacted_ks_complement": _complements(contacted, after),
        }
    )
    curves, moves = compare_retention(real, simulated), compare_transitions(real, simulated)
    known = marginals.dropna(subset="ks_complement").sort_values("ks_complement", kind="stable")
    score = LikenessScore(
        model=name,
        ks_mean=float(marginals["ks_complement"].mean()),
        ks_smallest=float(known["ks_complement"].iloc[0]) if len(known) else math.nan,
        ks_smallest_of=str(known["marginal"].iloc[0]) if len(known) else "",
        two_sample_auc=_mean([two_sample_auc(real, one, seed=seed, users=users) for one in some[:N_CLASSIFIED]]),
        retention_error=largest_error(curves),
        cohort_weeks_within=cohort_weeks_within(curves),
        transition_error=float((moves["real"] - moves["simulated"]).abs().max()),
        copied_share=math.nan if seen is None else copied_share(seen, real, some[0], seed=seed),
        contacted_users=contacted.n_users,
        contacted_ks_mean=float(marginals["contacted_ks_complement"].mean()),
        contacted_ks_smallest=float(marginals["contacted_ks_complement"].min()),
        contacted_auc=math.nan
        if users is not None or contacted.n_users != after[0].n_users  # whose life is whose is not known there
        else _mean([two_sample_auc(contacted, one, seed=seed) for one in after[:N_CLASSIFIED]]),
    )
    frames = [frame.assign(model=name) for frame in (marginals, curves, moves)]
    return _Compared(score=score, marginals=frames[0], retention=frames[1], transitions=frames[2])


def _complements(real: Stretch, simulated: list[Stretch]) -> list[float]:
    if real.n_users < FEWEST:
        return [math.nan] * len(MARGINALS)
    values = [[marginal.of(one) for one in simulated] for marginal in MARGINALS]
    reals = [marginal.of(real) for marginal in MARGINALS]
    return [_mean([ks_complement(came, one) for one in drawn]) for came, drawn in zip(reals, values, strict=True)]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _earlier_against_later(panel: WeeklyPanel, n_weeks: int) -> tuple[Stretch, Stretch] | None:
    """Return the last two equal stretches, of the users known before the first; None where hardly anybody was."""
    first = panel.n_periods - 2 * n_weeks
    if first < 1:
        return None
    known = bought(panel.slice(first))
    if known.sum() < FEWEST:
        return None
    users = panel.take(known)
    return Stretch.of(users, first, first + n_weeks), Stretch.of(users, first + n_weeks, panel.n_periods)
