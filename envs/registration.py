"""Environment ids: what `gymnasium.make` finds, told by name so that nothing heavy loads until an environment is made."""

from __future__ import annotations

import gymnasium

RETENTION = "decision_engine/Retention-v0"


def register() -> None:
    """Enter the environments into Gymnasium's registry; a second call changes nothing."""
    if RETENTION not in gymnasium.registry:
        gymnasium.register(
            id=RETENTION,
            entry_point="envs.retention:RetentionEnv",
            vector_entry_point="envs.vector:RetentionVectorEnv",
        )
