"""Satisfaction and service: what reviews and tickets do to a user's state, and what that state does to buying.

Satisfaction lies between -1 and 1 and fades by a tenth a week. A review moves it towards what it says, a ticket (a complaint or
question to customer service) lowers it and stays open until it is resolved, which gives some of it back. The log-odds to buy in
a week are moved by

    per_satisfaction * satisfaction + per_open_ticket * (a ticket is open)

at the week's beginning. By how much is estimated from the history's reviews and tickets, about what is assumed; where there are
none, the assumption stands, and every member of an ensemble draws its own. What is estimated says who buys when, and why only
as far as nothing else made people both dissatisfied and lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simulations.arrays import FloatArray
from simulations.randomness import stream

if TYPE_CHECKING:
    from simulations.panel import WeeklyPanel

N_MOODS = 2  # satisfaction, and whether a ticket is open
_N_SCORES = 11  # quantiles of what reviews say
_RESOLVED_IN_WEEK = 0.5  # where neither the history nor anybody tells


class Service(NamedTuple):
    """How reviews and tickets come about, as the kernel reads it.

    Attributes
    ----------
    active : bool
        False: nobody reviews, nobody complains, and nothing is drawn.
    ticket_chance, review_chance : float
        Of each order-day.
    resolution : float
        Chance that an open ticket is resolved in a week, that of its opening left out.
    drop, relief, review_weight : float
        What a ticket takes off satisfaction, what its resolution gives back, and how far the best review moves it.
    review_scores : (n,) float64 array
        What reviews say, -1 to 1, each as likely as the others.
    """

    active: bool
    ticket_chance: float
    review_chance: float
    resolution: float
    drop: float
    relief: float
    review_weight: float
    review_scores: FloatArray


NO_SERVICE = Service(False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(1))


class MoodPrior(NamedTuple):
    """What is assumed of satisfaction and of an open ticket: (N_MOODS,) means and standard deviations of log-odds."""

    mean: FloatArray
    sd: FloatArray


NO_MOOD = MoodPrior(np.zeros(N_MOODS), np.zeros(N_MOODS))


def next_moods(
    moods: FloatArray,
    usual: FloatArray,
    weights: FloatArray,
    outcome: FloatArray,
    linear: FloatArray,
    moved: FloatArray,
    prior: MoodPrior,
) -> tuple[FloatArray, FloatArray]:
    """Return what moods move after a Newton step, with standard deviations; what has no spread stays as it is assumed.

    Moods are compared with what was usual for the user in the weeks before: who buys much has more to review and to complain
    of, and users' offsets, which are shrunk, do not take all of that away (Mundlak, 1978, Econometrica 46(1)).

    Parameters
    ----------
    moods, usual : (n_rows, N_MOODS) arrays
        At the week's beginning; and the user's mean of the weeks before.
    weights, outcome, linear : (n_rows,) arrays
        Of the week's purchase; `linear` is its log-odds under `moved`.
    moved : (N_MOODS,) array
        What moods are held to move so far.
    """
    free = (prior.sd > 0.0) & moods.any(axis=0)
    found, sds = np.where(free, moved, prior.mean), prior.sd.copy()
    if free.any():
        chance = 1.0 / (1.0 + np.exp(-linear))
        weight = weights * chance * (1.0 - chance)
        known = np.column_stack([np.ones(linear.size), usual])
        both = (known.T * weight) @ np.column_stack([known, moods[:, free]])
        columns = moods[:, free] - known @ np.linalg.lstsq(both[:, : known.shape[1]], both[:, known.shape[1] :])[0]
        score = columns.T @ (weights * (outcome - chance)) - (moved[free] - prior.mean[free]) / prior.sd[free] ** 2
        information = (columns.T * weight) @ columns + np.diag(prior.sd[free] ** -2.0)
        found[free] += np.linalg.solve(information, score)
        sds[free] = np.sqrt(np.diag(np.linalg.inv(information)))
    return found, sds


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceModel:
    """What is assumed of satisfaction and service.

    Attributes
    ----------
    per_satisfaction, per_open_ticket : (float, float)
        Mean and standard deviation of what one unit, or an open ticket, moves in log-odds to buy.
    drop, relief, review_weight : float
        See `Service`.
    tickets_per_order_day, reviews_per_order_day, resolved_in_week : float or None
        Rates of the weeks to come; as the history had them where None.
    """

    per_satisfaction: tuple[float, float] = (0.0, 0.3)
    per_open_ticket: tuple[float, float] = (0.0, 0.3)
    drop: float = 0.3
    relief: float = 0.2
    review_weight: float = 0.5
    tickets_per_order_day: float | None = None
    reviews_per_order_day: float | None = None
    resolved_in_week: float | None = None

    def prior(self) -> MoodPrior:
        """Return what is assumed of the moods."""
        pairs = np.array([self.per_satisfaction, self.per_open_ticket], dtype=np.float64)
        return MoodPrior(pairs[:, 0], pairs[:, 1])

    def drawn_prior(self, seed: int, member: int) -> MoodPrior:
        """Return the prior of one member, about means of its own.

        Where the data say nothing, members then differ as the assumption does; where they say much, hardly at all.
        """
        prior = self.prior()
        return MoodPrior(stream(seed, "moods", member).normal(prior.mean, prior.sd), prior.sd)

    def rates(self, panel: WeeklyPanel) -> Service:
        """Return how reviews and tickets come about: as they did in a history, unless something else is assumed."""
        lived, days = panel.service, max(float(panel.order_days.sum(dtype=np.int64)), 1.0)
        tickets = reviews = 0.0
        resolution, scores = _RESOLVED_IN_WEEK, np.zeros(1)
        if lived is not None:
            tickets, reviews = float(lived.opened.sum()) / days, float(lived.reviewed.sum()) / days
            before = lived.open_after[:, :-1] & (lived.opened[:, 1:] == 0)
            if before.any():
                resolution = 1.0 - float(lived.open_after[:, 1:][before].mean())
            said = lived.said[lived.reviewed > 0] / lived.reviewed[lived.reviewed > 0]
            if said.size:
                scores = np.quantile(said.astype(np.float64), (np.arange(_N_SCORES) + 0.5) / _N_SCORES)
        tickets = tickets if self.tickets_per_order_day is None else self.tickets_per_order_day
        reviews = reviews if self.reviews_per_order_day is None else self.reviews_per_order_day
        return Service(
            active=tickets > 0.0 or reviews > 0.0,
            ticket_chance=min(tickets, 1.0),
            review_chance=min(reviews, 1.0),
            resolution=resolution if self.resolved_in_week is None else self.resolved_in_week,
            drop=self.drop,
            relief=self.relief,
            review_weight=self.review_weight,
            review_scores=scores,
        )
