"""How an action shifts a user's behaviour: parameters that say where they come from, and the shift they add up to.

An action moves the log-odds of buying in a week. For user state x, `s` weeks after the contact,

    shift = (coefficients . basis(x)) * decay ** s * exp(-habituation * earlier exposures)          for s < duration
    shift = -pull_forward * (what it was `duration` weeks earlier)                                  for the same time again
    shift -= fatigue * (contact stock - 1)  while that stock exceeds one and the action is at work

and the log of an order-day's value by `spend_lift` while the action is at work. The first purchase after a contact redeems
with a fixed chance. Each contact carries a chance to opt out, which grows with the contact stock. Every parameter is
estimated, assumed or fixed, and an ensemble draws the first two, so that intervals contain what is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.arrays import Float32Array, FloatArray
from simulations.compiled import njit
from simulations.errors import ConfigError
from simulations.features import column, fold_observations
from simulations.panel import WeeklyPanel
from simulations.randomness import stream

RESPONSE_BASIS: tuple[str, ...] = ("constant", "recency", "order_rate", "basket_value")
N_BASIS = len(RESPONSE_BASIS)
BASIS_LIMIT = 2.5  # scaled terms are clipped to this many standard deviations, so that no rare user carries a fantasy effect
_RECENCY, _RATE, _BASKET = column("recency_weeks"), column("order_rate_13"), column("basket_value")


class Source(StrEnum):
    """Where a number comes from."""

    ESTIMATED = "estimated"
    ASSUMED = "assumed"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A parameter with its spread and its source; draws are normal, clipped into [low, high]."""

    mean: float
    sd: float = 0.0
    source: Source = Source.ASSUMED
    low: float = -math.inf
    high: float = math.inf

    def draw(self, rng: np.random.Generator) -> float:
        """Return one draw."""
        return float(min(max(rng.normal(self.mean, self.sd), self.low), self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseScale:
    """Centre and spread of the basis terms after their transform (log of one plus), fitted once on a history."""

    centre: FloatArray  # (N_BASIS,), 0 for the constant
    spread: FloatArray  # (N_BASIS,), 1 for the constant

    @classmethod
    def fit(cls, observations: Float32Array) -> ResponseScale:
        """Fit on (n, N_FEATURES) observations."""
        terms = _raw_terms(observations)
        spread = terms.std(axis=0)
        centre = terms.mean(axis=0)
        centre[0], spread[0] = 0.0, 1.0
        return cls(centre=centre, spread=np.where(spread > 1e-9, spread, 1.0))

    def basis(self, observations: Float32Array) -> FloatArray:
        """Return (n, N_BASIS): the terms that a response's coefficients multiply; the first is 1.

        Examples
        --------
        >>> scale = ResponseScale(centre=np.zeros(N_BASIS), spread=np.ones(N_BASIS))
        >>> scale.basis(np.zeros((1, 14), dtype=np.float32)).tolist()
        [[1.0, 0.0, 0.0, 0.0]]
        """
        terms = np.clip((_raw_terms(observations) - self.centre) / self.spread, -BASIS_LIMIT, BASIS_LIMIT)
        terms[:, 0] = 1.0
        return terms


def _raw_terms(observations: Float32Array) -> FloatArray:
    terms = np.ones((observations.shape[0], N_BASIS), dtype=np.float64)
    for k, feature in ((1, _RECENCY), (2, _RATE), (3, _BASKET)):
        terms[:, k] = np.log1p(np.maximum(observations[:, feature].astype(np.float64), 0.0))
    return terms


def response_scale(panel: WeeklyPanel) -> ResponseScale:
    """Fit the scale of the response basis on all weeks of users who had bought before."""
    observations = fold_observations(panel, 0, panel.n_periods)
    known = np.zeros(panel.order_days.shape, dtype=np.bool_)
    known[:, 1:] = (np.cumsum(panel.order_days > 0, axis=1) > 0)[:, :-1]
    return ResponseScale.fit(observations[known])


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResponse:
    """How one action shifts a user; see the module's docstring for the formula.

    Attributes
    ----------
    shift_mean, shift_covariance : (N_BASIS,) and (N_BASIS, N_BASIS) arrays
        Log-odds of buying in a week, per unit of each basis term, at the week of contact.
    shift_source : Source
        Estimated from the data, or assumed in the configuration.
    duration_weeks : int
        Weeks, that of the contact included, in which the action is at work; at most 26.
    decay : Quantity
        Share of the shift that is left from one week to the next.
    """

    action: str
    shift_mean: FloatArray
    shift_covariance: FloatArray
    shift_source: Source
    duration_weeks: int = 4
    decay: Quantity = Quantity(mean=0.8, source=Source.FIXED, low=0.0, high=1.0)
    spend_lift: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=-1.0, high=1.0)
    redemption: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=0.0, high=1.0)
    habituation: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=0.0)
    fatigue: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=0.0)
    pull_forward: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=0.0, high=1.0)
    opt_out: Quantity = Quantity(mean=0.0, source=Source.FIXED, low=0.0, high=1.0)

    def __post_init__(self) -> None:
        """Refuse shapes and durations that the kernel cannot run."""
        if self.shift_mean.shape != (N_BASIS,) or self.shift_covariance.shape != (N_BASIS, N_BASIS):
            raise ConfigError(
                f"response of {self.action}: coefficients need shape ({N_BASIS},), covariance ({N_BASIS}, {N_BASIS})."
            )
        if not 1 <= self.duration_weeks <= 26:
            raise ConfigError(f"response of {self.action}: duration_weeks {self.duration_weeks} lies outside 1 to 26.")

    @classmethod
    def uniform_shift(cls, action: str, shift: Quantity, **others: object) -> ActionResponse:
        """Return a response that shifts everyone alike, as an assumption without detail does."""
        mean, covariance = np.zeros(N_BASIS), np.zeros((N_BASIS, N_BASIS))
        mean[0], covariance[0, 0] = shift.mean, shift.sd**2
        return cls(action=action, shift_mean=mean, shift_covariance=covariance, shift_source=shift.source, **others)  # type: ignore[arg-type]


