"""Rollouts of more users than memory likes: one shard of users after the other, of which only sums are kept.

A user's life depends on that user alone, so that shards may be cut anywhere. `drawn_users` gives each place of a large
population a user who resembles one of the history, by address: the same one whatever the shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from simulations.arrays import FloatArray, IntArray
from simulations.deciding import Acts, Decide
from simulations.kernel import N_TOTALS
from simulations.randomness import Address, Channel, numbered_keys, stream, user_keys
from simulations.rollout import Rollout
from simulations.simulator import LifecycleSimulator
from simulations.state import UserStates

SHARD_USERS = 200_000  # some 60 MB with what a rollout needs beside the states


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedRollout:
    """Sums over all users of a rollout in shards.

    Attributes
    ----------
    n_users : int
    weekly : (n_weeks, N_TOTALS) float64 array
        Columns as `simulations.kernel` names them.
    retained : int
        Users who bought in the last weeks.
    """

    n_users: int
    weekly: FloatArray
    retained: int


def drawn_users(states: UserStates, n_users: int, *, seed: int, shard_users: int = SHARD_USERS) -> Iterator[UserStates]:
    """Yield `n_users` users shard by shard, each in the state of a random user of `states`, with a key of their own.

    Examples
    --------
    >>> from simulations.scenarios import tiny_panel
    >>> from simulations.state import fold
    >>> [shard.n_users for shard in drawn_users(fold(tiny_panel()), 5, seed=1, shard_users=3)]
    [3, 2]
    """
    for first in range(0, n_users, shard_users):
        keys = numbered_keys(first, min(first + shard_users, n_users))
        uniforms = Address(seed=seed, member=0, period=0, user_keys=keys).uniforms(Channel.ARRIVAL)
        yield replace(states.take(np.floor(uniforms * states.n_users).astype(np.int64)), user_keys=keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnUsers:
    """Users of a history, all of them as often as they fit into the number asked for, the rest drawn at random.

    Attributes
    ----------
    states : UserStates
        Of the history's users.
    rest : (n,) int array
        Rows that come once more after the full rounds, or the only ones.
    """

    states: UserStates
    n_users: int
    rest: IntArray
    seed: int

    @classmethod
    def of(cls, states: UserStates, n_users: int, seed: int) -> DrawnUsers:
        """Draw `n_users` users."""
        rows = stream(seed, "simulated users").choice(states.n_users, n_users % states.n_users, replace=False)
        return cls(states=states, n_users=n_users, rest=np.sort(rows), seed=seed)

    def between(
        self, first: int, stop: int, members: Sequence[LifecycleSimulator]
    ) -> tuple[UserStates, list[LifecycleSimulator]]:
        """Return the states of users [first, stop), and members that know them.

        Whoever comes a second time has a key of their own, and what is known of the user whom they repeat.
        """
        places = np.arange(first, stop)
        in_rounds = self.n_users // self.states.n_users * self.states.n_users
        rows = places % self.states.n_users
        rows[places >= in_rounds] = self.rest[places[places >= in_rounds] - in_rounds]
        states = self.states.take(rows)
        copies = (places >= self.states.n_users) & (in_rounds > 0)
        if not copies.any():
            return states, list(members)
        keys = np.where(copies, numbered_keys(first, stop), states.user_keys)
        keys[copies] ^= user_keys([f"copies of {self.seed}"])[0]
        known = [
            replace(one, fit=replace(one.fit, latents=one.fit.latents.lent_to(keys[copies], states.user_keys[copies])))
            for one in members
        ]
        return replace(states, user_keys=keys), known


def rollout_in_shards(
    simulator: LifecycleSimulator,
    shards: Iterable[UserStates],
    decide: Decide | Acts | None = None,
    *,
    weeks: int,
    seed: int = 0,
    period: int = 0,
    on_shard: Callable[[int, Rollout], None] | None = None,
) -> ShardedRollout:
    """Live several weeks, shard after shard.

    Parameters
    ----------
    shards : iterable of UserStates
        Such as `drawn_users` yields; each is let go once it has been lived.
    decide : policy or callable, optional
        As for `LifecycleSimulator.rollout`; it sees one shard at a time, so that it cannot share out a common budget.
    on_shard : callable, optional
        Told after each shard how many users are done, and the shard's rollout, to show progress or to write it away.
    """
    done, retained, weekly = 0, 0, np.zeros((weeks, N_TOTALS), dtype=np.float64)
    for states in shards:
        lived = simulator.rollout(states, decide, weeks=weeks, seed=seed, period=period)
        done += states.n_users
        retained += int(np.count_nonzero(lived.retained))
        weekly += lived.weekly
        if on_shard is not None:
            on_shard(done, lived)
    return ShardedRollout(n_users=done, weekly=weekly, retained=retained)
