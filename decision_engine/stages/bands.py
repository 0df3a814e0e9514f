"""Stage `bands`: the simulator and the baselines at several origins, each fitted on the weeks before it alone."""

from __future__ import annotations

from collections.abc import Callable

from decision_engine.config.models import Config
from decision_engine.responses import response_set
from simulations.ensemble import SimulatorEnsemble
from simulations.fidelity.rolling import RollingBands, rolling_bands
from simulations.panel import WeeklyPanel
from simulations.response import response_scale

MEMBERS = 4  # at each origin; a band of sums over all users hardly depends on more


def roll(panel: WeeklyPanel, config: Config, on_step: Callable[[int, int], None] | None = None) -> RollingBands:
    """Fit at every origin and forecast the weeks of the effect horizon.

    Responses are as configured: an estimate of an action's effect may have seen weeks that an early origin must not see.
    """
    return rolling_bands(
        panel,
        lambda early: _fit(early, config),
        horizon_weeks=config.effect_horizon_weeks,
        seed=config.seed,
        level=config.interval_level,
        on_step=on_step,
    )


def _fit(early: WeeklyPanel, config: Config) -> SimulatorEnsemble:
    return SimulatorEnsemble.fit(
        early,
        responses=response_set(config.assumed_responses(), (), response_scale(early)),
        rules=config.contact_rules(),
        margin_share=config.margin_share,
        service=config.service_model(),
        members=MEMBERS,
        seed=config.seed,
    )
