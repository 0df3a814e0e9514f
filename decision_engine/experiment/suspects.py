"""What in an experiment should make its reader careful: groups that differ, covariates that know too much, missing values."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from decision_engine.config.models import Config
from decision_engine.effects.overlap import mean_differences
from decision_engine.effects.randomisation import MISMATCH
from decision_engine.experiment.assignment import Assignment
from decision_engine.experiment.clusters import FEWEST_CLUSTERS, inflation
from decision_engine.experiment.covariates import IS_EMPTY
from decision_engine.experiment.trial import FEWEST_USERS, Trial
from decision_engine.history.leakage import TOLD_BY_OUTCOME
from decision_engine.history.readiness import Remark
from decision_engine.history.record import History
from decision_engine.history.setting_aside import CROSSOVER, say_crossovers
from simulations.arrays import FloatArray

TOLD_WHO_PAYS = 0.95  # area under the curve with which a covariate may tell who has any outcome at all
FEWEST_TO_SUSPECT = 50
EXPECTED_TO_SUSPECT = 20  # users of a group that lacks what others have, from which on chance is out of the question
_EMPTY_TOLD = 6  # covariates with empty values, told one by one
TOP_SHARE = 0.1  # of all money from one user in a thousand or fewer: one user then moves the estimate


def balance_frame(trial: Trial) -> pd.DataFrame:
    """Return a row a treatment and covariate column: difference from the control group in standard deviations, and its z."""
    rows = []
    for action in trial.given[1:]:
        pair = (trial.treatments == 0) | (trial.treatments == action)
        treated = trial.treatments[pair] == action
        n_treated, n_control = int(treated.sum()), int((~treated).sum())
        if min(n_treated, n_control) < 2:
            continue
        differences = mean_differences(trial.people.covariates[pair], treated, np.ones(treated.size))
        plain = float(np.sqrt(1.0 / n_treated + 1.0 / n_control))
        for place, (name, d) in enumerate(zip(trial.covariate_names, differences, strict=True)):
            error = plain
            if trial.clusters is not None:
                values = trial.people.covariates[pair, place].astype(np.float64)
                error *= inflation(np.where(np.isfinite(values), values, 0.0), trial.units[pair]) ** 0.5
            rows.append(
                {"action": trial.actions.names[action], "covariate": name, "difference": float(d), "z": float(d) / error}
            )
    return pd.DataFrame(rows, columns=["action", "covariate", "difference", "z"])


def groups_frame(trial: Trial, shares: dict[str, float]) -> pd.DataFrame:
    """Return a row a group: action, users, share, declared_share where declared, and the mean of each outcome."""
    rows = []
    for action in sorted({*trial.given, *(trial.actions.index(name) for name in shares if name in trial.actions.names)}):
        name, group = trial.actions.names[action], trial.got(action)
        row: dict[str, object] = {"action": name, "users": int(group.sum()), "share": float(group.mean())}
        if trial.clusters is not None and trial.clusters.is_drawn:
            row["clusters"] = int((trial.clusters.treatments == action).sum())
        if shares:
            row["declared_share"] = shares.get(name)
        if np.isfinite(trial.propensities[group]).any():
            row["mean_propensity"] = float(np.nanmean(trial.propensities[group]))
        if group.any():
            row |= {
                f"mean {outcome}": float(mean)
                for outcome, mean in zip(trial.outcome_names, trial.outcomes[group].mean(axis=0), strict=True)
            }
        rows.append(row)
    return pd.DataFrame(rows)


def shown_groups(trial: Trial, groups: pd.DataFrame) -> pd.DataFrame:
    """Return the groups for people, who read the mean of yes and no as a share."""
    shares = [name for place, name in enumerate(trial.outcome_names) if trial.is_share(place)]
    return groups.rename(columns={f"mean {name}": f"{name}, share" for name in shares})


def remarks_on(trial: Trial, assignment: Assignment, balance: pd.DataFrame) -> list[Remark]:
    """Return what should be known before any effect is believed."""
    return [
        *_groups(trial),
        *_clusters(trial, assignment),
        *_untested_sizes(assignment),
        *_differences(assignment, balance),
        *_leakage(trial),
        *_reach(trial),
        *_missing(trial),
        *_outliers(trial),
        *_consent(trial),
    ]


def counts_as_money(trial: Trial, config: Config) -> list[Remark]:
    """Tell of a first outcome that is yes or no and yet counts as money."""
    settings = config.experiment
    if settings is None or settings.money == "cases" or not trial.is_share(0):
        return []
    words = (
        f"{trial.outcome_names[0]} is yes or no, and counts as an amount of money: a plan weighs it against costs as if one "
        f"were {config.currency} 1. Say `money: cases` in `experiment`, and as `worth` the margin that one brings."
    )
    return [Remark(kind="money", words=words)]


def crossovers(history: History) -> list[Remark]:
    """Tell of users who stand in more than one group: what they did, no group alone brought about."""
    reasons = history.reasons()
    n = int(reasons.loc[(reasons["table"] == "experiment") & (reasons["reason"] == CROSSOVER), "rows"].sum())
    if not n:
        return []
    return [Remark(kind="group", words=say_crossovers(n, last=False))]


def _groups(trial: Trial) -> list[Remark]:
    remarks = []
    for action, name in enumerate(trial.actions.names):
        count = int(trial.counts[action])
        if not count:
            remarks.append(Remark(kind="group", words=f"nobody got {name}: the experiment cannot tell what it does."))
        elif count < FEWEST_USERS:
            remarks.append(Remark(kind="group", words=f"only {count:,} users got {name}; {FEWEST_USERS} are needed."))
    return remarks


def _clusters(trial: Trial, assignment: Assignment) -> list[Remark]:
    """Tell of clusters: drawn as a whole, or named and then not kept to."""
    if assignment.mode == "clustered":
        assert trial.clusters is not None, "clustered by them"
        few = int(min(n for n in trial.clusters.counts(len(trial.actions)) if n))
        doubt = f"; the smallest group has {few:,}, and {FEWEST_CLUSTERS} are needed" if few < FEWEST_CLUSTERS else ""
        words = f"the evidence is {trial.clusters.n:,} of {trial.clusters.name}, and not {trial.n_users:,} users{doubt}."
        return [Remark(kind="clusters", words=words)]
    if trial.clusters is None:
        return []
    words = (
        f"users of one {trial.clusters.name} got different treatments: they were not drawn as a whole; errors count the "
        f"{trial.clusters.n:,} of them all the same, as their users may be alike."
    )
    return [Remark(kind="clusters", words=words)]


def _untested_sizes(assignment: Assignment) -> list[Remark]:
    """Doubt sizes that nothing vouches for, where they would be a mismatch had equal shares been meant."""
    if assignment.sizes.if_equal >= MISMATCH:
        return []
    words = (
        "the group sizes are not equal, and nothing says which shares were meant (`experiment.shares`): if equal ones, "
        "users were lost or added on the way, and no effect can be trusted."
    )
    return [Remark(kind="sample ratio", words=words)]


def _differences(assignment: Assignment, balance: pd.DataFrame) -> list[Remark]:
    """Suspect covariates that differ between groups that were drawn: they may have been touched by the treatment."""
    if assignment.mode not in ("randomised", "recorded", "mixed", "clustered") or not len(balance):
        return []
    if any(not prediction.is_chance for prediction in assignment.predictions):
        return []  # the record may well follow the covariates
    limit = float(norm.isf(MISMATCH / 2.0 / len(balance)))
    far = balance[balance["z"].abs() > limit]
    far = far.assign(about=far["covariate"].str.removesuffix(IS_EMPTY), far=far["z"].abs())
    far = far.sort_values("far", ascending=False, kind="stable").drop_duplicates(["action", "about"]).sort_index()
    drawn = "clusters were drawn" if assignment.mode == "clustered" else "users were drawn"
    return [
        Remark(
            kind="leakage",
            words=f"{_says(row['covariate'])} differs between {row['action']} and the control group by "
            f"{row['difference']:+.2f} standard deviations ({abs(row['z']):.1f} standard errors), although {drawn}: "
            "was it known before the treatment?",
        )
        for row in far.to_dict(orient="records")
    ]


def _says(column: str) -> str:
    """Return what a column of covariates says: its name, or whether that is empty."""
    about = column.removesuffix(IS_EMPTY)
    return column if about == column else f"whether {about} is empty"


def _leakage(trial: Trial) -> list[Remark]:
    """Suspect covariates that tell outcomes implausibly well, within the control group; each once, with all that it tells."""
    control = trial.got(0)
    told: dict[str, list[str]] = {}
    for column, name in enumerate(trial.covariate_names):
        covariate = trial.people.covariates[control, column].astype(np.float64)
        both = np.isfinite(covariate)
        if both.sum() < FEWEST_TO_SUSPECT or np.ptp(covariate[both]) == 0:
            continue
        ranks = rankdata(covariate[both])
        for place, outcome in enumerate(trial.outcome_names):
            values = trial.outcomes[control, place][both]
            if np.ptp(values) == 0:
                continue
            related = float(np.corrcoef(ranks, rankdata(values))[0, 1])
            if abs(related) > TOLD_BY_OUTCOME:
                words = f"goes with {outcome} (rank correlation {related:.2f})"
            elif (area := _tells(covariate[both], values > 0)) > TOLD_WHO_PAYS:
                words = f"tells who has any {outcome} (AUC {area:.2f})"
            else:
                continue
            told.setdefault(name, []).append(words)
    return [
        Remark(
            kind="leakage",
            words=f"in the control group, {_says(name)} {' and '.join(words)}; was it known before the treatment?",
        )
        for name, words in told.items()
        if not (name.endswith(IS_EMPTY) and name.removesuffix(IS_EMPTY) in told)
    ]


def _reach(trial: Trial) -> list[Remark]:
    """Suspect outcomes and covariates that only users of some group can have: they tell who was reached."""
    remarks = []
    named = [*zip(trial.outcome_names, trial.outcomes.T, strict=True)]
    named += [*zip(trial.covariate_names, trial.people.covariates.T.astype(np.float64), strict=True)]
    for name, values in named:
        nothing = np.nan_to_num(values) == 0.0
        for action in trial.given:
            group = trial.got(action)
            others = ~group
            expected = float((~nothing[others]).mean()) * float(group.sum()) if others.any() else 0.0
            if not (nothing[group].all() and expected > EXPECTED_TO_SUSPECT):
                continue
            about, who = name.removesuffix(IS_EMPTY), f"all {int(group.sum()):,} users of {trial.actions.names[action]}"
            words = (
                f"{name} is 0 for {who}, where {expected:,.0f} would have it as in the other groups: it tells who was reached:"
            )
            if about != name:
                words = f"{about} is filled for {who}, where {expected:,.0f} would lack it as in the other groups:"
            remarks.append(Remark(kind="leakage", words=f"{words} neither an outcome nor known before."))
    return remarks


def _tells(covariate: FloatArray, positive: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the area under the curve with which a covariate tells who is positive, whichever way round; 0.5 for none."""
    n_positive = int(positive.sum())
    n_others = positive.size - n_positive
    if min(n_positive, n_others) < 10:
        return 0.5
    wins = float(rankdata(covariate)[positive].sum()) - n_positive * (n_positive + 1) / 2.0
    area = wins / (n_positive * n_others)
    return max(area, 1.0 - area)


