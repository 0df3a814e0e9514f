"""The forecasts that a simulator has to beat: BG/NBD, Pareto/NBD, and the last weeks once more.

Both parametric models are fitted on order-days in weeks, from the panel alone; what an order-day brings is Gamma-Gamma's
expectation for the user. They know no season, no contact and no change of habit: that is the point of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from simulations.arrays import FloatArray
from simulations.forecast import Forecast, Future
from simulations.panel import WeeklyPanel
from simulations.parametric.bg_nbd import BgNbd
from simulations.parametric.gamma_gamma import GammaGamma
from simulations.parametric.pareto_nbd import ParetoNbd
from simulations.parametric.repeats import RepeatHistory
from simulations.randomness import stream

BuyTillYouDie: TypeAlias = BgNbd | ParetoNbd


def order_day_values(panel: WeeklyPanel) -> FloatArray:
    """Return (n_users,): what Gamma-Gamma expects a user's next order-day to bring, in currency."""
    n_purchases = panel.order_days.sum(axis=1, dtype=np.float64)
    mean_value = panel.revenue.sum(axis=1, dtype=np.float64) / np.maximum(n_purchases, 1.0)
    return GammaGamma.fit(n_purchases, mean_value).expected(n_purchases, mean_value)


def parametric_forecast(
    name: str, model: BuyTillYouDie, panel: WeeklyPanel, *, weeks: int, horizon_weeks: int, seed: int, n_draws: int
) -> Forecast:
    """Forecast the weeks after a panel, each of whose users has an order-day, with a model fitted on it.

    Parameters
    ----------
    name : str
        The forecast's name; it also names the stream of random numbers.
    """
    history, values = RepeatHistory.of_panel(panel), order_day_values(panel)[:, None]

    def futures() -> Iterator[Future]:
        for draw in range(n_draws):
            order_days = model.draw(history, weeks, stream(seed, name, draw))
            yield Future(order_days, order_days * values)

    return Forecast.collect(name, futures(), horizon_weeks=horizon_weeks)


def repeat_forecast(panel: WeeklyPanel, *, weeks: int, horizon_weeks: int) -> Forecast:
    """Forecast that the last `weeks` weeks happen once more, week by week; of a shorter panel, all of it over and over."""
    length = min(weeks, panel.n_periods)
    columns = panel.n_periods - length + np.arange(weeks) % length
    future = Future(panel.order_days[:, columns], panel.revenue[:, columns])
    return Forecast.collect("repeat-last-period", [future], horizon_weeks=horizon_weeks)


def baseline_forecasts(
    panel: WeeklyPanel, *, weeks: int, horizon_weeks: int, seed: int, n_draws: int
) -> tuple[Forecast, Forecast, Forecast]:
    """Fit every baseline on a panel, each of whose users has an order-day, and forecast the weeks after it.

    Raises
    ------
    HistoryError
        If a user has no order-day, or a likelihood has no finite maximum.
    """
    history = RepeatHistory.of_panel(panel)
    return (
        parametric_forecast(
            "BG/NBD", BgNbd.fit(history), panel, weeks=weeks, horizon_weeks=horizon_weeks, seed=seed, n_draws=n_draws
        ),
        parametric_forecast(
            "Pareto/NBD", ParetoNbd.fit(history), panel, weeks=weeks, horizon_weeks=horizon_weeks, seed=seed, n_draws=n_draws
        ),
        repeat_forecast(panel, weeks=weeks, horizon_weeks=horizon_weeks),
    )
