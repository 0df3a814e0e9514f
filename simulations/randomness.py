"""Addressed random numbers: each one is a function of its address, nothing is drawn in sequence.

The address is (seed, member, user key, period, channel, counter). Two policies therefore face the same luck, a user's
counterfactual twin differs only where the action reaches, and neither the order of users nor the number of workers moves a
number. The mixer is SplitMix64 (Steele, Lea and Flood, 2014, OOPSLA), applied once to the part of the address that stays
fixed for a user and once more to the rest.

`stream` is the other kind of randomness: a named generator for fitting, bootstraps and search. No rollout uses it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

import numpy as np

from simulations.arrays import FloatArray, KeyArray
from simulations.compiled import njit


class Channel(IntEnum):
    """What a random number is used for; each use has its own, so that none disturbs another."""

    PURCHASE = 0
    ORDER_DAYS = 1
    SPEND = 2
    REDEMPTION = 3
    OPT_OUT = 4
    DEATH = 5
    POLICY = 6
    EXPLORATION = 7
    PRIORITY = 8
    HETEROGENEITY = 9
    ARRIVAL = 10
    SATISFACTION = 11
    LOGGING = 12
    HOLDOUT = 13
    WEEK = 14
    DRIFT = 15
    HOLIDAY = 16


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2 ** -53


@njit(inline=True)
def mix(word: np.uint64) -> np.uint64:
    """Scramble 64 bits (SplitMix64's finaliser)."""
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    return word ^ (word >> np.uint64(31))


@njit(inline=True)
def user_base(seed: int, member: int, user_key: np.uint64) -> np.uint64:
    """Return the part of an address that stays fixed while one user lives in one member of an ensemble."""
    word = mix(np.uint64(seed) * _GOLDEN + np.uint64(member) + np.uint64(1))
    return mix(word ^ user_key)


@njit(inline=True)
def word_at(base: np.uint64, period: int, channel: int, counter: int) -> np.uint64:
    """Return the 53 random bits at an address; `base` comes from `user_base`."""
    place = (np.uint64(period) << np.uint64(24)) + (np.uint64(channel) << np.uint64(16)) + np.uint64(counter)
    return mix(base + (place + np.uint64(1)) * _GOLDEN) >> np.uint64(11)


@njit(inline=True)
def uniform_at(base: np.uint64, period: int, channel: int, counter: int) -> float:
    """Return the uniform number in (0, 1) at an address; `base` comes from `user_base`."""
    return (np.float64(np.int64(word_at(base, period, channel, counter))) + 0.5) * _TO_UNIT


@njit()
def first_word_above(chance: float) -> np.uint64:
    """Return the least word of `word_at` whose uniform number reaches `chance`: those below it lie below the chance."""
    return np.uint64(max(math.ceil(chance / _TO_UNIT - 0.5), 0.0))


@njit()
def normal_at(base: np.uint64, period: int, channel: int, counter: int) -> float:
    """Return the standard normal number at an address (Box and Muller, 1958; uses counters `2c` and `2c + 1`)."""
    first = uniform_at(base, period, channel, 2 * counter)
    second = uniform_at(base, period, channel, 2 * counter + 1)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@njit()
def _uniforms(seed: int, member: int, user_keys: KeyArray, period: int, channel: int, counter: int) -> FloatArray:
    numbers = np.empty(user_keys.size, dtype=np.float64)
    for i in range(user_keys.size):
        numbers[i] = uniform_at(user_base(seed, member, user_keys[i]), period, channel, counter)
    return numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a batch of users stands: everything of an address but channel and counter.

    Attributes
    ----------
    seed, member, period : int
        Non-negative; `member` is the ensemble member, `period` the week.
    user_keys : (n_users,) uint64 array
        See `user_keys`.
    """

    seed: int
    member: int
    period: int
    user_keys: KeyArray

    def uniforms(self, channel: Channel, counter: int = 0) -> FloatArray:
        """Return one uniform number in (0, 1) per user.

        Examples
        --------
        >>> here = Address(seed=1, member=0, period=3, user_keys=user_keys(["anna", "bert"]))
        >>> there = Address(seed=1, member=0, period=3, user_keys=user_keys(["bert", "anna"]))
        >>> bool((here.uniforms(Channel.POLICY) == there.uniforms(Channel.POLICY)[::-1]).all())
        True
        """
        return _uniforms(self.seed, self.member, self.user_keys, self.period, int(channel), counter)


def user_keys(user_ids: Iterable[str]) -> KeyArray:
    """Turn user ids into 64-bit keys: stable between runs, machines and versions (BLAKE2b, eight bytes).

    Examples
    --------
    >>> user_keys(["900"]).dtype
    dtype('uint64')
    """
    digests = (hashlib.blake2b(str(user_id).encode(), digest_size=8).digest() for user_id in user_ids)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def numbered_keys(start: int, stop: int) -> KeyArray:
    """Return the keys of users who have no id but their number.

    Examples
    --------
    >>> bool((numbered_keys(0, 5)[3:] == numbered_keys(3, 5)).all())
    True
    """
    return _numbered_keys(start, stop)


@njit()
def _numbered_keys(start: int, stop: int) -> KeyArray:
    keys = np.empty(stop - start, dtype=np.uint64)
    for i in range(stop - start):
        keys[i] = mix(np.uint64(start + i + 1) * _GOLDEN)
    return keys


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """Return the generator named `name`: independent of every other, unmoved when one is added."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()), *index)))
