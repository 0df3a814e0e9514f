"""Gymnasium environments over the simulated lifecycles: the decisions of a campaign as problems to learn on.

Importing this door enters the ids into Gymnasium's registry: after it ``gymnasium.make("decision_engine/Retention-v0")`` works,
and ``gymnasium.make("envs:decision_engine/Retention-v0")`` works without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from envs.registration import register

if TYPE_CHECKING:
    from envs.retention import RetentionEnv as RetentionEnv
    from envs.sb3 import sb3_vec_env as sb3_vec_env
    from envs.vector import RetentionVectorEnv as RetentionVectorEnv

_HOME = {
    "RetentionEnv": "envs.retention",
    "RetentionVectorEnv": "envs.vector",
    "sb3_vec_env": "envs.sb3",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


register()
