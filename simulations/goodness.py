"""How good is a simulator: its forecast of weeks that no fit has seen, beside what simpler models forecast.

The simulator starts from the state at the end of the fitting weeks and lives through the judged weeks many times, in all
members of the ensemble in turn; the baselines are fitted on the same weeks. All forecasts are judged alike: a user's order-days
by the median (absolute error) and by the mean (squared error), sums over users by their band, and the chance to come back by
its calibration. Judged are the users with an order-day in the fitting weeks: nobody can forecast one who is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simulations.arrays import BitArray
from simulations.baselines import baseline_forecasts
from simulations.calibration import reliability_bins
from simulations.errors import HistoryError
from simulations.forecast import Forecast, Future
from simulations.panel import WeeklyPanel
from simulations.parametric.repeats import bought
from simulations.randomness import stream
from simulations.scores import ModelScore, Outcome, score, weekly_frame
from simulations.state import UserStates, fold

if TYPE_CHECKING:
    from simulations.ensemble import SimulatorEnsemble

N_BINS = 10
SIMULATOR = "simulator"  # its name among the models


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodness:
    """Scores of the simulator (first) and of the baselines, with what a reader wants to see drawn.

    Attributes
    ----------
    first_week, last_week : int
        The judged weeks, counted from 1 as people do.
    n_users, n_unknown : int
        Users judged, and users left out because they had no order-day in the fitting weeks.
    level : float
        Of all intervals and bands.
    weekly : DataFrame
        A row a model, quantity (`order_days`, `active_users`, `revenue`) and week: observed, mean, low, high.
    calibration : DataFrame
        A row a model and bin: n_users, predicted, observed.
    """

    scores: tuple[ModelScore, ...]
    first_week: int
    last_week: int
    horizon_weeks: int
    n_users: int
    n_unknown: int
    n_draws: int
    level: float
    weekly: pd.DataFrame
    calibration: pd.DataFrame

    @property
    def simulator(self) -> ModelScore:
        """The simulator's own scores."""
        return self.scores[0]

    @property
    def baselines(self) -> tuple[ModelScore, ...]:
        """The baselines' scores."""
        return self.scores[1:]

    def beats_baselines(self) -> bool:
        """Say whether every baseline's absolute error exceeds the simulator's by more than two standard errors."""
        return all(score.mae_excess > 2.0 * score.mae_excess_error for score in self.baselines)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a model, a column a score."""
        return pd.DataFrame([asdict(score) for score in self.scores])

    def summary(self) -> str:
        """Return two sentences to read aloud."""
        own = self.simulator
        others = ", ".join(f"{score.model} {score.mae:.2f}" for score in self.baselines)
        verdict = "better than every baseline" if self.beats_baselines() else "not better than every baseline"
        band = ""
        if own.order_days_coverage is not None:
            share = f"{own.order_days_coverage:.0%} of the weeks"
            band = f" The weekly sum of order-days lay inside its {self.level:.0%} band in {share}."
        return (
            f"Over weeks {self.first_week} to {self.last_week}, seen by no fit, the simulator misses a user's order-days by "
            f"{own.mae:.2f} ({others}): {verdict}. Its total is off by {own.order_days_error:+.1%}.{band}"
        )


def judge(
    ensemble: SimulatorEnsemble,
    panel: WeeklyPanel,
    *,
    n_fitting_periods: int,
    seed: int,
    n_draws: int = 200,
    horizon_weeks: int = 8,
    level: float = 0.9,
) -> Goodness:
    """Judge an ensemble, fitted on a panel's first weeks, on the weeks after them, beside baselines fitted on the same weeks.

    The simulator is told whom the retailer contacted in the judged weeks, which is a decision and no behaviour; orders,
    revenue and redemptions of those weeks reach no forecast.

    Parameters
    ----------
    ensemble : SimulatorEnsemble
        Fitted on ``panel.slice(n_fitting_periods)``.
    panel : WeeklyPanel
        The whole history.
    n_draws : int
        Possible futures of each model, spread evenly over the ensemble's members.
    horizon_weeks : int
        Within which coming back is judged.
    level : float
        Of intervals and bands.

    Raises
    ------
    HistoryError
        If fewer than `horizon_weeks` weeks follow the fitting weeks, or nobody bought in either part.
    """
    weeks = panel.n_periods - n_fitting_periods
    if n_fitting_periods < 1 or weeks < horizon_weeks:
        raise HistoryError(
            f"goodness: {max(weeks, 0)} of {panel.n_periods} weeks follow the {n_fitting_periods} fitting weeks, too few "
            f"to judge the chance to come back within {horizon_weeks} weeks; end the fitting weeks earlier."
        )
    known = bought(panel.slice(n_fitting_periods))
    if not known.any():
        raise HistoryError(f"goodness: nobody bought in the {n_fitting_periods} fitting weeks; there is nobody to judge.")
    judged = panel.take(known)
    fitting = judged.slice(n_fitting_periods)
    contacts = judged.exposure_bits[:, n_fitting_periods:]
    futures = simulator_futures(ensemble, fold(fitting), contacts, seed=seed, n_draws=n_draws, period=n_fitting_periods)
    own = Forecast.collect(SIMULATOR, futures, horizon_weeks=horizon_weeks)
    baselines = baseline_forecasts(fitting, weeks=weeks, horizon_weeks=horizon_weeks, seed=seed, n_draws=n_draws)
    return compare(
        (own, *baselines),
        Outcome(judged.order_days[:, n_fitting_periods:], judged.revenue[:, n_fitting_periods:], n_fitting_periods + 1),
        n_unknown=int((~known).sum()),
        level=level,
    )


def simulator_futures(
    ensemble: SimulatorEnsemble, states: UserStates, contacts: BitArray, *, seed: int, n_draws: int, period: int = 0
) -> Iterator[Future]:
    """Live some users' next weeks under contacts fixed beforehand: members in turn, each time with other luck.

    Parameters
    ----------
    contacts : (n_users, n_weeks) uint32 array
        One bit an action, as in a panel.
    """
    for draw in range(n_draws):
        member = ensemble.members[draw % len(ensemble.members)]
        luck = int(stream(seed, "goodness", draw).integers(2**62))
        lived = member.rollout(states, weeks=contacts.shape[1], seed=luck, period=period, schedule=contacts, keep_weeks=True)
        assert lived.events is not None
        yield Future(lived.events.order_days, lived.events.revenue)


def compare(forecasts: tuple[Forecast, ...], outcome: Outcome, *, n_unknown: int = 0, level: float = 0.9) -> Goodness:
    """Judge forecasts, the first of which is the simulator's, against what came of the same users in the same order.

    Raises
    ------
    HistoryError
        If nothing was bought in the judged weeks, so that there is nothing to compare with.
    """
    n_users, n_weeks = outcome.order_days.shape
    if not (outcome.order_days > 0).any():
        raise HistoryError(
            f"goodness: nobody bought in the {n_weeks} weeks from week {outcome.first_week}; judge on weeks with orders."
        )
    own = forecasts[0]
    own_misses = np.abs(own.median() - outcome.totals())
    scores, weekly, calibration = [], [], []
    for forecast in forecasts:
        weekly.append(weekly_frame(forecast, outcome, level))
        bins = reliability_bins(forecast.returning, outcome.came_back(forecast.horizon_weeks), N_BINS)
        calibration.append(bins.to_frame().assign(model=forecast.model))
        scores.append(score(forecast, outcome, weekly[-1], bins, own_misses, level))
    return Goodness(
        scores=tuple(scores),
        first_week=outcome.first_week,
        last_week=outcome.first_week + n_weeks - 1,
        horizon_weeks=own.horizon_weeks,
        n_users=n_users,
        n_unknown=n_unknown,
        n_draws=own.n_draws,
        level=level,
        weekly=pd.concat(weekly, ignore_index=True),
        calibration=pd.concat(calibration, ignore_index=True)[["model", "bin", "n_users", "predicted", "observed"]],
    )
