"""Columns that name clusters of an experiment: everybody of one value got the same, as users drawn one by one would not."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from decision_engine.history.known_before import why_no_part
from decision_engine.history.sheets import COUNTED, Sheet, sql_of

BY_CHANCE = 1e-6  # how seldom users drawn one by one may leave every value to one group
_FEWEST_A_GROUP = 2  # values of a group, below which they are rather names of what the group got
_MOST_OF_ROWS = 0.9  # values as a share of rows, beyond which hardly anybody shares one


def are_drawn_together(sizes: NDArray[np.int64], groups: NDArray[np.int64], shares: NDArray[np.float64]) -> bool:
    """Whether values that each belong to one group do so by design.

    Parameters
    ----------
    sizes, groups : (n_values,) arrays
        Users of each value, and the group that all of them are in.
    shares : (n_groups,) array
        Of all users.

    Examples
    --------
    >>> pairs, single = np.full(30, 2), np.full(30, 1)
    >>> groups, half = np.arange(30) % 2, np.array([0.5, 0.5])
    >>> are_drawn_together(pairs, groups, half), are_drawn_together(single, groups, half)
    (True, False)
    """
    counts = np.bincount(groups, minlength=shares.size)
    if counts[shares > 0.0].min() < _FEWEST_A_GROUP:
        return False
    alike = np.sum(shares[None, :] ** sizes[:, None].astype(np.float64), axis=1)  # chance that all of a value get the same
    return bool(np.log(np.maximum(alike, 1e-300)).sum() < np.log(BY_CHANCE))


def cluster_column(connection: duckdb.DuckDBPyConnection, sheet: Sheet, treatment: str, taken: set[str | None]) -> str | None:
    """Return the column of the largest clusters that a sheet names; None where users were drawn one by one."""
    arm = sql_of(connection, sheet.looks[treatment])
    found: list[tuple[int, str]] = []
    for name, look in sheet.looks.items():
        n_arms = sheet.looks[treatment].n_distinct
        is_shared = _FEWEST_A_GROUP * n_arms <= look.n_distinct and look.distinct <= _MOST_OF_ROWS and look.filled == 1.0
        if name in taken or not is_shared or (look.number > COUNTED and "." in "".join(look.frequent)) or why_no_part(look):
            continue
        column = sql_of(connection, look)
        values = connection.execute(
            f"SELECT count(*) AS n, dense_rank() OVER (ORDER BY min({arm})) - 1 AS arm, count(DISTINCT {arm}) AS arms "
            f"FROM {sheet.source.view} GROUP BY {column}"
        ).fetchnumpy()
        sizes, groups, arms = (np.asarray(values[key], dtype=np.int64) for key in ("n", "arm", "arms"))
        if (arms > 1).any():
            continue
        shares = np.bincount(groups, weights=sizes) / sizes.sum()
        if are_drawn_together(sizes, groups, shares):
            found.append((sizes.size, name))
    return min(found)[1] if found else None
