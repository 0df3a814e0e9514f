"""Columns that a first configuration leaves out: named in a comment with the reason, so that nobody wonders where they are."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from decision_engine.history.columns import ColumnLook
from decision_engine.history.experiment_draft import ExperimentDraft
from decision_engine.history.infer import speaks_of_people
from decision_engine.history.sheets import Sheet, TableDraft
from decision_engine.history.sources import literal, quote

_WIDTH = 120
_MOST_EVENTS = 8
_SHORT = 12


def left_out_lines(sheet: Sheet, used: Iterable[str], why: Mapping[str, str] | None = None, indent: str = "  ") -> list[str]:
    """Return comments that name a sheet's columns besides those used, by reason; none where all are used.

    Parameters
    ----------
    why : mapping of str to str, optional
        Reasons that are known already, by column.
    """
    known = set(used)
    reasons: dict[str, list[str]] = {}
    is_empty = not any(look.filled for look in sheet.looks.values())
    for name, look in sheet.looks.items():
        if name not in known:
            reason = _reason(sheet, look, (why or {}).get(name, ""), is_empty=is_empty)
            reasons.setdefault(reason, []).append(" ".join(name.split()))
    if not reasons:
        return []
    told = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
    return comment_lines(f"left out of {sheet.name}: {told}", indent)


def unused_events(sheet: Sheet, drafts: Sequence[TableDraft], indent: str = "  ") -> list[str]:
    """Return comments that name the values of a sheet's event column that no draft's condition asks for."""
    asked = [draft.where.expression for draft in drafts if draft.sheet is sheet and draft.where is not None]
    for guess in sheet.roles.get("event", []):
        look = sheet.looks[guess.column]
        if not any(_reads(condition, look) for condition in asked):
            continue
        counts = dict(zip(look.frequent, look.counts, strict=True))
        unused = [value for value in look.frequent if not any(literal(value) in condition for condition in asked)]
        told = ", ".join(f"{value} {counts[value]:,}" for value in unused[:_MOST_EVENTS])
        more = f" and {len(unused) - _MOST_EVENTS} more" if len(unused) > _MOST_EVENTS else ""
        return (
            comment_lines(f"rows of {sheet.name} that no table asks for, by {look.name}: {told}{more}", indent) if told else []
        )
    return []


def comment_lines(words: str, indent: str = "  ") -> list[str]:
    """Return words as comments of a YAML document, folded."""
    mark = f"{indent}# "
    return textwrap.wrap(
        words, _WIDTH, initial_indent=mark, subsequent_indent=f"{mark}  ", break_long_words=False, break_on_hyphens=False
    )


def _reason(sheet: Sheet, look: ColumnLook, known: str, *, is_empty: bool) -> str:
    if look.name in sheet.personal:
        return "personal"
    if not look.filled and not is_empty:
        return "empty"
    if look.n_distinct == 1:
        is_plain = look.length <= _SHORT and not speaks_of_people(look.name) and "@" not in look.frequent[0]
        return f"always {look.frequent[0]}" if is_plain else "one value throughout"  # which might name somebody
    if known:
        return known
    roles = [role for role, guesses in sheet.roles.items() if any(guess.column == look.name for guess in guesses)]
    return f"may be the {roles[0]}; not chosen" if roles else "no use known"


def columns_of_drafts(sheet: Sheet, drafts: Sequence[TableDraft]) -> set[str]:
    """Return the columns of a sheet that the expressions, conditions and joins of drafts read."""
    texts = []
    for draft in drafts:
        if sheet not in draft.sheets:
            continue
        lines = [*draft.lines.values(), draft.where, draft.returns]
        texts += [line.expression for line in lines if line is not None]
        texts += [quote(column) for _, here, there in draft.joins for column in (here, there)]
    return {name for name, look in sheet.looks.items() if any(_reads(text, look) for text in texts)}


def left_out_of_experiment(draft: ExperimentDraft) -> list[str]:
    """Return comments that name the columns that an experiment's draft leaves out, file by file."""
    single = (draft.user, draft.treatment, draft.propensity, draft.consent, draft.times.column, draft.cluster)
    used = {*(name for name in single if name is not None), *draft.outcomes, *draft.covariates}
    lines = left_out_lines(draft.sheet, used, draft.left_out)
    for other in draft.sheets[1:]:
        lookups = [one for one in draft.files.lookups if one.sheet is other]
        known = columns_of_drafts(other, draft.files.events)
        known |= {name for one in lookups for name in (one.there, *one.covariates)}
        is_plain = other in draft.files.parts or (draft.files.audience is not None and draft.files.audience.sheet is other)
        reasons = {name: why for one in lookups for name, why in one.left_out.items()}
        lines += [] if is_plain else left_out_lines(other, known, reasons)
    return lines


def _reads(text: str, look: ColumnLook) -> bool:
    if look.expression:
        return look.expression in text
    return quote(look.name) in text or re.search(rf'(?<![\w"]){re.escape(look.name)}(?![\w"(])', text) is not None
