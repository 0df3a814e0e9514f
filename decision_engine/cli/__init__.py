"""The command line: one file a command, each importing what it needs only when it runs."""

from __future__ import annotations

__all__: list[str] = []
