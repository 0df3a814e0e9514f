"""The causal question, stated before it is answered: a graph, an estimand, and whether the graph identifies it (DoWhy).

Nodes are kinds of things, not columns: behaviour so far, earlier contacts, what is known of the customer, the week. Where the
log records how likely each contact was, those are all that can have decided it. Where it does not, something unrecorded may
have decided the contact and moved the outcome as well; the graph with that node has no adjustment set, so identification rests
on the assumption that it is absent, and says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

CAUSES = ("behaviour_so_far", "earlier_contacts", "week")
UNRECORDED = "unrecorded_reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the data.

    Attributes
    ----------
    graph : str
        Directed graph in the DOT language.
    estimand : str
        What is estimated: the adjustment formula over the back-door set that DoWhy finds.
    adjust_for : tuple of str
        Causes that must be held fixed.
    identified : bool
        Whether the graph identifies the effect without a further assumption.
    assumption : str
        What must hold besides; empty where nothing must.
    """

    action: str
    outcome: str
    graph: str
    estimand: str
    adjust_for: tuple[str, ...]
    identified: bool
    assumption: str

    def summary(self) -> str:
        """Return the question in words."""
        words = f"What does {self.action} change in {self.outcome}, {' and '.join(self.adjust_for)} being the same?"
        return f"{words} {self.assumption}".strip()


def causal_graph(action: str, outcome: str, *, recorded: bool, attributes: bool) -> str:
    """Return the graph of one action's question in DOT.

    Examples
    --------
    >>> "unrecorded_reason" in causal_graph("coupon", "margin", recorded=True, attributes=False)
    False
    """
    causes = [*CAUSES, *(["customer_attributes"] if attributes else []), *([] if recorded else [UNRECORDED])]
    edges = [f'"{cause}" -> "{action}"; "{cause}" -> "{outcome}";' for cause in causes]
    return f'digraph {{ {" ".join(edges)} "{action}" -> "{outcome}"; }}'


def state_question(action: str, *, horizon_weeks: int, recorded: bool, attributes: bool) -> Question:
    """Ask DoWhy whether the graph identifies the effect, and for the estimand.

    Parameters
    ----------
    recorded : bool
        Whether the log records the probability of every decision.
    attributes : bool
        Whether anything is known of customers apart from their behaviour.
    """
    outcome = f"margin_of_{horizon_weeks}_weeks"
    graph = causal_graph(action, outcome, recorded=recorded, attributes=attributes)
    assumed = causal_graph(action, outcome, recorded=True, attributes=attributes)
    adjust_for = _adjustment_set(assumed, action, outcome)
    return Question(
        action=action,
        outcome=outcome,
        graph=graph,
        estimand=_estimand(action, outcome, adjust_for),
        adjust_for=adjust_for,
        identified=bool(_adjustment_set(graph, action, outcome)),
        assumption=""
        if recorded
        else "The log does not say how users were chosen; the answer holds only if nothing unrecorded decided both the contact "
        "and the purchases.",
    )


def _estimand(action: str, outcome: str, adjust_for: tuple[str, ...]) -> str:
    given = ", ".join(adjust_for)
    return f"mean over {given} of E[{outcome} | {action}=1, {given}] - E[{outcome} | {action}=0, {given}]"


def _adjustment_set(graph: str, action: str, outcome: str) -> tuple[str, ...]:
    """Return the recorded causes that DoWhy finds to block every back door; empty where there is no such set."""
    import networkx
    from dowhy.causal_identifier import AutoIdentifier, EstimandType

    logging.getLogger("dowhy").setLevel(logging.ERROR)
    tree = networkx.DiGraph(_edges(graph))
    observed = [node for node in tree.nodes if node != UNRECORDED]
    found = AutoIdentifier(estimand_type=EstimandType.NONPARAMETRIC_ATE).identify_effect(
        tree, action_nodes=[action], outcome_nodes=[outcome], observed_nodes=observed
    )
    if found.estimands.get("backdoor") is None:
        return ()
    return tuple(sorted(found.get_backdoor_variables() or ()))


def _edges(graph: str) -> list[tuple[str, str]]:
    pieces = (piece.partition("->") for piece in graph.partition("{")[2].rpartition("}")[0].split(";"))
    return [(left.strip(' "'), right.strip(' "')) for left, arrow, right in pieces if arrow]
