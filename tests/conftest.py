"""What tests of every room share: quiet charts, repeatable properties, fresh interpreters and the shared data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# A busy machine must not fail a property, and a failure must come back when the tests run again.
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

CHECKOUT = Path(__file__).resolve().parents[1]

Interpreter = Callable[[str], object]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the root of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def fresh_interpreter() -> Interpreter:
    """Return a function that runs code in a new interpreter at the checkout and reads the JSON it prints last."""

    def run(code: str) -> object:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"the code failed:\n{code}\n{done.stderr}"
        result: object = json.loads(done.stdout.splitlines()[-1])
        return result

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of shared data sets, named by DECISION_ENGINE_DATA; skip where there is none."""
    named = os.environ.get("DECISION_ENGINE_DATA")
    if not named:
        pytest.skip("DECISION_ENGINE_DATA names no folder of shared data")
    folder = Path(named)
    assert folder.is_dir(), f"DECISION_ENGINE_DATA is {folder}, which is no folder"
    return folder
