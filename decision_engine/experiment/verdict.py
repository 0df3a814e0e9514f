"""The verdict on a treatment's effect in an experiment: the checks, their answers in words, and what they amount to.

The limits are those of `decision_engine.effects.verdict`. Where treatments were drawn, or their probabilities are recorded, a
broken draw is what breaks the comparison; where they were chosen, everything is asked that is asked of a log of contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

from scipy.stats import norm

from decision_engine.effects.doubly_robust import Average
from decision_engine.effects.overlap import AUC_OF_A_RULE, Overlap
from decision_engine.effects.randomisation import MISMATCH
from decision_engine.effects.verdict import (
    BALANCED,
    CHANCE,
    FEWEST_TREATED,
    HIDDEN,
    LARGEST_MISS,
    SIGNIFICANT,
    SMALLEST_SHARE,
    WORTH_KNOWING,
    Check,
    Verdict,
    judge,
)
from decision_engine.experiment.assignment import Assignment
from decision_engine.experiment.clusters import FEWEST_CLUSTERS

NARROW = 0.5  # of the estimate, within which its interval should lie for the effect to be known well


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict on one treatment looks at.

    Attributes
    ----------
    average, crude, second, placebo : Average
        The estimate; the difference in means; EconML's estimate; what a treatment dealt out at random seems to bring.
    detectable : float
        Effect that would be found with probability 0.8.
    baseline : float
        Mean margin of the control group.
    smaller_group : int
        Users of the group that has fewer.
    fewest_clusters : int or None
        Clusters of the group that has fewer, where whole clusters were drawn.
    """

    assignment: Assignment
    overlap: Overlap
    average: Average
    crude: Average
    second: Average
    placebo: Average
    detectable: float
    baseline: float
    level: float
    n_covariates: int
    smaller_group: int
    fewest_clusters: int | None = None


def judge_evidence(evidence: Evidence) -> tuple[tuple[Check, ...], Verdict, tuple[str, ...]]:
    """Return the checks, the verdict and its reasons."""
    known = evidence.assignment.is_known
    checks = (*_of_the_draw(evidence), *(() if known else _of_the_choice(evidence)), *_of_the_estimate(evidence))
    if evidence.assignment.mode == "randomised":
        because = "users were drawn at random, as far as anything recorded tells, and the groups agree in what was known before"
    elif evidence.assignment.mode == "clustered":
        because = "whole clusters were drawn, errors count them, and the groups agree in what was known before"
    elif known:
        because = "it is recorded how likely each treatment was, and the record holds"
    else:
        because = "treated and control overlap and agree after weighting; it is assumed that nothing unrecorded decided"
    verdict, reasons = judge(checks, recorded=known, because=because)
    if told := _how_precise(evidence, verdict, checks):
        reasons = (*reasons, told) if verdict is Verdict.IDENTIFIED else (f"{reasons[0]}; {told}", *reasons[1:])
    return checks, verdict, reasons


def _how_precise(evidence: Evidence, verdict: Verdict, checks: tuple[Check, ...]) -> str:
    """Say of a comparison that holds how many users it would take to know its effect well; nothing where it is known well."""
    failed = {check.name for check in checks if not check.passed}
    if failed - {"precision"} or verdict is Verdict.NOT_IDENTIFIED:
        return ""
    low, high = evidence.average.interval(evidence.level)
    half, size = (high - low) / 2.0, abs(evidence.average.estimate)
    if low > 0.0 or high < 0.0:
        times = (half / (NARROW * size)) ** 2
        wanted = f"bring the interval to within {NARROW:.0%} of the estimate"
    elif evidence.baseline:
        times = (evidence.detectable / (WORTH_KNOWING * abs(evidence.baseline))) ** 2
        wanted = f"tell an effect of {WORTH_KNOWING:.0%} of the control group's mean from nothing"
    else:
        return ""
    if times <= 1.0:
        return ""
    n = times * evidence.smaller_group
    digits = 10.0 ** max(0, floor(log10(n)) - 1)
    return (
        f"it can be known, and is not known precisely yet: about {ceil(n / digits) * digits:,.0f} users a group would {wanted}"
    )


def _of_the_draw(evidence: Evidence) -> list[Check]:
    sizes, calibration = evidence.assignment.sizes, evidence.assignment.calibration
    checks = []
    if sizes.against != "nothing":
        checks.append(Check(name="sample ratio", passed=sizes.fits, value=sizes.p_value, words=_lowered(sizes.words)))
    if calibration is not None:
        checks.append(
            Check(
                name="recorded probabilities",
                passed=calibration.holds,
                value=calibration.p_value,
                words=_lowered(calibration.words),
            )
        )
    return checks


