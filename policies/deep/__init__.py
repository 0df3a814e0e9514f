"""Deep reinforcement learning: policies trained in the environments, stored as plain arrays."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.deep.ppo import PPOPolicy as PPOPolicy
    from policies.deep.training import PPOSettings as PPOSettings
    from policies.deep.training import train_ppo as train_ppo

_HOME = {
    "PPOPolicy": "policies.deep.ppo",
    "PPOSettings": "policies.deep.training",
    "train_ppo": "policies.deep.training",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
