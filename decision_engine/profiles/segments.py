"""Life stages: where a user stands between the first order and silence.

The present silence is measured in the user's own usual gaps (`gap_ratio`: two gaps of a weekly shopper are two weeks, of a
monthly one two months), with a floor in weeks so that a frequent shopper's holiday is no alarm. Who came in one week only has
no gap yet and is given the median gap of those who came again.

| stage | rule, the first that holds |
| --- | --- |
| prospect | never ordered |
| new | first order fewer than 8 weeks ago, and silent for fewer than 4 |
| active | silent for fewer than 2 weeks, or no more than 2 usual gaps |
| cooling | silent for fewer than 4 weeks, or no more than 4 usual gaps |
| lapsing | silent for fewer than 8 weeks, or no more than 8 usual gaps |
| lost | longer silent than that |
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulations.arrays import Float32Array, FloatArray
from simulations.features import column

LIFE_STAGES = ("prospect", "new", "active", "cooling", "lapsing", "lost")
NEW_WEEKS = 8
DEFAULT_GAP_WEEKS = 4.0  # where nobody came again
# Each stage ends where the silence reaches both bounds: weeks, and usual gaps.
_BOUNDS = {"active": (2.0, 2.0), "cooling": (4.0, 4.0), "lapsing": (8.0, 8.0)}


def life_stages(observations: Float32Array) -> pd.Series:
    """Name each user's life stage.

    Parameters
    ----------
    observations : (n_users, N_FEATURES) float32 array

    Returns
    -------
    Series
        (n_users,) text, one of `LIFE_STAGES`.
    """
    tenure, silence = observations[:, column("tenure_weeks")], observations[:, column("recency_weeks")]
    gaps = _silent_gaps(observations)
    rules = [tenure == 0, (tenure < NEW_WEEKS) & (silence < 4)]
    rules += [(silence < weeks) | (gaps <= most_gaps) for weeks, most_gaps in _BOUNDS.values()]
    return pd.Series(np.select(rules, list(LIFE_STAGES[:-1]), LIFE_STAGES[-1])).astype("str")


def _silent_gaps(observations: Float32Array) -> FloatArray:
    """Return (n_users,): the present silence in usual gaps."""
    names = ("tenure_weeks", "active_share", "recency_weeks", "gap_ratio")
    tenure, active_share, silence, ratio = (observations[:, column(name)].astype(np.float64) for name in names)
    came_again = tenure * active_share > 1.5
    gaps = (silence + 1.0) / np.maximum(ratio, 1e-9)
    usual = float(np.median(gaps[came_again])) if came_again.any() else DEFAULT_GAP_WEEKS
    return np.asarray(np.where(came_again, ratio, (silence + 1.0) / usual))


def stage_frame(users: pd.DataFrame) -> pd.DataFrame:
    """Count life stages: a row a stage that occurs, in the order of life.

    Parameters
    ----------
    users : DataFrame
        life_stage, recent_margin; p_no_return where known.

    Returns
    -------
    DataFrame
        life_stage, n_users, share, mean_margin and, where known, mean_p_no_return (of those who ever ordered).
    """
    stages = users.groupby("life_stage", sort=False)
    frame = pd.DataFrame({"n_users": stages.size(), "mean_margin": stages["recent_margin"].mean()})
    frame.insert(1, "share", frame["n_users"] / max(len(users), 1))
    if "p_no_return" in users:
        frame["mean_p_no_return"] = stages["p_no_return"].mean()
    return frame.reindex([stage for stage in LIFE_STAGES if stage in frame.index]).rename_axis("life_stage").reset_index()
