"""Stage `search`: settings of the rule and of uplift-greedy, tried on training members only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.stages.fit import Fitted
from decision_engine.stages.learn import Classroom, PolicySettings
from decision_engine.workspace import digest_of
from policies.search.objective import SimulatedValue
from policies.search.space import default_space
from policies.search.study import search
from simulations.panel import WeeklyPanel

HORIZONS = (4, 13)  # weeks over which an increment may count, besides the configured ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What the search found.

    Attributes
    ----------
    settings : PolicySettings
        The best point of each family; the default where none was tried.
    trials : DataFrame
        A row a trial: place, value (per user over the policy horizon, on training members), kind and parameters.
    """

    settings: PolicySettings
    trials: pd.DataFrame


def search_settings(
    panel: WeeklyPanel,
    fitted: Fitted,
    config: Config,
    *,
    key: str,
    workers: int,
    folder: Path | None,
    on_step: Callable[[int, int], None] | None = None,
) -> Searched:
    """Search on the fitting weeks.

    A search that was stopped goes on where its journal in `folder` ends; without a folder none is kept.

    Parameters
    ----------
    key : str
        Digest of everything that the objective depends on.
    workers : int
        Processes; the result is the same with any number.
    """
    default = PolicySettings.default(config)
    if not config.search.trials:
        return Searched(settings=default, trials=pd.DataFrame())
    everyone = Classroom.of(panel.as_of(config.n_fitting_periods), fitted.judged, fitted.n_training, config)
    classroom = everyone.sample(config.search.users)
    objective = SimulatedValue.of(
        classroom.factory,
        classroom.ensemble.members,
        classroom.states,
        weeks=config.policy_horizon_weeks,
        limits=classroom.limits,
        seed=config.seed,
    )
    result = search(
        default_space(panel.actions, tuple(sorted({*HORIZONS, config.effect_horizon_weeks}))),
        objective,
        trials=config.search.trials,
        seed=config.seed,
        workers=workers,
        storage=None if folder is None else folder / f"{digest_of(key)}.journal",
        key=key,
        first=(default.greedy, default.rule),
        on_step=on_step,
    )
    best = {trial.params["kind"]: trial.params for trial in sorted(result.trials, key=lambda one: (one.value, -one.place))}
    return Searched(
        settings=PolicySettings(rule=best.get("rfm_rule", default.rule), greedy=best.get("uplift_greedy", default.greedy)),
        trials=result.to_frame(),
    )


def search_document(searched: Searched) -> dict[str, Any]:
    """Return the `search` part of the run's JSON: how many trials, and the best point of each family."""
    return {
        "trials": len(searched.trials),
        "rule": dict(searched.settings.rule),
        "greedy": dict(searched.settings.greedy),
    }
