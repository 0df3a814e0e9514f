"""The headline: what a plan should bring in total, and how sure that is.

Each member of the ensemble says what the plan brings in its world; the spread between members is the uncertainty. Whoever
chooses the best-looking of many noisy numbers finds them too good afterwards (Smith and Winkler, 2006, Management Science
52(3), "The optimizer's curse"). So the members are split: some choose the actions, the others judge them, and the centre
comes from the judges alone. The choosing members still lend their spread, moved to the judges' centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulations.arrays import BoolArray, FloatArray
from simulations.spread import predictive_stretch

_MINIMUM_TO_SPLIT = 4  # members; fewer than that choose and judge together


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A total and its interval.

    Attributes
    ----------
    increment, low, high : float
        Extra margin net of expected action cost against doing nothing, in currency.
    chance_of_loss : float
        Share of members in whose world the plan costs more than it brings.
    n_members : int
        How many members were asked.
    """

    increment: float
    low: float
    high: float
    chance_of_loss: float
    n_members: int

    def summary(self) -> str:
        """Say it in one line."""
        return f"{self.increment:,.2f} ({self.low:,.2f} to {self.high:,.2f}); {self.losses()}"

    def losses(self, worlds: str = "simulated worlds") -> str:
        """Say in how many simulated worlds the plan loses: none of a few is not the same as never."""
        return f"loses in {round(self.chance_of_loss * self.n_members) or 'none'} of {self.n_members} {worlds}"


def choosing_members(n_members: int) -> BoolArray:
    """Return which members choose: every other one, or all of them where there are too few to split.

    Examples
    --------
    >>> choosing_members(5).tolist(), choosing_members(2).tolist()
    ([True, False, True, False, True], [True, True])
    """
    if n_members < _MINIMUM_TO_SPLIT:
        return np.ones(n_members, dtype=np.bool_)
    return np.asarray(np.arange(n_members) % 2 == 0)


def centred_on_judges(figures: FloatArray, choosing: BoolArray) -> FloatArray:
    """Move the choosing members' figures, (n_members, ...), to the judging members' mean; unchanged where all choose.

    Examples
    --------
    >>> centred_on_judges(np.array([9.0, 1.0, 11.0, 3.0]), np.array([True, False, True, False])).tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    if choosing.all():
        return figures
    moved = figures.copy()
    moved[choosing] += figures[~choosing].mean(axis=0) - figures[choosing].mean(axis=0)
    return moved


def interval(figures: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the interval for the one true world that members, along the first axis, suggest; it holds their mean.

    Their central interval, stretched as so few members demand (`predictive_stretch`).
    """
    tail = (1.0 - level) / 2.0
    centre = figures.mean(axis=0)
    low, high = centre + predictive_stretch(figures.shape[0], level) * (
        np.quantile(figures, [tail, 1.0 - tail], axis=0) - centre
    )
    return np.minimum(low, centre), np.maximum(high, centre)


def headline(totals: FloatArray, level: float) -> Headline:
    """Sum up the members' totals, a (n_members,) array in currency, with an interval at `level`.

    Examples
    --------
    >>> headline(np.array([-1.0, 1.0, 3.0, 5.0]), 0.9).chance_of_loss
    0.25
    """
    low, high = interval(totals, level)
    return Headline(
        increment=float(totals.mean()),
        low=float(low),
        high=float(high),
        chance_of_loss=float((totals < 0).mean()),
        n_members=totals.size,
    )
