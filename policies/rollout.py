"""The simulated value of policies: the same users, the same luck, the same limits, week by week.

Every policy lives through the same members of an ensemble under the same contact rules, weekly budget and capacities
(`policies.clamp`), and every random number has an address, so that a difference between two policies has only the noise of
what they did differently. A member is one way in which the world may be, as far as data and assumptions tell; the users are
those who happen to be in the history. An interval's draw is therefore one member and one bootstrap of users: the world is one
of the members, not their average, and more members show the spread between them better without making it smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from envs.threads import threads_for
from policies.base import Policy
from policies.clamp import Limits, clamp
from policies.comparison import PolicyComparison, PolicyOutcome
from policies.rules import DoNothing
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray
from simulations.arrivals import Arrivals, rollout_with_arrivals
from simulations.increment import expected_increments
from simulations.randomness import Address, stream
from simulations.rollout import Rollout
from simulations.simulator import LifecycleSimulator
from simulations.spread import predictive_stretch
from simulations.state import UserStates

N_DRAWS = 500  # draws behind an interval
_BLUR = 0.9  # Silverman's rule: the blur's share of the spread is this times n_members ** -1/5


def limits_of(simulators: Sequence[LifecycleSimulator], states: UserStates, *, budget: float | None, weeks: int = 8) -> Limits:
    """Take capacities from the actions, and costs as simulators expect them, redemptions included, over users."""
    actions = simulators[0].actions
    with threads_for(4 * states.n_users):
        costs = np.stack([expected_increments(one, states, weeks=weeks).cost.mean(axis=0) for one in simulators])
    capacities = np.array([-1 if action.capacity is None else action.capacity for action in actions], dtype=np.int64)
    return Limits(costs=costs.mean(axis=0), capacities=capacities, budget=budget)


def live_under(
    policy: Policy,
    simulator: LifecycleSimulator,
    states: UserStates,
    *,
    weeks: int,
    limits: Limits,
    seed: int,
    period: int = 0,
    arrivals: Arrivals | None = None,
    group: int = 0,
) -> Rollout:
    """Let one member's users live under a policy and the limits.

    Parameters
    ----------
    arrivals : Arrivals, optional
        Users who arrive meanwhile, the same ones under every policy; their rows follow those of `states`.
    group : int
        Groups of users that live apart have newcomers of their own.

    Returns
    -------
    Rollout
        Sums by user; `net_margin` is what a policy is judged by.
    """
    with threads_for(states.n_users):
        decide = None if isinstance(policy, DoNothing) else partial(_decide, policy, limits)
        if arrivals is not None:
            return rollout_with_arrivals(
                simulator, states, arrivals, decide, weeks=weeks, seed=seed, period=period, group=group
            ).lived
        return simulator.rollout(states, decide, weeks=weeks, seed=seed, period=period)


def _decide(policy: Policy, limits: Limits, observation: Float32Array, mask: BoolArray, draws: Address) -> ActionArray:
    wanted = policy.act(observation, mask, draws)
    return clamp(wanted, limits, user_keys=draws.user_keys).actions


def evaluate_policies(
    policies: Sequence[Policy],
    simulators: Sequence[LifecycleSimulator],
    states: UserStates,
    *,
    weeks: int = 13,
    limits: Limits,
    seed: int,
    level: float = 0.9,
    period: int = 0,
    on_step: Callable[[int, int], None] | None = None,
    on_lived: Callable[[str, int, Rollout], None] | None = None,
    arrivals: Arrivals | None = None,
    group: int = 0,
) -> PolicyComparison:
    """Compare policies by simulation.

    Parameters
    ----------
    policies : sequence of Policy
        Their names must differ. Doing nothing need not be among them; it is lived in any case and listed first.
    simulators : sequence of LifecycleSimulator
        Members on which nothing was trained or searched.
    states : UserStates
        Where the users stand.
    weeks : int
        Horizon.
    level : float
        Probability that intervals mean to cover, in (0, 1).
    on_step : callable, optional
        Told how many policies are done, of how many.
    on_lived : callable, optional
        Told each rollout: the policy's name, the place of the simulator, and what was lived.
    arrivals, group
        As for `live_under`; values are then per user over all who were there at any time.

    Returns
    -------
    PolicyComparison
    """
    others = [policy for policy in policies if not isinstance(policy, DoNothing)]
    everyone: list[Policy] = [DoNothing(), *others]
    margins: list[list[FloatArray]] = [[] for _ in everyone]
    sums = np.zeros((len(everyone), len(_SUMMED)), dtype=np.float64)
    for place, policy in enumerate(everyone):
        for member, simulator in enumerate(simulators):
            lived = live_under(
                policy, simulator, states, weeks=weeks, limits=limits, seed=seed, period=period, arrivals=arrivals, group=group
            )
            if on_lived is not None:
                on_lived(policy.name, member, lived)
            margins[place].append(lived.net_margin)
            sums[place] += [float(np.mean(getattr(lived, name))) for name in _SUMMED]
        if on_step is not None:
            on_step(place + 1, len(everyone))
    gains = np.array(margins)
    gains -= gains[0].copy()
    draws = value_draws(gains, level=level, seed=seed)
    means = sums / len(simulators)
    outcomes = tuple(
        PolicyOutcome(
            name=policy.name,
            kind=policy.kind,
            value=float(gains[place].mean()),
            low=float(np.quantile(draws[place], (1.0 - level) / 2.0)),
            high=float(np.quantile(draws[place], (1.0 + level) / 2.0)),
            **dict(zip(_OUTCOME_NAMES, means[place].tolist(), strict=True)),
        )
        for place, policy in enumerate(everyone)
    )
    return PolicyComparison(
        outcomes=outcomes,
        draws=draws,
        member_values=gains.mean(axis=2),
        level=level,
        weeks=weeks,
        n_users=gains.shape[2],
    )


_SUMMED = ("retained", "cost", "contacts", "opted_out", "order_days", "revenue")
_OUTCOME_NAMES = ("retention", "spend", "contacts", "opt_outs", "order_days", "revenue")


def value_draws(gains: FloatArray, *, level: float, seed: int, n_draws: int = N_DRAWS) -> FloatArray:
    """Draw what the policies may bring: each draw one world, and one resampling of users, the same for every policy.

    The world is a member picked at random, blurred by the spread between members where there are few (a smoothed bootstrap
    that keeps the spread: Silverman and Young, 1987, Biometrika 74(3)) and stretched as a prediction from few draws must be
    (`predictive_stretch`). One member tells nothing of the spread.

    Parameters
    ----------
    gains : (n_policies, n_members, n_users) array
    level : float
        Of the intervals that will be read off, in (0, 1).

    Returns
    -------
    FloatArray
        (n_policies, n_draws) means over users, about each policy's mean over all members.
    """
    n_policies, n_members, n_users = gains.shape
    rng = stream(seed, "policy value bootstrap")
    worlds = _drawn_worlds(n_members, level, rng, n_draws)
    drawn = np.zeros((n_policies, n_draws), dtype=np.float64)
    for draw in range(n_draws):
        users = np.asarray(rng.poisson(1.0, n_users), dtype=np.float64)
        by_member = np.einsum("pmu,u->pm", gains, users) / max(users.sum(), 1.0)
        drawn[:, draw] = by_member @ worlds[draw]
    return drawn


def _drawn_worlds(n_members: int, level: float, rng: np.random.Generator, n_draws: int) -> FloatArray:
    """Return (n_draws, n_members) weights, each row summing to 1: a drawn world as a mixture of members."""
    mean = np.full((n_draws, n_members), 1.0 / n_members)
    if n_members < 2:
        return mean
    blur = _BLUR * n_members**-0.2
    picked = np.eye(n_members)[rng.integers(0, n_members, n_draws)]
    noise = rng.normal(size=(n_draws, n_members)) / math.sqrt(n_members)
    away = math.sqrt(1.0 - blur**2) * (picked - mean) + blur * (noise - noise.mean(axis=1, keepdims=True))
    return np.asarray(mean + predictive_stretch(n_members, level) * away)
