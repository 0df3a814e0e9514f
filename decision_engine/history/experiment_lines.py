"""The lines of a configuration that an experiment's draft becomes."""

from __future__ import annotations

from decision_engine.history.arms import arm_sizes
from decision_engine.history.experiment_draft import ExperimentDraft
from decision_engine.history.flags import flag_values
from decision_engine.history.mapping_lines import lines_of, on_columns, written
from decision_engine.history.round_shares import round_shares
from decision_engine.history.sources import literal, quote
from decision_engine.history.yaml_text import folded, quoted, yaml_text


def experiment_lines(draft: ExperimentDraft, marked: str) -> list[str]:
    """Return the lines of the configuration below its sources.

    Parameters
    ----------
    marked : str
        The mark of lines that only a person can answer.
    """
    actions = [name for name in dict.fromkeys(draft.groups.values()) if name != "none"]
    lines = ["# One row a user. Canonical column: SQL expression over the source's columns.", "tables:", "  experiment:"]
    parts = (draft.sheet, *draft.files.parts)
    mappings = [line for sheet in parts for line in _mapping(draft, sheet.name, marked)]
    if len(parts) == 1:  # no list of one
        mappings = [mappings[0].replace("- ", "", 1), *(line[2:] for line in mappings[1:])]
    lines += mappings
    if draft.files.events:
        lines += [
            "  # A row an order, click or the like: numbers that are summed by user, from the assignment on.",
            "  outcomes:",
        ]
        lines += [line for events in draft.files.events for line in lines_of(events)]
    if draft.files.audience is not None:
        lines += [
            "  # Other users to plan for, with the same covariates; left out, the plan is for those of the test.",
            "  audience:",
        ]
        lines += lines_of(draft.files.audience)
    lines += [
        "",
        "# What the columns mean; those not mapped above are the source's columns of the same name.",
        "experiment:",
        "  outcomes: # the first is money, the others are told beside it",
    ]
    for place, name in enumerate(draft.outcomes):
        asked = f" # {marked}: {draft.money_guessed}" if place == 0 and draft.money_guessed else ""
        asked = asked or _confidence(draft, "money", name) or _confidence(draft, "outcome", name)
        lines.append(f"    - {yaml_text(name)}{asked}")
    counts = draft.counts_cases
    lines += (
        [
            "  money: cases # the first outcome counts cases",
            f"  worth: 10 # {marked}: margin that one case brings; 10 is a placeholder",
        ]
        if counts
        else ["  money: revenue # or margin, if the first outcome is margin already"]
    )
    lines += folded("  covariates: [", draft.covariates, "] # known before the treatment: check this")
    return [
        *lines,
        *_shares(draft, marked),
        f"  horizon: {written(draft.times.horizon)}",
        f"  ended_on: {draft.times.ended_on.expression} # {marked}: {draft.times.ended_on.fill_in}",
        "",
        *([] if counts else [f"margin_share: 0.25 # {marked}: margin as a share of revenue; 0.25 is a placeholder"]),
        "margin_source: assumed",
        "",
        "actions:",
        *(line for name in actions for line in _action(name, marked)),
        "",
        "campaign:",
        f"  budget: 100 # {marked}: most the plan may cost",
        "  holdout_share: 0.1",
    ]


def _mapping(draft: ExperimentDraft, source: str, marked: str) -> list[str]:
    """Return the mapping of one file of the experiment's own columns."""
    user = draft.sql[draft.user] if draft.user is not None else "__row + 1"
    who = "" if draft.user is not None else " # no column names the user: the number of the row does"
    lines = [f"    - source: {source}"]
    if draft.files.lookups:
        lines.append("      join:")
        lines += [
            f"        - {{source: {one.sheet.name}, on: {on_columns(one.here, one.there)}, keep: first}}"
            for one in draft.files.lookups
        ]
    lines += ["      corrections: last # every row of a user says who got what: it counts once"] if draft.is_in_rows else []
    lines += [
        "      columns:",
        f"        user_id: {yaml_text(user)}{who}",
        f"        treatment: {_treatment(draft, source)}",
    ]
    if draft.times.assigned_at is not None:
        lines.append(f"        assigned_at: {written(draft.times.assigned_at)}")
    if draft.cluster is not None:
        lines.append(f"        cluster: {yaml_text(draft.sql[draft.cluster])} # all of one got the same: drawn as a whole")
    for name, column in (("propensity", draft.propensity), ("consent", draft.consent)):
        lines += [f"        {name}: {yaml_text(draft.sql[column])}{_confidence(draft, name, column)}"] if column else []
    own = [name for name in draft.outcomes if name in draft.sheet.looks]
    flags = {name: flag_values(draft.sheet.looks[name]) for name in own}
    reached = [
        name
        for name in (*own, *draft.covariates)
        if name in draft.sql and (flags.get(name) or draft.sql[name] not in (name, quote(name)))
    ]
    lines += [f"        {yaml_text(name)}: {yaml_text(draft.sql[name])}{_of_empty(draft, name)}" for name in reached]
    lines += ["      values:", "        treatment:"]
    for raw, action in draft.groups.items():
        asked = f" # {marked}: is this the control group?" if action == "none" and draft.control_guessed else ""
        lines.append(f"          {quoted(raw)}: {action}{asked}")
    for name, counted in flags.items():
        told = ", ".join(f"{quoted(raw)}: {quoted(str(number))}" for raw, number in counted.items())
        lines += [f"        {yaml_text(name)}: {{{told}}}"] if counted else []
    return lines


def _treatment(draft: ExperimentDraft, source: str) -> str:
    if source in draft.arm_of:
        return f"{yaml_text(literal(draft.arm_of[source]))} # by the file's name"
    return f"{yaml_text(draft.sql[draft.treatment])} # {draft.confidence:.2f}"


def _of_empty(draft: ExperimentDraft, name: str) -> str:
    if draft.empty is None or draft.empty.column != name:
        return ""
    return f" # {draft.empty.told}"


def _confidence(draft: ExperimentDraft, role: str, column: str) -> str:
    """Return the comment that says how sure a guess is; nothing where the column was not guessed for that role."""
    found = [guess.confidence for guess in draft.sheet.roles.get(role, []) if guess.column == column]
    return f" # {found[0]:.2f}" if found else ""


def _shares(draft: ExperimentDraft, marked: str) -> list[str]:
    """Return the line of the shares: those that the sizes look like, to be checked, or equal ones that are not in force."""
    sizes = arm_sizes(draft.sheet.looks[draft.treatment], draft.groups)
    found = None if draft.propensity else round_shares(list(sizes.values()))
    shares = found.shares if found is not None else tuple([1.0 / len(sizes)] * len(sizes))
    told = ", ".join(f"{name}: {share:.4g}" for name, share in zip(sizes, shares, strict=True))
    if found is None:
        return [f"  # shares: {{{told}}} # where users were drawn: what was meant; the group sizes are then tested"]
    asked = "are these the shares that were meant? Guessed from the group sizes, which are tested against them"
    return [f"  shares: {{{told}}} # {found.confidence:.2f}; {marked}: {asked}"]


def _action(name: str, marked: str) -> list[str]:
    return [
        f"  - name: {name}",
        f"    kind: recommendation # {marked}: coupon, gift, recommendation or care",
        f"    channel: email # {marked}",
        f"    cost: 0.1 # {marked}: cost of one contact",
        "    effect: estimated",
    ]
