"""Which estimator to believe: the least noisy one whose bias cannot be told from noise, after Lepski's principle.

SLOPE (Su, Srinath and Krishnamurthy, 2020, ICML) puts estimators in the order of their errors, the noisiest and least biased
first, and goes down as long as intervals meet: a bias that hides in noise costs less than the variance it saves. Here the
first, the doubly robust estimate with every weight believed, has no bias at all, since probabilities are logged; and all
estimates come from one log and go together, so that their differences have far smaller errors than they have. Each is therefore
held against the first, by the error of the difference itself.
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
from simulations.arrays import FloatArray, IntArray

# Errors of its difference from the unbiased estimate within which an estimate may lie: the difference's variance is about what
# is saved, so that a bias of one such error is where less variance stops to pay.
WIDTH = 1.0


def slope(scores: Sequence[FloatArray], users: IntArray, *, width: float = WIDTH) -> int:
    """Return the place of the estimator to believe.

    Parameters
    ----------
    scores : sequence of (n_decisions,) arrays
        What each decision says of the value by each estimator; the first has no bias.
    users : (n_decisions,) array
        Decisions on one user count as one piece of evidence.
    width : float
        Errors of its difference from the first within which an estimate may lie.

    Examples
    --------
    >>> noise = np.array([-3.0, 3.0, -3.0, 3.0])
    >>> slope([1.0 + noise, 1.0 + noise / 3.0, 9.0 + noise / 9.0], np.arange(4))
    1
    """
    errors = np.array([clustered_standard_error(of_rule, users) for of_rule in scores])
    chosen = 0
    for place in np.argsort(-errors, kind="stable"):
        if errors[place] >= errors[chosen]:
            continue
        gap = scores[place] - scores[0]
        if abs(float(gap.mean())) > width * clustered_standard_error(gap, users):
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
    """Estimate a policy's value by the shrunk estimator that `slope` chooses; abstain where the log has no support.

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
    place = slope(scores, log.users)
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
