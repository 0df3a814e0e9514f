"""The user's world: actions, contact rules, weekly history, states, responses and the lifecycles simulated from them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.actions import Action as Action
    from simulations.actions import ActionKind as ActionKind
    from simulations.actions import ActionSet as ActionSet
    from simulations.arrivals import Arrivals as Arrivals
    from simulations.arrivals import rollout_with_arrivals as rollout_with_arrivals
    from simulations.behaviour import BehaviourFit as BehaviourFit
    from simulations.contact import ContactRules as ContactRules
    from simulations.contact import action_mask as action_mask
    from simulations.ensemble import SimulatorEnsemble as SimulatorEnsemble
    from simulations.errors import ArtifactError as ArtifactError
    from simulations.errors import ConfigError as ConfigError
    from simulations.errors import DecisionEngineError as DecisionEngineError
    from simulations.errors import HistoryError as HistoryError
    from simulations.errors import InputError as InputError
    from simulations.errors import MissingExtraError as MissingExtraError
    from simulations.errors import NotFittedError as NotFittedError
    from simulations.errors import PlanError as PlanError
    from simulations.features import Feature as Feature
    from simulations.features import fold_observations as fold_observations
    from simulations.features import observe as observe
    from simulations.heads import AdditiveHead as AdditiveHead
    from simulations.increment import Increments as Increments
    from simulations.increment import expected_increments as expected_increments
    from simulations.outlook import Outlook as Outlook
    from simulations.outlook import Span as Span
    from simulations.panel import Calendar as Calendar
    from simulations.panel import WeeklyPanel as WeeklyPanel
    from simulations.panel import build_panel as build_panel
    from simulations.population import Population as Population
    from simulations.response import ActionResponse as ActionResponse
    from simulations.response import Quantity as Quantity
    from simulations.response import ResponseScale as ResponseScale
    from simulations.response import ResponseSet as ResponseSet
    from simulations.response import Source as Source
    from simulations.response import response_scale as response_scale
    from simulations.rollout import PeriodEvents as PeriodEvents
    from simulations.rollout import Rollout as Rollout
    from simulations.scenarios import World as World
    from simulations.scenarios import draw_world as draw_world
    from simulations.shards import ShardedRollout as ShardedRollout
    from simulations.shards import drawn_users as drawn_users
    from simulations.shards import rollout_in_shards as rollout_in_shards
    from simulations.simulator import LifecycleSimulator as LifecycleSimulator
    from simulations.standing_rule import StandingRule as StandingRule
    from simulations.state import UserStates as UserStates
    from simulations.state import advance as advance
    from simulations.state import fold as fold

_HOME = {
    "Action": "simulations.actions",
    "ActionKind": "simulations.actions",
    "ActionResponse": "simulations.response",
    "ActionSet": "simulations.actions",
    "AdditiveHead": "simulations.heads",
    "Arrivals": "simulations.arrivals",
    "ArtifactError": "simulations.errors",
    "BehaviourFit": "simulations.behaviour",
    "Calendar": "simulations.panel",
    "ConfigError": "simulations.errors",
    "ContactRules": "simulations.contact",
    "DecisionEngineError": "simulations.errors",
    "Feature": "simulations.features",
    "HistoryError": "simulations.errors",
    "Increments": "simulations.increment",
    "InputError": "simulations.errors",
    "LifecycleSimulator": "simulations.simulator",
    "MissingExtraError": "simulations.errors",
    "NotFittedError": "simulations.errors",
    "Outlook": "simulations.outlook",
    "PeriodEvents": "simulations.rollout",
    "PlanError": "simulations.errors",
    "Population": "simulations.population",
    "Quantity": "simulations.response",
    "ResponseScale": "simulations.response",
    "ResponseSet": "simulations.response",
    "Rollout": "simulations.rollout",
    "ShardedRollout": "simulations.shards",
    "SimulatorEnsemble": "simulations.ensemble",
    "Source": "simulations.response",
    "Span": "simulations.outlook",
    "StandingRule": "simulations.standing_rule",
    "UserStates": "simulations.state",
    "WeeklyPanel": "simulations.panel",
    "World": "simulations.scenarios",
    "action_mask": "simulations.contact",
    "advance": "simulations.state",
    "build_panel": "simulations.panel",
    "draw_world": "simulations.scenarios",
    "drawn_users": "simulations.shards",
    "expected_increments": "simulations.increment",
    "fold": "simulations.state",
    "fold_observations": "simulations.features",
    "observe": "simulations.features",
    "response_scale": "simulations.response",
    "rollout_in_shards": "simulations.shards",
    "rollout_with_arrivals": "simulations.arrivals",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
