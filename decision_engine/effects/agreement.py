"""Two answers about one action: the average effect over the horizon, and the weekly shift that the simulator lives by.

The verdict is about the first, the plan rests on the second. So the shift is carried to the first one's ground: to the same
user-weeks, the same horizon, the same unit. A user who orders m times a week by what is expected of them gains, from a shift d
of the log-odds of buying, about ``m exp(-m) d`` orders a week (orders as events of a Poisson process). The weeks' shifts follow
the strength with which the action was at work in either arm, further contacts within the horizon included. What an extra
order brings later, and what other actions do, is in the average and not in the shift. A factor of two either way is therefore
allowed; beyond it, one of the two is wrong, and it is not known which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.effects.doubly_robust import Average, overlap_tilt
from decision_engine.effects.landmarks import ORDERS, Landmarks, UserWeeks, window_sums
from decision_engine.effects.nuisances import Nuisances
from decision_engine.effects.weekly_shift import WeeklyShift, contact_strength
from simulations.arrays import FloatArray
from simulations.response import ActionResponse, ResponseScale

FACTOR = 2.0  # by which the two may differ for the reasons above
_FEWEST_ORDERS = 1e-3  # a week, expected of anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Extra order-days over the horizon, as estimated and as the shift implies them.

    Attributes
    ----------
    average, implied : Average
        With their standard errors, taken as independent: that asks for a larger gap before it counts.
    """

    average: Average
    implied: Average

    @property
    def gap(self) -> float:
        """Distance in standard errors from the average to the nearest of what the shift may stand for, with a sign."""
        gaps = []
        for factor in np.geomspace(1.0 / FACTOR, FACTOR, 9):
            error = float(np.hypot(self.average.standard_error, factor * self.implied.standard_error))
            gaps.append((self.average.estimate - factor * self.implied.estimate) / error if error > 0 else 0.0)
        return min(gaps, key=abs)


def implied_orders(
    history: UserWeeks,
    rows: Landmarks,
    nuisances: Nuisances,
    shift: WeeklyShift,
    response: ActionResponse,
    scale: ResponseScale,
) -> Average:
    """Return the extra order-days over the horizon that a shift implies for the rows, weighted as their average is."""
    expected = np.maximum(nuisances.untreated[:, ORDERS] / rows.horizon_weeks, _FEWEST_ORDERS)
    tilt = overlap_tilt(nuisances)
    direction = (tilt * expected * np.exp(-expected)) @ scale.basis(rows.observations) / tilt.sum()
    direction *= _weeks_at_work(history, rows, tilt / nuisances.taken, response)
    return Average(
        estimate=float(direction @ shift.mean),
        standard_error=float(np.sqrt(max(direction @ shift.covariance @ direction, 0.0))),
    )


def _weeks_at_work(history: UserWeeks, rows: Landmarks, weights: FloatArray, response: ActionResponse) -> float:
    """Return by how many weeks of a fresh contact's strength the action was more at work among the treated."""
    strength = contact_strength(history, history.panel.actions.index(rows.action), response)
    total = window_sums(strength, rows.users, rows.weeks, rows.horizon_weeks)
    treated, others = (float(np.average(total[arm], weights=weights[arm])) for arm in (rows.treated, ~rows.treated))
    return treated - others
