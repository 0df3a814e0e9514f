"""The forecasts that a simulator has to beat: BG/NBD, Pareto/NBD, the last weeks once more, and a resample of history.

Both parametric models are fitted on order-days in weeks, from the panel alone; what an order-day brings is drawn from
Gamma-Gamma, given what the user spent so far. They know no season, no contact and no change of habit: that is the point of
them. A resample lets each coming week be one of the user's own past weeks, drawn with replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
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
Futures: TypeAlias = Callable[[], Iterator[Future]]  # each call begins anew and gives the same futures
REPEAT = "repeat-last-period"


def parametric_futures(
    name: str, model: BuyTillYouDie, panel: WeeklyPanel, *, weeks: int, seed: int, n_draws: int
) -> Iterator[Future]:
    """Draw the weeks after a panel, each of whose users has an order-day, from a model fitted on it.

    Parameters
    ----------
    name : str
        The model's name for people; it also names the stream of random numbers.
    """
    history = RepeatHistory.of_panel(panel)
    n_purchases, mean_value = _purchases(panel)
    values = GammaGamma.fit(n_purchases, mean_value)
    for draw in range(n_draws):
        rng = stream(seed, name, draw)
        order_days = model.draw(history, weeks, rng)
        yield Future(order_days, values.draw(n_purchases, mean_value, order_days, rng))


def repeat_futures(panel: WeeklyPanel, *, weeks: int) -> Iterator[Future]:
    """Let the last `weeks` weeks happen once more, week by week; of a shorter panel, all of it over and over."""
    length = min(weeks, panel.n_periods)
    columns = panel.n_periods - length + np.arange(weeks) % length
    yield Future(panel.order_days[:, columns], panel.revenue[:, columns])


def resampled_futures(panel: WeeklyPanel, *, weeks: int, seed: int, n_draws: int) -> Iterator[Future]:
    """Let each coming week be one of the user's own weeks after that of the first order; without one the user stays away."""
    first = np.argmax(panel.order_days > 0, axis=1)
    n_own = panel.n_periods - 1 - first
    rows = np.arange(panel.n_users)[:, None]
    for draw in range(n_draws):
        chance = stream(seed, "resample", draw).random((panel.n_users, weeks))
        columns = np.minimum(first[:, None] + 1 + (chance * n_own[:, None]).astype(np.int64), panel.n_periods - 1)
        lives = (n_own > 0)[:, None]
        yield Future(panel.order_days[rows, columns] * lives, panel.revenue[rows, columns] * lives)


def baseline_futures(panel: WeeklyPanel, *, weeks: int, seed: int, n_draws: int) -> Mapping[str, Futures]:
    """Fit every baseline on a panel, each of whose users has an order-day; return how each would have the weeks after it.

    Raises
    ------
    HistoryError
        If a user has no order-day, or a likelihood has no finite maximum.
    """
    history = RepeatHistory.of_panel(panel)
    models: dict[str, BuyTillYouDie] = {"BG/NBD": BgNbd.fit(history), "Pareto/NBD": ParetoNbd.fit(history)}
    drawn = {"weeks": weeks, "seed": seed, "n_draws": n_draws}
    return {
        **{name: partial(parametric_futures, name, model, panel, **drawn) for name, model in models.items()},
        REPEAT: partial(repeat_futures, panel, weeks=weeks),
        "resample of history": partial(resampled_futures, panel, **drawn),
    }


def baseline_forecasts(panel: WeeklyPanel, *, weeks: int, horizon_weeks: int, seed: int, n_draws: int) -> tuple[Forecast, ...]:
    """Fit every baseline on a panel and forecast the weeks after it; see `baseline_futures`."""
    models = baseline_futures(panel, weeks=weeks, seed=seed, n_draws=n_draws)
    return tuple(Forecast.collect(name, futures(), horizon_weeks=horizon_weeks) for name, futures in models.items())


def _purchases(panel: WeeklyPanel) -> tuple[FloatArray, FloatArray]:
    """Return (n_users,) order-days and their mean value, in currency."""
    n_purchases = panel.order_days.sum(axis=1, dtype=np.float64)
    return n_purchases, panel.revenue.sum(axis=1, dtype=np.float64) / np.maximum(n_purchases, 1.0)
