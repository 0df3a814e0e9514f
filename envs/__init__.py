"""Gymnasium environments over the simulated lifecycles: the decisions of a campaign as problems to learn on."""

from __future__ import annotations

__all__: list[str] = []
