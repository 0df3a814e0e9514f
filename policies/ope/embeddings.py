"""Many actions, few logged of each: weights of what actions have in common (Saito and Joachims, 2022, ICML).

Where an action works through what it is (a category, a price, a channel: its embedding e), a decision can be weighted by how
much likelier the evaluation policy makes its embedding, w(x, e) = p(e | x, pi) / p(e | x, behaviour), instead of its action.
Weights are smaller the more actions share an embedding; what the action does beyond it is the bias.
"""

from __future__ import annotations

import numpy as np

from policies.ope.intervals import value_with_interval
from policies.ope.log import InteractionLog
from policies.ope.value import PolicyValue
from policies.ope.weights import check_probabilities
from simulations.arrays import FloatArray, IntArray
from simulations.errors import HistoryError


def marginal_weights(
    evaluation_probabilities: FloatArray,
    behaviour_probabilities: FloatArray,
    embedding_probabilities: FloatArray,
    embeddings: IntArray,
) -> FloatArray:
    """Return (n_decisions,): how much likelier the evaluation policy makes each logged embedding.

    Parameters
    ----------
    evaluation_probabilities, behaviour_probabilities : (n_decisions, n_actions) arrays
        Of each action in each logged context.
    embedding_probabilities : (n_actions, n_embeddings) array
        Of each embedding, given the action: rows sum to one; ones and zeros where an action has one embedding.
    embeddings : (n_decisions,) int array
        The logged ones.

    Raises
    ------
    HistoryError
        If the shapes do not fit, or the behaviour policy could never have logged an embedding that it did.

    Examples
    --------
    >>> marginal_weights(np.array([[0.5, 0.4, 0.1]]), np.array([[0.1, 0.1, 0.8]]), np.eye(2)[[0, 0, 1]], np.array([0]))
    array([4.5])
    """
    n, n_actions = behaviour_probabilities.shape
    if evaluation_probabilities.shape != (n, n_actions) or embedding_probabilities.shape[0] != n_actions:
        raise HistoryError(
            f"embeddings: probabilities of shapes {evaluation_probabilities.shape}, {behaviour_probabilities.shape} and "
            f"{embedding_probabilities.shape} do not fit; right are (decisions, actions), the same, and (actions, embeddings)."
        )
    likely = embedding_probabilities[:, embeddings].T
    wanted, logged = (
        (probabilities * likely).sum(axis=1) for probabilities in (evaluation_probabilities, behaviour_probabilities)
    )
    impossible = np.flatnonzero(logged <= 0.0)
    if impossible.size:
        raise HistoryError(
            f"embeddings: {impossible.size:,} of {n:,} logged ones have no chance under the behaviour policy; first is row "
            f"{impossible[0]}."
        )
    return np.asarray(wanted / logged)


def marginal_value(
    log: InteractionLog,
    evaluation_probabilities: FloatArray,
    *,
    behaviour_probabilities: FloatArray,
    embedding_probabilities: FloatArray,
    embeddings: IntArray | None = None,
    level: float = 0.9,
) -> PolicyValue:
    """Estimate a policy's value by weights of embeddings (MIPS); right as far as an action works through its embedding alone.

    Parameters
    ----------
    behaviour_probabilities, embedding_probabilities, embeddings
        As of `marginal_weights`; without `embeddings`, each logged action's own, which must then be certain.

    Raises
    ------
    HistoryError
        If the probabilities do not fit the log.
    """
    check_probabilities(log, evaluation_probabilities)
    check_probabilities(log, behaviour_probabilities)
    if embeddings is None:
        if not (embedding_probabilities.max(axis=1) == 1.0).all():
            raise HistoryError("embeddings: an action has several, so that the log must say which one each decision had.")
        embeddings = embedding_probabilities.argmax(axis=1)[log.actions]
    weights = marginal_weights(evaluation_probabilities, behaviour_probabilities, embedding_probabilities, embeddings)
    return value_with_interval(weights * log.rewards, log.users, weights, level=level, estimator="mips")
