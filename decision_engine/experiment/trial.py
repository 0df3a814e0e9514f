"""A trial as arrays: who got which treatment, what was known of them before, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decision_engine.config.models import Config
from decision_engine.experiment.clusters import COLUMN, Clusters, clusters_of
from decision_engine.experiment.covariates import Coding
from decision_engine.history.privacy import WITHHELD
from decision_engine.history.record import History
from simulations.actions import ActionSet
from simulations.arrays import ActionArray, BoolArray, Float32Array, FloatArray, IntArray
from simulations.errors import ConfigError, HistoryError

FEWEST_USERS = 20  # of a group, below which nothing is told of it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class People:
    """Users to plan for: their ids, whether they may be contacted, and their covariates."""

    user_ids: tuple[str, ...]
    consent: BoolArray
    covariates: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """The users of an experiment, a row each.

    Attributes
    ----------
    people : People
    audience : People or None
        Further users to plan for, coded the same way; None where the plan is for the experiment's own.
    treatments : (n_users,) int16 array
        Index of the action given; 0 is `none`.
    propensities : (n_users,) array
        Recorded probability of that treatment, NaN where none is recorded.
    margin : (n_users,) array
        The first outcome as margin, in currency.
    outcomes : (n_users, n_outcomes) array
        All outcomes as they stand in the data.
    covariate_names : tuple of str
        Of the columns of the covariates.
    clusters : Clusters or None
        Users who were drawn together; None where each was drawn alone.
    words_among_numbers : tuple of (str, int)
        Numeric covariates in which some values are no numbers, and count as missing.
    """

    people: People
    audience: People | None
    actions: ActionSet
    treatments: ActionArray
    propensities: FloatArray
    margin: FloatArray
    outcomes: FloatArray
    outcome_names: tuple[str, ...]
    covariate_names: tuple[str, ...]
    clusters: Clusters | None = None
    empty_covariates: tuple[str, ...] = ()
    words_among_numbers: tuple[tuple[str, int], ...] = ()

    @property
    def n_users(self) -> int:
        """Number of users in the experiment."""
        return int(self.treatments.size)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n_actions,) users by treatment."""
        return np.bincount(self.treatments, minlength=len(self.actions)).astype(np.int64)

    @property
    def given(self) -> tuple[int, ...]:
        """Indices of the treatments that anybody got, `none` first."""
        return tuple(int(index) for index in np.flatnonzero(self.counts))

    @property
    def units(self) -> IntArray:
        """(n_users,): what each user is part of as evidence: their cluster, or themselves."""
        return np.arange(self.n_users, dtype=np.int64) if self.clusters is None else self.clusters.codes

    def is_share(self, place: int) -> bool:
        """Whether an outcome is yes or no, so that its mean is a share of users."""
        return bool(np.isin(self.outcomes[:, place], (0.0, 1.0)).all())

    def got(self, action: int) -> BoolArray:
        """Return (n_users,): who got the treatment."""
        return np.asarray(self.treatments == action)


def read_trial(history: History, config: Config) -> Trial:
    """Turn a history's experiment into arrays.

    Raises
    ------
    HistoryError
        If there is no control group, or nobody was treated.
    ConfigError
        If shares are declared for some of the groups only.
    """
    settings = config.experiment
    assert settings is not None, "the caller asks for an experiment"
    frame, actions = history.table("experiment"), config.action_set()
    codes = {name: index for index, name in enumerate(actions.names)}
    treatments: ActionArray = np.array([codes[name] for name in frame["treatment"]], dtype=np.int16)
    _check_groups(treatments, actions, history, config)
    clusters = clusters_of(frame, treatments, settings.covariates, _called(config))
    covariates = [name for name in settings.covariates if clusters is None or name != clusters.name]
    coding = Coding.learn(frame, covariates, settings.categories)
    outcomes = frame[list(settings.outcomes)].to_numpy(np.float64)
    propensities = np.full(len(frame), np.nan)
    if "propensity" in frame:
        propensities = np.asarray(frame["propensity"].to_numpy(np.float64))
    return Trial(
        people=_people(frame, coding),
        audience=_people(history.tables["audience"], coding) if "audience" in history.tables else None,
        actions=actions,
        treatments=treatments,
        propensities=propensities,
        margin=outcomes[:, 0] * settings.margin_a_unit(config.margin_share),
        outcomes=outcomes,
        outcome_names=settings.outcomes,
        covariate_names=coding.names,
        clusters=clusters,
        empty_covariates=coding.left_out,
        words_among_numbers=coding.words,
    )


def _called(config: Config) -> str:
    """Return the column that clusters are mapped from, where it is one; else a plain word."""
    mappings = config.tables.experiment or ()
    written = [mapping.columns.get(COLUMN, "") for mapping in mappings]
    plain = written[0].strip().strip('"').rpartition(".")[2].strip('"') if written else ""
    return plain if plain and all(sign.isalnum() or sign in " _-" for sign in plain) else COLUMN


def _people(frame: pd.DataFrame, coding: Coding) -> People:
    consent = np.ones(len(frame), dtype=np.bool_)
    if "consent" in frame:
        consent = frame["consent"].fillna(False).to_numpy(np.bool_)
    return People(user_ids=tuple(frame["user_id"].astype(str)), consent=consent, covariates=coding.encode(frame))


def _check_groups(treatments: ActionArray, actions: ActionSet, history: History, config: Config) -> None:
    counts = np.bincount(treatments, minlength=len(actions))
    present = [name for name, count in zip(actions.names, counts, strict=True) if count]
    where = config.origin.where(("tables", "experiment"))
    aside = history.reasons()
    aside = aside[(aside["table"] == "experiment") & (aside["column"] == "treatment")]
    told = (
        f" {aside['rows'].sum():,} rows were set aside because their treatment {aside['reason'].iloc[0]}" if len(aside) else ""
    )
    if told:
        first = history.quarantine[history.quarantine["column"] == "treatment"].iloc[0]
        told += "." if first["value"] == WITHHELD else f"; the first has {first['value']!r}."
    if "none" not in present:
        raise HistoryError(
            f"{where}: no user has the treatment `none`, only {', '.join(present)}: without a control group no effect can be "
            f"told.{told} Name the control group's value under `values: {{treatment: ...}}`."
        )
    if len(present) == 1:
        raise HistoryError(
            f"{where}: all {counts.sum():,} users have the treatment `none`: there is nobody to compare them with.{told} Name "
            "the treatments' values under `values: {treatment: ...}`."
        )
    settings = config.experiment
    if settings is not None and settings.shares:
        lacking = [name for name in present if name not in settings.shares]
        if lacking:
            raise ConfigError(
                f"{config.origin.where(('experiment', 'shares'))}: no share is declared for {', '.join(lacking)}, which "
                f"{int(counts[actions.index(lacking[0])]):,} users got. Name every group, so that the shares sum to 1."
            )
