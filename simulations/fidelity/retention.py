"""Retention: which share of the users has an order in the first, second, ... week after the simulation begins.

A user counts in every week with an order of their own (classic retention, not "this week or later"), so that the curve may
rise again. A cohort is those whose first order falls into the same quarter (13 weeks) of the weeks before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulations.fidelity.stretch import Stretch

COHORT_WEEKS = 13
SMALLEST_COHORT = 300  # users; smaller ones are left out
EVERYONE = "all"


def retention(stretch: Stretch) -> pd.DataFrame:
    """Return a row a cohort and week: cohort, week (from 1), n_users, share; the cohort `all` holds every user."""
    names = _cohorts(stretch)
    groups = {EVERYONE: np.ones(stretch.n_users, dtype=np.bool_), **{name: names == name for name in np.unique(names)}}
    frames = [
        pd.DataFrame(
            {
                "cohort": name,
                "week": np.arange(1, stretch.n_weeks + 1),
                "n_users": int(rows.sum()),
                "share": stretch.bought[rows].mean(axis=0),
            }
        )
        for name, rows in groups.items()
        if name == EVERYONE or rows.sum() >= SMALLEST_COHORT
    ]
    return pd.concat(frames, ignore_index=True)


def compare_retention(real: Stretch, simulated: list[Stretch]) -> pd.DataFrame:
    """Lay the mean simulated curve beside the real one: cohort, week, n_users, real, simulated, standard_error (binomial)."""
    frame = retention(real).rename(columns={"share": "real"})
    frame["simulated"] = np.mean([retention(one)["share"].to_numpy() for one in simulated], axis=0)
    frame["standard_error"] = np.sqrt(frame["simulated"] * (1.0 - frame["simulated"]) / frame["n_users"])
    return frame


def largest_error(curves: pd.DataFrame) -> float:
    """Return the largest distance between the two curves of all users, as a share."""
    everyone = curves[curves["cohort"] == EVERYONE]
    return float((everyone["real"] - everyone["simulated"]).abs().max())


def cohort_weeks_within(curves: pd.DataFrame, standard_errors: float = 2.0) -> float:
    """Return the share of the cohorts' weeks in which the curves lie within so many standard errors; nan without a cohort."""
    cohorts = curves[curves["cohort"] != EVERYONE]
    distance = (cohorts["real"] - cohorts["simulated"]).abs()
    return float((distance <= standard_errors * cohorts["standard_error"] + 1e-12).mean()) if len(cohorts) else float("nan")


def _cohorts(stretch: Stretch) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Name each user's cohort by the weeks of the first order; those without an earlier order have none of 300."""
    first = np.argmax(stretch.earlier > 0, axis=1) if stretch.earlier.shape[1] else np.zeros(stretch.n_users, dtype=np.int64)
    begins = COHORT_WEEKS * (first // COHORT_WEEKS)
    return np.array([f"weeks {begin + 1} to {begin + COHORT_WEEKS}" for begin in begins])
