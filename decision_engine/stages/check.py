"""Stage `check`: read the sources, validate every row, and build the weekly panel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.history import History, HistoryQuality, assess, read_history
from decision_engine.history.empty_weeks import placed_in_time, refuse_weeks_to_come
from decision_engine.history.quarantine import say_place
from simulations.errors import HistoryError
from simulations.panel import WeeklyPanel
from simulations.service_weeks import service_weeks


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
    return survey(history, config).of(history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What follows from a history's accepted rows alone, whatever its files are called."""

    quality: HistoryQuality
    panel: WeeklyPanel

    def of(self, history: History) -> Checked:
        """Return it together with the history."""
        return Checked(history=history, quality=self.quality, panel=self.panel)


def survey(history: History, config: Config) -> Surveyed:
    """Describe a history that was read, and build its panel.

    Raises
    ------
    HistoryError
        If no order falls into the calendar, or the calendar goes on for weeks after the last order.
    """
    with placed_in_time(config):
        panel = _with_service(history.panel(config.action_set(), config.calendar()), history, config)
    refuse_weeks_to_come(panel, config)
    return Surveyed(quality=assess(history, config.calendar()), panel=panel)


def _with_service(panel: WeeklyPanel, history: History, config: Config) -> WeeklyPanel:
    """Return the panel with what reviews and tickets tell, where there are any or something of them is assumed."""
    settings = config.service_settings()
    if settings is None:
        return panel
    lived = service_weeks(
        history.tables.get("reviews"), history.tables.get("tickets"), panel.user_ids, panel.calendar, settings.to_model(),
        ratings=(settings.worst_rating, settings.best_rating),
    )  # fmt: skip
    return replace(panel, service=lived)


def data_document(checked: Checked) -> dict[str, Any]:
    """Return the `data` part of the run's JSON: rows read, accepted and quarantined, in total, by table and by reason."""
    history = checked.history
    return {
        "rows_read": history.n_read,
        "accepted": history.n_accepted,
        "quarantined": history.n_quarantined,
        "tables": history.counts.to_dict(orient="records"),
        "reasons": reasons_document(history),
        "users": checked.panel.n_users,
        "weeks": checked.panel.n_periods,
        "notes": list(history.notes),
        "digest": history.digest,
        "version": history.number,
    }


def reasons_document(history: History) -> list[dict[str, Any]]:
    """Return how many rows were set aside for each reason, each with where the first stands."""
    first = history.aside.first_places()
    places = pd.DataFrame({"first": [say_place(row) for _, row in first.iterrows()]}, dtype="object")
    return plain_records(history.reasons().join(places))


def plain_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as JSON can hold them: what is empty is null."""
    held = frame.astype("object").where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in held.to_dict(orient="records")]


def refuse_hopeless(checked: Checked, config: Config) -> None:
    """Stop a run that no simulator could be fitted for, with what is missing and what can be had instead.

    Raises
    ------
    HistoryError
        If nobody bought in the weeks that fit, or nobody came back within them.
    """
    bought = (checked.panel.order_days[:, : config.n_fitting_periods] > 0).sum(axis=1)
    if (bought > 1).any():
        return
    what = "nobody bought in any" if not bought.any() else "nobody bought in more than one"
    also = " and what its logged probabilities tell of each action" if len(checked.history.table("exposures")) else ""
    raise HistoryError(
        f"{config.origin.where(('time', 'last_fitting_period'))}: {what} of weeks 1 to {config.n_fitting_periods}, which fit, "
        "so that there are no lives to learn from and no plan can be made. "
        f"{len(checked.history.table('orders')):,} orders were read; if they lie in other weeks, mend `time.first_day`, "
        "`last_period` and `last_fitting_period`. "
        f"`decision-engine check {config.origin.name}` says what this history supports{also}."
    )
