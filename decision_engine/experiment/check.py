"""Stage `check` of an experiment: read it, and say how the users came to their treatment before any effect is looked at."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from decision_engine.config.models import Config
from decision_engine.config.placeholders import warn_of
from decision_engine.effects.overlap import AUC_OF_A_RULE
from decision_engine.experiment.assignment import Assignment, judge_assignment
from decision_engine.experiment.follow_up import follow_up
from decision_engine.experiment.suspects import (
    balance_frame,
    counts_as_money,
    crossovers,
    groups_frame,
    remarks_on,
    shown_groups,
)
from decision_engine.experiment.trial import FEWEST_USERS, Trial, read_trial
from decision_engine.history import History, read_history
from decision_engine.history.readiness import Remark, Support, no_consent, nobody, set_aside
from decision_engine.stages.check import reasons_document
from decision_engine.stages.check_words import aside_lines

_WIDTH = 80
_FARTHEST = 5  # covariates told on the terminal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialSurvey:
    """What follows from an experiment's accepted rows alone, whatever its files are called, before its effects.

    Attributes
    ----------
    groups : DataFrame
        A row a group: action, users, share, declared_share, mean_propensity, means of the outcomes.
    balance : DataFrame
        A row a treatment and covariate column: difference from the control group, in standard deviations.
    """

    trial: Trial
    assignment: Assignment
    groups: pd.DataFrame
    balance: pd.DataFrame
    remarks: tuple[Remark, ...]
    stages: tuple[Support, ...]

    @property
    def alarm(self) -> str:
        """What must be told before anything else; empty where the group sizes, and any recorded probabilities, hold."""
        sizes, calibration = self.assignment.sizes, self.assignment.calibration
        wrong = [] if sizes.fits else [sizes.words]
        wrong += [] if calibration is None or calibration.holds else [calibration.words]
        return " ".join(wrong)

    def of(self, history: History) -> CheckedTrial:
        """Return it together with the history."""
        return CheckedTrial(history=history, **{field.name: getattr(self, field.name) for field in fields(TrialSurvey)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedTrial(TrialSurvey):
    """An experiment that was read, and what is known of it before its effects."""

    history: History


def check_trial(config: Config) -> CheckedTrial:
    """Read the configured experiment.

    Raises
    ------
    ConfigError, HistoryError
        If a source, a column or the whole experiment cannot be used; single rows that cannot are set aside and counted.
    """
    history = read_history(config)
    return survey_trial(history, config).of(history)


def survey_trial(history: History, config: Config) -> TrialSurvey:
    """Describe an experiment that was read.

    Raises
    ------
    HistoryError
        If its groups cannot be compared.
    """
    settings = config.experiment
    assert settings is not None, "the caller has an experiment"
    trial = read_trial(history, config)
    guessed = bool(config.origin.marked(("experiment", "shares")))
    assignment = judge_assignment(trial, settings.shares, seed=config.seed, guessed=guessed)
    balance = balance_frame(trial)
    return TrialSurvey(
        trial=trial,
        assignment=assignment,
        groups=groups_frame(trial, settings.shares),
        balance=balance,
        remarks=(
            *set_aside(history, config),
            *crossovers(history),
            *nobody(history, "experiment"),
            *follow_up(history, config),
            *counts_as_money(trial, config),
            *remarks_on(trial, assignment, balance),
            *_no_consent(history, trial),
        ),
        stages=_stages(trial, assignment, config),
    )


def _no_consent(history: History, trial: Trial) -> list[Remark]:
    people = trial.people if trial.audience is None else trial.audience
    return no_consent(history, "experiment" if trial.audience is None else "audience", len(people.user_ids))


def _stages(trial: Trial, assignment: Assignment, config: Config) -> tuple[Support, ...]:
    few = [
        f"{declared.name} was given to {int(trial.counts[k]):,} users, {FEWEST_USERS} are needed"
        for k, declared in enumerate(config.actions, start=1)
        if declared.effect == "estimated" and trial.counts[k] < FEWEST_USERS
    ]
    asked = [declared for declared in config.actions if declared.effect == "estimated"]
    ruled = [
        f"who got {one.action} follows almost by rule from what was known before (AUC {one.auc:.2f})"
        for one in assignment.predictions
        if assignment.mode == "observational" and one.auc >= AUC_OF_A_RULE
    ]
    lost = [*few, *ruled]
    effects = lost if asked and len(lost) >= len(asked) else [] if asked else ["every effect is assumed"]
    draw = [] if assignment.sizes.fits else ["the group sizes do not fit"]
    if assignment.calibration is not None and not assignment.calibration.holds:
        draw.append("the recorded probabilities do not hold")
    targeting = [] if trial.covariate_names else ["no covariates tell users apart"]
    found = {
        "effects": [*effects, *draw],
        "evaluate": [*effects, *draw],
        "targeting": [*effects, *draw, *targeting],
        "plan": [],
    }
    hangs = "contacts only whom an estimated or assumed gain pays for"
    if found["effects"]:
        hangs = "on assumed gains alone; without any it contacts nobody"
    return tuple(
        Support(stage=name, supported=not missing, missing=tuple(missing), rests_on=hangs if name == "plan" else "")
        for name, missing in found.items()
    )


def trial_data_document(checked: CheckedTrial) -> dict[str, Any]:
    """Return the `data` part of the run's JSON."""
    history = checked.history
    return {
        "rows_read": history.n_read,
        "accepted": history.n_accepted,
        "quarantined": history.n_quarantined,
        "tables": history.counts.drop(columns="outside_periods").to_dict(orient="records"),
        "reasons": reasons_document(history),
        "users": checked.trial.n_users,
        "notes": list(history.notes),
        "digest": history.digest,
        "version": history.number,
    }


