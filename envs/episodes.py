"""Episodes: slots that each live one user at a time, all slots in one batch.

Single, vectorised and Stable-Baselines3 environments are thin skins over this one core, so that they cannot differ. The luck of
a slot's week is addressed by the slot's seed, the episode's number and the week's number: a slot lives the same whether it
stands alone or among thousands, and whenever its neighbours begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from envs.rewards import Week, reward_named
from envs.threads import threads_for
from simulations.arrays import BoolArray, Float32Array, FloatArray, IntArray, KeyArray
from simulations.errors import ConfigError
from simulations.features import observe
from simulations.kernel import N_LATENTS
from simulations.population import Population
from simulations.randomness import Address, Channel
from simulations.rollout import PeriodEvents
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates, V

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_BEGIN = 1  # counter of the draws that begin an episode; the kernel draws a week's with 0


def scramble(words: KeyArray) -> KeyArray:
    """Return SplitMix64's finaliser of each word (as `simulations.randomness.mix`, on arrays)."""
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What one week brought, (n_slots,) each.

    Attributes
    ----------
    rewards : float64 array
    terminated : bool array
        The user opted out or, unseen, is gone for good.
    truncated : bool array
        The horizon ended first.
    refused : bool array
        The action was not allowed and `none` was taken instead.
    """

    rewards: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    refused: BoolArray
    events: PeriodEvents


class Episodes:
    """A batch of slots over one simulator.

    Parameters
    ----------
    simulator : LifecycleSimulator
    states : UserStates
        Where episodes may begin: each draws one of these users.
    weeks : int
        Horizon of an episode.
    n_slots : int
    reward : str
        A name in `envs.rewards.REWARDS`.
    cost_price : float
        Counts a unit of cost as one plus this many: the shadow price of a budget, 0 without one.
    """

    def __init__(
        self,
        simulator: LifecycleSimulator,
        states: UserStates,
        *,
        weeks: int = 13,
        n_slots: int = 1,
        reward: str = "net_margin",
        cost_price: float = 0.0,
    ) -> None:
        if states.n_users == 0 or weeks < 1 or n_slots < 1:
            raise ConfigError(
                f"environment: {states.n_users} users, {weeks} weeks and {n_slots} slots; at least one of each is needed."
            )
        self.simulator = simulator
        self.states = states
        self.weeks = weeks
        self.n_slots = n_slots
        self.reward = reward_named(reward)
        self.cost_price = cost_price
        self._with_twins = reward == "increment"
        self._alive_chance, self._latent_mean, self._latent_sd = _unseen(simulator, states)
        self.seeds = np.zeros(n_slots, dtype=np.uint64)
        self.episodes = np.zeros(n_slots, dtype=np.int64)
        self.elapsed = np.zeros(n_slots, dtype=np.int64)
        self.users = np.zeros(n_slots, dtype=np.int64)
        self._keys = np.zeros(n_slots, dtype=np.uint64)
        self._now = self._blank()
        self._twins = self._blank() if self._with_twins else None

    def begin(self, slots: BoolArray, seeds: IntArray | None = None) -> None:
        """Begin a new episode in the slots that are True.

        Parameters
        ----------
        slots : (n_slots,) bool array
        seeds : (n_slots,) int64 array, optional
            Start the slots' sequences of episodes anew from these non-negative seeds; without, the next episode follows.
        """
        rows = np.flatnonzero(slots)
        if seeds is not None:
            self.seeds[rows] = seeds[rows].astype(np.uint64)
            self.episodes[rows] = 0
        else:
            self.episodes[rows] += 1
        keys = scramble(scramble(self.seeds[rows] * _GOLDEN + np.uint64(1)) + self.episodes[rows].astype(np.uint64) * _GOLDEN)
        draws = Address(seed=0, member=self.simulator.member, period=0, user_keys=keys)
        users = np.floor(draws.uniforms(Channel.ARRIVAL) * self.states.n_users).astype(np.int64)
        alive = draws.uniforms(Channel.DEATH, _BEGIN) < self._alive_chance[users]
        latents = self._latent_mean[users] + self._latent_sd[users] * _normals(draws)
        self._keys[rows], self.users[rows], self.elapsed[rows] = keys, users, 0
        for population in (self._now, self._twins):
            if population is not None:
                for field in fields(UserStates):
                    getattr(population.states, field.name)[rows] = getattr(self.states, field.name)[users]
                population.alive[rows] = alive
                population.latents[rows] = latents

    def observe(self) -> Float32Array:
        """Return the (n_slots, N_FEATURES) observation."""
        with threads_for(self.n_slots):
            return observe(self._now.states)

    def mask(self) -> BoolArray:
        """Return the (n_slots, n_actions) mask of what may be done this week."""
        return self.simulator.mask(self._now)

    def live(self, actions: NDArray[np.integer]) -> Lived:
        """Live a week in every slot; no slot begins anew by itself.

        Parameters
        ----------
        actions : (n_slots,) integer array
            Indices into the action set. One that is not allowed counts as `none`.
        """
        mask = self.mask()
        refused = ~mask[np.arange(self.n_slots), actions]
        allowed = np.where(refused, 0, actions).astype(np.int16)
        keys = scramble(self._keys + (self.elapsed.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
        twins = None
        with threads_for(self.n_slots):
            self._now, events = self.simulator.step(_with_keys(self._now, keys), allowed)
            if self._twins is not None:
                self._twins, twins = self.simulator.step(_with_keys(self._twins, keys), np.zeros_like(allowed))
        self.elapsed += 1
        week = Week(events=events, twins=twins, after=self._now.states, cost_price=self.cost_price)
        terminated = ~self._now.alive | (self._now.states.values[:, V.OPTED_OUT] > 0.0)
        return Lived(
            rewards=self.reward(week),
            terminated=terminated,
            truncated=~terminated & (self.elapsed >= self.weeks),
            refused=refused,
            events=events,
        )

    def _blank(self) -> Population:
        rows = np.zeros(self.n_slots, dtype=np.int64)
        return Population(
            states=self.states.take(rows),
            latents=np.zeros((self.n_slots, N_LATENTS), dtype=np.float32),
            alive=np.ones(self.n_slots, dtype=np.bool_),
            seed=0,
            member=self.simulator.member,
            period=0,
        )


def _with_keys(population: Population, keys: KeyArray) -> Population:
    """Readdress a population's luck; the period stays 0, because the keys hold the week."""
    return replace(population, states=replace(population.states, user_keys=keys), period=0)


def _unseen(simulator: LifecycleSimulator, states: UserStates) -> tuple[FloatArray, Float32Array, Float32Array]:
    """Return each user's chance to be there, and mean and spread of the latents that an episode draws."""
    latents = simulator.fit.latents
    chance = np.where(states.values[:, V.TENURE] > 0, simulator.fit.alive.predict(observe(states)), 1.0)
    if latents.pinned_seed is not None:  # a world whose truth is what it is: nothing to draw
        fixed = latents.draw(states.user_keys, seed=0, member=simulator.member)
        return chance, fixed, np.zeros_like(fixed)
    mean, sd = latents.moments(states.user_keys)
    return chance, mean, sd


def _normals(draws: Address) -> Float32Array:
    """Return (n, N_LATENTS) standard normal numbers (Box and Muller, 1958)."""
    columns = []
    for k in range(N_LATENTS):
        first, second = draws.uniforms(Channel.HETEROGENEITY, 2 * k), draws.uniforms(Channel.HETEROGENEITY, 2 * k + 1)
        columns.append(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))
    return np.stack(columns, axis=1).astype(np.float32)
