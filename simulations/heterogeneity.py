"""What differs between users and no observation shows: a latent rate, a latent spend, and whether a user is still there.

Latents are random intercepts. Given heads, a user's weeks have a proper likelihood, because each week's chance depends on
earlier weeks alone; the posterior of the intercept is taken as normal about one Newton step from zero, and its prior variance
is the one that explains itself (an EM step: mean of squared posterior means plus posterior variances).

Being there is a two-state hidden Markov chain: a user may be lost for good after any week, with a constant hazard, and then
never buys again (Schmittlein, Morrison and Colombo, 1987, Management Science 33(1), in discrete time and with a weekly chance
that depends on the user's state). Someone who buys was there in all weeks before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np

from simulations.arrays import BoolArray, Float32Array, FloatArray, KeyArray
from simulations.compiled import njit
from simulations.randomness import Channel, normal_at, user_base

_HETEROGENEITY = int(Channel.HETEROGENEITY)
_HAZARD_PRIOR = (0.5, 250.0)  # deaths and user-weeks that count before any data: a hazard near 0.002, worth little


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """Posterior of the users' latents; users that were not fitted have the prior.

    Attributes
    ----------
    user_keys : (n_users,) uint64 array
        Ascending.
    mean, sd : (n_users, n_latents) float32 arrays
    prior_sd : (n_latents,) float64 array
    pinned_seed : int or None
        Where set, a user's latents are the same under every seed and member: a world whose truth is what it is.
    """

    user_keys: KeyArray
    mean: Float32Array
    sd: Float32Array
    prior_sd: FloatArray
    pinned_seed: int | None = None

    @classmethod
    def of(cls, user_keys: KeyArray, mean: FloatArray, sd: FloatArray, prior_sd: FloatArray) -> Latents:
        """Sort by key and store."""
        order = np.argsort(user_keys)
        return cls(
            user_keys=user_keys[order], mean=mean[order].astype(np.float32), sd=sd[order].astype(np.float32), prior_sd=prior_sd
        )

    @classmethod
    def prior(cls, prior_sd: FloatArray, *, pinned_seed: int | None = None) -> Latents:
        """Return latents of which nothing but the prior is known."""
        none = np.zeros((0, prior_sd.size), dtype=np.float32)
        return cls(user_keys=np.zeros(0, dtype=np.uint64), mean=none, sd=none, prior_sd=prior_sd, pinned_seed=pinned_seed)

    def moments(self, user_keys: KeyArray) -> tuple[Float32Array, Float32Array]:
        """Return posterior means and standard deviations, (n, n_latents) each, of the users asked for.

        Pinned users are known for certain: their means are what `draw` returns.
        """
        if self.pinned_seed is not None:
            drawn = self.draw(user_keys, seed=0, member=0)
            return drawn, np.zeros_like(drawn)
        return self._posterior(user_keys)

    def _posterior(self, user_keys: KeyArray) -> tuple[Float32Array, Float32Array]:
        mean = np.zeros((user_keys.size, self.prior_sd.size), dtype=np.float32)
        sd = np.tile(self.prior_sd.astype(np.float32), (user_keys.size, 1))
        if self.user_keys.size:
            place = np.minimum(np.searchsorted(self.user_keys, user_keys), self.user_keys.size - 1)
            known = self.user_keys[place] == user_keys
            mean[known], sd[known] = self.mean[place[known]], self.sd[place[known]]
        return mean, sd

    def lent_to(self, others: KeyArray, by: KeyArray) -> Latents:
        """Return the latents with further users, each of whom is as little known as the user who lends."""
        mean, sd = self._posterior(by)
        order = np.argsort(keys := np.concatenate((self.user_keys, others)))
        return replace(
            self,
            user_keys=keys[order],
            mean=np.concatenate((self.mean, mean))[order],
            sd=np.concatenate((self.sd, sd))[order],
        )

    def draw(self, user_keys: KeyArray, *, seed: int, member: int) -> Float32Array:
        """Return (n, n_latents): one draw a user, at the user's address."""
        mean, sd = self._posterior(user_keys)
        if self.pinned_seed is not None:
            seed, member = self.pinned_seed, 0
        return mean + sd * _normals(user_keys, seed, member, self.prior_sd.size)