def assignment_document(checked: CheckedTrial) -> dict[str, Any]:
    """Return how the treatments were assigned, the test of the group sizes first."""
    assignment = checked.assignment
    sizes, calibration = assignment.sizes, assignment.calibration
    document: dict[str, Any] = {
        "sample_ratio": {
            "mismatch": not sizes.fits,
            "against": sizes.against,
            "words": sizes.words,
            **({} if sizes.against == "nothing" else {"p_value": sizes.p_value}),
        },
        "mode": assignment.mode,
        "words": assignment.words(),
        "outcomes": [
            {"name": name, "is_share": checked.trial.is_share(place)} for place, name in enumerate(checked.trial.outcome_names)
        ],
        "groups": _records(checked.groups),
        "predictions": [{"action": p.action, "auc": p.auc, "p_value": p.p_value} for p in assignment.predictions],
        "balance": _records(checked.balance),
    }
    clusters = checked.trial.clusters
    if clusters is not None:
        document["clusters"] = {"name": clusters.name, "count": clusters.n, "drawn": clusters.is_drawn}
    if calibration is not None:
        document["propensities"] = {
            "hold": calibration.holds,
            "p_value": calibration.p_value,
            "words": calibration.words,
            "bins": _records(calibration.bins.rename(columns={"decisions": "users"})),
        }
    return document


def trial_check_document(checked: CheckedTrial, config: Config) -> dict[str, Any]:
    """Return the JSON document of `check`."""
    return {
        "assignment": assignment_document(checked),
        "to_fill_in": [{"line": p.line, "written": p.written, "wanted": p.wanted} for p in config.origin.placeholders],
        **trial_data_document(checked),
        "remarks": [{"kind": remark.kind, "words": remark.words} for remark in checked.remarks],
        "stages": {one.stage: one.to_json() for one in checked.stages},
    }


def trial_check_text(checked: CheckedTrial, config: Config) -> str:
    """Return what `check` prints: the group sizes first."""
    history, assignment = checked.history, checked.assignment
    blocks = [_wrapped(assignment.sizes.words), _groups_text(checked), _wrapped(assignment.words())]
    if assignment.calibration is not None:
        blocks.append(_wrapped(assignment.calibration.words))
    if len(checked.balance):
        far = checked.balance.reindex(checked.balance["z"].abs().sort_values(ascending=False, kind="stable").index)
        told = "; ".join(f"{row.covariate} ({row.action}) {row.difference:+.2f}" for row in far.head(_FARTHEST).itertuples())
        blocks.append(_wrapped(f"Covariates furthest from the control group, in standard deviations: {told}."))
    blocks += [_wrapped(words) for words in (history.counted(), *history.notes)]
    blocks += [_wrapped(line) for line in aside_lines(history)]
    blocks += [_wrapped(f"Beware ({remark.kind}): {remark.words}") for remark in checked.remarks]
    blocks.append("What this experiment supports:")
    blocks += [_wrapped(f"  {stage.say()}") for stage in checked.stages]
    if warning := warn_of(config.origin.placeholders, config.origin.name):
        blocks.append(_wrapped_lines(warning))
    return "\n".join(blocks)


def _wrapped_lines(words: str) -> str:
    return "\n".join(_wrapped(line) for line in words.split("\n"))


def _groups_text(checked: CheckedTrial) -> str:
    from reports.tables import plain_columns, text_table

    groups = shown_groups(checked.trial, checked.groups)
    return text_table(groups, plain_columns(groups), width=_WIDTH)


def _wrapped(words: str) -> str:
    return textwrap.fill(words, _WIDTH, subsequent_indent="    ")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return [{str(key): value for key, value in row.items() if value is not None} for row in rows]
