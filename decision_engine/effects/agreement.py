"""Two answers about one action: the average effect over the horizon, and the weekly shift that the simulator lives by.

The verdict is about the first, the plan rests on the second. So the shift is carried to the first one's ground: to the same
user-weeks, the same horizon, the same unit. A user who orders m times a week by what is expected of them gains, from a shift d
of the log-odds of buying, about ``m exp(-m) d`` orders a week (orders as events of a Poisson process); the weeks' shifts follow
the response's course in time. The two do not answer quite the same question: what an extra order brings later, and what further
contacts do, is in the average and not in the shift. A factor of two either way is therefore allowed; beyond it, one of the two
is wrong, and it is not known which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.effects.doubly_robust import Average, overlap_tilt
from decision_engine.effects.landmarks import ORDERS, Landmarks
from decision_engine.effects.nuisances import Nuisances
from decision_engine.effects.weekly_shift import WeeklyShift, course
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


def compare(
    rows: Landmarks, nuisances: Nuisances, orders: Average, shift: WeeklyShift, response: ActionResponse, scale: ResponseScale
) -> Agreement:
    """Carry the shift to the rows on which the average was estimated."""
    return Agreement(average=orders, implied=implied_orders(rows, nuisances, shift, response, scale))


def implied_orders(
    rows: Landmarks, nuisances: Nuisances, shift: WeeklyShift, response: ActionResponse, scale: ResponseScale
) -> Average:
    """Return the extra order-days over the horizon that a shift implies for the rows, weighted as their average is."""
    expected = np.maximum(nuisances.untreated[:, ORDERS] / rows.horizon_weeks, _FEWEST_ORDERS)
    gain = expected * np.exp(-expected) * weeks_at_work(response, rows.horizon_weeks)
    earlier = rows.covariates[:, rows.covariate_names.index(f"earlier {rows.action}")].astype(np.float64)
    weights = overlap_tilt(nuisances) * gain * np.exp(-response.habituation.mean * earlier)
    direction = weights @ scale.basis(rows.observations) / overlap_tilt(nuisances).sum()
    return Average(
        estimate=float(direction @ shift.mean),
        standard_error=float(np.sqrt(max(direction @ shift.covariance @ direction, 0.0))),
    )


def weeks_at_work(response: ActionResponse, horizon_weeks: int) -> float:
    """Return the sum of a contact's strengths over the horizon, in weeks of its full shift.

    Examples
    --------
    >>> from simulations.response import Quantity
    >>> response = ActionResponse.uniform_shift("coupon", Quantity(mean=0.2), duration_weeks=2, decay=Quantity(mean=0.5))
    >>> weeks_at_work(response, 8), weeks_at_work(response, 1)
    (1.5, 1.0)
    """
    return float(course(response)[:horizon_weeks].sum())
