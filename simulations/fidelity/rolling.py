"""Bands over rolling origins: how often what came lies inside the band, asked at several points of the history.

One origin says little about a band, because neighbouring weeks share their luck. At each of several origins every model is
fitted on the weeks before it alone and forecasts the weeks after it. Weeks that several origins forecast, and neighbouring
weeks, are not independent: the interval of the coverage resamples blocks of calendar weeks, each with all its forecasts
(circular block bootstrap; Politis and Romano, 1992).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from simulations.baselines import Futures, baseline_futures
from simulations.errors import HistoryError
from simulations.forecast import Forecast
from simulations.goodness import SIMULATOR, simulator_futures
from simulations.panel import WeeklyPanel
from simulations.parametric.repeats import bought
from simulations.randomness import stream
from simulations.scores import Outcome, weekly_frame
from simulations.state import fold

if TYPE_CHECKING:
    from simulations.ensemble import SimulatorEnsemble

N_ORIGINS = 8
BLOCK_WEEKS = 4
_N_RESAMPLES = 2000
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingBands:
    """Bands of several models at several origins.

    Attributes
    ----------
    origins : tuple of int
        Weeks known at each origin.
    weekly : DataFrame
        A row a model, origin, quantity (`order_days`, `active_users`, `revenue`) and week: observed, mean, low, high.
    level : float
        Of the bands.
    """

    origins: tuple[int, ...]
    horizon_weeks: int
    level: float
    weekly: pd.DataFrame

    def coverage(self, seed: int = 0) -> pd.DataFrame:
        """Return a row a model: model, coverage, low, high (95 %), and one column a quantity; shares of forecast weeks."""
        rows = []
        for model, part in self.weekly.groupby("model", sort=False):
            inside = part["observed"].between(part["low"], part["high"])
            low, high = block_interval(inside.to_numpy(), part["week"].to_numpy(), seed=seed)
            by_quantity = inside.groupby(part["quantity"]).mean()
            row = {"model": model, "coverage": float(inside.mean()), "low": low, "high": high}
            rows.append({**row, **{f"{name}_coverage": float(share) for name, share in by_quantity.items()}})
        return pd.DataFrame(rows)


def rolling_origins(n_periods: int, horizon_weeks: int, n_origins: int = N_ORIGINS) -> tuple[int, ...]:
    """Return evenly spread origins from the middle of the history to the last with a whole horizon left.

    Where the history has no horizon left at its middle, they begin in the middle of what is left.

    Examples
    --------
    >>> rolling_origins(52, 8)
    (26, 29, 31, 34, 36, 39, 41, 44)
    """
    last = n_periods - horizon_weeks
    spread = np.linspace(n_periods // 2 if n_periods // 2 < last else last / 2.0, last, n_origins)
    return tuple(int(origin) for origin in dict.fromkeys(np.round(spread).astype(int)) if origin > 0)


def rolling_bands(
    panel: WeeklyPanel,
    fit: Callable[[WeeklyPanel], SimulatorEnsemble],
    *,
    horizon_weeks: int,
    seed: int,
    origins: tuple[int, ...] | None = None,
    n_draws: int = 100,
    level: float = 0.9,
    on_step: Callable[[int, int], None] | None = None,
) -> RollingBands:
    """Fit, forecast and compare at each origin.

    Parameters
    ----------
    fit : callable
        Fits a simulator on a panel that ends at the origin, and sees nothing else.
    origins : tuple of int, optional
        By default those of `rolling_origins`.
    on_step : callable, optional
        Told how many of how many origins are done.

    Raises
    ------
    HistoryError
        If there are fewer than two origins, or nobody had bought at one.
    """
    places = rolling_origins(panel.n_periods, horizon_weeks) if origins is None else origins
    if len(places) < 2 or places[-1] + horizon_weeks > panel.n_periods:
        raise HistoryError(
            f"rolling origins: {panel.n_periods} weeks are too few for several origins with {horizon_weeks} weeks after each."
        )
    frames = []
    for done, origin in enumerate(places):
        known = panel.take(bought(panel.slice(origin))).slice(origin + horizon_weeks)
        if not known.n_users:
            raise HistoryError(f"rolling origins: nobody bought in the first {origin} weeks.")
        before = known.slice(origin)
        ensemble = fit(panel.as_of(origin))
        contacts = known.exposure_bits[:, origin:]
        models: dict[str, Futures] = {
            SIMULATOR: partial(simulator_futures, ensemble, fold(before), contacts, seed=seed, n_draws=n_draws, period=origin),
            **baseline_futures(before, weeks=horizon_weeks, seed=seed, n_draws=n_draws),
        }
        outcome = Outcome(known.order_days[:, origin:], known.revenue[:, origin:], origin + 1)
        for name, futures in models.items():
            forecast = Forecast.collect(name, futures(), horizon_weeks=horizon_weeks)
            if forecast.n_draws > 1:  # a model that knows no chance has no band
                frames.append(weekly_frame(forecast, outcome, level).assign(origin=origin))
        if on_step is not None:
            on_step(done + 1, len(places))
    weekly = pd.concat(frames, ignore_index=True)
    return RollingBands(origins=places, horizon_weeks=horizon_weeks, level=level, weekly=weekly)


def block_interval(
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]], weeks: np.ndarray[tuple[int], np.dtype[np.int64]], *, seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of a share of forecasts by resampling blocks of the calendar weeks that they are of."""
    first, n_weeks = int(weeks.min()), int(np.ptp(weeks)) + 1
    hits = np.bincount(weeks - first, weights=inside, minlength=n_weeks)
    counts = np.bincount(weeks - first, minlength=n_weeks).astype(np.float64)
    length = min(BLOCK_WEEKS, n_weeks)
    n_blocks = -(-n_weeks // length)
    starts = stream(seed, "block bootstrap").integers(0, n_weeks, (_N_RESAMPLES, n_blocks))
    places = ((starts[:, :, None] + np.arange(length)) % n_weeks).reshape(_N_RESAMPLES, -1)[:, :n_weeks]
    shares = hits[places].sum(axis=1) / np.maximum(counts[places].sum(axis=1), 1.0)
    low, high = np.quantile(shares, _INTERVAL)
    return float(low), float(high)
