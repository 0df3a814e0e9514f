"""What other budgets would bring: the plan's own problem, solved again for a range of budgets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decision_engine.config.models import Config
from decision_engine.planning.holdout import in_holdout
from decision_engine.planning.make import Candidates
from policies.allocation import AllocationProblem, budget_curve


def other_budgets(candidates: Candidates, config: Config) -> pd.DataFrame:
    """Return a row a budget: budget, value, bound, cost; for the users not held out, by the mean of all members."""
    free = ~in_holdout(candidates.user_keys, config.campaign.holdout_share, config.campaign.holdout_key)
    nets = candidates.margins.mean(axis=0, dtype=np.float64) - candidates.costs
    nets[:, 0] = 0.0
    problem = AllocationProblem(
        values=nets[free],
        costs=candidates.costs[free],
        allowed=candidates.allowed[free] & candidates.chosen[free],
        budget=config.campaign.budget,
        capacities=config.capacities(),
    )
    return budget_curve(problem).to_frame()
