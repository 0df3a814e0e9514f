"""Bandits: policies that learn from the outcome of each single contact."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.bandits.linucb import LinUCB as LinUCB
    from policies.bandits.linucb import warm_start as warm_start

_HOME = {"LinUCB": "policies.bandits.linucb", "warm_start": "policies.bandits.linucb"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
