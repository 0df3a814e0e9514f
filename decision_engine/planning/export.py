"""Export: an approved plan as files for the systems that act on it, and for the next run that reads them back.

`plan.csv`, `plan.parquet` and `plan.json` are the plan; `exposures.csv` has the columns of the canonical table `exposures`,
held-out users included with the action `none`; `manifest.json`, written last, names every file with its SHA-256. The same
plan gives the same bytes, each file appears complete or not at all, and a second export of the plan to the same place changes
nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from decision_engine.durable import write_atomically
from decision_engine.planning.approval import PlanStatus, check_name
from decision_engine.planning.ledger import Ledger
from decision_engine.planning.plan import ROW_COLUMNS, Plan
from simulations.errors import PlanError

EXPOSURE_COLUMNS = ("user_id", "exposed_at", "action", "propensity", "cost", "channel", "would_be")
_MONEY = frozenset({"cost", "increment", "low", "high", "increment_margin"})
_MONEY_DECIMALS = 6
_FORMULA = re.compile(r"^\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_EXPORTABLE = (PlanStatus.APPROVED, PlanStatus.EXPORTED, PlanStatus.MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest:
    """What was written.

    Attributes
    ----------
    plan_id, digest : str
        Of the plan.
    folder : Path
        Where the files are.
    files : dict of str to str
        SHA-256 of each file, by name.
    """

    plan_id: str
    digest: str
    folder: Path
    files: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it is written: without the folder, so that it can be moved."""
        return {"schema_version": 1, "plan_id": self.plan_id, "digest": self.digest, "files": self.files}


def safe_text(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula: with an apostrophe before it where it would.

    Examples
    --------
    >>> safe_text("=1+1"), safe_text("coupon")
    ("'=1+1", 'coupon')
    """
    return "'" + text if _FORMULA.match(text) else text


def export_plan(ledger: Ledger, plan_id: str, folder: Path, *, by: str) -> ExportManifest:
    """Write an approved plan into a folder of its own below `folder`, and enter the export in the ledger.

    Raises
    ------
    PlanError
        If the plan is not approved, or the place holds another plan's export.
    """
    actor = check_name(by, "exported")
    plan = ledger.plan(plan_id)
    state = ledger.state(plan.digest)
    if state.status not in _EXPORTABLE:
        raise PlanError(f"{plan.id} is {state.status}; only an approved plan can be exported.")
    target = folder / plan.id
    contents = plan_files(plan)
    manifest = ExportManifest(
        plan_id=plan.id,
        digest=plan.digest,
        folder=target,
        files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    )
    _check_place(target, plan)
    written = {**contents, "manifest.json": _json_bytes(manifest.to_json())}
    for name, content in written.items():
        if not ((target / name).is_file() and (target / name).read_bytes() == content):
            write_atomically(target / name, content)
    if state.status is PlanStatus.APPROVED:
        ledger.exported(plan.digest, by=actor, digest=plan.digest, manifest=manifest.to_json())
    return manifest


def plan_files(plan: Plan) -> dict[str, bytes]:
    """Return the bytes of each file of an export but the manifest, by name."""
    return {
        "plan.csv": _plan_csv(plan),
        "plan.parquet": _plan_parquet(plan),
        "plan.json": _json_bytes(plan.to_json()),
        "exposures.csv": _exposures_csv(plan),
    }


def exposure_rows(plan: Plan) -> list[tuple[str, str, str, float, float, str, str]]:
    """Return the plan as exposures: contacted users, then held-out ones with the action `none` and what they would have had."""
    hour = max(12, plan.settings.business_day_starts_at)  # of the same business day, wherever that starts
    at = (datetime.combine(plan.settings.starts_on, time()) + timedelta(hours=hour)).isoformat(sep=" ")
    rows, held = plan.rows, plan.holdout
    costs = _rounded(rows["cost"].tolist())
    contacted = zip(rows["user_id"], rows["action"], rows["propensity"], costs, rows["channel"], strict=True)
    out = [(user, at, action, propensity, cost, channel, "") for user, action, propensity, cost, channel in contacted]
    left_alone = zip(held["user_id"], held["propensity"], held["would_be"], strict=True)
    out += [(user, at, "none", propensity, 0.0, "none", would_be) for user, propensity, would_be in left_alone]
    return out


def _rounded(amounts: Iterable[float]) -> list[float]:
    """Return money with the decimals of the plan's canonical form; no probability is rounded, the next run divides by it."""
    return [round(amount, _MONEY_DECIMALS) + 0.0 for amount in amounts]  # plus zero, so that no amount is minus zero


def _check_place(target: Path, plan: Plan) -> None:
    manifest = target / "manifest.json"
    if not manifest.exists():
        return
    try:
        found = json.loads(manifest.read_text())["digest"]
    except (ValueError, KeyError, TypeError):
        found = "unreadable"
    if found != plan.digest:
        raise PlanError(f"{target}: holds another export (digest {str(found)[:12]}); choose another folder or move it away.")


def _json_bytes(document: object) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _plan_csv(plan: Plan) -> bytes:
    """Return the rows for people and their spreadsheets: text that looks like a formula is defused, numbers stay numbers."""
    columns = [_rounded(plan.rows[name].tolist()) if name in _MONEY else plan.rows[name].tolist() for name in ROW_COLUMNS]
    rows = ([_cell(value) for value in row] for row in zip(*columns, strict=True))
    return _csv_bytes(ROW_COLUMNS, rows)


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        value = "; ".join(str(phrase) for phrase in value)
    return safe_text(value) if isinstance(value, str) else value


def _exposures_csv(plan: Plan) -> bytes:
    """Return the exposures for machines: user ids exactly as they are, or the next run would not know them."""
    return _csv_bytes(EXPOSURE_COLUMNS, exposure_rows(plan))


def _plan_parquet(plan: Plan) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.float64()
    kinds = {name: number if plan.rows[name].dtype.kind == "f" else text for name in ROW_COLUMNS}
    kinds["reasons"] = pa.list_(text)
    table = pa.table({name: pa.array(plan.rows[name].tolist(), type=kind) for name, kind in kinds.items()})
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"plan_id": plan.id, "digest": plan.digest}), sink)
    return sink.getvalue()