def _missing(trial: Trial) -> list[Remark]:
    remarks = [Remark(kind="missing", words=f"{name} is empty throughout and left out.") for name in trial.empty_covariates]
    if not trial.covariate_names:
        remarks.append(
            Remark(
                kind="missing",
                words="no covariates are named: whether users were drawn cannot be tested, and nobody can be told apart.",
            )
        )
    for name, n in trial.words_among_numbers:
        values = "1 value of" if n == 1 else f"{n:,} values of"
        words = (
            f"{values} {name} {'is no number and counts' if n == 1 else 'are no numbers and count'} as missing; if these are "
        )
        remarks.append(Remark(kind="missing", words=f"{words}no numbers but names, list {name} under `categories`."))
    empty = (~np.isfinite(trial.people.covariates)).sum(axis=0)
    order = [place for place in np.argsort(-empty, kind="stable") if empty[place]]
    told = [f"{trial.covariate_names[place]} for {empty[place]:,} ({empty[place] / trial.n_users:.1%})" for place in order]
    if told:
        more = f"; {len(told) - _EMPTY_TOLD:,} further covariates for fewer" if len(told) > _EMPTY_TOLD else ""
        words = f"of {trial.n_users:,} users some lack covariates: {', '.join(told[:_EMPTY_TOLD])}{more}."
        remarks.append(Remark(kind="missing", words=words))
    return remarks


def _outliers(trial: Trial) -> list[Remark]:
    money, name = trial.outcomes[:, 0], trial.outcome_names[0]
    total = float(np.abs(money).sum())
    few = max(1, money.size // 1000)
    if total <= 0.0 or money.size < 1000 or trial.is_share(0):
        return []
    top = np.sort(np.abs(money))[-few:]
    if float(top.sum()) / total <= TOP_SHARE:
        return []
    words = (
        f"{few:,} of {money.size:,} users hold {float(top.sum()) / total:.0%} of all {name}; the largest has {top[-1]:,.2f}: a "
        "few users move the estimate."
    )
    return [Remark(kind="outlier", words=words)]


def _consent(trial: Trial) -> list[Remark]:
    people = trial.people if trial.audience is None else trial.audience
    n_without = int((~people.consent).sum())
    if not n_without:
        return []
    words = f"{n_without:,} of {len(people.user_ids):,} users to plan for gave no consent and are never contacted."
    return [Remark(kind="consent", words=words)]
