"""What was fitted, on disk: one file of arrays, one of plain values; nothing in them is executed when read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.actions import Action, ActionKind, ActionSet
from simulations.behaviour import BehaviourFit
from simulations.contact import ContactRules
from simulations.errors import ArtifactError
from simulations.heads import AdditiveHead, Binning
from simulations.heterogeneity import Latents
from simulations.holidays import Holiday
from simulations.response import QUANTITIES, ActionResponse, Quantity, Source
from simulations.weeks_ahead import WeeksAhead

FORMAT = 5
StoredArrays = dict[str, NDArray[Any]]
_HEADS = ("purchase", "days", "spend", "alive")
_AHEAD = ("first_days", "holiday_effects", "holiday_doubts")
_LATENTS = ("user_keys", "mean", "sd", "prior_sd")


def write_artifact(folder: Path, name: str, arrays: StoredArrays, plain: dict[str, Any]) -> None:
    """Write `name.npz` and `name.json` into a folder, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)
    text = json.dumps({"format": FORMAT, "arrays": sorted(arrays), **plain}, indent=1, sort_keys=True)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def read_artifact(folder: Path, name: str) -> tuple[StoredArrays, dict[str, Any]]:
    """Read what `write_artifact` wrote.

    Raises
    ------
    ArtifactError
        If a file is missing or damaged, of another format, or not the other's companion.
    """
    try:
        plain = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{folder / name}: cannot be read ({error}); fit and save it again.") from error
    if plain.get("format") != FORMAT:
        raise ArtifactError(
            f"{folder / name}.json: format {plain.get('format')}, this version reads {FORMAT}; fit and save it again."
        )
    if plain["arrays"] != sorted(arrays):
        raise ArtifactError(f"{folder / name}: the two files do not belong together; fit and save it again.")
    return arrays, plain


def pack_world(actions: ActionSet, rules: ContactRules, margin_share: float) -> dict[str, Any]:
    """Return the plain values that all members of an ensemble share."""
    return {
        "actions": [asdict(action) for action in actions],
        "rules": asdict(rules),
        "margin_share": float(margin_share),
    }


def unpack_world(plain: dict[str, Any]) -> tuple[ActionSet, ContactRules, float]:
    """Return actions, rules and margin share from what `pack_world` returned."""
    actions = ActionSet(tuple(Action(**{**part, "kind": ActionKind(part["kind"])}) for part in plain["actions"]))
    return actions, ContactRules(**plain["rules"]), float(plain["margin_share"])


def pack_behaviour(fit: BehaviourFit, arrays: StoredArrays, prefix: str) -> dict[str, Any]:
    """Put a behaviour's arrays under names with a prefix, and return its plain values."""
    arrays[f"{prefix}features"], arrays[f"{prefix}edges"] = fit.purchase.binning.features, fit.purchase.binning.edges
    for name in _HEADS:
        arrays[f"{prefix}{name}.scores"] = fit.heads[name].scores
        arrays[f"{prefix}{name}.penalties"] = fit.heads[name].penalties
    for name in _LATENTS:
        arrays[f"{prefix}latents.{name}"] = getattr(fit.latents, name)
    arrays[f"{prefix}residuals"], arrays[f"{prefix}moods"] = fit.residuals, np.stack([fit.moods, fit.mood_sds])
    arrays[f"{prefix}week_spread"] = fit.week_spread
    for name in _AHEAD:
        arrays[f"{prefix}ahead.{name}"] = getattr(fit.ahead, name)
    return {
        "newcomer": float(fit.newcomer),
        "hazard": float(fit.hazard),
        "entry": float(fit.entry),
        "pinned_seed": fit.latents.pinned_seed,
        "first_day": None if fit.ahead.first_day is None else fit.ahead.first_day.isoformat(),
        "holidays": [
            {"name": holiday.name, "days": [day.isoformat() for day in holiday.days], "lifts": holiday.lifts, "seen": seen}
            for holiday, seen in zip(fit.ahead.holidays, fit.ahead.seen, strict=True)
        ],
        "intercepts": {name: float(fit.heads[name].intercept) for name in _HEADS},
        "links": {name: fit.heads[name].link for name in _HEADS},
    }


def unpack_behaviour(plain: dict[str, Any], arrays: StoredArrays, prefix: str) -> BehaviourFit:
    """Build a behaviour from what `pack_behaviour` put away."""
    binning = Binning(features=arrays[f"{prefix}features"], edges=arrays[f"{prefix}edges"])
    heads = {
        name: AdditiveHead(
            binning=binning,
            scores=arrays[f"{prefix}{name}.scores"],
            intercept=plain["intercepts"][name],
            penalties=arrays[f"{prefix}{name}.penalties"],
            link=plain["links"][name],
        )
        for name in _HEADS
    }
    return BehaviourFit(
        **heads,
        newcomer=plain["newcomer"],
        hazard=plain["hazard"],
        entry=plain["entry"],
        residuals=arrays[f"{prefix}residuals"],
        moods=arrays[f"{prefix}moods"][0],
        mood_sds=arrays[f"{prefix}moods"][1],
        week_spread=arrays[f"{prefix}week_spread"],
        ahead=WeeksAhead(
            first_day=None if plain["first_day"] is None else date.fromisoformat(plain["first_day"]),
            holidays=tuple(
                Holiday(
                    name=part["name"],
                    days=tuple(date.fromisoformat(day) for day in part["days"]),
                    lifts=tuple(None if lift is None else (lift[0], lift[1]) for lift in part["lifts"]),
                )
                for part in plain["holidays"]
            ),
            seen=tuple(part["seen"] for part in plain["holidays"]),
            **{name: arrays[f"{prefix}ahead.{name}"] for name in _AHEAD},
        ),
        latents=Latents(**{name: arrays[f"{prefix}latents.{name}"] for name in _LATENTS}, pinned_seed=plain["pinned_seed"]),
    )


def pack_response(response: ActionResponse) -> dict[str, Any]:
    """Return a response as plain values."""
    plain: dict[str, Any] = {
        "action": response.action,
        "shift_mean": response.shift_mean.tolist(),
        "shift_covariance": response.shift_covariance.tolist(),
        "shift_source": str(response.shift_source),
        "duration_weeks": response.duration_weeks,
    }
    for name in QUANTITIES:
        quantity: Quantity = getattr(response, name)
        bounds = {"low": quantity.low, "high": quantity.high}
        finite = {key: value for key, value in bounds.items() if np.isfinite(value)}
        plain[name] = {"mean": quantity.mean, "sd": quantity.sd, "source": str(quantity.source), **finite}
    return plain


def unpack_response(plain: dict[str, Any]) -> ActionResponse:
    """Build a response from what `pack_response` returned."""
    quantities = {name: Quantity(**{**plain[name], "source": Source(plain[name]["source"])}) for name in QUANTITIES}
    return ActionResponse(
        action=plain["action"],
        shift_mean=np.array(plain["shift_mean"], dtype=np.float64),
        shift_covariance=np.array(plain["shift_covariance"], dtype=np.float64),
        shift_source=Source(plain["shift_source"]),
        duration_weeks=plain["duration_weeks"],
        **quantities,
    )
