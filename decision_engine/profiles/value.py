"""Value tiers: who brought how much margin lately."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulations.arrays import FloatArray
from simulations.panel import WeeklyPanel

VALUE_TIERS = ("high", "middle", "low", "none")
WINDOW_WEEKS = 26
HIGH_SHARE, MIDDLE_SHARE = 0.2, 0.3  # of the users with a margin above 0


def recent_margin(panel: WeeklyPanel, margin_share: float, window_weeks: int = WINDOW_WEEKS) -> FloatArray:
    """Return (n_users,): margin over the panel's last weeks, in currency; action costs are not taken off."""
    return np.asarray(panel.revenue[:, -window_weeks:].sum(axis=1, dtype=np.float64) * margin_share)


def value_tiers(margin: FloatArray) -> pd.Series:
    """Name each user's tier: the best fifth of those with a margin above 0 is high, the next three tenths middle, then low.

    Users of equal margin share the better tier; without a margin the tier is `none`.

    Examples
    --------
    >>> value_tiers(np.array([0.0, 1.0, 2.0, 3.0, 9.0, 5.0])).tolist()
    ['none', 'low', 'low', 'middle', 'high', 'middle']
    """
    above = pd.Series(margin).where(pd.Series(margin) > 0)
    place = above.rank(method="min", ascending=False) - 1.0
    share = (place / max(int(above.notna().sum()), 1)).to_numpy()
    tiers = np.select(
        [np.isnan(share), share < HIGH_SHARE, share < HIGH_SHARE + MIDDLE_SHARE], ["none", "high", "middle"], "low"
    )
    return pd.Series(tiers).astype("str")
