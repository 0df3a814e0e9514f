"""Assignment: whether actions were given as often as their logged probabilities say.

Where the whole distribution behind a decision is known (shares that are the same for everybody and sum to one, or one action
against `none`), counts are held against their expectation: a sample-ratio mismatch is a chi-square far from what chance allows
(Fabijan et al., 2019, KDD), and for one action against `none` bins of the probability show where it lies. Elsewhere only the
probability of what was done is known. Then each action is judged by the decisions it stands for: the sum of 1/p over its rows
estimates at how many decisions it was possible, which must not be more than there were (Horvitz and Thompson, 1952, JASA
47(260)).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from decision_engine.history.calibration import BIN_COLUMNS, CHANCE, SHARE_COLUMNS, binned, weighed
from simulations.arrays import FloatArray

FEWEST = 50  # decisions below which nothing is said
_SUMS_TO_ONE = 0.02  # shares of all actions that sum to one but for this are the whole distribution
_NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Logged decisions held against their logged probabilities.

    Attributes
    ----------
    decisions : int
        Exposures, `none` included, that carry a probability below one; a certain one left no choice.
    nothing_logged : bool
        Whether decisions to do nothing are logged.
    method : str
        "shares" or "bins" where whole distributions are known, "weights" where only what was done has a probability, "" where
        there is too little to judge.
    shares : DataFrame
        A row an action: happened, expected (by "weights": decisions, and those that the action's rows stand for), error (one
        standard error of the difference) and p_value.
    bins : DataFrame
        A row an action and bin of its probability: decisions, predicted, observed, low, high (99.9 % limits of chance about
        what is predicted); only by the method "bins".
    p_value : float
        Of all shares together; NaN where there is nothing to judge.
    bins_p_value : float
        Of all bins together; NaN without bins.
    """

    decisions: int = 0
    nothing_logged: bool = False
    method: str = ""
    shares: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SHARE_COLUMNS)))
    bins: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(BIN_COLUMNS)))
    p_value: float = float("nan")
    bins_p_value: float = float("nan")

    @property
    def mismatch(self) -> bool:
        """Whether actions did not happen as often as logged, beyond chance."""
        return bool(self.p_value < CHANCE)

    @property
    def miscalibrated(self) -> bool:
        """Whether bins of the probability, taken together, disagree with what happened beyond chance."""
        return bool(self.bins_p_value < CHANCE)

    def say(self) -> list[str]:
        """Say what was found, a mismatch first; nothing where no probability is logged."""
        if not self.method:
            few = f"{self.decisions:,} logged decisions carry a probability below one; {FEWEST} are needed to judge them."
            return [few] if self.decisions else []
        said = [self._mismatch() if self.mismatch else self._agreement()]
        if self.miscalibrated:
            said.append(
                "Miscalibrated probabilities: within bins, actions happened more or less often than logged (chance brings a "
                f"difference as large {_odds(self.bins_p_value)}). Effects and values that weigh by them will be off."
            )
        if not self.nothing_logged and self.method == "weights":
            said.append(
                "Decisions to do nothing are not logged, so that nobody can tell whether as many were left alone as should be."
            )
        return said

    def _mismatch(self) -> str:
        worst = self.shares.to_dict("records")[int(self.shares["p_value"].to_numpy().argmin())]
        if self.method == "weights":
            return (
                f"Sample-ratio mismatch: by its logged probabilities, the rows of {worst['action']} stand for "
                f"{worst['expected']:,.0f} decisions, and {worst['happened']:,.0f} were logged ({_odds(worst['p_value'])} by "
                "chance). The probabilities are wrong, or decisions are missing; find out before believing any effect."
            )
        return (
            f"Sample-ratio mismatch: {worst['action']} happened {worst['happened']:,.0f} times in {self.decisions:,} decisions "
            f"where its logged probabilities say {worst['expected']:,.0f}; chance brings a difference as large "
            f"{_odds(self.p_value)}. Rows are missing or the probabilities are wrong; find out before believing any effect."
        )

    def _agreement(self) -> str:
        if self.method == "weights":
            return (
                f"No sample-ratio mismatch in {self.decisions:,} logged decisions, as far as probabilities of what was done "
                "can tell alone."
            )
        return (
            f"No sample-ratio mismatch: in {self.decisions:,} logged decisions every action happened about as often as its "
            f"probabilities say (chance brings larger differences {_odds(self.p_value)})."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "decisions": self.decisions,
            "none_logged": self.nothing_logged,
            "method": self.method or None,
            "sample_ratio_mismatch": self.mismatch if self.method else None,
            "p_value": _finite(self.p_value),
            "calibration_p_value": _finite(self.bins_p_value),
            "shares": _records(self.shares),
            "bins": _records(self.bins),
        }


