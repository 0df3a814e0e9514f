"""What people read: tables, figures and pages, made from frames and plain values."""

from __future__ import annotations

__all__: list[str] = []