def _of_the_choice(evidence: Evidence) -> list[Check]:
    overlap = evidence.overlap
    explained = evidence.crude.estimate - evidence.average.estimate
    hidden = HIDDEN * abs(explained)
    worth_knowing = max(abs(evidence.average.estimate), WORTH_KNOWING * abs(evidence.baseline))
    return [
        Check(
            name="choice",
            passed=overlap.auc < AUC_OF_A_RULE,
            value=overlap.auc,
            words=f"who was treated follows {'almost by rule' if overlap.auc >= AUC_OF_A_RULE else 'in part'} from what was "
            f"known before (AUC {overlap.auc:.2f}; 0.5 would be a lottery, {AUC_OF_A_RULE} or more is a rule)",
        ),
        Check(
            name="overlap",
            passed=overlap.share >= SMALLEST_SHARE,
            value=overlap.share,
            words=f"{overlap.share:.0%} of the treated have others like them who were left alone",
        ),
        Check(
            name="unrecorded reasons",
            passed=hidden < worth_knowing,
            value=hidden,
            words=f"treated and control differ by {evidence.crude.estimate:+,.2f}, of which what is recorded about them leaves "
            f"{evidence.average.estimate:+,.2f}; an unrecorded reason a tenth as strong as the recorded ones would move that "
            f"by {hidden:,.2f} (less than {worth_knowing:,.2f} would do)",
        ),
    ]


def _by_chance(evidence: Evidence) -> float:
    """Return how many standard errors the furthest covariate may lie out; in a draw only what hardly any draw makes is told."""
    if not evidence.assignment.is_known:
        return CHANCE
    return float(norm.isf(MISMATCH / 2.0 / max(evidence.n_covariates, 1)))


def _of_the_estimate(evidence: Evidence) -> list[Check]:
    overlap, average, second = evidence.overlap, evidence.average, evidence.second
    low, high = average.interval(evidence.level)
    allowed = max(BALANCED, _by_chance(evidence) * overlap.by_chance)
    error = max(average.standard_error, second.standard_error)
    gap = (average.estimate - second.estimate) / error if error > 0 else 0.0
    miss = evidence.detectable / abs(evidence.baseline) if evidence.baseline else float("inf")
    told_apart = low > 0.0 or high < 0.0
    checks = []
    if overlap.worst:
        checks.append(
            Check(
                name="balance",
                passed=overlap.largest_after <= allowed,
                value=overlap.largest_after,
                words=f"treated and control differ by up to {overlap.largest_after:.2f} standard deviations ({overlap.worst}; "
                f"{allowed:.2f} is balanced; before weighting up to {overlap.largest_before:.2f})",
            )
        )
    return [
        *checks,
        Check(
            name="placebo treatment",
            passed=abs(evidence.placebo.z) <= SIGNIFICANT,
            value=evidence.placebo.z,
            words=f"a treatment dealt out at random seems to bring {evidence.placebo.estimate:+,.2f} "
            f"({abs(evidence.placebo.z):.1f} standard errors from nothing)",
        ),
        Check(
            name="two estimators",
            passed=abs(gap) <= SIGNIFICANT,
            value=gap,
            words=f"the doubly robust and EconML's estimate lie {abs(gap):.1f} standard errors apart",
        ),
        *_of_the_clusters(evidence),
        Check(
            name="enough users",
            passed=overlap.effective_treated >= FEWEST_TREATED,
            value=overlap.effective_treated,
            words=f"the treated weigh as much as {overlap.effective_treated:,.0f}; {FEWEST_TREATED} are needed",
        ),
        Check(
            name="precision",
            passed=told_apart or miss <= LARGEST_MISS,
            value=miss,
            words="the interval lies on one side of nothing"
            if told_apart
            else f"the effect is not told apart from nothing, and one of up to {miss:.0%} of the control group's mean could "
            f"have gone unseen ({LARGEST_MISS:.0%} will do)",
        ),
    ]


def _of_the_clusters(evidence: Evidence) -> list[Check]:
    n = evidence.fewest_clusters
    if n is None:
        return []
    words = f"the smaller group has {n:,} clusters; {FEWEST_CLUSTERS} are needed, or intervals are too narrow"
    return [Check(name="enough clusters", passed=n >= FEWEST_CLUSTERS, value=float(n), words=words)]


def _lowered(words: str) -> str:
    return (words[:1].lower() + words[1:]).rstrip(".")
