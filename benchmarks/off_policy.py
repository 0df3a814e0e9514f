"""How far off-policy values lie from the truth, in bandit worlds that are known, and what choosing among estimators costs.

Of each world of `benchmarks.known_bandits`, 50 logs are drawn (seeds 0 to 49; what can be tuned was tuned on others) and valued
by every estimator on the same cross-fitted model of the reward. Told are median relative errors, and of the chosen estimator
its mean squared error over that of the best one, which nobody knows beforehand. Intervals are counted at 90 %.
"""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.known_bandits import CLICKS, DR_REFERENCE, RARE_CLICKS, WORLDS, BanditWorld
from benchmarks.measurement import Figure, run
from policies.ope import (
    Abstention,
    Believed,
    PolicyValue,
    chosen_value,
    direct_value,
    doubly_robust_value,
    importance_weights,
    inverse_propensity_value,
    marginal_value,
    self_normalised_value,
)
from policies.ope.direct import expected_rewards
from simulations.arrays import FloatArray

SEEDS, QUICK_SEEDS = 50, 3
CLICK_ROUNDS, ROUNDS, QUICK_ROUNDS = 64_000, 100_000, 4_000
LEVEL = 0.9
WORKERS = 2
ESTIMATORS = ("ips", "snips", "direct", "doubly robust", "switch", "shrinkage", "mips", "chosen")
PLAIN = ("ips", "direct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What one world's logs came to: relative errors (n_logs, n_estimators), and which intervals of the chosen one cover."""

    world: str
    relative: FloatArray
    covers: FloatArray

    def median(self, estimator: str) -> float:
        """Return the median relative error of an estimator, without its sign."""
        return float(np.median(np.abs(self.relative[:, ESTIMATORS.index(estimator)])))

    def mean_square(self, estimator: str) -> float:
        """Return the mean squared relative error of an estimator."""
        return float(np.mean(self.relative[:, ESTIMATORS.index(estimator)] ** 2))

    @property
    def best(self) -> str:
        """The estimator with the smallest mean squared error, the chosen one aside."""
        return min(ESTIMATORS[:-1], key=self.mean_square)


def value_by_all(world: BanditWorld, n: int, seed: int) -> dict[str, PolicyValue | Abstention]:
    """Value one log by every estimator."""
    log, policy, behaviour = world.draw(n, seed)
    values = expected_rewards(log, seed=seed)
    large = float(np.quantile(importance_weights(log, policy), 0.99))
    common = np.eye(int(world.categories.max()) + 1)[world.categories]

    def robust(believed: Believed) -> PolicyValue | Abstention:
        return doubly_robust_value(log, policy, action_values=values, believed=believed, level=LEVEL, smallest_size=0.0)

    return {
        "ips": inverse_propensity_value(log, policy, level=LEVEL),
        "snips": self_normalised_value(log, policy, level=LEVEL),
        "direct": direct_value(log, policy, action_values=values, level=LEVEL),
        "doubly robust": robust(Believed(family="shrinkage", strength=np.inf)),
        "switch": robust(Believed(family="switch", strength=large)),
        "shrinkage": robust(Believed(family="shrinkage", strength=large**2)),
        "mips": marginal_value(log, policy, behaviour_probabilities=behaviour, embedding_probabilities=common, level=LEVEL),
        "chosen": chosen_value(log, policy, action_values=values, level=LEVEL, smallest_size=0.0),
    }


def _one(world: int, n: int, seed: int, truth: float) -> tuple[list[float], bool]:
    found = value_by_all((CLICKS, *WORLDS)[world], n, seed)
    estimates = [value.estimate if isinstance(value, PolicyValue) else np.nan for value in found.values()]
    chosen = found["chosen"]
    return [estimate / truth - 1.0 for estimate in estimates], isinstance(chosen, PolicyValue) and (
        chosen.low <= truth <= chosen.high
    )


def errors_of(world: int, *, n: int, n_seeds: int, pool: ProcessPoolExecutor) -> Errors:
    """Value the logs of one world in parallel."""
    known = (CLICKS, *WORLDS)[world]
    truth = known.true_value()
    told = list(pool.map(_one, *zip(*[(world, n, seed, truth) for seed in range(n_seeds)], strict=True)))
    return Errors(
        world=known.name,
        relative=np.array([relative for relative, _ in told]),
        covers=np.array([covered for _, covered in told], dtype=np.float64),
    )


def measure(quick: bool) -> list[Figure]:
    """Return the figures of all worlds."""
    n_seeds = QUICK_SEEDS if quick else SEEDS
    with ProcessPoolExecutor(WORKERS) as pool:
        found = [
            errors_of(k, n=QUICK_ROUNDS if quick else ROUNDS if k else CLICK_ROUNDS, n_seeds=n_seeds, pool=pool)
            for k in range(len(WORLDS) + 1)
        ]
    clicks, worlds = found[0], {one.world: one for one in found[1:]}
    figures = [_error_figure("ope_relative_error", clicks, "at most 0.03"), _ratio_figure("ope_mse_ratio", clicks)]
    figures.append(_error_figure("ope_relative_error_rare", worlds[RARE_CLICKS.name], ""))
    for name, one in worlds.items():
        against = min(one.median(plain) for plain in PLAIN)
        bar = "at most 0.5" if name == DR_REFERENCE.name else "at most 1.2"
        each = ", ".join(f"{estimator} {one.median(estimator):.2%}" for estimator in ESTIMATORS)
        figures.append(
            Figure(
                name=f"ope_ratio_{_slug(name)}",
                value=one.median("doubly robust") / against,
                unit="ratio",
                to_reach=bar,
                peer="the chosen estimator",
                peer_value=one.median("chosen") / against,
                note=f"median relative error over that of the better of {' and '.join(PLAIN)}, {n_seeds} logs: {each}",
            )
        )
        figures.append(_ratio_figure(f"ope_mse_ratio_{_slug(name)}", one))
    covered = np.concatenate([one.covers for one in found])
    note = f"of the chosen estimator's {LEVEL:.0%} intervals over all worlds, {covered.size} logs"
    return [*figures, Figure(name="ope_chosen_coverage", value=float(covered.mean()), unit="share", note=note)]


def _slug(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name)


def _error_figure(name: str, errors: Errors, to_reach: str) -> Figure:
    each = ", ".join(f"{estimator} {errors.median(estimator):.2%}" for estimator in ESTIMATORS)
    return Figure(
        name=name,
        value=errors.median("chosen"),
        unit="share of the value",
        to_reach=to_reach,
        peer="self-normalised weights",
        peer_value=errors.median("snips"),
        note=f"{errors.world}, median of {len(errors.relative)} logs: {each}",
    )


def _ratio_figure(name: str, errors: Errors) -> Figure:
    return Figure(
        name=name,
        value=errors.mean_square("chosen") / errors.mean_square(errors.best),
        unit="ratio",
        to_reach="at most 1.2",
        note=f"{errors.world}: mean squared error over that of the best estimator, {errors.best}",
    )


if __name__ == "__main__":
    run("off_policy", measure)
