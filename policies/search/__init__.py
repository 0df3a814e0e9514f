"""Search: settings of policies tried in simulation, asked and told in one order however many workers try them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.search.objective import PolicyFactory as PolicyFactory
    from policies.search.objective import SimulatedValue as SimulatedValue
    from policies.search.space import Space as Space
    from policies.search.space import default_space as default_space
    from policies.search.study import SearchResult as SearchResult
    from policies.search.study import search as search

_HOME = {
    "PolicyFactory": "policies.search.objective",
    "SearchResult": "policies.search.study",
    "SimulatedValue": "policies.search.objective",
    "Space": "policies.search.space",
    "default_space": "policies.search.space",
    "search": "policies.search.study",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
