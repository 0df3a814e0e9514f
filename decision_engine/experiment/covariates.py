"""Covariates of an experiment as numbers: numbers stay what they are, categories become one column a level.

The coding is learnt on the experiment's users and then holds for everybody, so that a new audience is read the same way: a
level that was not seen counts among the others, a number that is missing stays missing. A few words among numbers do not make
categories of them: they count as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulations.arrays import Float32Array, FloatArray

MOST_LEVELS = 12  # of a category; rarer ones count together
FEWEST_NUMBERS = 0.9  # share of a covariate's values from which on it is a number, and all others count as missing
_EMPTY = "(empty)"
IS_EMPTY = " is empty"  # behind the name of a number: the column that says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How covariates become columns.

    Attributes
    ----------
    numbers : tuple of (str, bool)
        Numeric covariates, each with whether it has a column that says that it is empty.
    levels : tuple of (str, tuple of str, bool)
        Categories, each with its levels and whether a column stands for all others.
    left_out : tuple of str
        Covariates that are empty throughout.
    words : tuple of (str, int)
        Numeric covariates with values that are no numbers, and how many.
    """

    numbers: tuple[tuple[str, bool], ...]
    levels: tuple[tuple[str, tuple[str, ...], bool], ...]
    left_out: tuple[str, ...] = ()
    words: tuple[tuple[str, int], ...] = ()

    @classmethod
    def learn(cls, frame: pd.DataFrame, covariates: Sequence[str], categories: Sequence[str] = ()) -> Coding:
        """Learn the coding of some covariates; those nearly all of whose values read as numbers are numbers.

        Examples
        --------
        >>> frame = pd.DataFrame({"recency": ["1", "10"], "zip": ["Rural", "Urban"]})
        >>> Coding.learn(frame, ["recency", "zip"]).names
        ('recency', 'zip = Rural', 'zip = Urban')
        """
        numbers: list[tuple[str, bool]] = []
        levels: list[tuple[str, tuple[str, ...], bool]] = []
        left_out: list[str] = []
        words: list[tuple[str, int]] = []
        for name in covariates:
            filled = frame[name].dropna()
            n_numbers = int(np.isfinite(_numbers(filled)).sum())
            if not len(filled):
                left_out.append(name)
            elif name not in categories and n_numbers >= FEWEST_NUMBERS * len(filled):
                numbers.append((name, n_numbers < len(frame)))
                words += [(name, len(filled) - n_numbers)] * (n_numbers < len(filled))
            else:
                counts = frame[name].fillna(_EMPTY).astype(str).value_counts()
                ranked = sorted(counts.index, key=lambda level: (-counts[level], level))
                kept = ranked if len(ranked) <= MOST_LEVELS else ranked[: MOST_LEVELS - 1]
                levels.append((name, tuple(sorted(kept)), len(kept) < len(ranked)))
        return cls(numbers=tuple(numbers), levels=tuple(levels), left_out=tuple(left_out), words=tuple(words))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        names: list[str] = []
        for name, may_be_empty in self.numbers:
            names += [name, f"{name}{IS_EMPTY}"] if may_be_empty else [name]
        for name, levels, others in self.levels:
            names += [f"{name} = {level}" for level in levels] + [f"{name}: others"] * others
        return tuple(names)

    def encode(self, frame: pd.DataFrame) -> Float32Array:
        """Return (n_users, n_columns)."""
        columns: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
        for name, may_be_empty in self.numbers:
            values = _numbers(frame[name]).astype(np.float32)
            columns += [values, np.isnan(values).astype(np.float32)] if may_be_empty else [values]
        for name, levels, others in self.levels:
            texts = frame[name].fillna(_EMPTY).astype(str).to_numpy()
            known = [(texts == level).astype(np.float32) for level in levels]
            columns += known + [1.0 - np.sum(known, axis=0, dtype=np.float32)] * others
        return np.column_stack(columns).astype(np.float32) if columns else np.zeros((len(frame), 0), dtype=np.float32)


def _numbers(values: pd.Series) -> FloatArray:
    """Return values as numbers, NaN for all that are no finite ones."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
