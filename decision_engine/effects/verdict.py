"""The verdict on an effect: may it steer, is it weak, or do the data not identify it; with each reason in plain words.

Every limit has a source or a reason beside it. A verdict never looks at whether the effect is welcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from decision_engine.effects.agreement import FACTOR, Agreement
from decision_engine.effects.doubly_robust import Average
from decision_engine.effects.overlap import AUC_OF_A_RULE, Overlap
from decision_engine.effects.randomisation import SampleRatio
from decision_engine.effects.refutation import Refutation

MOST_BY_RULE = 0.5  # of the contacts may fall in weeks in which contact was all but decided by what was known
SMALLEST_SHARE = 0.5  # half of the contacted must have others like them (the half is that of Walker et al., 2013)
HIDDEN = 0.1  # an unrecorded reason of a tenth of the recorded ones' weight must not carry the answer away: it is seldom absent
BALANCED, UNBALANCED = 0.1, 0.25  # standardised differences (Austin, 2009, Statistics in Medicine 28(25); Rubin, 2001)
CHANCE = 3.0  # standard errors by which the furthest of some twenty covariates may lie out by chance
FEWEST_TREATED = 100  # effective treated rows below which a normal interval is not to be trusted
WORTH_KNOWING = 0.05  # of the mean outcome: a smaller effect is not worth telling from none
LARGEST_MISS = 0.25  # an effect of a quarter of the mean outcome that could go unseen is too blunt to steer by
SIGNIFICANT = 2.576  # a placebo further out than this happens once in a hundred by chance


class Verdict(StrEnum):
    """What an effect may be used for."""

    IDENTIFIED = "identified"
    WEAK = "weak"
    NOT_IDENTIFIED = "not identified"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question asked of an estimate, and its answer."""

    name: str
    passed: bool
    value: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict looks at.

    Attributes
    ----------
    recorded : bool
        The log tells the probability of every decision.
    margin, crude : Average
        The estimate, and the difference between contacted and others of the same weeks with nothing else held fixed.
    detectable : float
        Effect that would be found with probability 0.8, in the outcome's unit.
    baseline : float
        Mean outcome of the controls.
    gap : float
        Difference between the two estimators, in standard errors.
    agreement : Agreement or None
        The average beside what the simulator would make of the same contacts; None where there is no shift.
    """

    recorded: bool
    overlap: Overlap
    refutation: Refutation
    ratio: SampleRatio | None
    margin: Average
    crude: Average
    detectable: float
    baseline: float
    gap: float
    agreement: Agreement | None = None


def checks_of(evidence: Evidence) -> tuple[Check, ...]:
    """Return each check with its answer in words; those that only make sense without a record are left out with one."""
    overlap = evidence.overlap
    checks = [] if evidence.recorded else [*_overlap_checks(overlap), _hidden_check(evidence)]
    chance = CHANCE * overlap.by_chance
    checks.append(
        Check(
            name="balance",
            passed=overlap.largest_after <= max(BALANCED, chance),
            value=overlap.largest_after,
            words=f"after weighting, contacted and others differ by up to {overlap.largest_after:.2f} standard deviations "
            f"({overlap.worst}; {max(BALANCED, chance):.2f} is balanced; before weighting up to {overlap.largest_before:.2f})",
        )
    )
    checks += _placebo_checks(evidence)
    checks.append(
        Check(
            name="two estimators",
            passed=abs(evidence.gap) <= SIGNIFICANT,
            value=evidence.gap,
            words=f"the doubly robust and EconML's estimate lie {abs(evidence.gap):.1f} standard errors apart",
        )
    )
    if evidence.agreement is not None:
        checks.append(_agreement_check(evidence.agreement))
    checks.append(
        Check(
            name="enough contacts",
            passed=overlap.effective_treated >= FEWEST_TREATED,
            value=overlap.effective_treated,
            words=f"the contacts weigh as much as {overlap.effective_treated:,.0f}; {FEWEST_TREATED} are needed",
        )
    )
    miss = evidence.detectable / abs(evidence.baseline) if evidence.baseline else float("inf")
    checks.append(
        Check(
            name="precision",
            passed=miss <= LARGEST_MISS,
            value=miss,
            words=f"an effect of up to {miss:.0%} of the mean margin could have gone unseen ({LARGEST_MISS:.0%} will do)",
        )
    )
    if evidence.ratio is not None:
        checks.append(
            Check(
                name="sample ratio", passed=evidence.ratio.matches, value=evidence.ratio.p_value, words=evidence.ratio.summary()
            )
        )
    return tuple(checks)


def _overlap_checks(overlap: Overlap) -> list[Check]:
    return [
        Check(
            name="choice",
            passed=overlap.by_rule <= MOST_BY_RULE,
            value=overlap.auc,
            words=f"{overlap.by_rule:.0%} of the contacts fall in weeks in which who was contacted follows almost by rule from "
            f"what was known before (AUC {AUC_OF_A_RULE} or more; {overlap.auc:.2f} over all weeks, 0.5 would be a lottery)",
        ),
        Check(
            name="overlap",
            passed=overlap.share >= SMALLEST_SHARE,
            value=overlap.share,
            words=f"{overlap.share:.0%} of the contacted have others like them who were left alone",
        ),
    ]


def _hidden_check(evidence: Evidence) -> Check:
    """Ask how strong an unrecorded reason must be to matter (Altonji, Elder and Taber, 2005, JPE 113(1))."""
    explained = evidence.crude.estimate - evidence.margin.estimate
    hidden = HIDDEN * abs(explained)
    worth_knowing = max(abs(evidence.margin.estimate), WORTH_KNOWING * abs(evidence.baseline))
    return Check(
        name="unrecorded reasons",
        passed=hidden < worth_knowing,
        value=hidden,
        words=f"contacted and others of the same weeks differ by {evidence.crude.estimate:+.2f}, of which what is recorded "
        f"about them leaves {evidence.margin.estimate:+.2f}; an unrecorded reason a tenth as strong as the recorded ones would "
        f"move that by {hidden:.2f} (less than {worth_knowing:.2f} would do)",
    )


def _agreement_check(agreement: Agreement) -> Check:
    return Check(
        name="average and weekly shift",
        passed=abs(agreement.gap) <= SIGNIFICANT,
        value=agreement.gap,
        words=f"contacts bring {agreement.average.estimate:+.2f} order-days over the horizon, and "
        f"{agreement.implied.estimate:+.2f} by the weekly shift that simulators live by: {abs(agreement.gap):.1f} standard "
        f"errors more than a factor of {FACTOR:g} apart",
    )


def _placebo_checks(evidence: Evidence) -> list[Check]:
    dealt, past = evidence.refutation.placebo_treatment, evidence.refutation.placebo_past
    checks = [
        Check(
            name="placebo treatment",
            passed=abs(dealt.z) <= SIGNIFICANT,
            value=dealt.z,
            words=f"contacts dealt out at random seem to bring {dealt.estimate:+.2f} order-days ({abs(dealt.z):.1f} standard "
            "errors from nothing)",
        )
    ]
    if past is not None:
        checks.append(
            Check(
                name="placebo past",
                passed=abs(past.z) <= SIGNIFICANT,
                value=past.z,
                words=f"before any contact, contacted and others like them already differ by {past.estimate:+.2f} order-days "
                f"({abs(past.z):.1f} standard errors)",
            )
        )
    return checks


# A failed check of these says that the comparison itself is broken; a failure of any other leaves it standing but weak.
FATAL = frozenset({"choice", "overlap", "unrecorded reasons", "placebo past", "sample ratio", "recorded probabilities"})


def judge(checks: tuple[Check, ...], *, recorded: bool, because: str = "") -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons: what failed, worst first, or why the effect stands.

    Parameters
    ----------
    recorded : bool
        How likely each contact was is known, so that an imbalance is chance.
    because : str
        Why the effect stands where nothing failed; left out, the reason that fits a log of contacts.
    """
    broken = [check.words for check in checks if not check.passed and _is_fatal(check, recorded)]
    blunt = [check.words for check in checks if not check.passed and not _is_fatal(check, recorded)]
    if broken:
        return Verdict.NOT_IDENTIFIED, tuple(broken + blunt)
    if blunt:
        return Verdict.WEAK, tuple(blunt)
    if because:
        return Verdict.IDENTIFIED, (because,)
    if recorded:
        return Verdict.IDENTIFIED, ("the log records how likely each contact was, and the record holds",)
    return Verdict.IDENTIFIED, (
        "contacted and others overlap, agree after weighting and did not differ before; it is assumed that nothing unrecorded "
        "decided the contact",
    )


def _is_fatal(check: Check, recorded: bool) -> bool:
    """Tell what breaks a comparison; an imbalance under recorded probabilities is chance, and costs precision only."""
    return check.name in FATAL or (check.name == "balance" and check.value > UNBALANCED and not recorded)
