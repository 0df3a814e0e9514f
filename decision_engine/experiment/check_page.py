"""The page of `check` on an experiment: what was read, as the frames that its charts and tables need."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from decision_engine.config.models import Config
from decision_engine.config.placeholders import say_all
from decision_engine.experiment.check import CheckedTrial
from decision_engine.experiment.clusters import inflation
from decision_engine.experiment.suspects import shown_groups
from decision_engine.experiment.trial import Trial
from decision_engine.stages.check_page import round_width
from decision_engine.stages.check_words import first_place
from reports import numbers
from reports.trial_check import TrialCheckReport

_N_BARS = 12


def trial_check_report(checked: CheckedTrial, config: Config) -> TrialCheckReport:
    """Gather what the page shows."""
    settings = config.experiment
    assert settings is not None, "the caller has an experiment"
    history, assignment, trial = checked.history, checked.assignment, checked.trial
    calibration = assignment.calibration
    reasons = history.reasons()
    reasons["first"] = [first_place(history, row) for row in reasons.itertuples()]
    words = [assignment.sizes.words, assignment.words(), *([] if calibration is None else [calibration.words])]
    return TrialCheckReport(
        title=f"{config.name}: the experiment before a run",
        subtitle=f"{config.origin.name}, outcomes until {settings.ended_on}; data {history.digest[:12]}",
        summary=history.counted(),
        alarm=checked.alarm,
        words=words,
        to_fill_in=tuple(say_all(config.origin.placeholders)),
        cards=_cards(checked, config),
        groups=shown_groups(trial, checked.groups),
        outcomes=outcomes_frame(trial, config.interval_level),
        amounts=amounts_frame(trial),
        amounts_axis=trial.outcome_names[0] + ("" if settings.money == "cases" else f", {config.currency}"),
        balance=checked.balance,
        bins=None if calibration is None else calibration.bins,
        stages=pd.DataFrame([{"stage": s.stage, "supported": s.supported, "remark": s.remark} for s in checked.stages]),
        remarks=pd.DataFrame([{"kind": r.kind, "words": r.words} for r in checked.remarks], columns=["kind", "words"]),
        counts=history.counts.drop(columns="outside_periods"),  # an experiment has no weeks
        reasons=reasons,
        notes=history.notes,
        level=config.interval_level,
    )


def _cards(checked: CheckedTrial, config: Config) -> list[tuple[str, str, str]]:
    history, trial, assignment = checked.history, checked.trial, checked.assignment
    aside, sizes = history.n_quarantined, assignment.sizes
    best = max((one.auc for one in assignment.predictions), default=None)
    tested = {"declared": "declared shares", "recorded": "recorded probabilities", "nothing": "nothing to test against"}
    fit = "untested" if sizes.against == "nothing" else "yes" if sizes.fits else "no"
    suspects = sum(remark.kind == "leakage" for remark in checked.remarks)
    return [
        ("Users", f"{trial.n_users:,}", f"in {numbers.plural(len(trial.given), 'group')}"),
        ("Set aside", f"{aside:,}", f"{numbers.share(aside / max(1, history.n_read))} of what was read"),
        ("Group sizes fit", fit, tested[sizes.against]),
        ("Drawn?", "—" if best is None else f"{best:.3f}", "AUC of who got what; 0.5 is a lottery"),
        ("Leakage suspects", f"{suspects}", f"of {numbers.plural(len(trial.covariate_names), 'covariate column')}"),
        (f"{trial.outcome_names[0]}, control", *_first_outcome(trial, config)),
    ]


def _first_outcome(trial: Trial, config: Config) -> tuple[str, str]:
    """Return the control group's mean of the first outcome and what it is: a share of users, cases, or money."""
    mean = float(trial.outcomes[trial.got(0), 0].mean())
    if trial.is_share(0):
        return numbers.share(mean), "of users"
    counts = config.experiment is not None and config.experiment.money == "cases"
    return f"{mean:,.2f}", "a user, in the mean" if counts else f"{config.currency} a user, in the mean"


def outcomes_frame(trial: Trial, level: float) -> pd.DataFrame:
    """Return a row an outcome and group: users, the share with any and the mean with their intervals, and quartiles of any."""
    reach = float(norm.ppf(0.5 + level / 2.0))
    rows = []
    for place, outcome in enumerate(trial.outcome_names):
        binary = bool(np.isin(trial.outcomes[:, place], (0.0, 1.0)).all())
        for action in trial.given:
            values = trial.outcomes[trial.got(action), place]
            some = values[values != 0.0]
            n, share = values.size, some.size / values.size
            if trial.clusters is not None:  # as many users as are worth it, drawn one by one
                n = values.size / inflation(values, trial.units[trial.got(action)])
            half, error = reach * reach / n, reach * float(values.std()) / n**0.5
            # Wilson's interval, which stays inside [0, 1] where few have any
            centre = (share + half / 2.0) / (1.0 + half)
            width = (share * (1.0 - share) * half + half * half / 4.0) ** 0.5 / (1.0 + half)
            quarter, middle = np.quantile(some, [0.25, 0.75]) if some.size and not binary else (np.nan, np.nan)
            rows.append(
                {
                    "outcome": outcome, "action": trial.actions.names[action], "users": values.size, "is_binary": binary,
                    "any_share": share, "any_low": max(centre - width, 0.0), "any_high": min(centre + width, 1.0),
                    "mean": float(values.mean()), "low": float(values.mean()) - error, "high": float(values.mean()) + error,
                    "mean_of_any": float(some.mean()) if some.size and not binary else np.nan,
                    "quarter": quarter, "three_quarters": middle,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def amounts_frame(trial: Trial) -> pd.DataFrame:
    """Return a row a group and bar of the first outcome: its share of the group's users; the last bar has all that is more."""
    money = trial.outcomes[:, 0]
    some = money[money != 0.0]
    columns = ["action", "label", "share"]
    if np.unique(some).size < 3:
        return pd.DataFrame(columns=columns)
    low, high = np.quantile(some, [0.01, 0.97])
    width = round_width(
        float(high - min(low, 0.0) if low < 0.0 or low < high / 2.0 else high - low) / (_N_BARS - 1), whole=False
    )
    start = width * np.floor((0.0 if 0.0 <= low < high / 2.0 else low) / width)
    lows = start + width * np.arange(int((high - start) // width) + 1)
    rows = []
    for action in trial.given:
        mine = money[trial.got(action)]
        places = np.clip(((mine[mine != 0.0] - start) // width).astype(np.int64), 0, lows.size - 1)
        shares = np.bincount(places, minlength=lows.size) / mine.size
        labels = [f"{one:,.10g}" for one in lows]
        labels[-1] += "+"
        rows += [(trial.actions.names[action], name, float(share)) for name, share in zip(labels, shares, strict=True)]
    return pd.DataFrame(rows, columns=columns)
