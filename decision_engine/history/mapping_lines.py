"""The lines of a first configuration that map sources onto tables, each guess with its confidence behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decision_engine.config.placeholders import FILL_IN
from decision_engine.history.left_out import comment_lines
from decision_engine.history.sheets import Line, TableDraft
from decision_engine.history.yaml_text import quoted, yaml_text

RETURNED = "exported_exposures"  # the source of what `plan export` wrote
RETURNED_COLUMNS = ("user_id", "exposed_at", "action", "propensity", "cost", "channel", "would_be")


def mapping_lines(
    drafts: Sequence[TableDraft], actions: Mapping[str, str], remarks: Sequence[str], *, returns: bool
) -> list[str]:
    """Return the lines of the tables.

    Parameters
    ----------
    actions : mapping of str to str
        Raw values of the action column and the names they get.
    remarks : sequence of str
        Comments to stand above.
    returns : bool
        Whether exposures that `plan export` wrote are mapped besides.
    """
    lines = ["# Canonical column: SQL expression over the source's columns.", "tables:", *remarks]
    tables = [draft.table for draft in drafts] + (["exposures"] if returns else [])
    for table in dict.fromkeys(tables):
        lines.append(f"  {table}:")
        for draft in (draft for draft in drafts if draft.table == table):
            lines += lines_of(draft)
            if table == "exposures":
                lines += ["      values:", "        action:"]
                lines += [f"          {quoted(raw)}: {name}" for raw, name in actions.items()]
        if returns and table == "exposures":
            lines += [f"    - source: {RETURNED}", "      columns:", *(f"        {name}: {name}" for name in RETURNED_COLUMNS)]
    return [*lines, ""]


def lines_of(draft: TableDraft) -> list[str]:
    """Return the lines of one mapping in a list of them."""
    lines = [f"    - source: {draft.sheet.name}"]
    if draft.joins:
        lines.append("      join:")
        lines += [
            f"        - {{source: {to.name}, on: {on_columns(here, there)}, keep: first}}" for to, here, there in draft.joins
        ]
    for remark in draft.remarks:
        lines += comment_lines(remark, " " * 6)
    lines += [f"      {key}: {written(line)}" for key, line in (("where", draft.where), ("returns", draft.returns)) if line]
    lines += ["      corrections: last"] if draft.counts_once else []
    lines += ["      columns:", *(f"        {yaml_text(name)}: {written(line)}" for name, line in draft.lines.items())]
    for column, values in draft.values.items():
        lines += [
            "      values:",
            f"        {yaml_text(column)}:",
            *(f"          {quoted(raw)}: {quoted(v)}" for raw, v in values.items()),
        ]
    return lines


def on_columns(here: str, there: str) -> str:
    """Return the columns by which a source is looked up."""
    return f"[{yaml_text(here)}]" if here == there else f"{{{yaml_text(here)}: {yaml_text(there)}}}"


def written(line: Line) -> str:
    """Return a line's expression with what a reader should know behind it."""
    parts = [f"{line.confidence:.2f}"] if line.confidence is not None else []
    parts += [line.remark] if line.remark else []
    parts += [f"{FILL_IN}: {line.fill_in}"] if line.fill_in else []
    return yaml_text(line.expression) + (f" # {'; '.join(parts)}" if parts else "")
