"""Stage `fit`: the simulator ensemble, judged on weeks it did not see, then fitted again on the whole history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from decision_engine.config.models import Config
from decision_engine.responses import response_set
from decision_engine.stages.effects import Estimated, EstimatedEffects
from simulations.ensemble import SimulatorEnsemble
from simulations.goodness import Goodness, judge
from simulations.panel import WeeklyPanel
from simulations.simulator import LifecycleSimulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Simulators of the fitting weeks and of the whole history.

    Attributes
    ----------
    judged : SimulatorEnsemble
        Sees the fitting weeks only; policies are chosen with it.
    final : SimulatorEnsemble
        Sees all weeks; the plan is made with it, by more members, because only its intervals cost anything there.
    goodness : Goodness or None
        How `judged` forecasts the weeks it did not see; None where too few follow the fitting weeks.
    n_training : int
        The first members of each ensemble train policies; the others only judge them.
    """

    judged: SimulatorEnsemble
    final: SimulatorEnsemble
    goodness: Goodness | None
    n_training: int

    def judging(self, ensemble: SimulatorEnsemble) -> tuple[LifecycleSimulator, ...]:
        """Return the members that no policy has seen."""
        return ensemble.members[self.n_training :]


def fit_simulators(panel: WeeklyPanel, estimated: Estimated, config: Config) -> Fitted:
    """Fit both ensembles and judge the first."""
    early = panel.as_of(config.n_fitting_periods)
    judged = fit_ensemble(
        early, estimated.judged, config, config.simulator.training_members + config.simulator.members, seed=config.seed
    )
    weeks_left = panel.n_periods - config.n_fitting_periods
    known = np.isin(panel.user_ids, early.user_ids)
    came_back = bool((panel.order_days[known, config.n_fitting_periods :] > 0).any())  # else there is nothing to judge by
    goodness = None
    if weeks_left >= config.effect_horizon_weeks and came_back:
        goodness = judge(
            judged,
            panel,
            n_fitting_periods=config.n_fitting_periods,
            seed=config.seed,
            horizon_weeks=config.effect_horizon_weeks,
            level=config.interval_level,
        )
    return Fitted(
        judged=judged,
        final=fit_ensemble(panel, estimated.final, config, config.simulator.plan_members, seed=config.seed + PLAN_SEED),
        goodness=goodness,
        n_training=config.simulator.training_members,
    )


PLAN_SEED = 1_000_003  # added to the seed: members that price the plan share no draw with those that chose the policy


def fit_ensemble(panel: WeeklyPanel, part: EstimatedEffects, config: Config, members: int, *, seed: int) -> SimulatorEnsemble:
    """Fit an ensemble on a panel that ends where knowledge ends; its first members do not depend on how many follow."""
    return SimulatorEnsemble.fit(
        panel,
        responses=response_set(config.assumed_responses(), part.model.effects, part.scale),
        rules=config.contact_rules(),
        margin_share=config.margin_share,
        service=config.service_model(),
        members=members,
        seed=seed,
    )


def simulator_document(fitted: Fitted) -> dict[str, Any]:
    """Return the `simulator` part of the run's JSON: errors over the judged weeks, the simulator's and each baseline's."""
    goodness = fitted.goodness
    if goodness is None:
        return {}
    rows = goodness.to_frame().to_dict(orient="records")
    plain = [{key: None if value != value else value for key, value in row.items()} for row in rows]
    return {
        "first_week": goodness.first_week,
        "last_week": goodness.last_week,
        "users": goodness.n_users,
        "holdout_errors": plain[0],
        "baselines": plain[1:],
        "beats_baselines": goodness.beats_baselines(),
    }
