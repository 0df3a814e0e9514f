"""The data of the question: a row a user and a week in which an action might have been given, with what followed.

For an action, the landmarks are the weeks in which anybody was given it. A row is a user who had bought before and whose
outcome window lies inside the panel; *treated* was given the action that week, *control* was given nothing that week. Rows with
another action in the same week are left out, so that both arms differ in one thing; what happens in later weeks, further
contacts included, is part of either course. Covariates are what was known at the start of the week. Every row left out is
counted with its reason.

Where the log holds the same users out week after week, their arms drift apart: what earlier contacts did to the treated would
count as the work of the present one. There only users count to whom nothing was given, or withheld, within the horizon before;
and what was withheld from held-out users counts as offered to them, so that both arms have the same past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decision_engine.effects.recorded import CERTAIN, recorded_propensities, withheld_actions
from decision_engine.withheld import as_if_contacted
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray
from simulations.features import FEATURE_NAMES, fold_observations
from simulations.panel import WeeklyPanel

STALE = "contacted, or held out from it, within the horizon before"  # why a row is left out of a log with a holdout
LONGEST_SILENCE = 52  # weeks since an exposure that count as "never", in covariates


@dataclass(frozen=True, slots=True, kw_only=True)
class UserWeeks:
    """A panel laid out once for all actions.

    Attributes
    ----------
    observations : (n_users, n_periods, N_FEATURES) float32 array
        What was known at the start of each week.
    known : (n_users, n_periods) bool array
        The user had bought before that week.
    since, counts : (n_users, n_periods, n_actions) uint8 arrays
        Full weeks since the last exposure (255: never) and exposures so far, both as of the start of the week.
    offered : UserWeeks or None
        The same as if what was withheld from held-out users had been given; None where nothing was.
    recorded : (n_users, n_periods) float64 array
        Recorded probability of what was done, NaN where the log is silent.
    withheld : (n_users, n_periods) int16 array
        Action that a held-out user would have had; -1 where the log does not tell.
    attributes : (n_users, n_attributes) float32 array
        Codes of what is known of a customer apart from behaviour; NaN for unknown.
    """

    panel: WeeklyPanel
    observations: Float32Array
    known: BoolArray
    since: NDArray[np.uint8]
    counts: NDArray[np.uint8]
    recorded: FloatArray
    withheld: NDArray[np.int16]
    attributes: Float32Array
    attribute_names: tuple[str, ...]
    offered: UserWeeks | None = None

    @classmethod
    def of(cls, panel: WeeklyPanel, exposures: pd.DataFrame | None = None, customers: pd.DataFrame | None = None) -> UserWeeks:
        """Lay out a panel."""
        ever = np.cumsum(panel.order_days > 0, axis=1) > 0
        known = np.zeros(ever.shape, dtype=np.bool_)
        known[:, 1:] = ever[:, :-1]
        since, counts = _memory(panel)
        withheld = withheld_actions(panel, exposures)
        names, attributes = _attribute_codes(panel, customers)
        history = cls(
            panel=panel,
            observations=fold_observations(panel, 0, panel.n_periods),
            known=known,
            since=since,
            counts=counts,
            recorded=recorded_propensities(panel, exposures),
            withheld=withheld,
            attributes=attributes,
            attribute_names=names,
        )
        return history if not (withheld > 0).any() else replace(history, offered=history._as_offered())

    def _as_offered(self) -> UserWeeks:
        panel = as_if_contacted(self.panel, self.withheld, np.ones(self.panel.n_users, dtype=np.bool_))
        since, counts = _memory(panel)
        return replace(self, panel=panel, observations=fold_observations(panel, 0, panel.n_periods), since=since, counts=counts)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates, in the order of `covariates`' columns."""
        actions = self.panel.actions.names[1:]
        return (
            *FEATURE_NAMES,
            *(f"weeks since {name}" for name in actions),
            *(f"earlier {name}" for name in actions),
            *self.attribute_names,
            "week",
        )

    def covariates(self, users: IntArray, weeks: IntArray) -> Float32Array:
        """Return (n_rows, n_covariates): what was known of each user at the start of each week, offers counted as contacts."""
        seen = self.offered or self
        return np.column_stack(
            [
                seen.observations[users, weeks],
                np.minimum(seen.since[users, weeks, 1:], LONGEST_SILENCE),
                seen.counts[users, weeks, 1:],
                self.attributes[users],
                weeks,
            ]
        ).astype(np.float32)


