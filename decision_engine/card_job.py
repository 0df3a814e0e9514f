"""The simulator's card: `check`, `effects` and `fit` as the main job does them, then what the simulator is worth.

The stages are those of `run`, kept in the same workspace: a card after a run, or a run after a card, fits nothing twice.
The judged ensemble is saved beside the card, which carries its digest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_engine.config.models import Config
from decision_engine.durable import write_atomically
from decision_engine.pipeline import FITTING, Stages, check_stage, fit_stages, single_threaded
from decision_engine.progress import Progress
from decision_engine.workspace import StageOutcome, Workspace
from simulations.errors import HistoryError, InputError

if TYPE_CHECKING:
    from decision_engine.stages.fit import Fitted
    from simulations.ensemble import SimulatorEnsemble
    from simulations.fidelity.likeness import Likeness
    from simulations.fidelity.rolling import RollingBands


@dataclass(frozen=True, slots=True, kw_only=True)
class CardJob:
    """What a card leaves: its document, and the paths of its two files."""

    document: dict[str, Any]
    text: str
    page: Path
    json: Path


def run_card_job(config: Config, workspace: Workspace, *, rolling: bool, progress: Progress) -> CardJob:
    """Fit the simulators in a workspace, or take them from it, judge them and write the card.

    Parameters
    ----------
    rolling : bool
        Also judge bands at several origins; each costs a fit of its own.

    Raises
    ------
    InputError
        If the history cannot be used, too few weeks follow the fitting weeks, or the configuration is of an experiment.
    """
    from decision_engine.config.findings import raise_findings
    from decision_engine.history import check_sources

    if config.experiment is not None:
        raise InputError(
            f"{config.origin.name}: an experiment, one row a user, has no history and no simulator; "
            f"`decision-engine run {config.origin.name}` judges it."
        )
    if not workspace.root.exists():
        raise_findings(check_sources(config), config.origin)
    with workspace.locked(), single_threaded():
        return _run(config, Stages(workspace, progress), rolling)


def _run(config: Config, stages: Stages, rolling: bool) -> CardJob:
    from decision_engine.stages import bands, card, card_document
    from reports import render_card

    _, checked = check_stage(config, stages)
    _, fitted = fit_stages(config, stages, checked)
    _refuse_unjudged(fitted.result, config)
    settings = config.part(*FITTING)
    lives: StageOutcome[Likeness] = stages.run(
        "card", "simulated lives beside real ones",
        lambda: card.compare_lives(checked.result.panel, fitted.result, config),
        after=(checked, fitted), settings=settings,
    )  # fmt: skip
    rolled: StageOutcome[RollingBands] | None = None
    if rolling:
        rolled = stages.run(
            "bands", "fitted again at several origins",
            lambda: bands.roll(checked.result.panel, config, partial(stages.progress.step, "origins")),
            after=(checked,), settings=settings,
        )  # fmt: skip
    name = f"simulator-{file_name(config.name)}"
    folder = stages.workspace.reports
    told = card_document.Told(
        config=config,
        fitted=fitted.result,
        likeness=lives.result,
        bands=None if rolled is None else rolled.result,
        stages=tuple(stages.done),
        digest=_save(fitted.result.judged, folder / name),
        folder=folder / name,
    )
    document, page = card_document.card_document(told), folder / f"{name}.html"
    write_atomically(page, render_card(card_document.card_report(told)).encode())
    written = {**document, "page": str(page)}
    write_atomically(folder / f"{name}.json", card_document.as_json(written).encode())
    return CardJob(document=written, text=card_document.card_text(told), page=page, json=folder / f"{name}.json")


def file_name(name: str) -> str:
    """Return a name as it may stand in a file's."""
    return re.sub(r"\W+", "-", name.lower()).strip("-")[:60] or "history"


def _refuse_unjudged(fitted: Fitted, config: Config) -> None:
    if fitted.goodness is None:
        raise HistoryError(
            f"{config.origin.where(('time', 'last_fitting_period'))}: the weeks after the {config.n_fitting_periods} that fit "
            f"cannot judge a simulator: at least {config.effect_horizon_weeks} weeks are needed (`effect_horizon_weeks`), "
            "with orders of users known before; end the fitting weeks earlier."
        )


def _save(ensemble: SimulatorEnsemble, folder: Path) -> str:
    """Save an ensemble and return the digest of its files."""
    ensemble.save(folder)
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()
