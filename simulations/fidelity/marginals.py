"""Marginals: single numbers of a user or of a week whose distribution a simulator has to have right.

Real and simulated distributions are compared by the complement of the Kolmogorov–Smirnov distance: one less the largest gap
between the two distribution functions, so that 1 is the same distribution. The list below was fixed before any of it was
measured. What users buy (the mix of categories) is not in it: a weekly panel does not know categories, and nothing of them is
simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulations.arrays import BoolArray, FloatArray
from simulations.fidelity.stretch import Stretch

FEWEST = 100  # values on either side; below that a distribution is not compared
RESPONSE_WEEKS = 4  # weeks from a contact on in which a response is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """One number of a user or of a week: `of` returns its values, one an item, in no order that matters."""

    name: str
    unit: str
    description: str
    of: Callable[[Stretch], FloatArray]


def ks_complement(real: FloatArray, simulated: FloatArray) -> float:
    """Return one less the Kolmogorov–Smirnov distance; nan where either side has fewer than `FEWEST` values.

    Examples
    --------
    >>> ks_complement(np.arange(200.0), np.arange(100.0, 300.0))
    0.5
    """
    if min(real.size, simulated.size) < FEWEST:
        return float("nan")
    places = np.unique(np.concatenate([real, simulated]))
    below = [np.searchsorted(np.sort(side), places, side="right") / side.size for side in (real, simulated)]
    return float(1.0 - np.abs(below[0] - below[1]).max())


def _order_days(stretch: Stretch) -> FloatArray:
    return np.asarray(stretch.order_days.sum(axis=1, dtype=np.float64))


def _active_weeks(stretch: Stretch) -> FloatArray:
    return np.asarray(stretch.bought.sum(axis=1, dtype=np.float64))


def _revenue(stretch: Stretch) -> FloatArray:
    return np.asarray(stretch.revenue.sum(axis=1, dtype=np.float64))


def _week_order_days(stretch: Stretch) -> FloatArray:
    return stretch.order_days.astype(np.float64).ravel()


def _active_week_order_days(stretch: Stretch) -> FloatArray:
    return stretch.order_days[stretch.bought].astype(np.float64)


def _active_week_revenue(stretch: Stretch) -> FloatArray:
    return stretch.revenue[stretch.bought].astype(np.float64)


def _basket_value(stretch: Stretch) -> FloatArray:
    return np.asarray(stretch.revenue[stretch.bought] / stretch.order_days[stretch.bought].astype(np.float64))


def _user_basket_value(stretch: Stretch) -> FloatArray:
    days = _order_days(stretch)
    return np.asarray(_revenue(stretch)[days > 0] / days[days > 0])


def _gaps(stretch: Stretch) -> FloatArray:
    """Return weeks between orders, reaching back into the weeks before; those not ended within the stretch say nothing."""
    silence = stretch.silence()[:, :-1]
    ever = np.cumsum(np.concatenate([stretch.earlier, stretch.order_days], axis=1) > 0, axis=1)
    known = ever[:, stretch.earlier.shape[1] :] - stretch.bought > 0
    return np.asarray(silence[stretch.bought & known] + 1.0)


def _longest_silence(stretch: Stretch) -> FloatArray:
    return np.asarray(_runs(~stretch.bought)[1])


def _buying_runs(stretch: Stretch) -> FloatArray:
    return np.asarray(_runs(stretch.bought)[0])


def _recency_at_the_end(stretch: Stretch) -> FloatArray:
    return np.minimum(stretch.silence()[:, -1], stretch.n_weeks).astype(np.float64)


def _weeks_to_first_order(stretch: Stretch) -> FloatArray:
    first = np.argmax(stretch.bought, axis=1)
    return np.asarray(np.where(stretch.bought.any(axis=1), first, stretch.n_weeks), dtype=np.float64)


def _spend_concentration(stretch: Stretch) -> FloatArray:
    paid = np.maximum(stretch.revenue.astype(np.float64), 0.0)
    several = (stretch.bought.sum(axis=1) > 1) & (paid.sum(axis=1) > 0)
    return np.asarray(paid[several].max(axis=1) / paid[several].sum(axis=1))


def _change_within(stretch: Stretch) -> FloatArray:
    half = stretch.n_weeks // 2
    first, last = stretch.order_days[:, :half], stretch.order_days[:, stretch.n_weeks - half :]
    return np.asarray(last.sum(axis=1, dtype=np.float64) - first.sum(axis=1, dtype=np.float64))


def _weeks_bought_after_contact(stretch: Stretch) -> FloatArray:
    return _active_weeks(stretch.after_first_contact(RESPONSE_WEEKS))


def _change_after_contact(stretch: Stretch) -> FloatArray:
    after = stretch.after_first_contact(RESPONSE_WEEKS)
    before = after.earlier[:, max(0, after.earlier.shape[1] - RESPONSE_WEEKS) :]
    return np.asarray(_order_days(after) - before.sum(axis=1, dtype=np.float64))


def _runs(inside: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the lengths of all runs, and each row's longest (0 where there is none)."""
    edges = np.diff(np.pad(inside.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    lengths = (np.nonzero(edges == -1)[1] - starts).astype(np.float64)
    longest = np.zeros(inside.shape[0])
    np.maximum.at(longest, rows, lengths)
    return lengths, longest


def _marginal(name: str, unit: str, description: str, of: Callable[[Stretch], FloatArray]) -> Marginal:
    return Marginal(name=name, unit=unit, description=description, of=of)


MARGINALS: tuple[Marginal, ...] = (
    _marginal("order_days", "order-days", "of a user over all weeks", _order_days),
    _marginal("active_weeks", "weeks", "with an order, of a user", _active_weeks),
    _marginal("revenue", "currency", "of a user over all weeks", _revenue),
    _marginal("week_order_days", "order-days", "of a user in a week, none included", _week_order_days),
    _marginal("active_week_order_days", "order-days", "of a user in a week with one", _active_week_order_days),
    _marginal("active_week_revenue", "currency", "of a user in a week with an order", _active_week_revenue),
    _marginal("basket_value", "currency", "an order-day, of a user in a week", _basket_value),
    _marginal("user_basket_value", "currency", "an order-day, mean of a user", _user_basket_value),
    _marginal("gap", "weeks", "from one week with an order to the next", _gaps),
    _marginal("longest_silence", "weeks", "without an order, of a user", _longest_silence),
    _marginal("buying_run", "weeks", "with an order in a row", _buying_runs),
    _marginal("recency_at_the_end", "weeks", "of silence after the last order, the stretch at most", _recency_at_the_end),
    _marginal(
        "weeks_to_first_order", "weeks", "before a user's first order, the stretch where none came", _weeks_to_first_order
    ),
    _marginal(
        "spend_concentration", "share", "of a user's revenue in the best week, of users with several", _spend_concentration
    ),
    _marginal("change_within", "order-days", "of a user, second half less first half", _change_within),
    _marginal(
        "weeks_bought_after_contact", "weeks", "with an order, of the four from a contact on", _weeks_bought_after_contact
    ),
    _marginal(
        "change_after_contact", "order-days", "of the four weeks from a contact on, less the four before", _change_after_contact
    ),
)
NOT_SIMULATED = "category mix: a weekly panel does not know categories, so that nothing of them is simulated"