def _memory(panel: WeeklyPanel) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return full weeks since the last exposure, and exposures so far, (n_users, n_periods, n_actions) each."""
    since = np.full((*panel.order_days.shape, len(panel.actions)), 255, dtype=np.uint8)
    counts = np.zeros(since.shape, dtype=np.uint8)
    for a in range(1, len(panel.actions)):
        exposed = panel.exposed(a)
        for t in range(1, panel.n_periods):
            before = since[:, t - 1, a]
            later = np.where(before < 254, before + 1, before)
            since[:, t, a] = np.where(exposed[:, t - 1], 0, later)
            counts[:, t, a] = np.minimum(counts[:, t - 1, a].astype(np.int64) + exposed[:, t - 1], 255)
    return since, counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """The rows for one action.

    Attributes
    ----------
    users, weeks : (n_rows,) int64 arrays
        Row of the panel, and period.
    treated : (n_rows,) bool array
    covariates : (n_rows, n_covariates) float32 array
    observations : (n_rows, N_FEATURES) float32 array
    recorded : (n_rows,) float64 array
        Recorded probability of what was done, NaN where the log is silent.
    outcomes : (n_rows, 3) float64 array
        Order-days, margin in currency, and any purchase (0 or 1), over the horizon.
    past_orders : (n_rows,) float64 array
        Order-days in the `horizon_weeks` weeks before; NaN where the user was not known all that time.
    past_covariates : (n_rows, n_covariates) float32 array
        What was known that many weeks earlier; rows without it hold NaN.
    left_out : dict of str to int
        User-weeks of the landmark weeks that are no rows, by reason.
    fresh : bool
        Only users to whom nothing was given or withheld within the horizon before are among the rows.
    """

    action: str
    horizon_weeks: int
    users: IntArray
    weeks: IntArray
    treated: BoolArray
    covariates: Float32Array
    covariate_names: tuple[str, ...]
    observations: Float32Array
    recorded: FloatArray
    outcomes: FloatArray
    past_orders: FloatArray
    past_covariates: Float32Array
    left_out: dict[str, int]
    fresh: bool = False

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.users.size)

    @property
    def n_treated(self) -> int:
        """Number of treated rows."""
        return int(np.count_nonzero(self.treated))

    def take(self, rows: IntArray | BoolArray) -> Landmarks:
        """Return some of the rows."""
        arrays = ("users", "weeks", "treated", "covariates", "observations", "recorded", "outcomes", "past_orders")
        return replace(self, past_covariates=self.past_covariates[rows], **{name: getattr(self, name)[rows] for name in arrays})

    @property
    def is_recorded(self) -> bool:
        """Whether the log tells the probability of every row."""
        return bool(self.n_rows) and bool(np.isfinite(self.recorded).all())


ORDERS, MARGIN, ANY = 0, 1, 2  # columns of Landmarks.outcomes


def collect_landmarks(history: UserWeeks, action: int, *, horizon_weeks: int, margin_share: float) -> Landmarks:
    """Return the rows for one action.

    Parameters
    ----------
    action : int
        Index into the panel's action set.
    horizon_weeks : int
        Weeks, that of the contact included, over which outcomes count. Windows that cross the panel's end are left out.
    """
    panel = history.panel
    exposed = panel.exposed(action)
    waves = np.flatnonzero(exposed.any(axis=0))
    complete = waves[waves + horizon_weeks <= panel.n_periods]
    users = np.repeat(np.arange(panel.n_users), complete.size)
    weeks = np.tile(complete, panel.n_users)
    treated = exposed[users, weeks]
    other = (panel.exposure_bits[users, weeks] & ~(np.uint32(1) << np.uint32(action))) != 0
    recorded = history.recorded[users, weeks]
    barred = ~treated & closed_to(history, action)[users, weeks]
    silent = ~np.isfinite(recorded) & _log_is_kept(history, action, complete)
    offered = history.offered or history
    holds_out = np.asarray((history.withheld > 0).any(axis=0))[weeks]
    stale = holds_out & (offered.since[users, weeks, 1:].min(axis=1, initial=255) < horizon_weeks)
    cut = waves[waves + horizon_weeks > panel.n_periods]
    left_out = {"window crosses the end of the data": int(np.count_nonzero(exposed[:, cut]))}
    keep = np.ones(users.size, dtype=np.bool_)
    for reason, hit in (
        ("no order before", ~history.known[users, weeks]),
        ("another action in the same week", other),
        ("could not be given the action that week", barred),
        ("not part of the recorded decision", silent),
        (STALE, stale),
    ):
        if reason != STALE or holds_out.any():
            left_out[reason] = int(np.count_nonzero(keep & hit))
        keep &= ~hit
    users, weeks = users[keep], weeks[keep]
    past_orders, past_covariates = _past(history, users, weeks, horizon_weeks)
    return Landmarks(
        action=panel.actions.names[action],
        horizon_weeks=horizon_weeks,
        users=users.astype(np.int64),
        weeks=weeks.astype(np.int64),
        treated=treated[keep],
        covariates=history.covariates(users, weeks),
        covariate_names=history.covariate_names,
        observations=history.observations[users, weeks],
        recorded=recorded[keep],
        outcomes=_outcomes(panel, users, weeks, horizon_weeks, margin_share),
        past_orders=past_orders,
        past_covariates=past_covariates,
        left_out=left_out,
        fresh=bool(holds_out[keep].any()),
    )


def closed_to(history: UserWeeks, action: int) -> BoolArray:
    """Return (n_users, n_periods): whether the record says that whoever was left alone could not have had the action."""
    resting = (history.offered or history).since[:, :, action] < history.panel.actions[action].cool_down_weeks
    closed = np.isfinite(history.recorded) & ((history.recorded > CERTAIN) | resting)
    closed |= (history.withheld >= 0) & (history.withheld != action)  # held out from another action, or from none at all
    return np.asarray(closed)


def _log_is_kept(history: UserWeeks, action: int, waves: IntArray) -> bool:
    """Whether the log records every contact with the action and also who was left alone: then silence means no decision."""
    exposed = history.panel.exposed(action)[:, waves]
    recorded = np.isfinite(history.recorded[:, waves])
    alone = recorded & (history.panel.exposure_bits[:, waves] == 0)
    return bool(alone.any()) and bool(recorded[exposed].all())


def window_sums(values: FloatArray, users: IntArray, starts: IntArray, n_weeks: int) -> FloatArray:
    """Return each row's sum over `n_weeks` weeks from its start."""
    totals = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=totals[:, 1:])
    return totals[users, starts + n_weeks] - totals[users, starts]


