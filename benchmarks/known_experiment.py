"""An e-mail test whose truth is known: two e-mails and a control group, eight covariates, visit, conversion and spend.

It looks like a published e-mail test of a clothing shop: more than ninety-nine users in a hundred spend nothing in two weeks,
and the few who spend do so unevenly. A user visits with a probability that covariates and e-mails shift; who visits converts
with another; who converts spends a gamma amount. Each e-mail's true effect on every user's expected spend is therefore known in
closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from simulations.arrays import BoolArray, FloatArray
from simulations.randomness import stream

ACTIONS = ("none", "mens", "womens")
RAW = {"none": "No E-Mail", "mens": "Mens E-Mail", "womens": "Womens E-Mail"}
COVARIATES = ("recency", "history", "history_segment", "mens", "womens", "zip_code", "newbie", "channel")
_BASKET = 110.0  # mean spend of a user who converts
_SHAPE = 1.5  # of the gamma amount


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownExperiment:
    """Users of a drawn test, with what they would spend under each action.

    Attributes
    ----------
    frame : DataFrame
        The file: customer, covariates, segment, visit, conversion, spend.
    expected : (n_users, 3) array
        Expected spend under none, mens and womens.
    """

    frame: pd.DataFrame
    expected: FloatArray

    @property
    def effects(self) -> FloatArray:
        """(3,) true average effect of each action on spend."""
        return np.asarray((self.expected - self.expected[:, :1]).mean(axis=0))

    def write(self, path: Path) -> Path:
        """Write the file as CSV."""
        self.frame.to_csv(path, index=False)
        return path


def draw_experiment(
    n_users: int,
    *,
    seed: int,
    shares: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3),
    opposed: bool = False,
    lift: float = 1.0,
    by_choice: float = 0.0,
) -> KnownExperiment:
    """Draw a test.

    Parameters
    ----------
    opposed : bool
        Each e-mail then helps with those who bought its goods before and hurts with the others, so that targeting pays; else
        both help everybody alike, so that it does not.
    lift : float
        Factor on the e-mails' effect; 0 draws a test of nothing.
    by_choice : float
        How strongly those who bought lately were chosen for e-mails; 0 draws at random.
    """
    rng = stream(seed, "known experiment")
    frame = _covariates(n_users, rng)
    recent = (6.5 - frame["recency"].to_numpy(np.float64)) / 3.5
    log_odds = np.log(np.tile(shares, (n_users, 1))) + np.outer(by_choice * recent, [0.0, 1.0, 0.6])
    chances = np.exp(log_odds) / np.exp(log_odds).sum(axis=1, keepdims=True)
    treatment = (rng.random(n_users)[:, None] > np.cumsum(chances, axis=1)[:, :2]).sum(axis=1)
    visit, conversion = _chances(frame, opposed=opposed, lift=lift)
    mine = (np.arange(n_users), treatment)
    visits: BoolArray = rng.random(n_users) < visit[mine]
    converts: BoolArray = visits & (rng.random(n_users) < conversion[mine])
    spend = np.where(converts, rng.gamma(_SHAPE, _BASKET / _SHAPE, n_users), 0.0)
    frame["segment"] = [RAW[ACTIONS[action]] for action in treatment]
    frame["visit"], frame["conversion"], frame["spend"] = visits.astype(int), converts.astype(int), np.round(spend, 2)
    return KnownExperiment(frame=frame, expected=visit * conversion * _BASKET)


def _covariates(n_users: int, rng: np.random.Generator) -> pd.DataFrame:
    mens = rng.random(n_users) < 0.55
    womens = np.where(mens, rng.random(n_users) < 0.2, True)
    history = np.round(30.0 + rng.gamma(1.0, 210.0, n_users), 2)
    bands = pd.cut(history, [0, 100, 200, 350, 500, 750, 1000, np.inf], labels=[f"{k}) band" for k in range(1, 8)])
    return pd.DataFrame(
        {
            "customer": [f"{k:06d}" for k in range(1, n_users + 1)],
            "recency": rng.integers(1, 13, n_users),
            "history_segment": bands.astype(str),
            "history": history,
            "mens": mens.astype(int),
            "womens": womens.astype(int),
            "zip_code": rng.choice(["Surburban", "Urban", "Rural"], n_users, p=[0.45, 0.4, 0.15]),
            "newbie": rng.integers(0, 2, n_users),
            "channel": rng.choice(["Web", "Phone", "Multichannel"], n_users, p=[0.44, 0.44, 0.12]),
        }
    )


def _chances(frame: pd.DataFrame, *, opposed: bool, lift: float) -> tuple[FloatArray, FloatArray]:
    """Return (n_users, 3) chances to visit, and to convert for those who visit."""
    recency, newbie = frame["recency"].to_numpy(np.float64), frame["newbie"].to_numpy(np.float64)
    history, mens = frame["history"].to_numpy(np.float64), frame["mens"].to_numpy(np.float64)
    base = -2.0 - 0.08 * recency - 0.3 * newbie + 0.0006 * np.minimum(history, 1500.0)
    own = 2.0 * mens - 1.0
    shift = np.zeros((len(frame), 3))
    shift[:, 1] = 0.7 * own if opposed else 0.55
    shift[:, 2] = -0.7 * own if opposed else 0.4
    visit = 1.0 / (1.0 + np.exp(-(base[:, None] + lift * shift)))
    conversion = np.full(visit.shape, 0.055)
    conversion[:, 1] *= 1.0 + lift * (0.5 * own if opposed else 0.25)
    conversion[:, 2] *= 1.0 + lift * (-0.5 * own if opposed else 0.1)
    return visit, conversion
