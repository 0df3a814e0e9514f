"""Clusters: users who were drawn together, such as all customers of a store or all people of a household.

Users of one cluster got the same by design, so that a cluster is one piece of evidence, however many users it has (Donner and
Klar, 2000, Design and Analysis of Cluster Randomization Trials). A column within each of whose values everybody got the same,
where users drawn one by one would not come out so once in a million times, names such clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decision_engine.history.cluster_columns import are_drawn_together
from policies.ope.intervals import clustered_standard_error
from simulations.arrays import ActionArray, FloatArray, IntArray

COLUMN = "cluster"  # of the experiment's table
FEWEST_CLUSTERS = (
    20  # of a group: with fewer, normal intervals are too narrow (Cameron, Gelbach and Miller, 2008, REStat 90(3))
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clusters:
    """Users who belong together.

    Attributes
    ----------
    name : str
        What they share, such as "store"; "cluster" where the mapping does not say.
    codes : (n_users,) int64 array
        Each user's cluster, counted from 0.
    treatments : (n_clusters,) int16 array
        What each got; of clusters whose users got different things, what most got.
    is_drawn : bool
        Whether all users of each cluster got the same.
    is_guessed : bool
        Whether they were found among the covariates, and not declared.
    """

    name: str
    codes: IntArray
    treatments: ActionArray
    is_drawn: bool
    is_guessed: bool

    @property
    def n(self) -> int:
        """Number of clusters."""
        return int(self.treatments.size)

    def counts(self, n_actions: int) -> IntArray:
        """Return (n_actions,) clusters by what they got."""
        return np.bincount(self.treatments, minlength=n_actions).astype(np.int64)


def clusters_of(
    frame: pd.DataFrame, treatments: ActionArray, covariates: Sequence[str], called: str = COLUMN
) -> Clusters | None:
    """Return the clusters that are mapped, else the largest that a covariate names; None where there are none.

    Parameters
    ----------
    called : str
        What the mapped ones are called.
    """
    if COLUMN in frame:
        return _clusters(frame[COLUMN], treatments, called, is_guessed=False)
    n_actions = int(treatments.max(initial=0)) + 1
    shares = np.bincount(treatments, minlength=n_actions) / max(treatments.size, 1)
    found = []
    for name in covariates:
        if frame[name].isna().any():
            continue
        clusters = _clusters(frame[name], treatments, name, is_guessed=True)
        sizes = np.bincount(clusters.codes)
        if clusters.is_drawn and are_drawn_together(sizes, clusters.treatments.astype(np.int64), shares):
            found.append(clusters)
    return min(found, key=lambda one: one.n, default=None)


def _clusters(values: pd.Series, treatments: ActionArray, name: str, *, is_guessed: bool) -> Clusters:
    codes, _ = pd.factorize(values.astype(str))
    n, n_actions = int(codes.max(initial=-1)) + 1, int(treatments.max(initial=0)) + 1
    counts = np.bincount(codes * n_actions + treatments, minlength=n * n_actions).reshape(n, n_actions)
    return Clusters(
        name=name,
        codes=codes.astype(np.int64),
        treatments=counts.argmax(axis=1).astype(np.int16),
        is_drawn=bool(((counts > 0).sum(axis=1) == 1).all()),
        is_guessed=is_guessed,
    )


def inflation(values: FloatArray, units: IntArray) -> float:
    """Return the design effect: how often as many users it takes as if they were drawn one by one; at least 1.

    Examples
    --------
    >>> inflation(np.array([1.0, 1.0, 3.0, 3.0, 2.0, 2.0]), np.array([0, 0, 1, 1, 2, 2])) > 1.5
    True
    """
    alone = float(values.std(ddof=1)) / values.size**0.5 if values.size > 1 else 0.0
    together = clustered_standard_error(values, units)
    return max(1.0, (together / alone) ** 2) if alone > 0.0 and np.isfinite(together) else 1.0
