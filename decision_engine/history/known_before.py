"""Columns of an experiment that tell users apart before the treatment, and why others may not be asked.

A covariate that the treatment touched hides its effect, and nothing in a file says when a column was written. Names say it at
times: what was counted in all, who was reached, what else came of it. Such columns are left out with the reason; whoever knows
better names them among the covariates.
"""

from __future__ import annotations

from decision_engine.history.columns import ColumnLook
from decision_engine.history.infer import Guess, name_parts

MOST_GROUPS = 10  # values of a column that may name arms, or few enough to be a covariate however few its rows
_BEFORE = frozenset(
    {
        "past",
        "previous",
        "prior",
        "history",
        "historical",
        "before",
        "last",
        "pre",
        "old",
        "avg",
        "baseline",
        "prev",
        "avant",
        "antes",
        "vorher",
    }
)
_BEFORE_STEMS = ("vorjahr", "vormonat", "历史", "之前", "去年", "上月")
# names of columns in sets whose outcomes were drawn: whoever matches users by them knows the answer
_TRUTHS = frozenset((
    "mu0", "mu1", "y0", "y1", "ycf", "ycfactual", "ycounterfactual", "counterfactual",
    "ite", "tau", "cate", "truecate", "trueite", "trueeffect", "replicate", "replication",
))  # fmt: skip
_REACHED = frozenset({"exposure", "exposures", "exposed", "impressions", "ads", "complied", "compliance"})
_IN_ALL = frozenset({"total", "sum", "orders", "purchases"})
_ROW_NAMES = frozenset({"unnamed", "index", "row", "rowid", "rownumber"})
_EACH_ITS_OWN = 0.999


def is_before(name: str) -> bool:
    """Whether a column is named for what was before the treatment.

    Examples
    --------
    >>> is_before("baseline_spend"), is_before("Umsatz Vorjahr"), is_before("spend_30d")
    (True, True, False)
    """
    parts = name_parts(name)
    return bool(_BEFORE & set(parts)) or any(stem in part for stem in _BEFORE_STEMS for part in parts)


def why_no_part(look: ColumnLook) -> str:
    """Return why a column is neither a covariate nor an outcome; empty where it may be one of them."""
    parts = set(name_parts(look.name))
    if look.name.lower().replace("_", "").replace(".", "") in _TRUTHS:
        return "known only where outcomes were simulated"
    if look.n_distinct <= 1:
        return "one value throughout"
    if _numbers_rows(look, parts):
        return "numbers the rows"
    if parts & _REACHED and not is_before(look.name):
        return "tells who was reached, which the treatment decides"
    return ""


def why_no_covariate(look: ColumnLook, outcomes: list[Guess]) -> str:
    """Return why a column is not taken for a covariate; empty where it may be one.

    Parameters
    ----------
    outcomes : list of Guess
        What may be an outcome of the experiment, or money.
    """
    if why := why_no_part(look):
        return why
    is_time = look.time > 0.9 and look.number < 0.5
    if is_time or not (look.counts_something or look.distinct < 0.2 or look.n_distinct <= MOST_GROUPS):
        return "a time" if is_time else "nearly every user has a value of their own"
    parts = set(name_parts(look.name))
    if is_before(look.name):
        return ""
    if any(guess.column == look.name for guess in outcomes):
        return "may be an outcome; not chosen"
    return "may have been counted after the treatment" if parts & _IN_ALL else ""


def _numbers_rows(look: ColumnLook, parts: set[str]) -> bool:
    """Whether a column holds nothing but the numbers of rows: whole, each its own, without gaps or called so."""
    if look.number <= 0.9 or look.distinct < _EACH_ITS_OWN or look.low is None or look.high is None:
        return False
    return bool(parts & _ROW_NAMES) or look.high - look.low + 1 == look.n_distinct
