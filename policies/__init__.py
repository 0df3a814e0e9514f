"""Ways to choose actions, to compare them and to search among them."""

from __future__ import annotations

__all__: list[str] = []
