"""Approval: which step may follow which, and who may take it.

A draft is approved or rejected by somebody other than its maker (four eyes), an approved plan is exported, an exported plan
is measured. Approval is of one digest: another version of the plan starts as a draft again.
"""

from __future__ import annotations

import getpass
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from simulations.errors import PlanError


class PlanEvent(StrEnum):
    """What can happen to a plan; also the kinds of a ledger's entries."""

    MADE = "made"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPORTED = "exported"
    MEASURED = "measured"


class PlanStatus(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPORTED = "exported"
    MEASURED = "measured"


_STEPS: dict[PlanEvent, tuple[tuple[PlanStatus, ...], PlanStatus]] = {
    PlanEvent.APPROVED: ((PlanStatus.DRAFT,), PlanStatus.APPROVED),
    PlanEvent.REJECTED: ((PlanStatus.DRAFT,), PlanStatus.REJECTED),
    PlanEvent.EXPORTED: ((PlanStatus.APPROVED,), PlanStatus.EXPORTED),
    PlanEvent.MEASURED: ((PlanStatus.EXPORTED, PlanStatus.MEASURED), PlanStatus.MEASURED),
}
CARRIED_OUT = (PlanStatus.EXPORTED, PlanStatus.MEASURED)  # what was exported counts as done
_FOUR_EYES = (PlanEvent.APPROVED, PlanEvent.REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """A plan's standing: what is left of its history for the rules to look at."""

    digest: str
    maker: str
    status: PlanStatus = PlanStatus.DRAFT
    approver: str | None = None


def login_name() -> str:
    """Return the name of who runs this process, "unknown" where the system does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def same_person(one: str, other: str) -> bool:
    """Tell whether two names are the same but for case, spaces, invisible characters and Unicode form.

    Examples
    --------
    >>> same_person("Ann Lee", " ann  LEE "), same_person("ann", "bert")
    (True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    kept = (sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign)[0] not in "ZC")
    return unicodedata.normalize("NFKC", "".join(kept).casefold())


def check_name(name: str, role: str) -> str:
    """Return the name without spaces around it; `PlanError` where nothing readable is left."""
    if not _plain(name):
        raise PlanError(f"{role}: {name!r} names nobody; give the name of the person who takes this step.")
    return name.strip()


def after(state: PlanState, event: PlanEvent, *, actor: str, digest: str) -> PlanState:
    """Return the standing after the event.

    Parameters
    ----------
    actor : str
        Who takes the step.
    digest : str
        Of the plan that the actor saw.

    Raises
    ------
    PlanError
        If the step does not follow from where the plan stands, the actor may not take it, or the digest is of another plan.

    Examples
    --------
    >>> after(PlanState(digest="d", maker="ann"), PlanEvent.APPROVED, actor="bert", digest="d").status.value
    'approved'
    """
    name = check_name(actor, str(event))
    if digest != state.digest:
        raise PlanError(f"{event}: digest {digest[:12]!r} was seen, the plan has {state.digest[:12]!r}; look again and decide.")
    if event not in _STEPS:
        raise PlanError(f"{event}: a plan is made once, when it is recorded.")
    starts, end = _STEPS[event]
    if state.status not in starts:
        wanted = " or ".join(starts)
        raise PlanError(f"{event}: the plan is {state.status}, it must be {wanted} for that.")
    if event in _FOUR_EYES and same_person(name, state.maker):
        raise PlanError(f"{event}: {name!r} made the plan; a second person must decide.")
    return replace(state, status=end, approver=name if event is PlanEvent.APPROVED else state.approver)
