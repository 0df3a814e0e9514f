"""What the log itself says of how likely each contact was.

A propensity stands beside each logged decision: the probability, under the policy that wrote the log, of what was done. It is
known only for what was done; the probabilities of the other actions stay unknown, and the estimators need no more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from policies.ope.log import InteractionLog
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray
from simulations.contact import ContactRules, action_mask
from simulations.features import fold_observations
from simulations.panel import WeeklyPanel
from simulations.state import fold

CERTAIN = 1.0 - 1e-9  # a recorded probability above this left no choice


def recorded_propensities(panel: WeeklyPanel, exposures: pd.DataFrame | None) -> FloatArray:
    """Return (n_users, n_periods): the recorded probability of what was done that week, NaN where the log is silent.

    Rows with the action `none` count: they say how likely it was that a user was left alone. Where a user-week has several
    rows, their probabilities are multiplied, as for independent decisions.
    """
    recorded = np.full((panel.n_users, panel.n_periods), np.nan)
    if exposures is None or "propensity" not in exposures or not len(exposures):
        return recorded
    known = exposures["propensity"].notna().to_numpy()
    rows = pd.Index(panel.user_ids).get_indexer(pd.Index(exposures.loc[known, "user_id"].astype(str)))
    periods = panel.calendar.periods(exposures.loc[known, "exposed_at"])
    values = exposures.loc[known, "propensity"].to_numpy(dtype=np.float64)
    inside = (rows >= 0) & (periods >= 0) & (periods < panel.n_periods)
    places = (rows[inside], periods[inside])
    recorded[places] = 1.0
    np.multiply.at(recorded, places, values[inside])
    return recorded


def withheld_actions(panel: WeeklyPanel, exposures: pd.DataFrame | None) -> NDArray[np.int16]:
    """Return (n_users, n_periods): the action that a held-out user would have had that week, -1 where the log is silent."""
    withheld = np.full((panel.n_users, panel.n_periods), -1, dtype=np.int16)
    if exposures is None or "would_be" not in exposures or not len(exposures):
        return withheld
    codes = exposures["would_be"].map({name: index for index, name in enumerate(panel.actions.names)})
    known = codes.notna().to_numpy()
    rows = pd.Index(panel.user_ids).get_indexer(pd.Index(exposures.loc[known, "user_id"].astype(str)))
    periods = panel.calendar.periods(exposures.loc[known, "exposed_at"])
    inside = (rows >= 0) & (periods >= 0) & (periods < panel.n_periods)
    withheld[rows[inside], periods[inside]] = codes[known].to_numpy(dtype=np.int16)[inside]
    return withheld


def interaction_log(
    panel: WeeklyPanel,
    exposures: pd.DataFrame | None,
    *,
    horizon_weeks: int,
    margin_share: float,
    observations: Float32Array | None = None,
    rules: ContactRules | None = None,
) -> InteractionLog:
    """Return the history as logged decisions: one a user-week whose outcome window lies inside the panel.

    The context is the observation at the start of the week, the reward the margin of the next `horizon_weeks` weeks (that
    week included) less the cost of the contact. A user-week with several actions has no single action and is left out. Only
    weeks in which every contact carries a propensity count as recorded: a week is kept or dropped whole, whoever was
    contacted in it. Where there is no such week the log has no propensities, so that an evaluation abstains.

    Parameters
    ----------
    rules : ContactRules, optional
        With them the log says what they allowed at each decision.
    observations : (n_users, n_periods, N_FEATURES) float32 array, optional
        From `fold_observations`, where the caller has them already.
    """
    if observations is None:
        observations = fold_observations(panel, 0, panel.n_periods)
    recorded = recorded_propensities(panel, exposures)
    bits = panel.exposure_bits
    actions = np.where(bits == 0, 0, np.round(np.log2(np.maximum(bits, 1)))).astype(np.int16)
    usable = (bits & (bits - np.uint32(1))) == 0
    usable[:, 1:] &= np.cumsum(panel.order_days > 0, axis=1)[:, :-1] > 0
    usable[:, 0] = False
    usable[:, max(panel.n_periods - horizon_weeks + 1, 0) :] = False
    whole_weeks = ~(usable & (bits != 0) & ~np.isfinite(recorded)).any(axis=0)
    logged = usable & np.isfinite(recorded) & whole_weeks
    complete = bool(logged.any())
    rows = logged if complete else usable
    users, _ = np.nonzero(rows)
    margin = np.zeros((panel.n_users, panel.n_periods + 1))
    np.cumsum(panel.revenue.astype(np.float64) * margin_share, axis=1, out=margin[:, 1:])
    ahead = np.zeros(panel.order_days.shape)
    span = panel.n_periods - horizon_weeks + 1
    if span > 0:
        ahead[:, :span] = margin[:, horizon_weeks:] - margin[:, :span]
    return InteractionLog(
        contexts=observations[rows],
        actions=actions[rows],
        propensities=recorded[rows] if complete else None,
        rewards=ahead[rows] - panel.actions.costs[actions[rows]],
        users=users.astype(np.int64),
        n_actions=len(panel.actions),
        allowed=None if rules is None else _allowed(panel, rules, rows, actions[rows]),
    )


def _allowed(panel: WeeklyPanel, rules: ContactRules, rows: BoolArray, actions: ActionArray) -> BoolArray:
    """Return (n_rows, n_actions): what the rules allowed in each of the user-weeks; who consents today is another question."""
    allowed = np.ones((*rows.shape, len(panel.actions)), dtype=np.bool_)
    for week in np.flatnonzero(rows.any(axis=0)):
        states = fold(panel, int(week))
        allowed[:, week] = action_mask(replace(states, consent=np.ones(states.n_users, dtype=np.bool_)), panel.actions, rules)
    chosen = allowed[rows]
    chosen[np.arange(actions.size), actions] = True
    return chosen
