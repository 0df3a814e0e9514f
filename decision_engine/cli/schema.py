"""`decision-engine schema`: the JSON Schema of the configuration, for editors."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of the configuration, so that editors complete and check it."""
    from decision_engine.cli.options import print_json
    from decision_engine.config import config_schema

    print_json(config_schema())
