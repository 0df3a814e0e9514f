"""Ways to choose actions, to compare them and to search among them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.base import Decision as Decision
    from policies.base import Policy as Policy
    from policies.clamp import Limits as Limits
    from policies.comparison import Choice as Choice
    from policies.comparison import PolicyComparison as PolicyComparison
    from policies.comparison import choose as choose
    from policies.rollout import evaluate_policies as evaluate_policies
    from policies.rollout import limits_of as limits_of
    from policies.rules import DoNothing as DoNothing
    from policies.rules import FixedAction as FixedAction
    from policies.rules import HistoryPolicy as HistoryPolicy
    from policies.rules import RecencyRule as RecencyRule
    from policies.rules import RfmRule as RfmRule
    from policies.stored import load_policy as load_policy
    from policies.stored import save_policy as save_policy
    from policies.uplift_greedy import UpliftGreedy as UpliftGreedy

_HOME = {
    "Choice": "policies.comparison",
    "Decision": "policies.base",
    "DoNothing": "policies.rules",
    "FixedAction": "policies.rules",
    "HistoryPolicy": "policies.rules",
    "Limits": "policies.clamp",
    "Policy": "policies.base",
    "PolicyComparison": "policies.comparison",
    "RecencyRule": "policies.rules",
    "RfmRule": "policies.rules",
    "UpliftGreedy": "policies.uplift_greedy",
    "choose": "policies.comparison",
    "evaluate_policies": "policies.rollout",
    "limits_of": "policies.rollout",
    "load_policy": "policies.stored",
    "save_policy": "policies.stored",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
