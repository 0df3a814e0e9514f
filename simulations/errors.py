"""The tree of errors: what went wrong, told apart by who can mend it."""

from __future__ import annotations


class DecisionEngineError(Exception):
    """Anything this project raises on purpose."""


class InputError(DecisionEngineError):
    """What the user gave cannot be used; the message says where, what is wrong and what would be right.

    The command line turns it into exit code 2.
    """


class ConfigError(InputError):
    """The configuration breaks its contract."""


class HistoryError(InputError):
    """The history (orders, exposures, customers, ...) breaks its contract."""


class PlanError(InputError):
    """A plan, its approval or its export breaks a rule of the ledger."""


class MissingExtraError(InputError):
    """An optional dependency is asked for and not installed."""


class NotFittedError(DecisionEngineError):
    """A model is used before `fit`."""


class ArtifactError(DecisionEngineError):
    """A stored artifact is missing, corrupt or of another version."""
