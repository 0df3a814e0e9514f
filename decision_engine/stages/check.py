"""Stage `check`: read the sources, validate every row, and build the weekly panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from decision_engine.config.models import Config
from decision_engine.history import History, HistoryQuality, assess, read_history
from simulations.panel import WeeklyPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A history that was read, what it holds, and its weekly panel."""

    history: History
    quality: HistoryQuality
    panel: WeeklyPanel


def check_history(config: Config) -> Checked:
    """Read the configured history.

    Raises
    ------
    ConfigError, HistoryError
        If a source, a column or the whole history cannot be used; single rows that cannot are set aside and counted.
    """
    history = read_history(config)
    return Checked(history=history, quality=assess(history), panel=history.panel(config.action_set(), config.calendar()))


def data_document(checked: Checked) -> dict[str, Any]:
    """Return the `data` part of the run's JSON: rows read, accepted and quarantined, in total, by table and by reason."""
    history = checked.history
    return {
        "rows_read": history.n_read,
        "accepted": history.n_accepted,
        "quarantined": history.n_quarantined,
        "tables": history.counts.to_dict(orient="records"),
        "reasons": history.reasons().to_dict(orient="records"),
        "users": checked.panel.n_users,
        "weeks": checked.panel.n_periods,
        "notes": list(history.notes),
        "digest": history.digest,
    }
