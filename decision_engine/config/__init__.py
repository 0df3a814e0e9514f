"""Configuration: the YAML file that describes a retailer's history, actions and limits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decision_engine.config.load import load_config as load_config
    from decision_engine.config.models import ActionConfig as ActionConfig
    from decision_engine.config.models import Config as Config
    from decision_engine.config.models import TableMapping as TableMapping
    from decision_engine.config.schema import config_schema as config_schema
    from decision_engine.config.sources import SourceConfig as SourceConfig

_HOME = {
    "ActionConfig": "decision_engine.config.models",
    "Config": "decision_engine.config.models",
    "SourceConfig": "decision_engine.config.sources",
    "TableMapping": "decision_engine.config.models",
    "config_schema": "decision_engine.config.schema",
    "load_config": "decision_engine.config.load",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
