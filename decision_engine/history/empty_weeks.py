"""Weeks without an order: within the history, where they may be true, and after its last order, where they are yet to come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from decision_engine.config.models import Config
from simulations.arrays import IntArray
from simulations.errors import HistoryError
from simulations.panel import NoneInsideError, WeeklyPanel

MOST_AT_THE_END = 2  # empty weeks at the end that may be true of a small shop


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyWeeks:
    """Weeks of a panel in which nobody bought.

    Attributes
    ----------
    weeks : (n,) int array
        All of them, counted from 1.
    longest : (n,) int array
        The longest run of them.
    n_at_the_end : int
        How many follow the last order.
    n_within : int
        Length of the longest run that another order follows, and one precedes.
    """

    weeks: IntArray
    longest: IntArray
    n_at_the_end: int
    n_within: int

    @property
    def too_many_at_the_end(self) -> bool:
        """Whether the weeks after the last order are more than the history's own gaps explain."""
        return self.n_at_the_end > max(MOST_AT_THE_END, self.n_within)


def empty_weeks(panel: WeeklyPanel) -> EmptyWeeks:
    """Find the weeks in which nobody bought."""
    weeks = np.flatnonzero(panel.order_days.sum(axis=0) == 0) + 1
    runs = np.split(weeks, np.flatnonzero(np.diff(weeks) > 1) + 1) if weeks.size else []
    return EmptyWeeks(
        weeks=weeks,
        longest=max(runs, key=len, default=weeks),
        n_at_the_end=next((len(run) for run in runs if run[-1] == panel.n_periods), 0),
        n_within=max((len(run) for run in runs if run[0] > 1 and run[-1] < panel.n_periods), default=0),
    )


@contextmanager
def placed_in_time(config: Config) -> Iterator[None]:
    """Say where the weeks are set, if no order falls into them."""
    try:
        yield
    except NoneInsideError as error:
        raise HistoryError(f"{config.origin.where(('time', 'first_day'))}: {error}") from None


def refuse_weeks_to_come(panel: WeeklyPanel, config: Config) -> None:
    """Refuse a calendar that goes on for weeks after the last order: a model would learn that everybody left.

    Raises
    ------
    HistoryError
        If more weeks are empty at the end than two, and than any run of them within the history.
    """
    found = empty_weeks(panel)
    last = panel.n_periods - found.n_at_the_end
    if not found.too_many_at_the_end or last < 1:
        return
    also = ""
    if config.n_fitting_periods >= last:
        also = f" and `last_fitting_period` below it, for example {max(1, last * 3 // 4)}"
    raise HistoryError(
        f"{config.origin.where(('time', 'last_period'))}: week {last} is the last with an order, the "
        f"{found.n_at_the_end} weeks after it, to {config.as_of(panel.n_periods)}, have none, and models "
        "would learn from them that everybody left. "
        f"Right would be `last_period: {last}`, which ends on {config.as_of(last)}{also}."
    )


def say_weeks(run: IntArray | np.ndarray[Any, Any]) -> str:
    """Name a run of weeks."""
    first, last = int(run[0]), int(run[-1])
    return f"week {first}" if first == last else f"weeks {first} to {last}"
