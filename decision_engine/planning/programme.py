"""Plans that have to be measured together, because their effects reach into each other.

The holdout is the same in every plan, so what a contacted user did after one plan is also what the plans before and after did
to it, and no comparison of one week's groups can tell them apart. From the second plan on, even who was chosen follows from
what the first one changed. What stays random is who is held out at all: everybody whom the plans considered, held out or not,
is compared from the first plan's week on, and the difference is what the plans brought together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from decision_engine.planning.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Who is compared with whom, and the share of users who were to be held out among them."""

    open_to_contact: list[str]
    held_out: list[str]
    holdout_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """One plan, or several that overlap, in the order of their weeks."""

    plans: tuple[Plan, ...]

    @classmethod
    def around(cls, plan: Plan, others: Iterable[Plan], *, until: date) -> Programme:
        """Return the plan with every other that reaches it, directly or through further ones.

        Two plans overlap where the later starts before the earlier one's horizon has passed. Plans that start after `until`
        have changed nothing yet, and plans with another holdout key are independent of who is compared here.
        """
        key = plan.settings.holdout_key_digest
        near = {
            other.digest: other
            for other in (*others, plan)
            if other.settings.holdout_key_digest == key and other.settings.starts_on <= until
        }
        line = sorted(near.values(), key=lambda one: (one.settings.starts_on, one.digest))
        chains: list[list[Plan]] = []
        reach = date.min
        for one in line:
            if one.settings.starts_on >= reach:
                chains.append([])
            chains[-1].append(one)
            reach = max(reach, _end(one))
        found = next((chain for chain in chains if plan.digest in {one.digest for one in chain}), [plan])
        return cls(plans=tuple(found))

    @property
    def starts_on(self) -> date:
        """First business day of the first plan."""
        return self.plans[0].settings.starts_on

    @property
    def n_weeks(self) -> int:
        """Weeks from the first plan's to the end of the last horizon."""
        return (max(_end(plan) for plan in self.plans) - self.starts_on).days // 7

    @property
    def contacted(self) -> set[str]:
        """Users with an action in any of the plans."""
        return {str(user) for plan in self.plans for user in plan.rows["user_id"]}

    def groups(self) -> Groups:
        """Return who is compared: of one plan, the contacted and those who would have been; of several, everybody.

        Whoever a later plan considers first belongs where that plan put them.
        """
        first = self.plans[0]
        if len(self.plans) == 1:
            would_be = first.holdout.loc[first.holdout["would_be"] != "none", "user_id"]
            return Groups(
                open_to_contact=first.rows["user_id"].tolist(),
                held_out=would_be.tolist(),
                holdout_share=first.settings.holdout_share,
            )
        held: dict[str, bool] = {}
        expected = 0.0
        for plan in self.plans:
            before = len(held)
            for frame, is_held in ((plan.holdout, True), (plan.rows, False), (plan.excluded_users, False)):
                for user in frame["user_id"]:
                    held.setdefault(str(user), is_held)
            expected += (len(held) - before) * plan.settings.holdout_share
        return Groups(
            open_to_contact=[user for user, is_held in held.items() if not is_held],
            held_out=[user for user, is_held in held.items() if is_held],
            holdout_share=expected / len(held) if held else 0.0,
        )


def _end(plan: Plan) -> date:
    return plan.settings.starts_on + timedelta(weeks=plan.settings.effect_horizon_weeks)
