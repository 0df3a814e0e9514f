"""Are simulated lives like real ones: distributions, retention, life stages, a classifier, and bands over rolling origins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.fidelity.likeness import Likeness as Likeness
    from simulations.fidelity.likeness import likeness as likeness
    from simulations.fidelity.rolling import RollingBands as RollingBands
    from simulations.fidelity.rolling import rolling_bands as rolling_bands
    from simulations.fidelity.stretch import Stretch as Stretch

_HOME = {
    "Likeness": "simulations.fidelity.likeness",
    "RollingBands": "simulations.fidelity.rolling",
    "Stretch": "simulations.fidelity.stretch",
    "likeness": "simulations.fidelity.likeness",
    "rolling_bands": "simulations.fidelity.rolling",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