def _outcomes(panel: WeeklyPanel, users: IntArray, weeks: IntArray, horizon_weeks: int, margin_share: float) -> FloatArray:
    orders = window_sums(panel.order_days.astype(np.float64), users, weeks, horizon_weeks)
    margin = window_sums(panel.revenue.astype(np.float64) * margin_share, users, weeks, horizon_weeks)
    return np.column_stack([orders, margin, orders > 0])


def _past(history: UserWeeks, users: IntArray, weeks: IntArray, horizon_weeks: int) -> tuple[FloatArray, Float32Array]:
    """Return order-days of the window before, and the covariates at its start, NaN where the user was not known then."""
    starts = weeks - horizon_weeks
    inside = starts >= 0
    inside[inside] = history.known[users[inside], starts[inside]]
    orders = np.full(users.size, np.nan)
    covariates = np.full((users.size, len(history.covariate_names)), np.nan, dtype=np.float32)
    if inside.any():
        orders[inside] = window_sums(history.panel.order_days.astype(np.float64), users[inside], starts[inside], horizon_weeks)
        covariates[inside] = history.covariates(users[inside], starts[inside])
    return orders, covariates


def _attribute_codes(panel: WeeklyPanel, customers: pd.DataFrame | None) -> tuple[tuple[str, ...], Float32Array]:
    """Code what is known of customers: numbers as they are, words by their place in the alphabet."""
    drop = {"user_id", "consent", "joined_at"}
    columns = [] if customers is None else [str(name) for name in customers.columns if name not in drop]
    if customers is None or not columns:
        return (), np.zeros((panel.n_users, 0), dtype=np.float32)
    frame = customers.assign(user_id=customers["user_id"].astype(str)).drop_duplicates("user_id").set_index("user_id")
    frame = frame.reindex(pd.Index(panel.user_ids))
    codes = np.full((panel.n_users, len(columns)), np.nan, dtype=np.float32)
    for k, name in enumerate(columns):
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if numbers.notna().sum() == frame[name].notna().sum():
            codes[:, k] = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
        else:
            places = pd.Categorical(frame[name].astype("string")).codes
            codes[:, k] = np.where(places < 0, np.nan, places)
    return tuple(columns), codes
