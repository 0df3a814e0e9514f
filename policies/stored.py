"""Policies on disk: a folder with `policy.json` (kind, version, settings) and `arrays.npz`; nothing is pickled.

A policy is a frozen dataclass; its arrays go into the one file, its plain settings into the other. A policy that holds
something else writes it beside them through `save_parts` and reads it back through `load_parts`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from policies.base import Policy
from simulations.errors import ArtifactError

VERSION = 1
_HOMES = {
    "do_nothing": ("policies.rules", "DoNothing"),
    "fixed_action": ("policies.rules", "FixedAction"),
    "recency_rule": ("policies.rules", "RecencyRule"),
    "rfm_rule": ("policies.rules", "RfmRule"),
    "history": ("policies.rules", "HistoryPolicy"),
    "uplift_greedy": ("policies.uplift_greedy", "UpliftGreedy"),
    "linucb": ("policies.bandits.linucb", "LinUCB"),
    "ppo": ("policies.deep.ppo", "PPOPolicy"),
}


def save_policy(policy: Policy, folder: Path) -> None:
    """Write a policy into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    settings: dict[str, object] = {}
    parts = policy.save_parts(folder) if hasattr(policy, "save_parts") else frozenset()
    for field in fields(policy):  # type: ignore[arg-type]
        value = getattr(policy, field.name)
        if field.name in parts:
            continue
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif isinstance(value, tuple) and value and isinstance(value[0], np.ndarray):
            arrays |= {f"{field.name}.{place:03d}": one for place, one in enumerate(value)}
        else:
            settings[field.name] = value
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    document = {"kind": policy.kind, "version": VERSION, "settings": settings}
    (folder / "policy.json").write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")


def load_policy(folder: Path) -> Policy:
    """Read a policy that `save_policy` wrote.

    Raises
    ------
    ArtifactError
        If the folder holds no policy, or one of another version or unknown kind.
    """
    place = folder / "policy.json"
    if not place.exists():
        raise ArtifactError(f"{place}: no policy is stored here; save_policy writes one.")
    document = json.loads(place.read_text(encoding="utf-8"))
    if document["version"] != VERSION or document["kind"] not in _HOMES:
        raise ArtifactError(
            f"{place}: a {document['kind']} policy of version {document['version']}; "
            f"readable are version {VERSION} of {', '.join(_HOMES)}."
        )
    module, name = _HOMES[document["kind"]]
    family = getattr(import_module(module), name)
    values: dict[str, object] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document["settings"].items()
    }
    sequences: dict[str, list[np.ndarray[Any, Any]]] = {}
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        for key in sorted(stored.files):
            name_of, _, position = key.partition(".")
            if position:
                sequences.setdefault(name_of, []).append(stored[key])
            else:
                values[key] = stored[key]
    values |= {key: tuple(sequence) for key, sequence in sequences.items()}
    if hasattr(family, "load_parts"):
        values |= family.load_parts(folder)
    policy: Policy = family(**values)
    return policy
