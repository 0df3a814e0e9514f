"""Reasons a person can check: the observed facts in which a user differs most from the audience.

They describe the user, they do not explain the model: an action is there because its predicted gain exceeds its cost and
price.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

_UNUSUAL = 0.25  # a fact is told when at most this share of the audience lies further out
_OFF_CENTRE = 0.5  # a user without such a fact is told by the furthest one, if half of the audience lies on its other side
NOTHING_UNUSUAL = "nothing unusual: chosen by its expected increment"


def feature_reasons(
    features: pd.DataFrame, *, units: dict[str, str] | None = None, words: dict[str, str] | None = None, top: int = 3
) -> list[tuple[str, ...]]:
    """Phrase, for each user, the facts that set it apart.

    Parameters
    ----------
    features : frame, a row a user
        Numeric columns named after what they measure.
    units : dict, optional
        Unit of a column, written after the number.
    words : dict, optional
        What a column measures, as people say it; its name where left out.
    top : int
        At most so many phrases a user.

    Returns
    -------
    list of tuples
        Phrases in the frame's order, the most unusual fact first. A user without an unusual one has the fact nearest to it,
        one who is like all others `NOTHING_UNUSUAL`.

    Examples
    --------
    >>> frame = pd.DataFrame({"recency_weeks": [0.0, 1.0, 1.0, 1.0, 9.0]})
    >>> feature_reasons(frame, units={"recency_weeks": "weeks"})[-1]
    ('recency: 9 weeks, more than 80% of the audience',)
    """
    units, words = units or {}, words or {}
    n_users = len(features)
    values = features.to_numpy(dtype=np.float64)
    ranks = features.rank(method="average", pct=False).to_numpy(dtype=np.float64)
    below = (features.rank(method="min").to_numpy(dtype=np.float64) - 1.0) / max(n_users, 1)
    above = (n_users - features.rank(method="max").to_numpy(dtype=np.float64)) / max(n_users, 1)
    oddness = np.abs(ranks - (n_users + 1) / 2.0)
    order = np.argsort(-oddness, axis=1, kind="stable")
    names = [str(name) for name in features.columns]
    said = [words.get(name) or _said(name, units.get(name, "")) for name in names]
    phrases: list[tuple[str, ...]] = []
    furthest = np.maximum(below, above)
    for i in range(n_users):
        facts = [j for j in order[i] if furthest[i, j] >= 1.0 - _UNUSUAL][:top]
        if not facts:
            facts = [j for j in order[i] if furthest[i, j] >= _OFF_CENTRE][:1]
        told = (_phrase(said[j], values[i, j], units.get(names[j], ""), below[i, j], above[i, j]) for j in facts)
        phrases.append(tuple(told) or (NOTHING_UNUSUAL,))
    return phrases


def _said(name: str, unit: str) -> str:
    return name.removesuffix("_" + unit.replace(" ", "_")).replace("_", " ")


def _phrase(words: str, value: float, unit: str, below: float, above: float) -> str:
    comparison = f"more than {_per_cent(below)}" if below >= above else f"less than {_per_cent(above)}"
    number = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.2f}"
    return f"{words}: {number} {unit}".rstrip() + f", {comparison} of the audience"


def _per_cent(share: float) -> str:
    """Round down, since nobody has more than all of the audience."""
    return f"{math.floor(100.0 * share + 1e-9)}%"