class ResponseArrays(NamedTuple):
    """One member's responses as the kernels read them; arrays have a row an action, row 0 (`none`) all zero."""

    centre: FloatArray  # (N_BASIS,)
    spread: FloatArray  # (N_BASIS,)
    coefficients: FloatArray  # (n_actions, N_BASIS)
    duration: NDArray[np.int64]
    decay: FloatArray
    spend_lift: FloatArray
    redemption: FloatArray
    habituation: FloatArray
    fatigue: FloatArray
    pull_forward: FloatArray
    opt_out: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSet:
    """The responses to all actions of an `ActionSet`, in its order without `none`."""

    scale: ResponseScale
    responses: tuple[ActionResponse, ...]

    def draw(self, seed: int, member: int) -> ResponseArrays:
        """Return the responses of one ensemble member: a draw of each parameter from its estimate or assumption."""
        rngs = [stream(seed, f"response {response.action}", member) for response in self.responses]
        return self._arrays(
            [
                r.shift_mean + _factor(r.shift_covariance) @ rng.standard_normal(N_BASIS)
                for r, rng in zip(self.responses, rngs, strict=True)
            ],
            [
                {name: getattr(response, name).draw(rng) for name in QUANTITIES}
                for response, rng in zip(self.responses, rngs, strict=True)
            ],
        )

    def centre(self) -> ResponseArrays:
        """Return every parameter at its mean."""
        return self._arrays(
            [response.shift_mean for response in self.responses],
            [{name: getattr(response, name).mean for name in QUANTITIES} for response in self.responses],
        )

    def _arrays(self, coefficients: Sequence[FloatArray], quantities: Sequence[dict[str, float]]) -> ResponseArrays:
        columns = {name: np.array([0.0, *(row[name] for row in quantities)]) for name in QUANTITIES}
        return ResponseArrays(
            centre=self.scale.centre,
            spread=self.scale.spread,
            coefficients=np.vstack([np.zeros(N_BASIS), *coefficients]),
            duration=np.array([0, *(response.duration_weeks for response in self.responses)], dtype=np.int64),
            **columns,
        )


QUANTITIES = ("decay", "spend_lift", "redemption", "habituation", "fatigue", "pull_forward", "opt_out")


def _factor(covariance: FloatArray) -> FloatArray:
    """Return a square root of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


@njit(inline=True)
def scaled_value(value: float | np.floating, k: int, arrays: ResponseArrays) -> float:
    """Return basis term `k`, 1 or later, from the feature behind it, scaled and clipped as `ResponseScale.basis` does."""
    term = (math.log1p(max(np.float64(value), 0.0)) - arrays.centre[k]) / arrays.spread[k]
    return float(min(max(term, -BASIS_LIMIT), BASIS_LIMIT))


@njit(inline=True)
def basis_feature(k: int) -> int:
    """Return the column of the observation behind basis term `k`, 1 or later."""
    return _RECENCY if k == 1 else (_RATE if k == 2 else _BASKET)


@njit()
def scaled_term(observations: Float32Array, row: int, k: int, arrays: ResponseArrays) -> float:
    """Return basis term `k` of an observation."""
    return 1.0 if k == 0 else scaled_value(observations[row, basis_feature(k)], k, arrays)


@njit()
def action_shift(
    observations: Float32Array, row: int, since: int, earlier: int, contact_stock: float, a: int, arrays: ResponseArrays
) -> float:
    """Return the log-odds shift by action `a`, `since` full weeks after its contact, with `earlier` exposures before that."""
    duration = arrays.duration[a]
    if since >= 2 * duration or since >= 254:
        return 0.0
    full = 0.0
    for k in range(N_BASIS):
        if arrays.coefficients[a, k] != 0.0:
            full += arrays.coefficients[a, k] * scaled_term(observations, row, k, arrays)
    full *= math.exp(-arrays.habituation[a] * max(earlier, 0))
    if since < duration:
        return float(full * arrays.decay[a] ** since - arrays.fatigue[a] * max(contact_stock - 1.0, 0.0))
    return float(-arrays.pull_forward[a] * full * arrays.decay[a] ** (since - duration))


@njit()
def purchase_shift(
    observations: Float32Array,
    row: int,
    since_action: NDArray[np.uint8],
    exposure_counts: NDArray[np.uint8],
    i: int,
    contact_stock: float,
    arrays: ResponseArrays,
) -> float:
    """Return the log-odds shift of user `i` this week, over all actions still at work (call after `begin_period`)."""
    shift = 0.0
    for a in range(1, arrays.duration.size):
        since = int(np.int64(since_action[i, a]))
        if since < 2 * arrays.duration[a]:
            earlier = int(np.int64(exposure_counts[i, a])) - 1
            shift += action_shift(observations, row, since, earlier, contact_stock, a, arrays)
    return shift
