"""Life stages of a stretch: active, lapsing or lapsed by present silence, and how users move between them in four weeks.

Stages are cut at fixed weeks, alike for all users, so that real and simulated ones are counted by one rule: active are those
with an order in the last 4 weeks, lapsing those with one in the last 12, lapsed the rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulations.arrays import FloatArray
from simulations.fidelity.stretch import Stretch

STAGES = ("active", "lapsing", "lapsed")
_ENDS = (4, 12)  # weeks of silence at which a stage ends
STEP_WEEKS = 4


def transitions(stretch: Stretch) -> FloatArray:
    """Return (3, 3): of the users in a stage (row), which share is in each stage (column) four weeks later.

    All steps of four weeks count, one after the other; of a shorter stretch its whole length is one step. A row without users
    is empty (nan).
    """
    stages = np.digitize(stretch.silence(), _ENDS)
    step = min(STEP_WEEKS, stretch.n_weeks)
    counts = np.zeros((len(STAGES), len(STAGES)))
    for start in range(0, stretch.n_weeks - step + 1, step):
        np.add.at(counts, (stages[:, start], stages[:, start + step]), 1.0)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0))


def compare_transitions(real: Stretch, simulated: list[Stretch]) -> pd.DataFrame:
    """Return a row a pair of stages: stage, next, real, simulated (mean), as shares of the users in the stage before."""
    came = transitions(real)
    drawn = np.mean([transitions(one) for one in simulated], axis=0)
    return pd.DataFrame(
        [
            {"stage": before, "next": after, "real": float(came[i, j]), "simulated": float(drawn[i, j])}
            for i, before in enumerate(STAGES)
            for j, after in enumerate(STAGES)
        ]
    )
