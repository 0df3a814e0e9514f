"""Off-policy evaluation: what a policy would have brought, from decisions that another one logged."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.ope.choice import chosen_value as chosen_value
    from policies.ope.choice import slope as slope
    from policies.ope.direct import direct_value as direct_value
    from policies.ope.doubly_robust import doubly_robust_value as doubly_robust_value
    from policies.ope.embeddings import marginal_value as marginal_value
    from policies.ope.log import InteractionLog as InteractionLog
    from policies.ope.marginalised import marginalised_value as marginalised_value
    from policies.ope.sequential import fitted_q_value as fitted_q_value
    from policies.ope.sequential import per_decision_value as per_decision_value
    from policies.ope.sequential import sequential_doubly_robust_value as sequential_doubly_robust_value
    from policies.ope.shrinkage import Believed as Believed
    from policies.ope.trajectories import TrajectoryLog as TrajectoryLog
    from policies.ope.value import Abstention as Abstention
    from policies.ope.value import PolicyValue as PolicyValue
    from policies.ope.weights import importance_weights as importance_weights
    from policies.ope.weights import inverse_propensity_value as inverse_propensity_value
    from policies.ope.weights import self_normalised_value as self_normalised_value

_HOME = {
    "Abstention": "policies.ope.value",
    "Believed": "policies.ope.shrinkage",
    "InteractionLog": "policies.ope.log",
    "PolicyValue": "policies.ope.value",
    "TrajectoryLog": "policies.ope.trajectories",
    "fitted_q_value": "policies.ope.sequential",
    "marginalised_value": "policies.ope.marginalised",
    "per_decision_value": "policies.ope.sequential",
    "sequential_doubly_robust_value": "policies.ope.sequential",
    "chosen_value": "policies.ope.choice",
    "direct_value": "policies.ope.direct",
    "doubly_robust_value": "policies.ope.doubly_robust",
    "importance_weights": "policies.ope.weights",
    "inverse_propensity_value": "policies.ope.weights",
    "marginal_value": "policies.ope.embeddings",
    "self_normalised_value": "policies.ope.weights",
    "slope": "policies.ope.choice",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
