"""From a retailer's history to a plan of actions that people can approve, and the reasons to believe it."""

from __future__ import annotations

__all__: list[str] = []
