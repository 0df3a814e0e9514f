"""The stages of the main job, a file each: pure functions from earlier stages' results to a result."""

from __future__ import annotations

__all__: list[str] = []
