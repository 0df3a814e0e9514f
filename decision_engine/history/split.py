"""Splits of a history: weeks that fit and weeks that judge, and users into folds that never change."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from simulations.arrays import BoolArray, IntArray, KeyArray
from simulations.errors import HistoryError
from simulations.panel import WeeklyPanel
from simulations.randomness import Address, Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSplit:
    """A history cut in time.

    Attributes
    ----------
    whole : WeeklyPanel
        All weeks: what the plan is made from, once judging is over.
    n_fitting_periods : int
        Weeks 0 to this, exclusive, fit; the rest judge.
    """

    whole: WeeklyPanel
    n_fitting_periods: int

    @property
    def fitting(self) -> WeeklyPanel:
        """The weeks that fitting may see while anything is judged."""
        return self.whole.slice(self.n_fitting_periods)

    @property
    def judging_periods(self) -> range:
        """Indices of the weeks that judge."""
        return range(self.n_fitting_periods, self.whole.n_periods)

    def landmarks(self, horizon_weeks: int, *, judging: bool = False) -> range:
        """Return the weeks at whose start one may stand to look `horizon_weeks` ahead without leaving one side of the cut.

        Examples
        --------
        With 40 weeks to fit, of 52, and a horizon of 8, one fits at the start of weeks 0 to 32 and judges at 40 to 44.
        """
        start, stop = (self.n_fitting_periods, self.whole.n_periods) if judging else (0, self.n_fitting_periods)
        return range(start, max(start, stop - horizon_weeks + 1))


def split_periods(panel: WeeklyPanel, n_fitting_periods: int) -> PeriodSplit:
    """Cut a panel in time.

    Raises
    ------
    HistoryError
        If either side is left without a week.
    """
    if not 0 < n_fitting_periods < panel.n_periods:
        raise HistoryError(
            f"split: {n_fitting_periods} of {panel.n_periods} weeks to fit leaves one side empty; "
            f"right are 1 to {panel.n_periods - 1}."
        )
    return PeriodSplit(whole=panel, n_fitting_periods=n_fitting_periods)


def user_folds(user_keys: KeyArray, n_folds: int, name: str, seed: int = 0) -> IntArray:
    """Return each user's fold, 0 to `n_folds` - 1: a hash of the user's key, whoever else is there.

    Examples
    --------
    >>> keys = np.arange(1, 7, dtype=np.uint64)
    >>> folds = user_folds(keys, 3, "churn")
    >>> bool((folds[:2] == user_folds(keys[:2], 3, "churn")).all())
    True
    """
    return np.floor(_uniforms(user_keys, name, seed) * n_folds).astype(np.int64)


def sample_users(user_keys: KeyArray, share: float, name: str, seed: int = 0) -> BoolArray:
    """Return which users belong to a share of all, by a hash of their key: a larger share only adds users."""
    return _uniforms(user_keys, name, seed) < share


def _uniforms(user_keys: KeyArray, name: str, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    address = Address(seed=seed, member=crc32(name.encode()), period=0, user_keys=user_keys)
    return address.uniforms(Channel.LOGGING)
