"""Files of consent alone: lists of those who want no contact, and histories of who agreed and who took it back.

Who stands on a list of unsubscribes said no, whatever else is known of them; everybody else counts as before. Of a history
the last row of each user counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from decision_engine.history.column_finder import ColumnFinder, time_of
from decision_engine.history.consent_values import consent_remark, consent_values
from decision_engine.history.infer import name_parts
from decision_engine.history.sheets import Line, Sheet, TableDraft
from decision_engine.history.sources import ROW

_REFUSALS = frozenset({
    "unsubscribe", "unsubscribes", "unsubscribed", "optout", "optouts", "suppression", "suppressions", "suppressed",
    "blacklist", "blocklist", "donotcontact", "robinson", "abmeldung", "abmeldungen", "bajas", "desabonnes", "disiscritti",
})  # fmt: skip
_MOST_COLUMNS = 8  # of a list of those who refused
_SURE = 0.6
_OURS = 0.2  # share of a file's users among the buyers from which on it is about them


def lists_refusals(sheet: Sheet) -> bool:
    """Whether a sheet lists those who want no contact: by its name, or by a full column of when they said so."""
    parts = name_parts(sheet.name)
    columns = [name for name, look in sheet.looks.items() if look.filled > 0.99 and (look.time > 0.9 or bool(look.epoch))]
    named = [parts, *(name_parts(name) for name in columns)]
    is_one = any(_REFUSALS & {*words, *map("".join, pairwise(words))} for words in named)
    return is_one and len(sheet.looks) <= _MOST_COLUMNS and not {"money", "order", "consent"} & sheet.roles.keys()


def consent_drafts(finder: ColumnFinder, orders: TableDraft, drafts: Sequence[TableDraft]) -> list[TableDraft]:
    """Return what files of consent add to the customers; the drafts of customers that are there already are changed with it."""
    read = {sheet.name for draft in drafts for sheet in draft.sheets}
    added: list[TableDraft] = []
    for sheet in (one for one in finder.sheets if one.name not in read):
        user = _user_of(finder, sheet, orders)
        if user is None:
            continue
        if lists_refusals(sheet):
            everybody = [draft for draft in [*drafts, *added] if draft.table == "customers"]
            for draft in everybody:
                draft.lines.setdefault("consent", Line(expression="'yes'", remark="who stands on no list of refusals"))
            added += [] if everybody else [_buyers(orders)]
            added.append(_draft(finder, sheet, user, Line(expression="'no'", remark="whoever stands on this list refused")))
        elif "consent" in sheet.roles and not sheet.is_key(user) and sheet.roles["consent"][0].confidence >= _SURE:
            look = sheet.looks[sheet.roles["consent"][0].column]
            line = Line(expression=finder.column(look), confidence=sheet.roles["consent"][0].confidence)
            draft = _draft(finder, sheet, user, replace(line, fill_in=_out_of_order(finder, sheet, user)))
            values = consent_values(look)
            draft.values = {"consent": values} if values else {}
            draft.remarks = tuple(filter(None, [consent_remark(look, values), "the last row of each user counts"]))
            added.append(draft)
    return added


def _user_of(finder: ColumnFinder, sheet: Sheet, orders: TableDraft) -> str | None:
    """Return the column that names buyers in a sheet."""
    if not any("user" in one.roles for one in orders.sheets):
        return None
    buyer = finder.found(orders, "user")
    theirs = next(one for one in orders.sheets if buyer in one.roles.get("user", []))
    named = [buyer.column, *(guess.column for guess in sheet.roles.get("user", []))]
    return next(
        (name for name in named if name in sheet.looks and finder.share(sheet, name, theirs, buyer.column) > _OURS), None
    )


def _draft(finder: ColumnFinder, sheet: Sheet, user: str, consent: Line) -> TableDraft:
    draft = TableDraft(table="customers", sheet=sheet, counts_once=True)
    draft.lines |= {"user_id": Line(expression=finder.column(sheet.looks[user]), confidence=0.9), "consent": consent}
    return draft


def _buyers(orders: TableDraft) -> TableDraft:
    """Return the draft of customers that are known from their orders alone."""
    draft = TableDraft(table="customers", sheet=orders.sheet, joins=list(orders.joins), counts_once=True)
    draft.lines |= {
        "user_id": replace(orders.lines["user_id"], fill_in="", remark="every buyer"),
        "consent": Line(expression="'yes'", remark="who stands on no list of refusals"),
    }
    return draft


def _out_of_order(finder: ColumnFinder, sheet: Sheet, user: str) -> str:
    """Say that a history of consent is not in the order of its times, where it has any; nothing where it is."""
    times = sheet.roles.get("time", [])
    if not times:
        return "nothing says which row of a user is the last; the last in the file is taken"
    when, who = time_of(finder.connection, sheet.looks[times[0].column]), finder.column(sheet.looks[user])
    formats = ", ".join(f"'{one}'" for one in sheet.settings.time_formats)
    read = f"try_strptime({when}, [{formats}])" if formats else f"TRY_CAST({when} AS TIMESTAMP)"
    rows = f"SELECT {read} AS t, lag({read}) OVER (PARTITION BY {who} ORDER BY {ROW}) AS earlier FROM {sheet.source.view}"
    (n,) = finder.connection.execute(f"SELECT count(*) FROM ({rows}) WHERE t < earlier").fetchall()[0]
    return (
        f"the last row of a user in the file counts, but {n:,} are older than the one above: sort the file by time" if n else ""
    )
