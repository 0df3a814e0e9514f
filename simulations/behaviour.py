"""Fitting behaviour: the heads, the latents and the hazard, from a weekly panel that ends where knowledge ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import BoolArray, FloatArray
from simulations.entry import entry_step, entry_waits
from simulations.features import column, fold_observations
from simulations.heads import AdditiveHead, Binning, fit_head, shifted
from simulations.heterogeneity import Latents, alive_weeks, next_hazard, random_intercepts
from simulations.kernel import N_LATENTS, OFFSET, SPEND_OFFSET, SPEND_SPREAD, Behaviour, cells_of
from simulations.panel import WeeklyPanel
from simulations.past_shifts import past_shifts
from simulations.response import ResponseArrays
from simulations.service import N_MOODS, NO_MOOD, MoodPrior, next_moods
from simulations.spend_residuals import residual_tables
from simulations.spend_spread import spend_spread
from simulations.tabulated import MAX_EXTRA_DAYS
from simulations.week_shocks import N_PARTS, N_SHOCKS, level_at_the_end, settled_weeks, week_spread
from simulations.weeks_ahead import WeeksAhead, foreseen_prior, week_effects

HEAD_FEATURES = (
    "recency_weeks",
    "tenure_weeks",
    "active_share",
    "order_rate_4",
    "order_rate_13",
    "order_rate_all",
    "basket_value",
    "gap_ratio",
)
# Where all users began at about the same time, as where a history begins, tenure is the calendar by another name: fine bins
# would learn what single weeks did to everyone, and carry the last of them on for ever.
# Silence has its own cuts too: few weeks are of users silent for long, but those users are who may be lost.
CUTS: dict[str, tuple[float, ...]] = {
    "recency_weeks": (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 26, 32, 39, 52, 78, 104),
    "tenure_weeks": (1, 2, 4, 8, 16, 32, 64, 128, 256),
}
# Curves that may bend one way only: more buying so far never means less to come, nor a larger basket a smaller one.
PURCHASE_DIRECTIONS = {"active_share": 1, "order_rate_4": 1, "order_rate_13": 1, "order_rate_all": 1}
DAYS_DIRECTIONS = {"order_rate_4": 1, "order_rate_13": 1, "order_rate_all": 1}
SPEND_DIRECTIONS = {"basket_value": 1}
_MOODS = [column("satisfaction"), column("open_ticket")]
_EM_ROUNDS = 7  # what goes with a later first order settles slowly
_NEARLY = 1e-3  # chances to be there are fitted inside [this, 1 - this], so that log-odds stay finite


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourFit:
    """A fitted behaviour with the heads it was compiled from.

    Attributes
    ----------
    purchase, days, spend, alive : AdditiveHead
        See `simulations.kernel.Behaviour`.
    newcomer : float
        Log-odds of a first order in a week.
    hazard : float
        Chance to be lost for good after a week.
    residuals : (4, N_QUANTILES) float64 array
    latents : Latents
    week_spread : (N_SHOCKS, N_PARTS) float64 array
        Of what a week does to everyone, see `simulations.week_shocks`.
    ahead : WeeksAhead
        What of it can be foreseen.
    entry : float
        What a later first order lets expect of a user's log-odds to buy, see `simulations.entry`.
    moods, mood_sds : (N_MOODS,) float64 arrays
        What a unit of satisfaction, and an open ticket, move in log-odds to buy; and how unsure that is.
    """

    purchase: AdditiveHead
    days: AdditiveHead
    spend: AdditiveHead
    alive: AdditiveHead
    newcomer: float
    hazard: float
    residuals: FloatArray
    latents: Latents
    week_spread: FloatArray = field(default_factory=lambda: np.zeros((N_SHOCKS, N_PARTS)))
    ahead: WeeksAhead = field(default_factory=WeeksAhead)
    entry: float = 0.0
    moods: FloatArray = field(default_factory=lambda: np.zeros(N_MOODS))
    mood_sds: FloatArray = field(default_factory=lambda: np.zeros(N_MOODS))

    @property
    def heads(self) -> dict[str, AdditiveHead]:
        """The heads by name, in the kernel's order."""
        return {"purchase": self.purchase, "days": self.days, "spend": self.spend, "alive": self.alive}

    def with_odds(self, shift: float) -> BehaviourFit:
        """Return the same behaviour with other odds to buy in any week, by so much in log."""
        if shift == 0.0:
            return self
        purchase = replace(self.purchase, intercept=self.purchase.intercept + shift)
        return replace(self, purchase=purchase, newcomer=self.newcomer + shift)

    def compiled(self) -> Behaviour:
        """Return the tables that the kernels read."""
        heads = tuple(self.heads.values())
        edges = self.purchase.binning.edges
        cells, cell_low, cell_scale = cells_of(edges)
        return Behaviour(
            features=self.purchase.binning.features,
            edges=np.concatenate([edges, np.full((edges.shape[0], 1), np.inf, dtype=np.float32)], axis=1),
            cells=cells,
            cell_low=cell_low,
            cell_scale=cell_scale,
            scores=np.ascontiguousarray(np.stack([head.scores for head in heads])),
            intercepts=np.array([head.intercept for head in heads], dtype=np.float64),
            newcomer=float(self.newcomer),
            hazard=float(self.hazard),
            residuals=self.residuals,
            moods=self.moods,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserWeeks:
    """A panel as rows for fitting: weeks of users who had bought before, with the bins of their observations.

    Attributes
    ----------
    users : (n_rows,) int64 array
        Row of the panel.
    known : (n_users, n_weeks) bool array
        Which user-weeks are rows, in the rows' order.
    buying_shifts, spending_shifts : (n_rows,) arrays
        What past contacts are held to have done; taken off while heads are fitted.
    moods : (n_rows, N_MOODS) float64 array
        Satisfaction, and whether a ticket is open, at the week's beginning.
    """

    panel: WeeklyPanel
    binning: Binning
    bins: NDArray[np.uint8]
    users: NDArray[np.int64]
    known: BoolArray
    buying_shifts: FloatArray
    spending_shifts: FloatArray
    moods: FloatArray

    @classmethod
    def of(cls, panel: WeeklyPanel, binning: Binning | None = None) -> UserWeeks:
        """Fold the panel and bin what is known at the start of each week."""
        observations = fold_observations(panel, 0, panel.n_periods)
        ever = np.cumsum(panel.order_days > 0, axis=1) > 0
        known = np.zeros(ever.shape, dtype=np.bool_)
        known[:, 1:] = ever[:, :-1]
        rows = observations[known]
        binning = Binning.fit(rows, HEAD_FEATURES, CUTS) if binning is None else binning
        users = np.nonzero(known)[0]
        none = np.zeros(users.size)
        return cls(
            panel=panel, binning=binning, bins=binning.bins(rows), users=users, known=known,
            buying_shifts=none, spending_shifts=none, moods=rows[:, _MOODS].astype(np.float64),
        )  # fmt: skip

    def under(self, response: ResponseArrays) -> UserWeeks:
        """Return the same rows with what past contacts did under a response."""
        if not (self.panel.exposure_bits != 0).any():
            return self
        buying, spending = past_shifts(self.panel, response)
        return replace(self, buying_shifts=buying[self.known], spending_shifts=spending[self.known])

    def shifted_by(self, moods: FloatArray) -> UserWeeks:
        """Return the same rows with what satisfaction and tickets did among what is taken off."""
        return replace(self, buying_shifts=self.buying_shifts + self.moods @ moods) if moods.any() else self

    def usual_moods(self) -> FloatArray:
        """Return (n_rows, N_MOODS): a user's mean over the weeks before each week, 0 for the first."""
        count = np.maximum(np.cumsum(self.known, axis=1, dtype=np.float64) - self.known, 1.0)
        spread = [self.spread(mood) for mood in self.moods.T]
        return np.column_stack([((np.cumsum(one, axis=1) - one) / count)[self.known] for one in spread])

    def spread(self, rows: FloatArray) -> FloatArray:
        """Return (n_users, n_weeks) with the rows' values in place and 0 elsewhere."""
        grid = np.zeros(self.known.shape, dtype=np.float64)
        grid[self.known] = rows
        return grid

    def per_user(self, rows: FloatArray) -> FloatArray:
        """Return (n_users,) sums of the rows' values."""
        return np.bincount(self.users, weights=rows, minlength=self.known.shape[0]).astype(np.float64)


def fit_behaviour(
    weeks: UserWeeks, weights: FloatArray, start: BehaviourFit | None = None, *, mood: MoodPrior = NO_MOOD
) -> BehaviourFit:
    """Fit all heads, the latents and the hazard.

    Parameters
    ----------
    weights : (n_users,) array
        How often each user counts: ones for the history itself, Poisson counts for a bootstrap member.
    start : BehaviourFit, optional
        The fit on the history itself: its smoothing and variances are kept, so that a member costs a few Newton steps.
    mood : MoodPrior
        What is assumed of satisfaction and tickets.
    """
    purchase, hazard, offset, filtered, entry, moods, mood_sds = _fit_purchase(weeks, weights, start, mood)
    weeks = weeks.shifted_by(moods)
    days = _fit_days(weeks, weights, start)
    spend, residuals, spend_offset, spread_of_user = _fit_spend(weeks, weights, start)
    alive = fit_head(
        weeks.binning,
        weeks.bins,
        np.clip(filtered[weeks.known], _NEARLY, 1.0 - _NEARLY),
        family="binomial",
        weights=weights[weeks.users],
        directions={"gap_ratio": -1},
        start=None if start is None else start.alive,
        n_rounds=_rounds(start),
    )
    means, sds = np.zeros((weights.size, N_LATENTS)), np.zeros((weights.size, N_LATENTS))
    prior_sds = np.zeros(N_LATENTS)
    for place, of_users in ((OFFSET, offset), (SPEND_OFFSET, spend_offset), (SPEND_SPREAD, spread_of_user)):
        means[:, place], sds[:, place], prior_sds[place] = of_users
    spread, level, ahead = _weeks_in_common(
        weeks, weights, purchase, spend, means, filtered, None if start is None else start.week_spread
    )
    return BehaviourFit(
        purchase=shifted(purchase, level[0]),
        days=days,
        spend=shifted(spend, level[1]),
        alive=alive,
        newcomer=_newcomer(weeks, weights),
        hazard=hazard,
        residuals=residuals,
        latents=Latents.of(weeks.panel.user_keys, means, sds, prior_sds),
        week_spread=spread,
        ahead=ahead,
        entry=entry,
        moods=moods,
        mood_sds=mood_sds,
    )


def _weeks_in_common(
    weeks: UserWeeks,
    weights: FloatArray,
    purchase: AdditiveHead,
    spend: AdditiveHead,
    offsets: FloatArray,
    alive: FloatArray,
    spread: FloatArray | None,
) -> tuple[FloatArray, FloatArray, WeeksAhead]:
    """Return how much a week moves everyone, where the level stands at the end, and what is foreseen of weeks to come.

    All of the log-odds to buy and of the log of an order-day's value: (N_SHOCKS, N_PARTS) and (N_SHOCKS,) arrays. A given
    spread is kept.
    """
    panel, week_of = weeks.panel, np.nonzero(weeks.known)[1]
    row_weights = weights[weeks.users]
    linear = purchase.linear(weeks.bins) + weeks.buying_shifts + offsets[weeks.users, OFFSET]
    chance = 1.0 / (1.0 + np.exp(-linear))
    present = alive[weeks.known]
    bought = (panel.order_days[weeks.known] > 0).astype(np.float64)
    rows = [(row_weights * present * (bought - chance), row_weights * present * chance * (1.0 - chance), week_of)]
    days, revenue = panel.order_days[weeks.known], panel.revenue[weeks.known].astype(np.float64)
    paid = (days > 0) & (revenue > 0.0)
    expected = spend.linear(weeks.bins[paid]) + weeks.spending_shifts[paid] + offsets[weeks.users[paid], SPEND_OFFSET]
    residual = np.log(revenue[paid] / days[paid]) - expected
    precision = row_weights[paid] / max(float(np.var(residual)) if residual.size else 1.0, 1e-6)
    rows.append((residual * precision, precision, week_of[paid]))
    effects = []
    for place, (residuals, information, of_weeks) in enumerate(rows):
        sizes = week_spread(residuals, information, of_weeks, panel.n_periods) if spread is None else spread[place]
        settled, _, _ = settled_weeks(residuals, information, of_weeks, panel.n_periods)
        shares, prior = foreseen_prior(panel.calendar, panel.n_periods, settled, place)
        effects.append(week_effects(residuals, information, of_weeks, panel.n_periods, sizes, shares, prior))
        foreseen = shares @ effects[place][0]
        rows[place] = (residuals - information * foreseen[of_weeks], information, of_weeks)
    found = np.stack([week_spread(*row, panel.n_periods) for row in rows]) if spread is None else spread
    level = np.array([level_at_the_end(*row, panel.n_periods, sizes) for row, sizes in zip(rows, found, strict=True)])
    settled, _, _ = settled_weeks(*rows[0], panel.n_periods)
    return found, level, WeeksAhead.of(panel.calendar, panel.n_periods, settled, effects)


def _rounds(start: BehaviourFit | None) -> int:
    return 8 if start is None else 2


_Moments = tuple[FloatArray, FloatArray, float]  # of the users' posterior: means and sds; and the prior's sd


def _fit_purchase(
    weeks: UserWeeks, weights: FloatArray, start: BehaviourFit | None, mood: MoodPrior
) -> tuple[AdditiveHead, float, _Moments, FloatArray, float, FloatArray, FloatArray]:
    """Alternate between the head, the users' offsets and who is still there (EM); then fit the head as it will be asked.

    The last items returned are the slope of what users are expected to differ by, see `simulations.entry`, and what moods move,
    with standard deviations.

    A forecast knows a user's weeks up to now. The last fit therefore takes offsets and chances to be there from the weeks
    before each week alone: with those of all weeks, a user who is about to stay away would be explained by hindsight, and
    silence would be held to mean less than it does. A row's chance is that to be there times the head's; the score of that is
    a binomial's with the chance to be there as weight and the outcome divided by it.
    """
    bought = weeks.panel.order_days > 0
    outcome = bought[weeks.known].astype(np.float64)
    row_weights = weights[weeks.users]
    variance, hazard = (0.05, 0.002) if start is None else (float(start.latents.prior_sd[OFFSET]) ** 2, start.hazard)
    head = None if start is None else start.purchase
    entry, slope = entry_waits(weeks.known), 0.0 if start is None else start.entry
    mean = slope * entry
    sd = np.zeros(weights.size)
    present = np.ones(outcome.size)
    filtered = np.ones(bought.shape)
    plain_weeks, moods, mood_sds = weeks, mood.mean if start is None else start.moods, mood.sd
    for round_ in range(_EM_ROUNDS if start is None else 2):
        first = start is None and round_ < 2  # smoothing is free in the first two rounds
        weeks = plain_weeks.shifted_by(moods)
        head = fit_head(
            weeks.binning,
            weeks.bins,
            outcome,
            family="binomial",
            weights=row_weights * present,
            offset=mean[weeks.users] + weeks.buying_shifts,
            directions=PURCHASE_DIRECTIONS,
            start=None if first else head,
            n_rounds=8 if first else 2,
        )
        linear = head.linear(weeks.bins) + weeks.buying_shifts
        chance = 1.0 / (1.0 + np.exp(-(linear + mean[weeks.users])))
        filtered, smoothed, after = alive_weeks(weeks.spread(chance), bought, weeks.known, hazard)
        hazard = next_hazard(smoothed, after, weeks.known, weights)
        present = smoothed[weeks.known]
        plain = 1.0 / (1.0 + np.exp(-linear - slope * entry[weeks.users]))
        scores, information = weeks.per_user(present * (outcome - plain)), weeks.per_user(present * plain * (1.0 - plain))
        moved = entry_step(scores, information, weights, entry, variance, slope)
        scores, slope = scores - information * moved * entry, slope + moved
        mean, sd, following = random_intercepts(scores, information, weights, variance)
        mean = mean + slope * entry
        variance = following if start is None else variance
        moods, mood_sds = next_moods(
            weeks.moods, weeks.usual_moods(), row_weights * present, outcome, linear + mean[weeks.users], moods, mood
        )
    weeks = plain_weeks.shifted_by(moods)
    assert head is not None
    earlier = _offsets_so_far(weeks, outcome, head, present, variance, slope * entry)
    there = np.maximum(filtered[weeks.known], _NEARLY)
    head = fit_head(
        weeks.binning,
        weeks.bins,
        outcome / there,
        family="binomial",
        weights=row_weights * there,
        offset=earlier + weeks.buying_shifts,
        directions=PURCHASE_DIRECTIONS,
        start=head,
        n_rounds=2,
    )
    return head, hazard, (mean, sd, float(np.sqrt(variance))), filtered, slope, moods, mood_sds


def _offsets_so_far(
    weeks: UserWeeks, outcome: FloatArray, head: AdditiveHead, present: FloatArray, variance: float, expected: FloatArray
) -> FloatArray:
    """Return (n_rows,): the posterior mean of the user's offset, given what is expected and the rows before each row alone."""
    prior = expected[weeks.users]
    plain = 1.0 / (1.0 + np.exp(-head.linear(weeks.bins) - weeks.buying_shifts - prior))
    scores = weeks.spread(present * (outcome - plain))
    information = weeks.spread(present * plain * (1.0 - plain))
    before = np.cumsum(scores, axis=1) - scores
    known = np.cumsum(information, axis=1) - information
    return np.asarray((before / (known + 1.0 / variance))[weeks.known] + prior)


def _fit_days(weeks: UserWeeks, weights: FloatArray, start: BehaviourFit | None) -> AdditiveHead:
    days = weeks.panel.order_days[weeks.known]
    bought = days > 0
    return fit_head(
        weeks.binning,
        weeks.bins[bought],
        days[bought].astype(np.float64) - 1.0,
        family="binomial",
        trials=float(MAX_EXTRA_DAYS),
        weights=weights[weeks.users[bought]],
        directions=DAYS_DIRECTIONS,
        start=None if start is None else start.days,
        n_rounds=_rounds(start),
    )


def _fit_spend(
    weeks: UserWeeks, weights: FloatArray, start: BehaviourFit | None
) -> tuple[AdditiveHead, FloatArray, _Moments, _Moments]:
    days = weeks.panel.order_days[weeks.known].astype(np.float64)
    revenue = weeks.panel.revenue[weeks.known].astype(np.float64)
    paid = (days > 0) & (revenue > 0.0)
    users, n_users = weeks.users[paid], weights.size
    log_spend = np.log(revenue[paid] / days[paid]) - weeks.spending_shifts[paid]
    row_weights = weights[users]
    variance = 0.02 if start is None else float(start.latents.prior_sd[SPEND_OFFSET]) ** 2
    head = None if start is None else start.spend
    mean, sd = np.zeros(n_users), np.zeros(n_users)
    for _ in range(3 if start is None else 1):
        head = fit_head(
            weeks.binning,
            weeks.bins[paid],
            log_spend,
            family="gaussian",
            weights=row_weights,
            offset=mean[users],
            directions=SPEND_DIRECTIONS,
            start=head,
            n_rounds=8 if head is None else 2,
        )
        residual = log_spend - head.linear(weeks.bins[paid])
        noise = (
            float(np.average((residual - mean[users]) ** 2, weights=np.maximum(row_weights, 1e-12))) if residual.size else 1.0
        )
        noise = max(noise, 1e-6)
        mean, sd, following = random_intercepts(
            np.bincount(users, weights=residual, minlength=n_users) / noise,
            np.bincount(users, minlength=n_users) / noise,
            weights,
            variance,
        )
        variance = following if start is None else variance
    assert head is not None
    expected = head.linear(weeks.bins[paid]) + mean[users] + 0.5 * sd[users] ** 2 + weeks.spending_shifts[paid]
    beyond = residual - mean[users]
    spread = spend_spread(
        beyond, days[paid], users, weights, None if start is None else float(start.latents.prior_sd[SPEND_SPREAD])
    )
    residuals = residual_tables(
        beyond, days[paid], row_weights, days[paid] * np.exp(expected), spread[0][users], spread[1][users]
    )
    return head, residuals, (mean, sd, float(np.sqrt(variance))), spread


def _newcomer(weeks: UserWeeks, weights: FloatArray) -> float:
    """Return the log-odds of a first order, from the weeks after the first in which a user had not bought yet."""
    waiting = ~weeks.known
    waiting[:, 0] = False
    first = weights @ np.count_nonzero(waiting & (weeks.panel.order_days > 0), axis=1)
    share = (first + 0.5) / (weights @ np.count_nonzero(waiting, axis=1) + 10.0)
    return float(np.log(share / (1.0 - share)))
