"""What changed between two plans: totals, settings, and whose action; first of all, whether they can be compared at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from decision_engine.planning.plan import Plan

_TOTALS = ("audience", "actions", "holdout", "cost", "budget", "increment", "low", "high")
_MONEY = frozenset({"cost", "budget", "increment", "low", "high"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDifference:
    """Two plans side by side.

    Attributes
    ----------
    before, after : str
        Ids of the plans.
    totals, settings : mapping of str to pair
        Only what differs: value before, value after.
    changes : frame
        A row a user whose action changed: user_id, before, after.
    warnings : tuple of str
        Why the two are not plans of one kind: another campaign, currency or horizon. Amounts in two currencies are not put side
        by side; they stand neither in `totals` nor in `settings`.
    """

    before: str
    after: str
    totals: dict[str, tuple[Any, Any]]
    settings: dict[str, tuple[Any, Any]]
    changes: pd.DataFrame
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "warnings": list(self.warnings),
            "before": self.before,
            "after": self.after,
            "totals": {name: list(pair) for name, pair in self.totals.items()},
            "settings": {name: list(pair) for name, pair in self.settings.items()},
            "changes": self.changes.to_dict(orient="records"),
        }

    def summary(self) -> str:
        """Say what changed, in a few lines."""
        if not (self.totals or self.settings or len(self.changes)):
            return f"{self.before} and {self.after} are the same."
        lines = [f"beware: {warning}" for warning in self.warnings]
        lines += [f"from {self.before} to {self.after}:"]
        lines += [f"  {name}: {_show(old)} -> {_show(new)}" for name, (old, new) in {**self.settings, **self.totals}.items()]
        moves = self.changes.groupby(["before", "after"]).size().sort_values(ascending=False)
        lines += [
            f"  {count:,} {'user' if count == 1 else 'users'} from {old} to {new}"
            for old, new, count in moves.reset_index().itertuples(index=False)
        ]
        return "\n".join(lines)


def compare_plans(before: Plan, after: Plan) -> PlanDifference:
    """Return what differs between two plans; users in neither plan's rows count as `none`."""
    old, new = before.totals(), after.totals()
    settings_old, settings_new = asdict(before.settings), asdict(after.settings)
    actions = pd.concat(
        {"before": before.rows.set_index("user_id")["action"], "after": after.rows.set_index("user_id")["action"]}, axis=1
    ).fillna("none")
    changed = actions.loc[actions["before"] != actions["after"]]
    hidden = _MONEY if before.settings.currency != after.settings.currency else frozenset()
    return PlanDifference(
        before=before.id,
        after=after.id,
        totals={name: (old[name], new[name]) for name in _TOTALS if old[name] != new[name] and name not in hidden},
        settings={
            name: (settings_old[name], settings_new[name])
            for name in settings_old
            if settings_old[name] != settings_new[name] and name not in hidden
        },
        changes=changed.rename_axis("user_id").reset_index(),
        warnings=_warnings(before, after),
    )


def _warnings(before: Plan, after: Plan) -> tuple[str, ...]:
    """Say in which respects two plans are of different kinds, the gravest first."""
    old, new = before.settings, after.settings
    warnings = []
    if old.name != new.name:
        warnings.append(
            f"the plans are of different campaigns, {old.name!r} and {new.name!r}: what differs is no change of one."
        )
    if old.currency != new.currency:
        warnings.append(
            f"the plans count money in different currencies, {old.currency} and {new.currency}: amounts are not compared; "
            "`plan show` tells each plan's own."
        )
    if old.span != new.span:
        warnings.append(
            f"the plans count their increment over different times, {old.span} and {new.span}: the longer one has more time to "
            "gain, and the increments do not compare."
        )
    return tuple(warnings)


def _show(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
