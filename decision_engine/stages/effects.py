"""Stage `effects`: what each action changes, on the fitting weeks for judging and on the whole history for the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.effects.model import EffectModel, estimate_effects
from decision_engine.history import History
from simulations.panel import WeeklyPanel
from simulations.response import ResponseScale, response_scale


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedEffects:
    """Effects known at one date, with the scale on which their shifts are told."""

    model: EffectModel
    scale: ResponseScale


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """Effects as known after the fitting weeks, and after all weeks."""

    judged: EstimatedEffects
    final: EstimatedEffects


def estimate(panel: WeeklyPanel, history: History, config: Config) -> Estimated:
    """Estimate the effects of all actions that the configuration wants estimated, at both dates."""
    exposures, customers = history.tables.get("exposures"), history.tables.get("customers")
    early = panel.as_of(config.n_fitting_periods)
    return Estimated(
        judged=estimate_at(early, exposures, customers, config), final=estimate_at(panel, exposures, customers, config)
    )


def estimate_at(
    panel: WeeklyPanel, exposures: pd.DataFrame | None, customers: pd.DataFrame | None, config: Config
) -> EstimatedEffects:
    """Estimate the effects from a panel that ends where knowledge ends; later exposures are not looked at."""
    scale = response_scale(panel)
    model = estimate_effects(
        panel,
        exposures,
        actions=panel.actions,
        which=[action.name for action in config.actions if action.effect == "estimated"],
        assumed=[action.name for action in config.actions if action.effect == "assumed"],
        responses=config.assumed_responses(),
        scale=scale,
        horizon_weeks=config.effect_horizon_weeks,
        margin_share=config.margin_share,
        level=config.interval_level,
        seed=config.seed,
        customers=customers,
    )
    return EstimatedEffects(model=model, scale=scale)


def effects_document(effects: EffectModel) -> list[dict[str, Any]]:
    """Return the `effects` part of the run's JSON: estimate, interval, verdict and reasons by action."""
    frame = effects.to_frame()
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    for row, effect in zip(rows, effects.effects, strict=True):
        row["reasons"] = list(effect.reasons)
        row["course"] = effect.course or None
        row["other_courses"] = [{"duration_weeks": other.duration_weeks, "ratio": other.ratio} for other in effect.courses]
        row["experiment"] = None if effect.experiment is None else effect.experiment.summary()
    return [{str(key): value for key, value in row.items()} for row in rows]
