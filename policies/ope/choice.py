"""Which estimator to believe: SLOPE, after Lepski's principle (Su, Srinath and Krishnamurthy, 2020, ICML).

Estimators are put in the order of their errors, the noisiest and least biased first. Going down, as long as an estimate's
interval meets all those before it, its bias cannot be told from noise and its lower variance is free; the last such one is
chosen. Nobody needs to know the bias.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.ope.direct import expected_rewards
from policies.ope.doubly_robust import SMALLEST_SIZE, decision_scores, doubly_robust_value
from policies.ope.intervals import clustered_standard_error, value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.shrinkage import ladder
from policies.ope.value import Abstention, PolicyValue
from policies.ope.weights import importance_weights
from simulations.arrays import FloatArray

# Standard errors to either side. Estimates of one log go together, so that their differences are far smaller than their errors:
# intervals of whole errors would meet whatever the bias.
WIDTH = 0.25


def slope(estimates: Sequence[float] | FloatArray, errors: Sequence[float] | FloatArray, *, width: float = WIDTH) -> int:
    """Return the place of the estimate to believe.

    Parameters
    ----------
    estimates, errors : (n_estimators,) arrays
        Values and their standard errors.
    width : float
        Standard errors to either side that make an interval.

    Examples
    --------
    >>> slope([1.0, 1.1, 3.0], [0.4, 0.2, 0.01], width=1.0)
    1
    """
    values, spreads = np.asarray(estimates, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    order = np.argsort(-spreads, kind="stable")
    low, high, chosen = -np.inf, np.inf, int(order[0])
    for place in order:
        low, high = max(low, values[place] - width * spreads[place]), min(high, values[place] + width * spreads[place])
        if low > high:
            break
        chosen = int(place)
    return chosen


def chosen_value(
    log: InteractionLog,
    evaluation_probabilities: FloatArray,
    *,
    action_values: FloatArray | None = None,
    level: float = 0.9,
    seed: int = 0,
    smallest_size: float = SMALLEST_SIZE,
) -> PolicyValue | Abstention:
    """Estimate a policy's value by that shrunk estimator which SLOPE chooses; abstain where the log has no support.

    How far it lies from the unshrunk one, beyond what chance explains, counts as its bias and widens the interval.

    Parameters
    ----------
    action_values, smallest_size
        As of `doubly_robust_value`.

    Raises
    ------
    HistoryError
        If the probabilities are none or do not fit the log.
    """
    values = expected_rewards(log, seed=seed) if action_values is None and log.n_decisions else action_values
    whole = doubly_robust_value(
        log, evaluation_probabilities, action_values=values, level=level, seed=seed, smallest_size=smallest_size
    )
    if isinstance(whole, Abstention) or log.is_adaptive or values is None:
        return whole
    weights = importance_weights(log, evaluation_probabilities)
    rules = ladder(weights)
    scores = [decision_scores(log, evaluation_probabilities, values, rule) for rule in rules]
    errors = [clustered_standard_error(of_rule, log.users) for of_rule in scores]
    place = slope([float(of_rule.mean()) for of_rule in scores], errors)
    gap = scores[place] - scores[0]
    chance = clustered_standard_error(gap, log.users) if place else 0.0
    return value_with_interval(
        scores[place],
        log.users,
        weights,
        level=level,
        estimator=f"doubly robust, {rules[place].say()}, chosen of {len(rules)}",
        share_clipped=rules[place].share_clipped(weights),
        bias=float(np.sqrt(max(0.0, float(gap.mean()) ** 2 - chance**2))),
    )
