"""The worlds of known bandits, and what their benchmark says of the estimators."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.known_bandits import CLICKS, N_ACTIONS, WORLDS, BanditWorld
from benchmarks.off_policy import ESTIMATORS, value_by_all
from policies.ope import PolicyValue

EVERY = (CLICKS, *WORLDS)


@pytest.mark.parametrize("world", EVERY, ids=lambda world: world.name)
def test_a_world_draws_what_it_says(world: BanditWorld) -> None:
    """Mean rewards of 20,000 rounds lie within 5 standard errors of the means that were drawn from."""
    log, policy, behaviour = world.draw(20_000, 3)
    assert behaviour.min() >= world.smallest
    assert np.allclose(behaviour.sum(axis=1), 1.0)
    assert np.allclose(policy.sum(axis=1), 1.0)
    assert log.propensities is not None
    assert np.array_equal(log.propensities, behaviour[np.arange(log.n_decisions), log.actions])
    means = world.means(np.asarray(log.contexts, dtype=np.float64))[np.arange(log.n_decisions), log.actions]
    error = float((log.rewards - means).std()) / np.sqrt(log.n_decisions)
    assert abs(float((log.rewards - means).mean())) < 5.0 * error
    assert len(np.unique(log.actions)) == N_ACTIONS


def test_every_estimator_values_a_log_within_its_error() -> None:
    """Estimates other than the direct one lie within 5 of their standard errors of the truth."""
    found = value_by_all(CLICKS, 10_000, 4)
    assert tuple(found) == ESTIMATORS
    truth = CLICKS.true_value()
    for name, value in found.items():
        assert isinstance(value, PolicyValue)
        if name not in ("direct", "switch", "shrinkage"):  # these have a bias that their errors do not know
            assert abs(value.estimate - truth) < 5.0 * value.standard_error