@njit(parallel=True)
def _normals(user_keys: KeyArray, seed: int, member: int, n_latents: int) -> Float32Array:
    out = np.empty((user_keys.size, n_latents), dtype=np.float32)
    for i in numba.prange(user_keys.size):
        base = user_base(seed, member, user_keys[i])
        for k in range(n_latents):
            out[i, k] = np.float32(normal_at(base, 0, _HETEROGENEITY, k))
    return out


def random_intercepts(
    residual: FloatArray, information: FloatArray, weights: FloatArray, variance: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return posterior mean and sd of each user's intercept and the next prior variance.

    Parameters
    ----------
    residual, information : (n_users,) arrays
        Sum of outcome minus expectation and Fisher information of a user, about an intercept of zero.
    weights : (n_users,) array
        How often a user counts towards the variance.
    variance : float
        Prior variance now.
    """
    precision = information + 1.0 / variance
    mean = residual / precision
    second = np.average(mean**2 + 1.0 / precision, weights=weights) if weights.sum() > 0 else variance
    return mean, np.sqrt(1.0 / precision), float(min(max(second, 1e-4), 4.0))


@njit(nogil=True)
def alive_weeks(
    chances: FloatArray, bought: BoolArray, known: BoolArray, hazard: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return who is still there, before and after seeing everything.

    Parameters
    ----------
    chances : (n_users, n_weeks) array
        Chance to buy in a week while alive.
    bought, known : (n_users, n_weeks) bool arrays
        A purchase; and whether the user had bought before the week (weeks before the first order say nothing).

    Returns
    -------
    filtered, smoothed : (n_users, n_weeks) arrays
        Chance to be alive at the start of a week given the weeks before it; and given all weeks.
    after : (n_users,) array
        Chance to be alive after the last week, given all of them.
    """
    n_users, n_weeks = chances.shape
    filtered, smoothed = np.ones((n_users, n_weeks)), np.ones((n_users, n_weeks))
    after = np.ones(n_users)
    silence = np.ones(n_weeks + 1)
    for i in range(n_users):
        last = -1
        belief = 1.0
        for t in range(n_weeks):
            filtered[i, t] = belief
            if bought[i, t]:
                last = t
                belief = 1.0 - hazard
            elif known[i, t]:
                belief = (1.0 - hazard) * belief * (1.0 - chances[i, t]) / (1.0 - belief * chances[i, t])
        after[i] = belief
        if last < 0 or last == n_weeks - 1:
            continue
        silence[n_weeks] = 1.0
        for t in range(n_weeks - 1, last, -1):
            silence[t] = (1.0 - chances[i, t]) * ((1.0 - hazard) * silence[t + 1] + hazard)
        reach = 1.0 - hazard
        whole = hazard + reach * silence[last + 1]
        for t in range(last + 1, n_weeks):
            smoothed[i, t] = reach * silence[t] / whole
            reach *= (1.0 - chances[i, t]) * (1.0 - hazard)
    return filtered, smoothed, after


def next_hazard(smoothed: FloatArray, after: FloatArray, known: BoolArray, weights: FloatArray) -> float:
    """Return the hazard that the smoothed weeks imply: losses over weeks lived, with a weak prior (the EM step)."""
    following = np.concatenate([smoothed[:, 1:], after[:, None]], axis=1)
    losses = np.sum(np.where(known, smoothed - following, 0.0), axis=1)
    lived = np.sum(np.where(known, smoothed, 0.0), axis=1)
    deaths, weeks = _HAZARD_PRIOR
    return float((weights @ losses + deaths) / (weights @ lived + weeks))
