"""The policies' page: the ways to choose, side by side, and why the plan follows one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports import numbers
from reports.document import Section
from reports.drawing import figure
from reports.figures import policies_chart
from reports.markup import Html, heading, note, paragraph
from reports.tables import Column, estimate_column, html_table, money_column, number_column, share_column, words_column

if TYPE_CHECKING:
    import pandas as pd

_ONE_ACTION = frozenset({"fixed_action", "do_nothing"})  # kinds of policies that do the same to everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """What a search for settings found.

    Attributes
    ----------
    n_trials : int
    best : mapping of str to mapping
        The best settings found for each kind of policy.
    value_in_search, value_in_evaluation : float or None
        Of the best point, per user over the policies' horizon: on the simulators that the search saw, and on others.
    policy : str
        That point's policy.
    """

    n_trials: int
    best: Mapping[str, Mapping[str, Any]]
    policy: str = ""
    value_in_search: float | None = None
    value_in_evaluation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoliciesReport:
    """Policies as their page needs them.

    Attributes
    ----------
    policies : frame, a row a policy
        name, value, low, high, retention, spend, contacts, opt_outs, chance_of_loss; kind where it is known; against_single,
        against_single_low and against_single_high where a single action was compared.
    baselines : collection of str
        Names of what a learned policy has to beat.
    chosen, reason : str
        The policy that the plan follows, and why, in a sentence.
    weeks, n_users, level
        Horizon, users simulated, and of the intervals.
    horizon : str
        The horizon in words, where policies were judged by an experiment instead of simulators.
    """

    policies: pd.DataFrame
    currency: str
    baselines: Collection[str]
    chosen: str
    reason: str
    weeks: int
    n_users: int
    level: float
    search: SearchReport | None = None
    horizon: str = ""

    @property
    def span(self) -> str:
        """The horizon as people say it."""
        return self.horizon or numbers.plural(self.weeks, "week")


def policies_section(report: PoliciesReport) -> Section:
    """Lay out the comparison."""
    unit = f"{report.currency} per user over {report.span}"
    ranked = ranked_policies(report.policies, baselines=report.baselines, chosen=report.chosen)
    body = [
        paragraph(
            f"{_how_compared(report)} Its value is margin net of action cost less that of doing nothing, with "
            f"{report.level:.0%} intervals."
        ),
        paragraph(report.reason),
        figure(
            policies_chart(report.policies, unit=unit, chosen=report.chosen, baselines=report.baselines),
            "Value of each policy; open squares are baselines.",
        ),
        html_table(ranked, policy_columns(ranked, report.currency), caption=f"Policies compared, amounts in {unit}.", limit=40),
    ]
    if report.search is not None and report.search.n_trials:
        body += _search(report.search, report.currency)
    return Section(heading="Policies compared", body=tuple(body))


def _how_compared(report: PoliciesReport) -> str:
    users = numbers.plural(report.n_users, "user")
    if report.horizon:
        return (
            f"Each policy is judged by the same {users} of the experiment, by what came of those who got what it would have "
            "given (doubly robust off-policy evaluation); predictions were made by learners that never saw the user. Budget "
            "and capacities hold for all but what the experiment did."
        )
    return (
        f"Each policy lived through the same {report.span} with the same {users} and the same luck, on simulators that none of "
        "them was trained on, under the same contact rules, budget and capacities."
    )


def ranked_policies(policies: pd.DataFrame, *, baselines: Collection[str], chosen: str) -> pd.DataFrame:
    """Return the policies, best first, with a column `role`: chosen, baseline, whom it acts like, or empty."""
    ranked = policies.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    twins = acts_like(ranked)
    roles = [
        ", ".join(
            word
            for word, holds in (
                ("chosen", name == chosen),
                ("baseline", name in baselines),
                (f"acts like {twins.get(name)}", name in twins),
            )
            if holds
        )
        for name in ranked["name"]
    ]
    return ranked.assign(role=roles)


def acts_like(policies: pd.DataFrame) -> dict[str, str]:
    """Return, of policies that are more than one action, those that do what one action, or nothing, does: name by name.

    All policies are judged on the same luck, so that two with the same value, contacts and spend to the decimals that a table
    shows did the same to all but a few users.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("always mail", "fixed_action", 1.204, 2.0, 0.5), ("PPO", "ppo", 1.203, 2.0, 0.5)]
    >>> acts_like(pd.DataFrame(rows, columns=["name", "kind", "value", "contacts", "spend"]))
    {'PPO': 'always mail'}
    """
    if not {"kind", "value", "contacts", "spend"} <= set(policies.columns):
        return {}
    places = {name: numbers.money_decimals(policies[name]) for name in ("value", "spend")} | {"contacts": 2}
    simple: dict[tuple[str, ...], str] = {}
    twins: dict[str, str] = {}
    shown = [
        (str(row["name"]), str(row["kind"]), tuple(numbers.number(row[name], decimals) for name, decimals in places.items()))
        for row in policies.to_dict("records")
    ]
    for name, kind, figures in shown:
        if kind in _ONE_ACTION:
            simple.setdefault(figures, name)
    for name, kind, figures in shown:
        if kind not in _ONE_ACTION and figures in simple:
            twins[name] = simple[figures]
    return twins


def policy_columns(frame: pd.DataFrame, currency: str) -> list[Column]:
    """Return the columns of a comparison as people read them."""
    columns = [
        words_column("Policy", "name"),
        words_column("Role", "role"),
        estimate_column(f"Value (interval), {currency}", ("value", "low", "high"), frame),
    ]
    if "against_single" in frame:
        names = ("against_single", "against_single_low", "against_single_high")
        columns.append(estimate_column("Above the best single action", names, frame))
    columns += [
        *([share_column("Retention", "retention")] if "retention" in frame else []),
        number_column("Contacts", "contacts", 2),
        money_column("Spend", "spend", frame),
        *([share_column("Opt-outs", "opt_outs")] if "opt_outs" in frame else []),
    ]
    if "chance_of_loss" in frame:
        columns.append(share_column("Draws with a loss", "chance_of_loss"))
    return columns


def _search(search: SearchReport, currency: str) -> list[Html]:
    body = [heading("The search")]
    words = f"{numbers.plural(search.n_trials, 'trial')} looked for better settings, on training simulators only."
    if search.value_in_search is not None and search.value_in_evaluation is not None:
        lost = search.value_in_search - search.value_in_evaluation
        found, judged = (numbers.money(value, currency) for value in (search.value_in_search, search.value_in_evaluation))
        luck = f"{numbers.money(lost, currency)} of it was luck" if lost > 0 else "nothing of it was lost"
        words += (
            f" The best, {search.policy}, was worth {found} per user where it was found and {judged} on simulators it had not "
            f"seen: {luck}."
        )
    body.append(paragraph(words))
    for kind, settings in search.best.items():
        said = ", ".join(f"{name} {_setting(value)}" for name, value in settings.items() if name != "kind")
        body.append(note(f"{kind}: {said}."))
    return body


def _setting(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
