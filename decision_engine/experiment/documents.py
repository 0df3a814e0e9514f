"""The effects of an experiment as the rows of a JSON document; what a row does not have is absent from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decision_engine.experiment.effects import TrialEffects


def trial_effects_document(effects: TrialEffects, used: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the `effects` part of the run's JSON.

    Parameters
    ----------
    used : frame
        A row an action with which the plan reckons: action, source, estimate, low, high.
    """
    reckoned = {row["action"]: row for row in used.to_dict(orient="records")}
    names = {effect.action: place for place, effect in enumerate(effects.model.effects, start=1)}
    rows = []
    for effect in effects.model.effects:
        row: dict[str, Any] = {"action": effect.action, "verdict": str(effect.verdict), "reasons": list(effect.reasons)}
        for name in _TOLD if effect.mode != "none" else _TOLD_WITHOUT_DATA:
            if getattr(effect, name) is not None:
                row[name] = getattr(effect, name)
        row["horizon_weeks"], row["level"] = effect.horizon_weeks, effect.level
        others = effects.outcomes[effects.outcomes["action"] == effect.action]
        if len(others):
            row["outcomes"] = others.drop(columns="action").to_dict(orient="records")
        if effect.checks:
            row["checks"] = [
                {"name": c.name, "passed": bool(c.passed), "value": _finite(c.value), "words": c.words} for c in effect.checks
            ]
        if effect.experiment is not None:
            row["experiment"] = effect.experiment.summary()
            row["experiment_n_per_arm"] = effect.experiment.n_per_arm
        slope = effects.slopes.get(names.get(effect.action, -1))
        if slope is not None:
            error = float(np.sqrt(slope.covariance[1, 1]))
            row["differences"] = {
                "standard_deviation": effects.spread(names[effect.action]),
                "slope": slope.slope,
                "slope_error": error,
            }
        if effect.action in reckoned:
            row["used"] = {key: reckoned[effect.action][key] for key in ("source", "estimate", "low", "high")}
        rows.append(row)
    return rows


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_TOLD_WITHOUT_DATA = ("estimate", "low", "high")
_TOLD = (
    *_TOLD_WITHOUT_DATA, "econml_estimate", "econml_low", "econml_high", "n_treated", "n_control", "effective_sample_size",
    "auc", "overlap_share", "mode", "population",
)  # fmt: skip
