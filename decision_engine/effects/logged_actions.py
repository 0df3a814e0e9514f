"""What the log itself says of each action: the value of a decision, had that action always been taken.

Every exposure that carries a probability is a decision; its reward is the margin of the user's orders from then on, over the
effect horizon, less what the contact cost. The value of always taking an action is the self-normalised weighted mean over its
own rows (Swaminathan and Joachims, 2015, NeurIPS). It needs no simulator and no panel, only probabilities that are right. Where
decisions of one user lie within a horizon of each other their rewards overlap: intervals are clustered by user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.history import History
from policies.ope.intervals import value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.weights import self_normalised_value
from simulations.arrays import FloatArray, IntArray

FEWEST_ROWS = 100  # of an action; fewer tell nothing
_FEWEST_USERS = 10  # whose decisions are as many pieces of evidence
_POSSIBLE = 0.8  # share of decisions at which an action must have been possible for "always" to make sense


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAction:
    """What the log says of one action.

    Attributes
    ----------
    action : str
        Its name; "as logged" for what was done.
    rows : int
        Decisions at which it was taken.
    estimate, low, high : float or None
        In currency per decision, with the configured interval; None where the log cannot tell.
    why_not : str
        Why it cannot.
    """

    action: str
    rows: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    why_not: str = ""

    def say(self, currency: str, level: float) -> str:
        """Return it as a line."""
        lead = (
            "Value per decision as logged"
            if self.action == AS_LOGGED
            else f"Value per decision, had it always been {self.action}"
        )
        if self.estimate is None or self.low is None or self.high is None:
            return f"{lead}: cannot be told; {self.why_not}."
        return f"{lead}: {self.estimate:.4g} {currency} ({level:.0%} interval {self.low:.4g} to {self.high:.4g})."


AS_LOGGED = "as logged"


def value_logged_actions(history: History, config: Config) -> list[LoggedAction]:
    """Value each action by the log; nothing where not every decision inside the orders' span has a probability."""
    exposures = history.table("exposures")
    if "propensity" not in exposures or not len(exposures) or exposures["propensity"].isna().any():
        return []
    names = config.action_set().names
    log = _decisions(history, config, names)
    if log is None or log.propensities is None or log.n_decisions < FEWEST_ROWS or log.n_users < _FEWEST_USERS:
        return []
    taken = value_with_interval(
        log.rewards, log.users, np.ones(log.n_decisions), level=config.interval_level, estimator="mean"
    )  # fmt: skip
    values = [LoggedAction(action=AS_LOGGED, rows=log.n_decisions, estimate=taken.estimate, low=taken.low, high=taken.high)]
    for index in np.unique(log.actions):
        values.append(_always(log, int(index), names[index], config.interval_level))
    return values


def _always(log: InteractionLog, index: int, name: str, level: float) -> LoggedAction:
    assert log.propensities is not None, "the caller has looked"
    own = log.actions == index
    rows = int(own.sum())
    possible = float((1.0 / log.propensities[own]).sum()) / log.n_decisions
    if rows < FEWEST_ROWS:
        return LoggedAction(action=name, rows=rows, why_not=f"it was taken {rows} times, {FEWEST_ROWS} are needed")
    if np.unique(log.users[own]).size < _FEWEST_USERS:
        return LoggedAction(action=name, rows=rows, why_not=f"fewer than {_FEWEST_USERS} users had it")
    if possible < _POSSIBLE:
        why = f"by its probabilities it was possible at {possible:.0%} of the decisions"
        return LoggedAction(action=name, rows=rows, why_not=why)
    wanted = np.zeros((log.n_decisions, log.n_actions))
    wanted[:, index] = 1.0
    value = self_normalised_value(log, wanted, level=level)
    return LoggedAction(action=name, rows=rows, estimate=value.estimate, low=value.low, high=value.high)


def _decisions(history: History, config: Config, names: tuple[str, ...]) -> InteractionLog | None:
    """Return the exposures as logged decisions, each with the margin that followed; None where no window is complete."""
    exposures, orders = history.table("exposures"), history.table("orders")
    horizon = pd.Timedelta(weeks=config.effect_horizon_weeks)
    end = max(orders["ordered_at"].max(), exposures["exposed_at"].max())
    is_of_rounds = not exposures["user_id"].duplicated().any()  # nobody comes back, so that no window is cut off
    whole = exposures if is_of_rounds else exposures[exposures["exposed_at"] + horizon <= end]
    if not len(whole):
        return None
    users = pd.Index(whole["user_id"].unique())
    margin = config.margin_share * _following(users, orders, whole, horizon)
    codes = pd.Index(names).get_indexer(pd.Index(whole["action"])).astype(np.int16)
    costs = config.action_set().costs[codes]
    if "cost" in whole:
        costs = whole["cost"].fillna(pd.Series(costs, index=whole.index)).to_numpy(dtype=np.float64)
    return InteractionLog(
        contexts=np.zeros((len(whole), 0), dtype=np.float32),
        actions=codes,
        propensities=whole["propensity"].to_numpy(dtype=np.float64),
        rewards=margin - costs,
        users=users.get_indexer(pd.Index(whole["user_id"])).astype(np.int64),
        n_actions=len(names),
    )


def _following(users: pd.Index, orders: pd.DataFrame, exposures: pd.DataFrame, horizon: pd.Timedelta) -> FloatArray:
    """Return each exposure's revenue of the same user from then until the horizon ends.

    On a line of all orders, sorted by user and time, each window is a stretch: its sum is a difference of running sums. Times
    count in milliseconds from the first of them, so that one number holds user and time.
    """
    own = users.get_indexer(pd.Index(orders["user_id"])).astype(np.int64)
    known = own >= 0
    if not known.any():
        return np.zeros(len(exposures))
    at, asked = _millis(orders["ordered_at"])[known], _millis(exposures["exposed_at"])
    reach = int(horizon / pd.Timedelta(milliseconds=1))
    first = min(at.min(), asked.min())
    room = int(max(at.max(), asked.max()) - first) + reach + 1
    place = own[known] * room + (at - first)
    order = np.argsort(place, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(orders["revenue"].to_numpy(dtype=np.float64)[known][order])])
    begins = users.get_indexer(pd.Index(exposures["user_id"])).astype(np.int64) * room + (asked - first)
    low, high = (np.searchsorted(place[order], ends) for ends in (begins, begins + reach))
    found: FloatArray = running[high] - running[low]
    return found


def _millis(times: pd.Series) -> IntArray:
    return np.asarray(times.astype("datetime64[ms]").astype("int64"), dtype=np.int64)
