"""Runs that several tests read: e-mails that help some and hurt others, and e-mails that help everybody alike."""

from __future__ import annotations

import pytest

from benchmarks.known_experiment import draw_experiment
from tests.experiment.email_test import Ran, run


@pytest.fixture(scope="session")
def opposed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Return a run on a test in which targeting pays."""
    return run(tmp_path_factory.mktemp("opposed"), draw_experiment(24_000, seed=3, opposed=True, lift=2.0))


@pytest.fixture(scope="session")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Return a run on a test in which it does not."""
    return run(tmp_path_factory.mktemp("alike"), draw_experiment(24_000, seed=5, lift=1.6))
