"""A policy's value as estimated from a log, or the statement that the log cannot tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """Estimated mean outcome per decision, or per user over several, under an evaluation policy.

    Attributes
    ----------
    estimate, low, high, standard_error : float
        In the outcome's unit; the interval is clustered by user.
    level : float
        Of the interval.
    estimator : str
        "ips", "snips", "direct", "doubly robust", or what it was shrunk by.
    effective_sample_size : float
        Kish size of the weights, in decisions.
    largest_weight : float
        Before any shrinking.
    share_clipped : float
        Share of the weights' sum that was not believed, in [0, 1].
    interval : str
        "normal", "bootstrap", "bernstein" or "sequence".
    per : str
        "decision" or "user".
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    level: float
    estimator: str
    n_decisions: int
    n_users: int
    effective_sample_size: float
    largest_weight: float
    share_clipped: float = 0.0
    interval: str = "normal"
    per: str = "decision"

    def to_frame(self) -> pd.DataFrame:
        """Return one row, a column an attribute, unrounded."""
        return pd.DataFrame([asdict(self)])

    def summary(self) -> str:
        """Return the value to read aloud."""
        count = self.n_users if self.per == "user" else self.n_decisions
        clipped = f", {self.share_clipped:.1%} of the weight not believed" if self.share_clipped else ""
        return (
            f"{self.estimate:.3f} per {self.per} ({self.level:.0%} interval {self.low:.3f} to {self.high:.3f}; "
            f"{self.estimator}, {count:,} {self.per}s worth {self.effective_sample_size:,.0f}, largest weight "
            f"{self.largest_weight:,.1f}{clipped})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """The log cannot tell a policy's value, and why."""

    reason: str
    n_decisions: int
    effective_sample_size: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row, a column an attribute."""
        return pd.DataFrame([asdict(self)])

    def summary(self) -> str:
        """Return the reason to read aloud."""
        return f"abstains: {self.reason}"
