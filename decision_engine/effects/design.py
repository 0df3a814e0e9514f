"""The experiment that would settle it: two arms dealt at random, and how many users it takes.

For equal arms, an outcome of standard deviation s, a two-sided test at size alpha with power 1 - beta, and a smallest effect d
worth knowing, each arm needs

    n = 2 s^2 (z_{1 - alpha/2} + z_{1 - beta})^2 / d^2

users (Kohavi, Tang and Xu, 2020, Trustworthy Online Controlled Experiments, chapter 17).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A two-arm test.

    Attributes
    ----------
    n_per_arm : int
        Users in each arm.
    smallest_effect : float
        Effect found with probability `power`, in currency a user over the horizon.
    standard_deviation : float
        Of the margin of a user over the horizon, in currency.
    detectable_with_all : float
        Smallest effect that a test on all present users would find.
    """

    n_per_arm: int
    smallest_effect: float
    standard_deviation: float
    detectable_with_all: float
    horizon_weeks: int
    level: float
    power: float
    n_users: int

    def summary(self) -> str:
        """Return what to do, in words."""
        words = (
            f"Give the action to {self.n_per_arm:,} users drawn at random and leave {self.n_per_arm:,} others alone, record "
            f"the draw, and compare the margin of {self.horizon_weeks} weeks: an effect of {self.smallest_effect:.2f} a user "
            f"is found with {self.power:.0%} probability."
        )
        if 2 * self.n_per_arm > self.n_users:
            words += (
                f" That is more than the {self.n_users:,} users there are: repeat the draw in several periods, or settle for "
                f"{self.detectable_with_all:.2f}."
            )
        return words


def design_experiment(
    *,
    standard_deviation: float,
    smallest_effect: float,
    n_users: int,
    horizon_weeks: int,
    level: float = 0.9,
    power: float = POWER,
) -> Experiment:
    """Return the test that finds `smallest_effect` with probability `power`.

    Examples
    --------
    >>> design_experiment(standard_deviation=10.0, smallest_effect=1.0, n_users=5000, horizon_weeks=8, level=0.95).n_per_arm
    1570
    """
    reach = float(norm.ppf(0.5 + level / 2.0) + norm.ppf(power))
    n_per_arm = math.ceil(2.0 * (standard_deviation * reach / smallest_effect) ** 2)
    return Experiment(
        n_per_arm=n_per_arm,
        smallest_effect=smallest_effect,
        standard_deviation=standard_deviation,
        detectable_with_all=standard_deviation * reach * math.sqrt(4.0 / max(n_users, 1)),
        horizon_weeks=horizon_weeks,
        level=level,
        power=power,
        n_users=n_users,
    )
