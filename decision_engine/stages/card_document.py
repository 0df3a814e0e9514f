"""The card as JSON, as lines for a terminal, and as the frames that its page needs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.stages.fit import Fitted
from decision_engine.workspace import StageOutcome
from simulations.features import FEATURES
from simulations.fidelity.life_stages import STEP_WEEKS
from simulations.fidelity.likeness import BOOTSTRAP, CONDITIONAL_WEEKS, REAL_AGAINST_REAL, Likeness
from simulations.fidelity.marginals import NOT_SIMULATED
from simulations.fidelity.retention import SMALLEST_COHORT
from simulations.fidelity.rolling import RollingBands
from simulations.fidelity.trajectory_features import FEATURES as TRAJECTORY_FEATURES
from simulations.goodness import Goodness

if TYPE_CHECKING:
    from reports.card import CardReport
    from reports.simulator import SimulatorReport

_HEADS = {
    "purchase": "Log-odds of an order in a week",
    "days": "Log-odds of each further order-day in a week with one",
    "spend": "Log of an order-day's value",
    "alive": "Log-odds of still being there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that a card tells of.

    Attributes
    ----------
    bands : RollingBands or None
        None where they were not asked for.
    digest, folder
        Of the judged ensemble as it was saved.
    """

    config: Config
    fitted: Fitted
    likeness: Likeness
    bands: RollingBands | None
    stages: tuple[StageOutcome[Any], ...]
    digest: str
    folder: Path

    @property
    def goodness(self) -> Goodness:
        """The judgement on the weeks after the fitting weeks; a card is not made without one."""
        assert self.fitted.goodness is not None
        return self.fitted.goodness

    def scores(self) -> pd.DataFrame:
        """Return a row a model, a column a score of either kind; the simulator first."""
        alike = pd.DataFrame([asdict(score) for score in self.likeness.scores])
        return self.goodness.to_frame().merge(alike, on="model", how="left")

    def reachable(self) -> pd.DataFrame:
        """Return what real weeks reach among themselves: a row a comparison."""
        alike = pd.DataFrame([asdict(score) for score in self.likeness.scores])
        return alike[alike["model"].isin([REAL_AGAINST_REAL, BOOTSTRAP])].reset_index(drop=True)


def card_document(told: Told) -> dict[str, Any]:
    """Return the card's JSON document; docs/card.md lists its keys."""
    goodness, likeness, bands = told.goodness, told.likeness, told.bands
    return {
        "name": told.config.name,
        "currency": told.config.currency,
        "simulator": {"folder": str(told.folder), "digest": told.digest, "members": len(told.fitted.judged.members)},
        "stages": [{"name": s.name, "seconds": round(s.seconds, 3), "cached": s.cached} for s in told.stages],
        "first_week": goodness.first_week,
        "last_week": goodness.last_week,
        "horizon_weeks": goodness.horizon_weeks,
        "users": goodness.n_users,
        "unknown_users": goodness.n_unknown,
        "level": goodness.level,
        "beats_baselines": goodness.beats_baselines(),
        "models": _records(told.scores()),
        "reachable": _records(told.reachable()),
        "marginals": _records(likeness.marginals),
        "not_simulated": NOT_SIMULATED,
        "classifier_reads": list(TRAJECTORY_FEATURES),
        "retention": _records(likeness.retention),
        "transitions": _records(likeness.transitions),
        "weekly": _records(goodness.weekly),
        "calibration": _records(goodness.calibration),
        "holidays": told.fitted.judged.point.fit.ahead.table(),
        "bands": None
        if bands is None
        else {
            "origins": list(bands.origins),
            "horizon_weeks": bands.horizon_weeks,
            "level": bands.level,
            "models": _records(bands.coverage()),
            "weekly": _records(bands.weekly),
        },
    }


def as_json(document: dict[str, Any]) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def card_report(told: Told) -> CardReport:
    """Gather what the page shows."""
    from reports.card import CardReport

    goodness, likeness, bands = told.goodness, told.likeness, told.bands
    return CardReport(
        title=f"{told.config.name}: the simulator's card",
        subtitle=f"{told.config.origin.name}; simulator {told.digest[:12]}",
        judged=simulator_report(goodness, told.config.currency),
        likeness=pd.concat([told.scores()[list(told.reachable().columns)], told.reachable()], ignore_index=True),
        n_models=len(goodness.scores),
        marginals=likeness.marginals,
        retention=likeness.retention,
        transitions=likeness.transitions,
        step_weeks=STEP_WEEKS,
        smallest_cohort=SMALLEST_COHORT,
        contacted_weeks=CONDITIONAL_WEEKS,
        not_simulated=NOT_SIMULATED,
        features=TRAJECTORY_FEATURES,
        bands=None if bands is None else bands.coverage(),
        band_origins=() if bands is None else bands.origins,
        band_weeks=0 if bands is None else bands.horizon_weeks,
        curves=_curves(told),
    )


def simulator_report(goodness: Goodness, currency: str) -> SimulatorReport:
    """Return a judgement as a page shows it."""
    from reports.simulator import SimulatorReport

    return SimulatorReport(
        scores=goodness.to_frame(),
        weekly=goodness.weekly,
        calibration=goodness.calibration,
        first_week=goodness.first_week,
        last_week=goodness.last_week,
        horizon_weeks=goodness.horizon_weeks,
        n_users=goodness.n_users,
        n_unknown=goodness.n_unknown,
        level=goodness.level,
        beats_baselines=goodness.beats_baselines(),
        currency=currency,
    )


def card_text(told: Told) -> str:
    """Return what the terminal shows: errors, likeness, what can be reached, and coverage of the bands where asked for."""
    from reports.card import card_text_table

    bands = told.bands
    likeness = pd.concat([told.scores()[list(told.reachable().columns)], told.reachable()], ignore_index=True)
    return card_text_table(
        told.goodness.summary(), told.scores(), likeness, None if bands is None else bands.coverage(), told.goodness.level
    )


def _curves(told: Told) -> pd.DataFrame:
    """Return the point fit's curves: a row a head, feature and bin, with the bin's ends and its score."""
    units, rows = {feature.name: feature.unit for feature in FEATURES}, []
    lows = {feature.name: feature.low for feature in FEATURES}
    for head, words in _HEADS.items():
        fitted = told.fitted.judged.point.fit.heads[head]
        for feature in fitted.binning.names:
            edges, scores = fitted.curve(feature)
            ends = [lows[feature], *edges.tolist()]
            rows += [
                {
                    "head": words, "feature": feature, "unit": units[feature], "low": low,
                    "high": ends[place + 1] if place + 1 < len(ends) else math.nan, "score": float(scores[place]),
                }
                for place, low in enumerate(ends)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype("object").where(frame.notna(), None).to_dict(orient="records")
    return [{str(key): value for key, value in row.items()} for row in rows]
