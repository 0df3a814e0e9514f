"""Buy-till-you-die models of three or four parameters: the baselines that a simulator has to beat."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.parametric.bg_nbd import BgNbd as BgNbd
    from simulations.parametric.gamma_gamma import GammaGamma as GammaGamma
    from simulations.parametric.pareto_nbd import ParetoNbd as ParetoNbd
    from simulations.parametric.repeats import RepeatHistory as RepeatHistory

_HOME = {
    "BgNbd": "simulations.parametric.bg_nbd",
    "GammaGamma": "simulations.parametric.gamma_gamma",
    "ParetoNbd": "simulations.parametric.pareto_nbd",
    "RepeatHistory": "simulations.parametric.repeats",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