def judge_assignment(exposures: pd.DataFrame) -> Assignment:
    """Hold logged decisions against their probabilities.

    Parameters
    ----------
    exposures : DataFrame
        action, exposed_at, and, where recorded, propensity.
    """
    if "propensity" not in exposures or not len(exposures):
        return Assignment()
    known = exposures.loc[
        exposures["propensity"].between(0.0, 1.0, inclusive="neither"), ["action", "exposed_at", "propensity"]
    ]
    actions, codes = np.unique(known["action"].to_numpy(dtype=str), return_inverse=True)
    chances = known["propensity"].to_numpy(dtype=np.float64)
    unjudged = Assignment(decisions=len(known), nothing_logged=bool((exposures["action"] == _NONE).any()))
    if len(known) < FEWEST or actions.size < 2:
        return unjudged
    weeks = known["exposed_at"].dt.to_period("W").astype("category").cat.codes.to_numpy(dtype=np.int64)
    whole = _shares(codes, weeks, chances, actions.size)
    if whole is not None:
        shares, p_value = _compared(actions, codes, whole)
        return replace(unjudged, method="shares", shares=shares, p_value=p_value)
    if actions.size == 2 and _NONE in actions:
        whole = np.where(np.arange(2)[None, :] == codes[:, None], chances[:, None], 1.0 - chances[:, None])
        shares, p_value = _compared(actions, codes, whole)
        place = int(np.flatnonzero(actions != _NONE)[0])
        bins, bins_p_value = binned(str(actions[place]), codes == place, whole[:, place])
        return replace(unjudged, method="bins", shares=shares, p_value=p_value, bins=bins, bins_p_value=bins_p_value)
    shares, p_value = weighed(actions, codes, chances, possible=actions == _NONE)
    return replace(unjudged, method="weights", shares=shares, p_value=p_value)


def _shares(codes: np.ndarray[Any, Any], weeks: np.ndarray[Any, Any], chances: FloatArray, n: int) -> FloatArray | None:
    """Return every decision's (n_decisions, n_actions) probabilities where each action has one share a week; else None."""
    lowest, highest = np.full((weeks.max() + 1, n), np.inf), np.zeros((weeks.max() + 1, n))
    np.minimum.at(lowest, (weeks, codes), chances)
    np.maximum.at(highest, (weeks, codes), chances)
    given = highest > 0.0
    if (highest[given] > lowest[given] * (1.0 + 1e-6)).any():
        return None
    sums = highest.sum(axis=1)
    if (np.abs(sums - 1.0) > _SUMS_TO_ONE).any():
        return None
    whole: FloatArray = (highest / sums[:, None])[weeks]
    return whole


def _compared(actions: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], whole: FloatArray) -> tuple[pd.DataFrame, float]:
    """Compare counts with their expectation; the chi-square goes over all actions together."""
    from scipy.stats import chi2, norm

    counts, expected = np.bincount(codes, minlength=actions.size).astype(np.float64), whole.sum(axis=0)
    difference, spread = counts - expected, np.diag(expected) - whole.T @ whole
    error = np.sqrt(np.maximum(np.diag(spread), 1e-12))
    statistic = float(difference @ np.linalg.pinv(spread, rcond=1e-9, hermitian=True) @ difference)
    values = (actions, counts, expected, error, 2.0 * norm.sf(np.abs(difference) / error))
    rank = max(1, int(np.linalg.matrix_rank(spread, tol=1e-9 * float(np.max(np.diag(spread))), hermitian=True)))
    return pd.DataFrame(dict(zip(SHARE_COLUMNS, values, strict=True))), float(chi2.sf(statistic, rank))


def _odds(p_value: float) -> str:
    """Say how often chance does this."""
    if p_value < 1e-6:
        return "less than once in a million times"
    return f"{p_value:.0%} of the time" if p_value >= 0.1 else f"{p_value:.2g} of the time"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict(orient="records")]
