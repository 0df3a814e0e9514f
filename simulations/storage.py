"""Simulators on disk: one file of arrays, one of plain values; nothing in them is executed when read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulations.actions import Action, ActionKind, ActionSet
from simulations.behaviour import BehaviourFit
from simulations.contact import ContactRules
from simulations.errors import ArtifactError
from simulations.heads import AdditiveHead, Binning
from simulations.heterogeneity import Latents
from simulations.response import QUANTITIES, ActionResponse, Quantity, ResponseArrays, ResponseScale, ResponseSet, Source
from simulations.simulator import CarryOver, LifecycleSimulator

if TYPE_CHECKING:
    from simulations.ensemble import SimulatorEnsemble

FORMAT = 1
_Arrays = dict[str, NDArray[Any]]
_HEADS = ("purchase", "days", "spend", "alive")


def save_simulator(simulator: LifecycleSimulator, folder: Path) -> None:
    """Write `simulator.npz` and `simulator.json` into a folder, made where it is missing."""
    arrays: _Arrays = {}
    plain = {"simulator": _pack_simulator(simulator, "", arrays), **_pack_world(simulator)}
    _write(folder, "simulator", arrays, plain)


def load_simulator(folder: Path) -> LifecycleSimulator:
    """Read what `save_simulator` wrote."""
    arrays, plain = _read(folder, "simulator")
    return _unpack_simulator(plain["simulator"], "", arrays, *_unpack_world(plain))


def save_ensemble(ensemble: SimulatorEnsemble, folder: Path) -> None:
    """Write `ensemble.npz` and `ensemble.json` into a folder, made where it is missing."""
    arrays: _Arrays = {"scale.centre": ensemble.scale.centre, "scale.spread": ensemble.scale.spread}
    plain = {
        "point": _pack_simulator(ensemble.point, "point.", arrays),
        "members": [_pack_simulator(member, f"{place}.", arrays) for place, member in enumerate(ensemble.members)],
        "responses": [_pack_response(response) for response in ensemble.responses.responses],
        "seed": ensemble.seed,
        **_pack_world(ensemble.point),
    }
    _write(folder, "ensemble", arrays, plain)


def load_ensemble(folder: Path) -> SimulatorEnsemble:
    """Read what `save_ensemble` wrote."""
    from simulations.ensemble import SimulatorEnsemble

    arrays, plain = _read(folder, "ensemble")
    world = _unpack_world(plain)
    return SimulatorEnsemble(
        point=_unpack_simulator(plain["point"], "point.", arrays, *world),
        members=tuple(_unpack_simulator(part, f"{place}.", arrays, *world) for place, part in enumerate(plain["members"])),
        responses=ResponseSet(
            scale=ResponseScale(centre=arrays["scale.centre"], spread=arrays["scale.spread"]),
            responses=tuple(_unpack_response(part) for part in plain["responses"]),
        ),
        seed=plain["seed"],
    )


def _write(folder: Path, name: str, arrays: _Arrays, plain: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)
    text = json.dumps({"format": FORMAT, "arrays": sorted(arrays), **plain}, indent=1, sort_keys=True)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _read(folder: Path, name: str) -> tuple[_Arrays, dict[str, Any]]:
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


def _pack_world(simulator: LifecycleSimulator) -> dict[str, Any]:
    return {
        "actions": [asdict(action) for action in simulator.actions],
        "rules": asdict(simulator.rules),
        "margin_share": float(simulator.margin_share),
    }


def _unpack_world(plain: dict[str, Any]) -> tuple[ActionSet, ContactRules, float]:
    actions = ActionSet(tuple(Action(**{**part, "kind": ActionKind(part["kind"])}) for part in plain["actions"]))
    return actions, ContactRules(**plain["rules"]), float(plain["margin_share"])


def _pack_simulator(simulator: LifecycleSimulator, prefix: str, arrays: _Arrays) -> dict[str, Any]:
    fit = simulator.fit
    arrays[f"{prefix}features"], arrays[f"{prefix}edges"] = fit.purchase.binning.features, fit.purchase.binning.edges
    for name in _HEADS:
        arrays[f"{prefix}{name}.scores"] = fit.heads[name].scores
        arrays[f"{prefix}{name}.penalties"] = fit.heads[name].penalties
    for name in ("user_keys", "mean", "sd", "prior_sd"):
        arrays[f"{prefix}latents.{name}"] = getattr(fit.latents, name)
    for name, array in simulator.response._asdict().items():
        arrays[f"{prefix}response.{name}"] = array
    arrays[f"{prefix}residuals"] = fit.residuals
    arrays[f"{prefix}carry.edges"], arrays[f"{prefix}carry.shares"] = simulator.carry_over.edges, simulator.carry_over.shares
    return {
        "member": simulator.member,
        "newcomer": float(fit.newcomer),
        "hazard": float(fit.hazard),
        "pinned_seed": fit.latents.pinned_seed,
        "intercepts": {name: float(fit.heads[name].intercept) for name in _HEADS},
        "links": {name: fit.heads[name].link for name in _HEADS},
    }


def _unpack_simulator(
    plain: dict[str, Any], prefix: str, arrays: _Arrays, actions: ActionSet, rules: ContactRules, margin_share: float
) -> LifecycleSimulator:
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
    latents = {name: arrays[f"{prefix}latents.{name}"] for name in ("user_keys", "mean", "sd", "prior_sd")}
    return LifecycleSimulator(
        fit=BehaviourFit(
            **heads,
            newcomer=plain["newcomer"],
            hazard=plain["hazard"],
            residuals=arrays[f"{prefix}residuals"],
            latents=Latents(**latents, pinned_seed=plain["pinned_seed"]),
        ),
        response=ResponseArrays(**{name: arrays[f"{prefix}response.{name}"] for name in ResponseArrays._fields}),
        actions=actions,
        rules=rules,
        margin_share=margin_share,
        member=plain["member"],
        carry_over=CarryOver(edges=arrays[f"{prefix}carry.edges"], shares=arrays[f"{prefix}carry.shares"]),
    )


def _pack_response(response: ActionResponse) -> dict[str, Any]:
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


def _unpack_response(plain: dict[str, Any]) -> ActionResponse:
    quantities = {name: Quantity(**{**plain[name], "source": Source(plain[name]["source"])}) for name in QUANTITIES}
    return ActionResponse(
        action=plain["action"],
        shift_mean=np.array(plain["shift_mean"], dtype=np.float64),
        shift_covariance=np.array(plain["shift_covariance"], dtype=np.float64),
        shift_source=Source(plain["shift_source"]),
        duration_weeks=plain["duration_weeks"],
        **quantities,
    )
