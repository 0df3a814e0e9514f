"""Simple shares that group sizes look like, as a test is set up: equal parts, a tenth or a quarter held out, the rest alike.

A guess from the sizes cannot be more than a guess: whoever drew the users knows the shares. Sizes that lie near equal parts and
still do not fit them are worth the alarm of the sample-ratio test, since most tests are drawn in equal parts; near any other
shares, sizes that do not fit are no sign of them at all: 96 and 4 are not a failed 95 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chisquare

_OF_THE_FIRST = (1 / 2, 1 / 3, 2 / 3, 0.1, 0.9, 0.2, 0.8, 0.25, 0.75, 0.4, 0.6, 0.3, 0.7, 0.05, 0.95)
_NEAR, _NEAR_BY_CHANCE = (
    0.015,
    0.02,
)  # a share this far off still looks like it; in a small sample, as far as chance may take it
_UNLIKELY = 0.001  # sizes that chance brings less often are no sign of the shares they lie near
_EQUAL, _OTHER, _EQUAL_BUT_OFF = 0.9, 0.7, 0.5  # confidence in equal shares, in others, in equal ones that do not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundShares:
    """Shares that sum to 1, written to four digits, and how sure they are."""

    shares: tuple[float, ...]
    confidence: float


def round_shares(counts: Sequence[int]) -> RoundShares | None:
    """Return the simple shares that group sizes look like, the control group's size first; None where none is near.

    Examples
    --------
    >>> round_shares([21_306, 21_387, 21_307])
    RoundShares(shares=(0.3334, 0.3333, 0.3333), confidence=0.9)
    >>> round_shares([102, 898]).shares
    (0.1, 0.9)
    >>> round_shares([560, 440]) is None, round_shares([96_000, 4_000]) is None
    (True, True)
    """
    sizes = np.array(counts, dtype=np.float64)
    if sizes.size < 2 or sizes.min() <= 0.0:
        return None
    for place, shares in enumerate(_candidates(sizes.size)):
        by_chance = np.clip(3.0 * np.sqrt(shares * (1.0 - shares) / sizes.sum()), _NEAR, _NEAR_BY_CHANCE)
        near = np.abs(sizes / sizes.sum() - shares) <= np.minimum(by_chance, 0.2 * shares)
        if near.all():
            fits = float(chisquare(sizes, shares * sizes.sum()).pvalue) >= _UNLIKELY
            if fits or place == 0:
                return RoundShares(shares=_written(shares), confidence=_OTHER if place else _EQUAL if fits else _EQUAL_BUT_OFF)
    return None


def _candidates(n: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    yield np.full(n, 1.0 / n)
    for first in _OF_THE_FIRST:
        yield np.concatenate([[first], np.full(n - 1, (1.0 - first) / (n - 1))])


def _written(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, ...]:
    """Round to four digits; the first takes what is left, so that they sum to 1."""
    rest = [round(float(share), 4) for share in shares[1:]]
    return (round(1.0 - sum(rest), 4), *rest)
