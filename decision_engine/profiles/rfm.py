"""Recency, frequency, monetary value: five scores each, and a name for what they say together.

The oldest segmentation in direct mailing (Hughes, 1994, Strategic Database Marketing). Users are sorted into fifths; users of
one value share the better score, so that in a shop visited weekly more than a fifth may score 5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulations.arrays import FloatArray, IntArray
from simulations.panel import WeeklyPanel
from simulations.state import UserStates, V

NO_ORDER = "no order yet"
# Rows: recency 5 to 1. Columns: mean of frequency and monetary, rounded, 1 to 5.
_GRID: dict[int, tuple[str, str, str, str, str]] = {
    5: ("recent, small", "promising", "potential loyal", "champions", "champions"),
    4: ("recent, small", "promising", "potential loyal", "loyal", "champions"),
    3: ("about to sleep", "about to sleep", "needs attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at risk", "at risk", "at risk"),
    1: ("least recent, small", "least recent, small", "at risk", "must not lose", "must not lose"),
}
RFM_SEGMENTS: tuple[str, ...] = tuple(dict.fromkeys(name for row in _GRID.values() for name in row))


def quintile_scores(values: FloatArray) -> IntArray:
    """Return scores 1 to 5 by rank, 5 for the highest; equal values share the better score.

    Examples
    --------
    >>> quintile_scores(np.array([10.0, 20.0, 30.0, 40.0, 50.0, 50.0])).tolist()
    [1, 2, 3, 4, 5, 5]
    """
    shares = pd.Series(values).rank(method="max", pct=True).to_numpy()
    return np.asarray(np.clip(np.ceil(5.0 * shares - 1e-9), 1, 5), dtype=np.int64)


def rfm_segments(states: UserStates, panel: WeeklyPanel, window_weeks: int = 26) -> pd.DataFrame:
    """Score everyone and name the segment.

    Parameters
    ----------
    states : UserStates
        At the end of the panel.
    window_weeks : int
        Frequency (order-days) and monetary value (revenue) are those of the last so many weeks.

    Returns
    -------
    DataFrame
        A row a user of the panel: recency_score, frequency_score, monetary_score (1 to 5, missing without an order),
        rfm_segment.
    """
    ordered = states.values[:, V.ACTIVE_WEEKS] > 0
    recency = -states.values[:, V.RECENCY].astype(np.float64)
    frequency = panel.order_days[:, -window_weeks:].sum(axis=1, dtype=np.float64)
    monetary = panel.revenue[:, -window_weeks:].sum(axis=1, dtype=np.float64)
    scores = np.zeros((panel.n_users, 3), dtype=np.int64)
    for k, values in enumerate((recency, frequency, monetary)):
        scores[ordered, k] = quintile_scores(values[ordered])
    both = np.floor((scores[:, 1] + scores[:, 2]) / 2.0 + 0.5).astype(np.int64)
    grid = np.array([[NO_ORDER] * 6, *([NO_ORDER, *_GRID[score]] for score in range(1, 6))], dtype=object)
    columns = ("recency_score", "frequency_score", "monetary_score")
    frame = pd.DataFrame({name: pd.Series(scores[:, k]).where(ordered) for k, name in enumerate(columns)}).astype("Int64")
    return frame.assign(rfm_segment=pd.Series(grid[scores[:, 0], both]).astype("str"))
